// posy compare: do two models give the same scores?
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "apps/commands.h"
#include "apps/compare_layers.h"
#include "apps/interrupt.h"
#include "apps/outputs.h"
#include "apps/progress.h"
#include "apps/synthetic_images.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/network_runner.h"
#include "loaders/one_line.h"

namespace posy {
namespace {

namespace fs = std::filesystem;

constexpr double kTolerance = 1e-5;
constexpr size_t kImagesAtATime = 512;  // whose scores are kept

bool is_table(const std::string& name) {
  const std::string end = ".tsv";
  return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

// A model that is run, or another program's scores.
struct Side {
  std::string name;
  LoadedModel loaded;
  std::unique_ptr<PhotoTeam> team;  // null: a table
  ScoreTable table;
  std::vector<std::string> labels;  // empty: none
  uint32_t classes = 0;

  void load_model_of(const Args& args, const ConvertOptions& options) {
    loaded = load_model(name, options);
    team = std::make_unique<PhotoTeam>(name, loaded.posy, photo_threads(args));
    classes = team->model().output().c;
    if (team->model().label_count == 0) return;
    for (uint32_t i = 0; i < classes; ++i) labels.push_back(team->label(i));
  }
  void load_table(uint32_t classes_of_other) {
    table = read_score_table(name, classes_of_other);
    labels = table.labels;
    classes = table.classes();
  }
};

// What both sides see: names, and pictures where a model needs them.
struct Images {
  std::vector<std::string> names;
  std::function<Image(size_t)> picture;
  bool are_synthetic = false;
};

// The words behind A and B count as images, too: a shell's *.jpg.
std::vector<std::string> image_words(const Args& args) {
  std::vector<std::string> words = args.texts("images");
  words.insert(words.end(), args.words().begin() + 2, args.words().end());
  return words;
}

Images synthetic_images() {
  Images images;
  images.are_synthetic = true;
  for (uint32_t i = 0; i < kSyntheticImages; ++i) images.names.push_back("synthetic " + std::to_string(i));
  images.picture = [](size_t i) { return synthetic_image((uint32_t)i); };
  return images;
}

Images images_of_files(const std::vector<std::string>& words) {
  auto paths = std::make_shared<std::vector<std::string>>();
  for (const std::string& word : words) {
    std::error_code ignored;
    if (!fs::is_directory(word, ignored)) {
      paths->push_back(word);
      continue;
    }
    const std::vector<std::string> found = photos_of_folder(word, (size_t)-1);
    paths->insert(paths->end(), found.begin(), found.end());
  }
  Images images;
  images.names = *paths;
  images.picture = [paths](size_t i) { return read_image((*paths)[i]); };
  return images;
}

// Where a table's image lies: below one of `folders`, else beside the table, else as it is written.
std::string place_of(const std::string& image, const std::string& table, const std::vector<std::string>& folders) {
  std::vector<fs::path> places;
  for (const std::string& folder : folders) places.push_back(fs::path(folder) / image);
  places.push_back(fs::path(table).parent_path() / image);
  places.push_back(image);
  std::error_code ignored;
  for (const fs::path& place : places) {
    if (fs::is_regular_file(place, ignored)) return place.string();
  }
  return places[0].string();
}

Images images_of_table(const ScoreTable& table, const std::vector<std::string>& folders) {
  auto paths = std::make_shared<std::vector<std::string>>();
  Images images;
  for (const ScoreTable::Row& row : table.rows) {
    images.names.push_back(row.image);
    paths->push_back(place_of(row.image, table.file, folders));
  }
  images.picture = [paths](size_t i) { return read_image((*paths)[i]); };
  return images;
}

Images find_images(const Args& args, const Side& a, const Side& b) {
  const std::vector<std::string> words = image_words(args);
  if (a.team && b.team) return words.empty() ? synthetic_images() : images_of_files(words);
  for (const std::string& word : words) {
    std::error_code ignored;
    if (!fs::is_directory(word, ignored))
      throw UsageError("the images are those that the table names; --images says in which folder they are, and " +
                       word + " is none");
  }
  return images_of_table(a.team ? b.table : a.table, words);
}

using Scores = std::vector<std::optional<float>>;

// Of images begin ... begin + count; empty where there is an error, which then stands in the report.
class Scorer {
 public:
  Scorer(Side* side, const Images& images, CompareReport* report) : side_(side), images_(images), report_(report) {
    for (const ScoreTable::Row& row : side->table.rows) rows_.emplace(row.image, &row);
  }

  std::vector<Scores> scores(size_t begin, size_t count, const std::function<bool()>& goes_on) {
    std::vector<Scores> all(count);
    if (!side_->team) {
      for (size_t i = 0; i < count; ++i) all[i] = of_table(images_.names[begin + i]);
      return all;
    }
    const auto picture = [&](size_t i) { return images_.picture(begin + i); };
    const auto keep = [&](size_t i, PhotoResult&& result) {
      std::string& error = report_->images[begin + i].error;
      if (error.empty()) error = result.error;
      all[i].assign(result.scores.begin(), result.scores.end());
      return goes_on();
    };
    side_->team->run_images(count, picture, keep);
    return all;
  }

 private:
  const Scores& of_table(const std::string& image) const {
    const auto found = rows_.find(image);
    if (found == rows_.end()) throw InputError(side_->name + ": no line for " + image + ", which the other table has");
    return found->second->scores;
  }

  Side* side_;
  const Images& images_;
  CompareReport* report_;
  std::map<std::string, const ScoreTable::Row*> rows_;
};

ComparedImage compared(const std::string& name, const std::string& error, const Scores& a, const Scores& b,
                       const std::vector<uint32_t>& pairs) {
  ComparedImage image;
  image.name = name;
  image.error = error;
  if (!error.empty()) return image;
  Scores in_order;
  for (const uint32_t i : pairs) in_order.push_back(b[i]);
  image.difference = difference_of(a, in_order);
  if (image.difference.compared == 0) return image;
  image.a = a[image.difference.class_index];
  image.b = in_order[image.difference.class_index];
  return image;
}

void compare_scores(Side* a, Side* b, const Images& images, const std::vector<uint32_t>& pairs, CompareReport* report) {
  const Interrupt interrupt;
  {
    Progress progress("comparing", images.names.size() * ((a->team ? 1 : 0) + (b->team ? 1 : 0)));
    size_t done = 0;
    const auto goes_on = [&] {
      progress.show(++done);
      return !interrupt.has_come();
    };
    report->images.resize(images.names.size());
    Scorer scorer_a(a, images, report), scorer_b(b, images, report);
    for (size_t begin = 0; begin < images.names.size() && !interrupt.has_come(); begin += kImagesAtATime) {
      const size_t count = std::min(kImagesAtATime, images.names.size() - begin);
      const std::vector<Scores> of_a = scorer_a.scores(begin, count, goes_on);
      const std::vector<Scores> of_b = scorer_b.scores(begin, count, goes_on);
      for (size_t i = begin; i < begin + count && !interrupt.has_come(); ++i) {
        report->images[i] = compared(images.names[i], report->images[i].error, of_a[i - begin], of_b[i - begin], pairs);
      }
    }
  }
  if (interrupt.has_come()) interrupt.end("interrupted; not all images were compared");
}

void print_unreadable(const CompareReport& report) {
  for (const ComparedImage& image : report.images) {
    if (image.error.empty()) continue;
    const bool is_named = image.error.find(image.name) != std::string::npos;
    std::fprintf(stderr, "posy: %s\n", one_line((is_named ? "" : image.name + ": ") + image.error).c_str());
  }
  if (report.compared() == 0) throw InputError("no image could be compared");
}

// convert's flags are for the side that is a graph; both may be.
ConvertOptions options_for(const Args& args) {
  for (size_t i = 0; i < 2; ++i) {
    const std::string& name = args.words()[i];
    if (!is_table(name) && form_of(name) == FileForm::kOther) return convert_options(args, name);
  }
  return convert_options(args);
}

void load_sides(const Args& args, Side* a, Side* b) {
  a->name = args.words()[0];
  b->name = args.words()[1];
  const ConvertOptions options = options_for(args);
  for (Side* side : {a, b}) {
    if (!is_table(side->name)) side->load_model_of(args, options);
  }
  for (Side* side : {a, b}) {
    if (is_table(side->name)) side->load_table(a->classes + b->classes);  // of the other side, if it is a model
  }
}

std::vector<uint32_t> paired_classes(const Side& a, const Side& b, CompareReport* report) {
  const std::vector<uint32_t> pairs = pair_classes(a.labels, a.classes, b.labels, b.classes, a.name, b.name);
  if (!std::is_sorted(pairs.begin(), pairs.end()))
    print_note(b.name + " has the classes in another order; they are compared by label");
  for (uint32_t i = 0; i < a.classes; ++i) {
    report->labels.push_back(!a.labels.empty()   ? a.labels[i]
                             : !b.labels.empty() ? b.labels[pairs[i]]
                                                 : std::to_string(i));
  }
  return pairs;
}

double tolerance_of(const Args& args) {
  const std::optional<std::string> text = args.text("tolerance");
  return text ? std::strtod(text->c_str(), nullptr) : kTolerance;  // a number: check_usage() has looked
}

// The first image that can be read.
void compare_layers_of_first(Side* a, Side* b, const Images& images, CompareReport* report) {
  for (size_t i = 0; i < images.names.size(); ++i) {
    if (!report->images[i].error.empty()) continue;
    report->layers_image = images.names[i];
    return compare_layers(a->team.get(), b->team.get(), images.picture(i), report);
  }
}

CompareReport compare(const Args& args, Images* images_of_both) {
  CompareReport report;
  Side a, b;
  report.tolerance = tolerance_of(args);
  load_sides(args, &a, &b);
  report.a = a.name;
  report.b = b.name;
  const std::vector<uint32_t> pairs = paired_classes(a, b, &report);
  const Images images = *images_of_both = find_images(args, a, b);
  report.is_synthetic = images.are_synthetic;
  if (report.is_synthetic)
    print_note("no --images: comparing on " + std::to_string(kSyntheticImages) +
               " synthetic ones (noise, spots and slopes)");
  compare_scores(&a, &b, images, pairs, &report);
  print_unreadable(report);
  if (args.has("layers")) compare_layers_of_first(&a, &b, images, &report);
  return report;
}

void check_usage(const Args& args) {
  if (args.words().size() < 2) throw UsageError("compare takes two models, of which one may be a table of scores");
  const bool has_table = is_table(args.words()[0]) || is_table(args.words()[1]);
  if (has_table && args.has("layers")) throw UsageError("--layers takes two models: a table has scores only");
  const std::optional<float> tolerance = args.real("tolerance");
  if (tolerance && *tolerance < 0) throw UsageError("--tolerance must not be negative");
}

int run(const Args& args) {
  check_usage(args);
  check_outputs(args, {"html"});
  Images images;
  const CompareReport report = compare(args, &images);
  const std::optional<std::string> html = args.text("html");
  if (html) write_text(*html, html_of(report, images.picture, photo_threads(args)));
  if (html == "-") {
    // The page has the place of all else.
  } else if (!args.has("json")) {
    std::fputs(text_of(report, args.has("each")).c_str(), stdout);
  } else {
    if (args.has("each")) {
      for (const ComparedImage& image : report.images) print_json(json_of(report, image));
    }
    print_json(json_of(report));
  }
  return report.is_within() && report.unreadable() == 0 ? 0 : 1;
}

}  // namespace

const Command& compare_command() {
  static const Command command = {
      "compare",
      "posy compare MODEL MODEL [--images DIR or IMAGE...] [flags]",
      "do two models give the same scores, or a model and another program?",
      with_convert_flags({
          {"images", "PATH",
           "a folder of photos, or a photo; may be repeated (default: 16 synthetic pictures). With a .tsv file (lines "
           "of "
           "image, tab, and a score for each class between tabs or commas): the folder of its images"},
          {"tolerance", "T", "exit code 1 if a score differs by more (1e-5)"},
          {"layers", nullptr, "also where the models part: each layer that both have, on the first image"},
          {"each", nullptr, "a line for each image, however many there are"},
          {"threads", "N", "images at a time (POSY_THREADS, else as many as there are processors)"},
          {"html", "FILE", "write a page to look at as well"},
          {"json", nullptr, "print what was found as JSON; with --each an object for each image first"},
      }),
      run,
      R"(The tutorial's check that an optimized graph still gives the same scores:

  posy compare retrained_graph.pb optimized_graph.pb --images photos
  posy compare retrained_graph.pb small.posy --images photos --tolerance 0.02 --layers
  posy compare flowers.posy tensorflow.tsv --images photos

The .tsv file of another program has a line for each image: its path, a tab, and a score for each class, with tabs or
commas in between.
)",
  };
  return command;
}

}  // namespace posy
