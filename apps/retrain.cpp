// posy retrain: a new last layer for a classifier, trained on a folder of photos.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "apps/commands.h"
#include "apps/outputs.h"
#include "apps/photo_team.h"
#include "apps/retrain_photos.h"
#include "apps/retrain_report.h"
#include "apps/split_flags.h"
#include "loaders/bottlenecks.h"
#include "loaders/evaluation.h"
#include "loaders/file.h"
#include "loaders/fit_novelty.h"
#include "loaders/head.h"
#include "loaders/labelled_folder.h"
#include "loaders/retrained_graph.h"
#include "loaders/softmax_regression.h"

namespace posy {
namespace {

constexpr size_t kFewPhotos = 20;  // retrain.py warns below that, too

struct RetrainOptions {
  std::string base, folder, output;
  std::string bottleneck, bottleneck_dir;
  SplitRule split;
  bool add = false, json = false, fit_unknown = true;
  std::string graph_out, html, tensorboard, unknown;  // empty: not asked for
  std::optional<DescentOptions> descent;              // retrain.py's way
  std::optional<WeightChoice> weights;                // nothing: as the layer that is replaced
};

// flowers.posy -> flowers_bottlenecks
std::string cache_folder(const std::string& model) {
  return std::filesystem::path(model).replace_extension().string() + "_bottlenecks";
}

// retrained_graph.pb -> retrained_labels.txt, any.pb -> any_labels.txt: where convert looks for them.
std::string labels_beside(const std::string& graph) {
  std::string stem = std::filesystem::path(graph).replace_extension().string();
  const std::string end = "_graph";
  if (stem.size() > end.size() && stem.compare(stem.size() - end.size(), end.size(), end) == 0)
    stem.resize(stem.size() - end.size());
  return stem + "_labels.txt";
}

BottleneckCache open_cache(const RetrainOptions& options, const Model& base, const Bottleneck& bottleneck) {
  const std::string made_by = "model and layer " + identity_of(base, bottleneck) + ", JPEG by " + jpeg_decoder_name();
  const std::string beside = cache_folder(options.add ? options.base : options.output);
  return BottleneckCache(options.bottleneck_dir.empty() ? beside : options.bottleneck_dir, made_by,
                         bottleneck.channels);
}

// Those of the folder; with --add also those that the model was trained with, as far as their bottlenecks are there.
LabelledFolder find_photos(const RetrainOptions& options, BottleneckCache* cache) {
  SplitRule rule = options.split;
  if (rule.image_dir_as.empty()) rule.image_dir_as = options.folder;
  LabelledFolder found = read_labelled_folder(options.folder, rule);
  for (const std::string& note : found.notes) print_note(note);
  if (options.add) {
    rule.image_dir_as = cache->spelled();
    if (add_cached_photos(*cache, rule, &found) == 0) {
      throw InputError("--add: there are no bottlenecks of the photos that " + options.base +
                       " was trained with; say where they are with --bottleneck-dir, or retrain with all photos");
    }
  }
  if (found.labels.size() < 2)
    throw InputError(options.folder + ": photos of one class only ('" + found.labels[0] + "'); a classifier needs two");
  if (!options.add) cache->set_photos(options.folder, rule.image_dir_as);
  sort_labels(&found);
  return found;
}

void check_classes(const std::string& folder, const std::vector<std::string>& labels, const LabelledRows& training) {
  for (uint32_t c = 0; c < labels.size(); ++c) {
    const auto count = (size_t)std::count(training.classes.begin(), training.classes.end(), c);
    if (count == 0) {
      throw InputError(folder + ": no photo of '" + labels[c] +
                       "' is in the training part; more photos are needed, or a smaller --testing-percentage");
    }
    if (count < kFewPhotos) {
      print_note("'" + labels[c] + "' has " + std::to_string(count) + " photos to train with; " +
                 std::to_string(kFewPhotos) + " or more are better");
    }
  }
}

TrainedLayer train(const RetrainOptions& options, const SplitRows& rows, size_t classes, PhotoTeam* team) {
  if (options.descent) return descend_softmax(rows.training, rows.validation, classes, *options.descent);
  const Spread spread = [&](size_t count, const std::function<void(size_t)>& task) { team->spread(count, task); };
  return train_softmax(rows.training, rows.validation, classes, spread);
}

// Softmax of a layer that overflows is no number, and a file with it would answer every photo with its first class.
void check_finite(const RetrainOptions& options, const TrainedLayer& trained, const LabelledRows& training,
                  const std::string& cache_folder) {
  double sum = 0;
  for (const float w : trained.layer.weights) sum += std::fabs(w);
  for (const float b : trained.layer.biases) sum += std::fabs(b);
  // The training photos may overflow it even if it is finite itself.
  if (std::isfinite(sum) && std::isfinite(fit_of(trained.layer, training).cross_entropy)) return;
  throw InputError(options.descent ? "training ran away to infinite weights; a smaller --learning-rate is needed"
                                   : cache_folder +
                                         ": training ran away to infinite weights; some of these bottlenecks are "
                                         "damaged: remove the folder, and they are computed again");
}

std::optional<NoveltyRule> fit_unknown(const RetrainOptions& options, const SplitRows& rows) {
  if (!options.fit_unknown) return std::nullopt;
  const std::optional<NoveltyRule> rule = fit_novelty(rows.training, rows.validation);
  if (!rule) print_note("too few photos to tell unknown things from known ones: the model will not try");
  return rule;
}

// Returns the bytes of the model.
size_t write_model(const RetrainOptions& options, const Model& base, const Bottleneck& bottleneck,
                   const NewHead& head) {
  const std::vector<uint8_t> posy = with_new_head(base, bottleneck, head);
  checked_model(options.output, posy);
  // The graph first: what it may be refused for is known before the model is replaced.
  if (!options.graph_out.empty()) {
    const std::string node = base.string(base.tensors[bottleneck.tensor].name);
    write_file(options.graph_out, retrained_graph(options.base, node, head.layer));
    std::string labels;
    for (const std::string& label : head.labels) labels += label + "\n";
    write_text(labels_beside(options.graph_out), labels);
  }
  write_file(options.output, posy);
  return posy.size();
}

// ---- The report ----

// Of the testing photos, one by one.
void add_answers(const LinearLayer& layer, const LabelledRows& testing, RetrainReport* report) {
  std::vector<std::pair<float, bool>> answers;
  report->of_class.resize(layer.outputs);
  for (size_t i = 0; i < testing.count(); ++i) {
    const Verdict verdict = judge(softmax_of(logits_of(layer, testing.row(i))), testing.classes[i]);
    answers.emplace_back(verdict.score, verdict.is_right());
    ++report->of_class[verdict.truth].first;
    report->of_class[verdict.truth].second += verdict.is_right();
  }
  report->coverage = coverage_at(std::move(answers), 0.95);
}

void add_fits(const TrainedLayer& trained, const SplitRows& rows, RetrainReport* report) {
  report->training = rows.training.count();
  report->validation = rows.validation.count();
  report->testing = rows.testing.count();
  report->channels = (uint32_t)rows.training.channels;
  report->of_training = fit_of(trained.layer, rows.training);
  report->of_validation = fit_of(trained.layer, rows.validation);
  report->of_testing = fit_of(trained.layer, rows.testing);
  report->weight_decay = trained.weight_decay;
  report->curve = trained.curve;
  add_answers(trained.layer, rows.testing, report);
}

NoveltyFigures figures_of(const NoveltyRule& rule, const LabelledRows& testing, const std::string& unknown,
                          PhotoTeam* team) {
  std::vector<double> known;
  for (size_t i = 0; i < testing.count(); ++i) known.push_back(novelty_of(rule, testing.row(i)));
  return novelty_figures(known, unknown, team,
                         [&](const PhotoResult& result) { return novelty_of(rule, result.watched.data()); });
}

RetrainReport retrain(const RetrainOptions& options, const ConvertOptions& convert, uint32_t threads) {
  const LoadedModel base = load_model(options.base, convert);
  PhotoTeam team(options.base, base.posy, threads);
  const Model& model = team.model();
  const Bottleneck bottleneck = find_bottleneck(options.base, model, options.bottleneck);
  BottleneckCache cache = open_cache(options, model, bottleneck);
  RetrainReport report;
  report.model = options.output;
  report.base = options.base;
  report.folder = options.folder;
  report.bottleneck_dir = cache.folder();
  report.descended = options.descent.has_value();

  const double start = now_ms();
  const LabelledFolder photos = find_photos(options, &cache);
  const BottleneckRows bottlenecks = bottleneck_rows(photos.photos, bottleneck, cache, &team);
  for (const std::string& error : bottlenecks.unreadable) print_note("left out: " + error);
  check_classes(options.folder, photos.labels, bottlenecks.rows.training);
  report.labels = photos.labels;
  report.computed = bottlenecks.computed;
  report.unreadable = bottlenecks.unreadable.size();
  const double computed = now_ms();
  report.bottleneck_seconds = (computed - start) / 1000;

  const TrainedLayer trained = train(options, bottlenecks.rows, photos.labels.size(), &team);
  check_finite(options, trained, bottlenecks.rows.training, cache.folder());
  const std::optional<NoveltyRule> novelty = fit_unknown(options, bottlenecks.rows);
  report.training_seconds = (now_ms() - computed) / 1000;
  add_fits(trained, bottlenecks.rows, &report);
  if (novelty && report.testing > 0)
    report.novelty = figures_of(*novelty, bottlenecks.rows.testing, options.unknown, &team);

  const WeightChoice weights = options.weights.value_or(weights_like_last_layer(model));
  report.model_bytes = write_model(options, model, bottleneck, {trained.layer, photos.labels, weights, novelty});
  if (options.add && options.bottleneck_dir.empty()) cache.copy_to(cache_folder(options.output));
  report.seconds = (now_ms() - start) / 1000;
  return report;
}

// ---- What was asked for ----

RetrainOptions retrain_options(const Args& args) {
  RetrainOptions options;
  if (args.words().size() != 2) throw UsageError("retrain takes a base model and a folder of photos");
  options.base = args.words()[0];
  options.folder = args.words()[1];
  const auto output = args.text("output");
  if (!output) throw UsageError("retrain needs -o MODEL.posy: where to write");
  options.output = *output;
  options.bottleneck = args.text("bottleneck").value_or("");
  options.bottleneck_dir = args.text("bottleneck-dir").value_or("");
  options.split = split_rule(args);
  if (options.split.testing_percentage + options.split.validation_percentage == 100)
    throw UsageError("--testing-percentage and --validation-percentage leave no photos to train with");
  options.add = args.has("add");
  options.json = args.has("json");
  options.fit_unknown = !args.has("no-reject");
  options.graph_out = args.text("graph-out").value_or("");
  options.html = args.text("html").value_or("");
  options.tensorboard = args.text("tensorboard").value_or("");
  options.unknown = args.text("unknown").value_or("");
  if (const auto steps = args.number("steps", 1, 10'000'000)) {
    options.descent.emplace();
    options.descent->steps = *steps;
    options.descent->learning_rate = args.real("learning-rate").value_or(0.01f);
    if (!(options.descent->learning_rate > 0)) throw UsageError("--learning-rate wants a number above 0");
  }
  if (args.has("learning-rate") && !options.descent) throw UsageError("--learning-rate goes with --steps");
  if (args.has("weights")) options.weights = convert_options(args).bits.weights;
  return options;
}

int run(const Args& args) {
  const RetrainOptions options = retrain_options(args);
  check_outputs(args, {"output", "graph-out", "html"});
  ConvertOptions convert = convert_options(args);
  convert.wants_labels = false;
  if (!options.bottleneck.empty()) convert.keep_bottleneck = true;
  const RetrainReport report = retrain(options, convert, photo_threads(args));
  if (!options.html.empty()) write_text(options.html, retrain_page(report));
  if (!options.tensorboard.empty()) print_note(write_curve_events(report, options.tensorboard) + ": for TensorBoard");
  options.json ? print_report_json(report) : print_report(report);
  return 0;
}

}  // namespace

const Command& retrain_command() {
  static const Command command = {
      "retrain",
      "posy retrain BASE DIR -o MODEL.posy [flags]",
      "a new last layer, trained on the photos in DIR, one sub-folder per class",
      with_convert_flags({
          {"output", "FILE", "where to write the model"},
          {"graph-out", "FILE", "a graph such as retrain.py writes as well, with its labels beside it"},
          {"add", nullptr, "BASE was retrained; DIR has photos of classes to add"},
          {"steps", "N", "train as retrain.py does: N steps of gradient descent"},
          {"learning-rate", "R", "of these (0.01)"},
          {"bottleneck", "NODE", "whose output the new layer gets (that which the last one has)"},
          {"bottleneck-dir", "DIR", "where bottlenecks are kept (MODEL_bottlenecks)"},
          {"testing-percentage", "N", "photos to test with (10)"},
          {"validation-percentage", "N", "photos to choose by (10)"},
          {"image-dir-as", "PATH", "divide photos as if DIR were spelled so"},
          {"unknown", "DIR", "photos of other things: how many of them the model will not know"},
          {"html", "FILE", "learning curves and figures as a page"},
          {"tensorboard", "DIR", "learning curves for TensorBoard"},
          {"no-reject", nullptr, "no rule by which pictures of other things are unknown"},
          {"threads", "N", "photos at a time (POSY_THREADS, else all processors)"},
          {"json", nullptr, "one JSON object"},
      }),
      run,
      R"(What retrain.py does, without TensorFlow: BASE turns each photo into a few hundred numbers, its bottleneck, and a new
layer learns to tell classes from these. Bottlenecks are kept, so an interrupted run goes on where it was, and another
one takes seconds. BASE is a MobileNet, Inception or other classifier: a graph, or a .posy file, retrained or not.

  posy retrain mobilenet_v1_1.0_224_frozen.pb flower_photos -o flowers.posy
  posy retrain flowers.posy --add more_photos -o more.posy      classes more; the old photos are not needed
  posy retrain base.pb photos -o my.posy --graph-out retrained_graph.pb --html curves.html
  posy retrain base.pb photos -o my.posy --unknown other_photos how well it knows what it does not know

By default, the layer is found by a solver that tries several weight decays and keeps what is best on the validation
photos. The file then also has a rule by which pictures unlike all training photos are called unknown.
)",
  };
  return command;
}

}  // namespace posy
