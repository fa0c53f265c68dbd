// posy label: scores of photos.
#include <cstdio>

#include "apps/commands.h"
#include "apps/json.h"
#include "apps/session.h"
#include "loaders/error.h"
#include "loaders/graph.h"

namespace posy {
namespace {

// Copies the rows of one tensor as they are made.
struct LayerWatch {
  const Model* model = nullptr;
  uint32_t tensor = kNoIndex;
  posy_shape shape = {0, 0, 0};
  std::vector<float> values;

  static int observe(void* self, const posy_progress* progress) {
    LayerWatch& watch = *(LayerWatch*)self;
    if (watch.model->ops[progress->op].out != watch.tensor) return 0;
    const posy_shape shape = progress->shape;
    watch.shape = shape;
    watch.values.resize((size_t)shape.h * shape.w * shape.c);
    for (uint32_t y = progress->row_begin; y < progress->row_begin + progress->contiguous_rows; ++y) {
      for (uint32_t x = 0; x < shape.w; ++x) {
        const size_t pixel = (size_t)(y - progress->row_begin) * shape.w + x;
        float* to = &watch.values[((size_t)y * shape.w + x) * shape.c];
        copy_pixel(*progress, pixel * progress->pixel_stride, to);
      }
    }
    return 0;
  }

  // Codes as what they stand for.
  static void copy_pixel(const posy_progress& progress, size_t from, float* to) {
    for (uint32_t c = 0; c < progress.shape.c; ++c) {
      to[c] = progress.codes ? (float)(progress.codes[from + c] - progress.zero_point) * progress.scale
                             : progress.data[from + c];
    }
  }
};

// The tensor that a node of the graph is the output of. Names that several tensors share belong to the last one.
uint32_t find_tensor(const Model& model, const std::string& name) {
  uint32_t found = kNoIndex;
  for (uint32_t i = 0; i < model.tensor_count; ++i) {
    if (name == model.string(model.tensors[i].name)) found = i;
  }
  const SectionEntry* table = (const SectionEntry*)(model.bytes + sizeof(FileHeader));
  for (uint32_t s = 0; s < model.header->section_count; ++s) {
    if (table[s].kind != (uint32_t)SectionKind::kNodeNames || table[s].bytes % sizeof(NodeNameRecord) != 0) continue;
    const NodeNameRecord* names = (const NodeNameRecord*)(model.bytes + table[s].offset);
    for (uint32_t i = 0; i < table[s].bytes / sizeof(NodeNameRecord); ++i) {
      const bool inside = names[i].name < model.strings_bytes && names[i].tensor < model.tensor_count;
      if (inside && name == model.string(names[i].name)) found = names[i].tensor;
    }
  }
  return found;
}

uint32_t wanted_tensor(const Model& model, const std::string& name) {
  const uint32_t tensor = find_tensor(model, name);
  bool made = false;
  for (uint32_t i = 0; i < model.op_count; ++i) made = made || model.ops[i].out == tensor;
  if (tensor == kNoIndex || !made) {
    throw InputError(
        "--layer: the model has no layer '" + name +
        "'; it may have been folded away (posy info lists what is there; --keep-bottleneck keeps the bottleneck)");
  }
  return tensor;
}

struct LabelOptions {
  uint32_t top = 5;
  bool json = false;
  bool many = false;
  ImageLimits limits;
  std::string layer;
};

std::vector<posy_score> best_scores(Session& session, uint32_t top) {
  const uint32_t classes = posy_class_count(session.engine());
  std::vector<posy_score> scores(top == 0 ? classes : std::min(top, classes));
  if (top == 0) {
    for (uint32_t i = 0; i < classes; ++i) scores[i] = {i, posy_scores(session.engine())[i]};
  } else {
    posy_top(session.engine(), scores.data(), (uint32_t)scores.size());
  }
  return scores;
}

struct Timing {
  double decode_ms, run_ms;
};

Json json_result(Session& session, const std::string& path, const Image& image, Timing timing, uint32_t top) {
  Json json = {{"image", path}, {"scores", Json::array()}};
  for (const posy_score& s : best_scores(session, top)) {
    const char* label = posy_label(session.engine(), s.class_index);
    Json score;
    if (label) {
      score["label"] = label;
    } else {
      score["label"] = s.class_index;
    }
    score["index"] = s.class_index;
    score["score"] = json_float(s.score);
    json["scores"].push_back(std::move(score));
  }
  json["decode_ms"] = json_ms(timing.decode_ms);
  json["run_ms"] = json_ms(timing.run_ms);
  json["decoder"] = image.decoder;
  return json;
}

Json json_layer(const std::string& name, const LayerWatch& watch) {
  Json values = Json::array();
  for (const float x : watch.values) values.push_back(json_float(x));
  return {{"name", name}, {"shape", {watch.shape.h, watch.shape.w, watch.shape.c}}, {"values", std::move(values)}};
}

void label_image(Session& session, const std::string& path, const LabelOptions& options, LayerWatch* watch) {
  Timing timing;
  const double start = now_ms();
  const Image image = read_image(path, options.limits);
  timing.decode_ms = now_ms() - start;
  session.set_image(image, path);
  timing.run_ms = session.run();
  if (options.json) {
    Json json = json_result(session, path, image, timing, options.top);
    if (!options.layer.empty()) json["layer"] = json_layer(options.layer, *watch);
    print_json(json);
    return;
  }
  if (options.many) std::printf("%s\n", path.c_str());
  for (const posy_score& s : best_scores(session, options.top)) {
    std::printf("%s (score=%.5f)\n", printable_name(session.label(s.class_index)).c_str(), (double)s.score);
  }
  std::fprintf(stderr, "%s: %u x %u, decoded by %s in %.1f ms, run in %.2f ms (%s)\n", path.c_str(), image.width,
               image.height, image.decoder.c_str(), timing.decode_ms, timing.run_ms, posy_engine_isa(session.engine()));
}

// posy label MODEL IMAGE..., or the tutorial's --graph= and --image=.
std::vector<std::string> model_and_images(const Args& args) {
  std::vector<std::string> words = args.words();
  if (const auto graph = args.text("graph")) words.insert(words.begin(), *graph);
  for (const std::string& image : args.texts("image")) words.push_back(image);
  if (words.size() < 2) throw UsageError("label takes a model and at least one image");
  return words;
}

int run(const Args& args) {
  const std::vector<std::string> words = model_and_images(args);
  LabelOptions options;
  options.top = args.number("top", 0, 1u << 20).value_or(5);
  options.json = args.has("json");
  options.many = words.size() > 2;
  if (const auto megapixels = args.number("max-megapixels", 1, 4000))
    options.limits.max_pixels = *megapixels * 1000000ull;
  options.layer = args.text("layer").value_or("");
  if (!options.layer.empty() && !options.json) throw UsageError("--layer prints its values as JSON: add --json");

  SessionOptions session_options;
  session_options.convert = convert_options(args);
  session_options.threads = args.number("threads", 1, POSY_MAX_THREADS).value_or(0);
  if (!options.layer.empty()) session_options.convert.keep_bottleneck = true;
  Session session(words[0], session_options);
  LayerWatch watch;
  if (!options.layer.empty()) {
    watch.model = &session.model();
    watch.tensor = wanted_tensor(session.model(), options.layer);
    posy_set_observer(session.engine(), LayerWatch::observe, &watch);
  }

  int exit_code = 0;
  for (size_t i = 1; i < words.size(); ++i) {
    try {
      label_image(session, words[i], options, &watch);
    } catch (const InputError& error) {
      exit_code = 1;
      std::fprintf(stderr, "posy: %s\n", error.what());
      if (options.json) print_json({{"image", words[i]}, {"error", error.what()}});
    }
  }
  return exit_code;
}

}  // namespace

const Command& label_command() {
  static const Command command = {
      "label",
      "posy label MODEL IMAGE... [flags]",
      "scores of photos; MODEL is a .posy file or a graph",
      with_convert_flags({
          {"top", "K", "how many classes, best first (5); 0: all, in class order"},
          {"threads", "N", "threads of one inference (POSY_THREADS, else 1)"},
          {"json", nullptr, "one JSON object per image"},
          {"layer", "NAME", "with --json: the output of this node of the graph as well"},
          {"max-megapixels", "N", "largest picture to decode, in millions of pixels (100)"},
          {"graph", "FILE", "the model, as the tutorial's label_image spells it"},
          {"image", "FILE", "an image, likewise; may be repeated"},
      }),
      run,
  };
  return command;
}

}  // namespace posy
