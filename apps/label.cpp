// posy label: scores of photos.
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>

#include "apps/commands.h"
#include "apps/label_report.h"
#include "apps/watch_folder.h"
#include "loaders/network_runner.h"

namespace posy {
namespace {

// Where photos come from: named one by one, listed on standard input, or a folder that is watched.
struct LabelOptions {
  std::string model;
  std::vector<std::string> images;
  bool from_stdin = false;
  std::optional<std::string> watched;
  WatchOptions watch;
  LabelReport report;
  ImageLimits limits;
  const PreprocessVariant* preprocess = nullptr;  // null: the engine's own, which is the model's
};

// Labels one photo after the other; those that cannot be read are reported and passed over.
class Labeler {
 public:
  Labeler(Session* session, const LabelOptions& options) : session_(*session), options_(options) {
    if (!options.report.layer.empty()) watch_layer(options.report.layer);
    print_label_header(options.report);
  }

  // A photo, or all photos of a folder and those below it.
  void label(const std::string& path) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) return label_photo(path);
    std::vector<std::string> photos;
    try {
      photos = photos_of_folder(path, SIZE_MAX);
    } catch (const InputError& error) {
      return fail(path, error.what());
    }
    for (const std::string& photo : photos) {
      if (!can_print()) return;
      label_photo(photo);
    }
  }

  void fail(const std::string& path, const std::string& error) {
    print_label_error(options_.report, path, error);
    failed_ = true;
  }

  bool failed() const { return failed_; }
  // Nobody reads on: a closed pipe, a full disk. main() says so.
  static bool can_print() { return !std::ferror(stdout); }

 private:
  void watch_layer(const std::string& name) {
    const uint32_t tensor = find_tensor(session_.model(), name);
    if (tensor == kNoIndex) {
      throw InputError(
          "--layer: the model has no layer '" + name +
          "'; it may have been folded away (posy info lists what is there; --keep-bottleneck keeps the bottleneck)");
    }
    layer_.emplace(session_.model(), tensor);
    layer_->attach(session_.engine());
  }

  void label_photo(const std::string& path) {
    try {
      LabelTiming timing;
      const double start = now_ms();
      const Image image = read_image(path, options_.limits);
      timing.decode_ms = now_ms() - start;
      if (options_.preprocess) {
        session_.set_image(image, path, *options_.preprocess);
      } else {
        session_.set_image(image, path);
      }
      timing.run_ms = session_.run();
      print_label(options_.report, session_, path, image, timing, layer_ ? &*layer_ : nullptr);
    } catch (const InputError& error) {
      fail(path, error.what());
    }
  }

  Session& session_;
  const LabelOptions& options_;
  std::optional<TensorWatch> layer_;
  bool failed_ = false;
};

// One path a line, as find and Windows write them.
void label_lines(std::istream& lines, Labeler* labeler) {
  bool first = true;
  for (std::string line; Labeler::can_print() && std::getline(lines, line); first = false) {
    if (first && line.rfind("\xef\xbb\xbf", 0) == 0) line.erase(0, 3);  // byte order mark
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    if (line.find('\0') != line.npos) {
      const std::string name = line.substr(0, line.find('\0'));
      labeler->fail(name, name +
                              ": a zero byte follows this name in the list; one path a line is expected (find "
                              "without -print0)");
    } else if (line == "-") {
      labeler->fail(line, "-: standard input is the list of images, and cannot be an image as well");
    } else {
      labeler->label(line);
    }
  }
}

// posy label MODEL IMAGE..., or the tutorial's --graph= and --image=.
void take_words(const Args& args, LabelOptions* options) {
  std::vector<std::string> words = args.words();
  if (const auto graph = args.text("graph")) words.insert(words.begin(), *graph);
  for (const std::string& image : args.texts("image")) words.push_back(image);
  options->from_stdin = args.has("stdin");
  options->watched = args.text("watch");
  const int sources = (words.size() > 1) + options->from_stdin + options->watched.has_value();
  if (words.empty() || sources == 0) {
    throw UsageError("label takes a model and at least one image (or --stdin, or --watch DIR)");
  }
  if (sources > 1) throw UsageError("images, --stdin and --watch: one of the three");
  options->model = words[0];
  options->images.assign(words.begin() + 1, words.end());
}

void take_watch_flags(const Args& args, LabelOptions* options) {
  options->watch.once = args.has("once");
  options->watch.poll_ms = args.number("poll", 10, 3600000).value_or(0);
  if (!options->watched && (args.has("once") || args.has("poll")))
    throw UsageError("--once and --poll go with --watch");
}

const PreprocessVariant* wanted_variant(const Args& args) {
  const std::optional<std::string> name = args.text("preprocess");
  if (!name) return nullptr;
  std::vector<std::string> names;
  std::string list;
  for (const PreprocessVariant& variant : preprocess_variants()) {
    if (variant.name == *name) {
      const bool has_own = variant.scaling != Scaling::kOfModel;
      if (has_own && (args.has("mean") || args.has("std")))
        throw UsageError("--preprocess " + *name + " has a mean and std of its own: leave out --mean and --std");
      return variant.name == std::string("model") ? nullptr : &variant;
    }
    list += (names.empty() ? "" : ", ") + std::string(variant.name);
    names.push_back(variant.name);
  }
  const std::string closest = closest_name(names, *name);
  throw UsageError("there is no --preprocess '" + *name + "'; " +
                   (closest.empty() ? "" : "did you mean " + closest + "? ") + "there are " + list);
}

LabelOptions label_options(const Args& args) {
  LabelOptions options;
  take_words(args, &options);
  take_watch_flags(args, &options);
  if (args.has("json") && args.has("csv")) throw UsageError("--json and --csv: one of the two");
  options.report.form = args.has("json") ? LabelForm::kJson : args.has("csv") ? LabelForm::kCsv : LabelForm::kText;
  options.report.may_reject = !args.has("no-reject");
  options.report.top = args.number("top", 0, 1u << 20).value_or(5);
  std::error_code ignored;
  options.report.many = options.images.size() != 1 || std::filesystem::is_directory(options.images[0], ignored);
  options.limits = image_limits(args);
  options.report.layer = args.text("layer").value_or("");
  if (!options.report.layer.empty() && options.report.form != LabelForm::kJson)
    throw UsageError("--layer prints its values as JSON: add --json");
  options.preprocess = wanted_variant(args);
  return options;
}

int run(const Args& args) {
  const LabelOptions options = label_options(args);
  SessionOptions opening = session_options(args);
  if (!options.report.layer.empty()) opening.convert.keep_bottleneck = true;
  Session session(options.model, opening);
  Labeler labeler(&session, options);

  for (const std::string& image : options.images) labeler.label(image);
  if (options.from_stdin) label_lines(std::cin, &labeler);
  if (options.watched) {
    watch_folder(*options.watched, options.watch, [&](const std::string& photo) {
      labeler.label(photo);
      return Labeler::can_print();
    });
    if (!options.watch.once) return 0;  // it was asked to end
  }
  return labeler.failed() ? 1 : 0;
}

}  // namespace

const Command& label_command() {
  static const Command command = {
      "label",
      "posy label MODEL IMAGE...|--stdin|--watch DIR [flags]",
      "scores of photos; MODEL is a .posy file or a graph",
      with_convert_flags({
          {"top", "K", "how many classes, best first (5); 0: all, in class order"},
          {"threads", "N", "threads of one inference (POSY_THREADS, else 1)"},
          {"json", nullptr, "one JSON object per image"},
          {"csv", nullptr, "lines of a table instead: image, rank, label, index, score, unknown, error"},
          {"stdin", nullptr, "read the images' paths from standard input, one a line; each is answered at once"},
          {"watch", "DIR", "label the photos in this folder, and each that appears, until Ctrl-C"},
          {"once", nullptr, "with --watch: end when all that is there is labelled"},
          {"poll", "MS", "with --watch: look so often, for folders of which the system tells no news (network drives)"},
          {"preprocess", "NAME",
           "prepare photos as model (as trained: the default), retrain, label_image, android, android_tflite, keras, "
           "teachable_machine or slim does"},
          {"no-reject", nullptr, "never call a photo unknown"},
          {"layer", "NAME", "with --json: the output of this node of the graph as well"},
          {"max-megapixels", "N", "largest picture to decode, in millions of pixels (100)"},
          {"graph", "FILE", "the model, as the tutorial's label_image spells it"},
          {"image", "FILE", "an image, likewise; may be repeated"},
      }),
      run,
      R"(  posy label flowers.posy daisy.jpg rose.png
  posy label flowers.posy photos --csv > labels.csv             a folder, as a table
  posy label flowers.posy --watch camera --json                 each picture that appears there
  find . -name '*.jpg' | posy label flowers.posy --stdin
  posy label retrained_graph.pb daisy.jpg                       the graph itself

Models of posy retrain know what their training photos look like: of a picture that is far from them, "unknown" is
said first. If labels are wrong, ask posy doctor.
)",
  };
  return command;
}

}  // namespace posy
