// posy eval: how good a model is on photos whose classes are known.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/class_match.h"
#include "apps/commands.h"
#include "apps/eval_report.h"
#include "apps/interrupt.h"
#include "apps/outputs.h"
#include "apps/page.h"
#include "apps/photo_team.h"
#include "apps/progress.h"
#include "apps/split_flags.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/head.h"
#include "loaders/one_line.h"

namespace posy {
namespace {

constexpr uint32_t kThumbnails = 120;

std::optional<Split> wanted_split(const Args& args) {
  const std::string name = args.text("split").value_or("all");
  if (name == "all") return std::nullopt;
  for (const Split split : {Split::kTraining, Split::kValidation, Split::kTesting}) {
    if (name == split_name(split)) return split;
  }
  throw UsageError("--split is all, training, validation or testing, not '" + name + "'");
}

std::optional<double> min_accuracy(const Args& args) {
  const std::optional<float> percent = args.real("min-accuracy");
  if (percent && !(*percent >= 0 && *percent <= 100)) throw UsageError("--min-accuracy wants percent, from 0 to 100");
  // Nobody wants so few; a check that everything passes would be no check.
  if (percent && *percent > 0 && *percent <= 1)
    throw UsageError("--min-accuracy wants percent: 95, where 0.95 of the photos have to be right");
  return percent ? std::optional<double>((double)*percent / 100) : std::nullopt;
}

void print_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) print_note(note);
}

// The photos of the wanted part, with the model's classes.
std::vector<EvaluatedPhoto> photos_of(const LabelledFolder& folder, const ClassMatch& match,
                                      std::optional<Split> split) {
  std::vector<EvaluatedPhoto> photos;
  for (const LabelledPhoto& photo : folder.photos) {
    if (split && photo.split != *split) continue;
    EvaluatedPhoto evaluated;
    evaluated.path = photo.path;
    evaluated.truth = match.class_of[photo.class_index];
    evaluated.split = photo.split;
    photos.push_back(std::move(evaluated));
  }
  return photos;
}

void run_photos(PhotoTeam* team, NoveltyFit* fit, EvalReport* report) {
  const double start = now_ms();
  const Interrupt interrupt;
  {
    Progress progress("evaluating", report->photos.size());
    size_t done = 0;
    std::vector<std::vector<float>> bottlenecks(fit ? report->photos.size() : 0);  // done in no order, added in one
    const auto judge_photo = [&](size_t i, PhotoResult&& result) {
      EvaluatedPhoto& photo = report->photos[i];
      photo.error = result.error;
      if (result.error.empty()) {
        photo.verdict = judge(result.scores, photo.truth);
        photo.verdict.is_unknown = result.is_unknown();
        photo.novelty = result.novelty;
        if (fit) bottlenecks[i] = std::move(result.watched);
      }
      report->unreadable += !result.error.empty();
      report->decode_ms += result.decode_ms;
      report->run_ms += result.run_ms;
      progress.show(++done);
      return !interrupt.has_come();
    };
    team->run(
        report->photos.size(), [&](size_t i) { return report->photos[i].path; }, judge_photo);
    for (size_t i = 0; i < bottlenecks.size(); ++i) {
      if (!bottlenecks[i].empty()) fit->add(report->photos[i].split, report->photos[i].truth, bottlenecks[i]);
    }
  }
  // Photos come class by class: figures of a part of them would mislead.
  if (interrupt.has_come()) interrupt.end("interrupted; nothing is written");
  report->evaluation = evaluate(verdicts_of(report->photos), (uint32_t)report->labels.size());
  report->seconds = (now_ms() - start) / 1000;
}

void print_unreadable(const EvalReport& report) {
  for (const EvaluatedPhoto& photo : report.photos) {
    if (!photo.error.empty()) std::fprintf(stderr, "posy: %s\n", one_line(photo.error).c_str());
  }
  if (report.unreadable == report.photos.size()) throw InputError(report.folder + ": none of its photos could be read");
}

// The model's classes and the photos of the wanted part.
void prepare(const PhotoTeam& team, const LabelledFolder& folder, const SplitRule& rule, EvalReport* report) {
  const uint32_t classes = team.model().output().c;
  const ClassMatch match = match_classes(report->model, labels_of(team.model()), classes, report->folder, folder);
  print_notes(match.notes);
  for (uint32_t i = 0; i < classes; ++i) report->labels.push_back(team.label(i));
  report->photos = photos_of(folder, match, report->split);
  if (report->photos.empty())
    throw InputError(report->folder + ": none of its " + std::to_string(folder.photos.size()) + " photos is in the " +
                     report->split_text() + " part");
  if (report->split && rule.image_dir_as.empty()) {
    print_notes({"parts are those of retrain.py --image_dir " + report->folder +
                 "; if it was spelled otherwise, say --image-dir-as SPELLING"});
  }
}

// With --fit-unknown: of the rule that was fitted, on the testing part. Else of the model's own, if it is asked about.
void judge_novelty(const Args& args, PhotoTeam* team, NoveltyFit* fit, EvalReport* report) {
  const std::string others = args.text("unknown").value_or("");
  std::vector<double> known;
  if (fit) {
    const NoveltyRule& rule = fit->fit();
    for (size_t i = 0; i < fit->testing().count(); ++i) known.push_back(novelty_of(rule, fit->testing().row(i)));
    report->novelty =
        novelty_figures(known, others, team, [&](const PhotoResult& result) { return fit->novelty(result); });
    write_file(*args.text("fit-unknown"), fit->posy());
  } else if (!others.empty()) {
    if (!team->model().novelty)
      throw InputError(report->model + ": has no rule for unknown things; --fit-unknown FILE gives it one");
    for (const EvaluatedPhoto& photo : report->photos) {
      if (photo.error.empty()) known.push_back(photo.novelty);
    }
    report->novelty =
        novelty_figures(known, others, team, [](const PhotoResult& result) { return (double)result.novelty; });
  }
}

EvalReport evaluate_folder(const Args& args, const SplitRule& rule) {
  EvalReport report;
  report.model = args.words()[0];
  report.folder = args.words()[1];
  report.split = wanted_split(args);
  const uint32_t threads = photo_threads(args);
  const LabelledFolder folder = read_labelled_folder(report.folder, rule);
  print_notes(folder.notes);
  const LoadedModel loaded = load_model(report.model, convert_options(args));
  PhotoTeam team(report.model, loaded.posy, threads);
  report.threads = team.threads();
  report.isa = team.isa();
  prepare(team, folder, rule, &report);
  std::optional<NoveltyFit> fit;
  if (args.has("fit-unknown")) fit.emplace(report.model, &team);
  run_photos(&team, fit ? &*fit : nullptr, &report);
  print_unreadable(report);
  judge_novelty(args, &team, fit ? &*fit : nullptr, &report);
  return report;
}

// True if one of the files is standard output, where nothing else then has a place.
bool write_files(const Args& args, const EvalReport& report) {
  const std::optional<std::string> csv = args.text("csv"), html = args.text("html");
  if (csv) write_text(*csv, csv_of(report));
  if (html) write_text(*html, html_of(report, args.number("thumbnails", 0, 10000).value_or(kThumbnails)));
  return csv == "-" || html == "-";
}

void print_report(const Args& args, const EvalReport& report) {
  if (args.has("json")) return print_json_of(report);
  std::fputs(text_of(report, args.has("confusion")).c_str(), stdout);
  std::fprintf(
      stderr, "%.1f s: %.2f ms a photo for decoding and %.2f for inference on %u thread%s (%s), %s of them busy\n",
      report.seconds, report.decode_ms / (double)report.photos.size(), report.run_ms / (double)report.photos.size(),
      report.threads, report.threads == 1 ? "" : "s", report.isa.c_str(), percent_text(report.busy()).c_str());
}

int run(const Args& args) {
  if (args.words().size() != 2) throw UsageError("eval takes a model and a folder with one sub-folder for each class");
  const SplitRule rule = split_rule(args);
  const std::optional<double> least = min_accuracy(args);
  args.number("thumbnails", 0, 10000);
  check_outputs(args, {"csv", "html", "fit-unknown"});
  if (args.has("fit-unknown") && wanted_split(args))
    throw UsageError("--fit-unknown needs photos of all parts: leave --split out");
  const EvalReport report = evaluate_folder(args, rule);
  if (!write_files(args, report)) print_report(args, report);
  const double accuracy = report.evaluation.accuracy;
  if (!least || accuracy >= *least) return 0;
  std::fprintf(stderr, "posy: accuracy is %s, less than --min-accuracy %s\n", percent_text(accuracy, 2).c_str(),
               args.text("min-accuracy")->c_str());
  return 1;
}

}  // namespace

const Command& eval_command() {
  static const Command command = {
      "eval",
      "posy eval MODEL DIR [flags]",
      "accuracy on photos in one sub-folder of DIR for each class",
      with_convert_flags({
          {"split", "all|training|validation|testing",
           "all (default), or retrain.py's training, validation or testing part"},
          {"testing-percentage", "N", "of photos in the testing part (10)"},
          {"validation-percentage", "N", "of photos in the validation part (10)"},
          {"image-dir-as", "PATH", "how retrain.py's --image_dir was spelled; parts depend on it (default: as DIR)"},
          {"threads", "N", "photos at a time (POSY_THREADS, else as many as there are processors)"},
          {"confusion", nullptr, "print the confusion matrix; of more than 20 classes the most frequent confusions"},
          {"min-accuracy", "P", "exit code 1 if fewer than P percent are right"},
          {"unknown", "DIR", "photos of other things: how many of them the model does not know"},
          {"fit-unknown", "FILE", "give the model a rule by which such pictures are unknown, and write it here"},
          {"csv", "FILE", "write a table with a line for each photo as well"},
          {"html", "FILE", "write a page to look at as well, with photos that were taken for another class"},
          {"thumbnails", "N", "at most so many of them (120)"},
          {"json", nullptr, "print what was found as JSON"},
      }),
      run,
      R"(Sub-folders are classes, as for retrain.py; labels match whatever their case and punctuation.

  posy eval flowers.posy flower_photos --split testing --html eval.html
  posy eval retrained_graph.pb flower_photos --split testing --image-dir-as tf_files/flower_photos

  posy eval flowers.posy flower_photos --fit-unknown known.posy --unknown other_photos

retrain.py decides by a photo's whole path which part it is in, so say how --image_dir was spelled when the model was
trained: else photos that it has been trained with count as testing photos, and the accuracy is too good.
)",
  };
  return command;
}

}  // namespace posy
