// posy retrain: a new last layer for a classifier, trained on a folder of photos.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "apps/commands.h"
#include "apps/outputs.h"
#include "apps/photo_team.h"
#include "apps/progress.h"
#include "apps/retrain_report.h"
#include "loaders/bottlenecks.h"
#include "loaders/file.h"
#include "loaders/fit_novelty.h"
#include "loaders/graph.h"
#include "loaders/head.h"
#include "loaders/labelled_folder.h"
#include "loaders/network_runner.h"
#include "loaders/one_line.h"
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
  std::optional<WeightChoice> weights;
};

// Bottlenecks by the part that their photos are in.
struct Rows {
  LabelledRows training, validation, testing;

  LabelledRows& of(Split split) {
    return split == Split::kTraining ? training : split == Split::kValidation ? validation : testing;
  }
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

class Retraining {
 public:
  Retraining(const RetrainOptions& options, const ConvertOptions& convert, uint32_t threads)
      : options_(options),
        loaded_(load_model(options.base, convert)),
        team_(options.base, loaded_.posy, threads),
        bottleneck_(bottleneck_of_base()),
        cache_(options.bottleneck_dir.empty() ? cache_folder(options.add ? options.base : options.output)
                                              : options.bottleneck_dir,
               "model and layer " + identity_of(model(), bottleneck_) + ", JPEG by " + jpeg_decoder_name(),
               bottleneck_.channels) {}

  void run() {
    const double start = now_ms();
    find_photos();
    compute_bottlenecks();
    check_classes();
    const double computed = now_ms();
    train();
    const double trained = now_ms();
    RetrainReport report = evaluated();
    report.model_bytes = write();
    report.bottleneck_seconds = (computed - start) / 1000;
    report.training_seconds = (trained - computed) / 1000;
    report.seconds = (now_ms() - start) / 1000;
    if (!options_.html.empty()) write_text(options_.html, retrain_page(report));
    if (!options_.tensorboard.empty()) say(write_curve_events(report, options_.tensorboard) + ": for TensorBoard");
    options_.json ? print_report_json(report) : print_report(report);
  }

 private:
  struct Photo {
    std::string path, folder, file;  // path: empty of those whose bottleneck is all that is there
    uint32_t class_index;
    Split split;
  };

  const Model& model() const { return team_.model(); }

  Bottleneck bottleneck_of_base() const {
    try {
      return find_bottleneck(model(), options_.bottleneck);
    } catch (const InputError& error) {
      throw InputError(options_.base + ": " + error.what());
    }
  }

  void find_photos() {
    SplitRule rule = options_.split;
    if (rule.image_dir_as.empty()) rule.image_dir_as = options_.folder;
    const LabelledFolder folder = read_labelled_folder(options_.folder, rule);
    for (const std::string& note : folder.notes) say(note);
    std::vector<std::pair<std::string, Photo>> found;  // by label
    for (const LabelledPhoto& photo : folder.photos) {
      found.push_back({folder.labels[photo.class_index], {photo.path, photo.folder, photo.file, 0, photo.split}});
    }
    if (options_.add) add_cached(&found);
    for (const auto& [label, photo] : found) labels_.push_back(label);
    std::sort(labels_.begin(), labels_.end());
    labels_.erase(std::unique(labels_.begin(), labels_.end()), labels_.end());
    if (labels_.size() < 2)
      throw InputError(options_.folder + ": photos of one class only ('" + labels_[0] + "'); a classifier needs two");
    if (!options_.add) cache_.set_photos(options_.folder, rule.image_dir_as);
    for (auto& [label, photo] : found) {
      photo.class_index = (uint32_t)(std::lower_bound(labels_.begin(), labels_.end(), label) - labels_.begin());
      photos_.push_back(std::move(photo));
    }
  }

  // The photos that the model was trained with, as far as their bottlenecks are still there.
  void add_cached(std::vector<std::pair<std::string, Photo>>* found) {
    SplitRule rule = options_.split;
    rule.image_dir_as = cache_.spelled();
    std::vector<std::string> seen;
    for (const auto& [label, photo] : *found) seen.push_back(photo.folder + "/" + photo.file);
    std::sort(seen.begin(), seen.end());
    size_t added = 0;
    for (const auto& [folder, file] : cache_.list()) {
      if (std::binary_search(seen.begin(), seen.end(), folder + "/" + file)) continue;
      const Split split = split_of(rule.image_dir_as + "/" + folder + "/" + file, rule);
      found->push_back({normalized_label(folder), {"", folder, file, 0, split}});
      ++added;
    }
    if (added == 0) {
      throw InputError("--add: there are no bottlenecks of the photos that " + options_.base +
                       " was trained with; say where they are with --bottleneck-dir, or retrain with all photos");
    }
  }

  void compute_bottlenecks() {
    std::vector<std::vector<float>> values(photos_.size());
    std::vector<size_t> missing;
    for (size_t i = 0; i < photos_.size(); ++i) {
      if (auto cached = cache_.read(photos_[i].folder, photos_[i].file, photos_[i].path)) {
        values[i] = std::move(*cached);
      } else if (!photos_[i].path.empty()) {
        missing.push_back(i);
      } else {
        unreadable_.push_back(cache_.path_of(photos_[i].folder, photos_[i].file) + ": is damaged");
      }
    }
    computed_ = missing.size();
    team_.watch(bottleneck_.tensor);
    {
      Progress progress("bottlenecks", missing.size());
      size_t done = 0;
      team_.run(
          missing.size(), [&](size_t i) { return photos_[missing[i]].path; },
          [&](size_t i, PhotoResult&& result) {
            progress.show(++done);
            if (!result.error.empty()) return unreadable_.push_back(result.error), true;
            const Photo& photo = photos_[missing[i]];
            cache_.write(photo.folder, photo.file, result.watched);
            values[missing[i]] = std::move(result.watched);
            return true;
          });
    }
    for (const std::string& error : unreadable_) say("left out: " + error);
    for (size_t i = 0; i < photos_.size(); ++i) {
      if (!values[i].empty()) rows_.of(photos_[i].split).add(values[i], photos_[i].class_index);
    }
    for (LabelledRows* rows : {&rows_.training, &rows_.validation, &rows_.testing}) {
      rows->channels = bottleneck_.channels;
    }
  }

  void check_classes() const {
    for (uint32_t c = 0; c < labels_.size(); ++c) {
      const auto& classes = rows_.training.classes;
      const auto count = (size_t)std::count(classes.begin(), classes.end(), c);
      if (count == 0) {
        throw InputError(options_.folder + ": no photo of '" + labels_[c] +
                         "' is in the training part; more photos are needed, or a smaller --testing-percentage");
      }
      if (count < kFewPhotos) {
        say("'" + labels_[c] + "' has " + std::to_string(count) + " photos to train with; " +
            std::to_string(kFewPhotos) + " or more are better");
      }
    }
  }

  Spread spread() {
    return [this](size_t count, const std::function<void(size_t)>& task) { team_.spread(count, task); };
  }

  void train() {
    trained_ = options_.descent ? descend_softmax(rows_.training, rows_.validation, labels_.size(), *options_.descent)
                                : train_softmax(rows_.training, rows_.validation, labels_.size(), spread());
    check_finite();
    if (!options_.fit_unknown) return;
    novelty_ = fit_novelty(rows_.training, rows_.validation);
    if (!novelty_) say("too few photos to tell unknown things from known ones: the model will not try");
  }

  // Softmax of a layer that overflows is no number, and a file with it would answer every photo with its first class.
  void check_finite() const {
    double sum = 0;
    for (const float w : trained_.layer.weights) sum += std::fabs(w);
    for (const float b : trained_.layer.biases) sum += std::fabs(b);
    // The training photos may overflow it even if it is finite itself.
    if (std::isfinite(sum) && std::isfinite(fit_of(trained_.layer, rows_.training).cross_entropy)) return;
    throw InputError(options_.descent ? "training ran away to infinite weights; a smaller --learning-rate is needed"
                                      : cache_.folder() +
                                            ": training ran away to infinite weights; some of these bottlenecks are "
                                            "damaged: remove the folder, and they are computed again");
  }

  // As the layer that is replaced, if the base is a file that was rounded.
  WeightChoice weights() const {
    if (options_.weights) return *options_.weights;
    for (uint32_t i = model().op_count; i-- > 0;) {
      const OpRecord& op = model().ops[i];
      if (op.weights_bytes == 0) continue;
      return (WeightType)op.weight_type == WeightType::f32 ? WeightChoice::kF32 : WeightChoice::kU8;
    }
    return WeightChoice::kF32;
  }

  // Returns the bytes of the model.
  size_t write() const {
    const std::vector<uint8_t> posy =
        with_new_head(model(), bottleneck_, {trained_.layer, labels_, weights(), novelty_});
    checked_model(options_.output, posy);
    // The graph first: what it may be refused for is known before the model is replaced.
    if (!options_.graph_out.empty()) {
      write_file(options_.graph_out, retrained_graph(options_.base, node_name(bottleneck_.tensor), trained_.layer));
      std::string labels;
      for (const std::string& label : labels_) labels += label + "\n";
      write_text(labels_beside(options_.graph_out), labels);
    }
    write_file(options_.output, posy);
    if (options_.add && options_.bottleneck_dir.empty()) cache_.copy_to(cache_folder(options_.output));
    return posy.size();
  }

  std::string node_name(uint32_t tensor) const { return model().string(model().tensors[tensor].name); }

  RetrainReport evaluated() {
    RetrainReport report;
    report.model = options_.output;
    report.base = options_.base;
    report.folder = options_.folder;
    report.bottleneck_dir = cache_.folder();
    report.labels = labels_;
    report.training = rows_.training.count();
    report.validation = rows_.validation.count();
    report.testing = rows_.testing.count();
    report.computed = computed_;
    report.unreadable = unreadable_.size();
    report.channels = bottleneck_.channels;
    report.of_training = fit_of(trained_.layer, rows_.training);
    report.of_validation = fit_of(trained_.layer, rows_.validation);
    report.of_testing = fit_of(trained_.layer, rows_.testing);
    report.descended = options_.descent.has_value();
    report.weight_decay = trained_.weight_decay;
    report.curve = trained_.curve;
    add_answers(&report);
    if (novelty_) report.novelty = novelty_figures();
    return report;
  }

  // Of the testing photos, one by one.
  void add_answers(RetrainReport* report) const {
    std::vector<std::pair<float, bool>> answers;
    report->of_class.resize(labels_.size());
    for (size_t i = 0; i < rows_.testing.count(); ++i) {
      const std::vector<float> scores = softmax_of(logits_of(trained_.layer, rows_.testing.row(i)));
      const uint32_t truth = rows_.testing.classes[i];
      const size_t best = best_class(scores);
      answers.emplace_back(scores[best], best == truth);
      ++report->of_class[truth].first;
      report->of_class[truth].second += best == truth;
    }
    report->coverage = coverage_at(std::move(answers), 0.95);
  }

  NoveltyFigures novelty_figures() {
    std::vector<double> known, unknown;
    for (size_t i = 0; i < rows_.testing.count(); ++i) known.push_back(novelty_of(*novelty_, rows_.testing.row(i)));
    if (!options_.unknown.empty()) {
      const std::vector<std::string> photos = photos_of_folder(options_.unknown, SIZE_MAX);
      team_.run(
          photos.size(), [&](size_t i) { return photos[i]; },
          [&](size_t, PhotoResult&& result) {
            if (!result.error.empty()) return say("left out: " + result.error), true;
            unknown.push_back(novelty_of(*novelty_, result.watched.data()));
            return true;
          });
    }
    const auto share = [](const std::vector<double>& of, auto holds) {
      return of.empty() ? 0 : (double)std::count_if(of.begin(), of.end(), holds) / (double)of.size();
    };
    return {share(known, [](double x) { return x <= 1; }), unknown.size(),
            share(unknown, [](double x) { return x > 1; }), auroc(known, unknown)};
  }

  static void say(const std::string& text) { std::fprintf(stderr, "%s\n", one_line(text).c_str()); }

  RetrainOptions options_;
  LoadedModel loaded_;
  PhotoTeam team_;
  Bottleneck bottleneck_;
  BottleneckCache cache_;
  std::vector<std::string> labels_;
  std::vector<Photo> photos_;
  Rows rows_;
  std::vector<std::string> unreadable_;
  size_t computed_ = 0;
  TrainedLayer trained_;
  std::optional<NoveltyRule> novelty_;
};

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
  options.split.testing_percentage = args.number("testing-percentage", 0, 99).value_or(10);
  options.split.validation_percentage = args.number("validation-percentage", 0, 99).value_or(10);
  if (options.split.testing_percentage + options.split.validation_percentage >= 100)
    throw UsageError("--testing-percentage and --validation-percentage leave no photos to train with");
  options.split.image_dir_as = args.text("image-dir-as").value_or("");
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
  Retraining(options, convert, photo_threads(args)).run();
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
