// posy convert: a graph becomes a .posy file.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>

#include "apps/c_source.h"
#include "apps/commands.h"
#include "apps/json.h"
#include "apps/session.h"
#include "engine/format.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/pack.h"
#include "loaders/round_graph.h"

namespace posy {
namespace {

std::string default_output(const std::string& graph, const char* suffix) {
  if (graph == "-") return "-";
  std::string stem = graph;
  if (stem.size() > 3 && stem.compare(stem.size() - 3, 3, ".gz") == 0) stem.resize(stem.size() - 3);
  const size_t dot = stem.rfind('.'), slash = stem.rfind('/');
  if (dot != std::string::npos && dot > 0 && (slash == std::string::npos || dot > slash + 1)) stem.resize(dot);
  return stem + suffix;
}

std::string size_text(size_t bytes) {
  char text[64];
  if (bytes < 10000) {
    std::snprintf(text, sizeof text, "%zu bytes", bytes);
  } else {
    std::snprintf(text, sizeof text, "%.2f MB", (double)bytes / 1e6);
  }
  return text;
}

uint64_t bytes_of_type(const Model& model, WeightType type) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < model.op_count; ++i) {
    if (model.ops[i].weight_type == (uint8_t)type) bytes += model.ops[i].weights_bytes;
  }
  return bytes;
}

void print_weights(const Model& model) {
  std::string text;
  const auto add = [&](WeightType type, const std::string& what) {
    if (const uint64_t bytes = bytes_of_type(model, type))
      text += (text.empty() ? "" : ", ") + size_text(bytes) + " " + what;
  };
  add(WeightType::f32, "in float32");
  add(WeightType::u8_table, "in 8 bits without loss");
  add(WeightType::u8_affine, "in 8 bits, rounded");
  for (const WeightType type : {WeightType::u7, WeightType::u6, WeightType::u5, WeightType::u4}) {
    add(type, "in " + std::to_string(weight_bits(type)) + " bits");
  }
  std::fprintf(stderr, "  weights  %s\n", text.c_str());
}

void print_bits(const BitsReport& bits) {
  if (bits.layers.empty()) return;
  std::map<uint32_t, int, std::greater<>> layers;
  for (const BitsReport::Layer& layer : bits.layers) ++layers[layer.bits];
  std::string text;
  for (const auto& [count, of] : layers) {
    text += (text.empty() ? "" : ", ") + std::to_string(of) + " of " + std::to_string(count) + " bits";
  }
  std::fprintf(stderr, "  layers   %s\n", text.c_str());
  if (bits.photos > 0) {
    std::fprintf(stderr, "  photos   %zu of %zu (%.1f%%) have another best class than in float\n", bits.changed,
                 bits.photos, 100 * (double)bits.changed / (double)bits.photos);
  }
}

// `packed_bytes`: 0 if the file is not packed.
void print_report(const Conversion& conversion, const std::string& path, size_t packed_bytes, bool verbose) {
  const ConvertReport& r = conversion.report;
  const Model model = checked_model(path, conversion.posy);
  std::fprintf(stderr, "%s: %s, %zu nodes\n", r.graph.c_str(), size_text(r.graph_bytes).c_str(), r.graph_nodes);
  for (const std::string& note : r.notes) std::fprintf(stderr, "  note     %s\n", note.c_str());
  std::fprintf(stderr, "  input    %s, %u x %u x %u, (x - %g) / %g: %s\n", r.input_node.c_str(), r.input.h, r.input.w,
               r.input.c, (double)r.preprocessing.mean[0], (double)r.preprocessing.std[0],
               r.preprocessing.reason.c_str());
  std::fprintf(stderr, "  output   %s, %u classes\n", r.output_node.c_str(), r.classes);
  std::fprintf(stderr, "  labels   %s\n",
               r.labels_file.empty() ? "none found: classes are numbers (--labels FILE)" : r.labels_file.c_str());
  for (const auto& [what, count] : r.rewrites) std::fprintf(stderr, "  %4d x   %s\n", count, what.c_str());
  print_weights(model);
  print_bits(r.bits);
  if (verbose) {
    for (uint32_t i = 0; i < model.op_count; ++i) {
      const OpRecord& op = model.ops[i];
      std::fprintf(stderr, "  op %-3u   %-18s %-8s %s\n", i, op_name((OpKind)op.kind),
                   op.weights_bytes > 0 ? weight_type_name((WeightType)op.weight_type) : "", model.string(op.name));
    }
  }
  const std::string packed = packed_bytes > 0 ? size_text(packed_bytes) + " packed, unpacked " : "";
  std::fprintf(stderr, "%s: %s%s, %u ops, %s of activations\n", path.c_str(), packed.c_str(),
               size_text(conversion.posy.size()).c_str(), model.op_count, size_text(model.header->arena_bytes).c_str());
}

Json json_report(const Conversion& conversion, const std::string& path, size_t packed_bytes) {
  const ConvertReport& r = conversion.report;
  Json json;
  json["graph"] = r.graph;
  json["graph_bytes"] = r.graph_bytes;
  json["output"] = path;
  json["file_bytes"] = conversion.posy.size();
  if (packed_bytes > 0) json["packed_bytes"] = packed_bytes;
  json["input"] = {{"node", r.input_node},
                   {"h", r.input.h},
                   {"w", r.input.w},
                   {"c", r.input.c},
                   {"mean", json_float(r.preprocessing.mean[0])},
                   {"std", json_float(r.preprocessing.std[0])}};
  json["output_node"] = r.output_node;
  json["classes"] = r.classes;
  json["labels"] = r.labels_file;
  json["rewrites"] = r.rewrites;
  for (const BitsReport::Layer& layer : r.bits.layers) {
    json["layers"].push_back({{"name", layer.name}, {"bits", layer.bits}, {"damage", layer.damage}});
  }
  if (r.bits.photos > 0) {
    json["photos"] = r.bits.photos;
    json["photos_changed"] = r.bits.changed;
  }
  return json;
}

// The header lies beside the array, under its name with .h.
std::string header_path(const std::string& array) {
  return std::filesystem::path(array).replace_extension(".h").string();
}

void write_c_files(const std::string& path, std::span<const uint8_t> posy) {
  const std::string name = c_name(path);
  const Model model = checked_model(path, posy);
  write_text(header_path(path), c_header(name, model));
  write_text(path, c_array(name, posy));
  const TargetNeeds needs = target_needs(model);
  std::fprintf(stderr, "%s, %s: %s_model, needs %llu bytes of RAM, %llu of flash\n", path.c_str(),
               header_path(path).c_str(), name.c_str(), (unsigned long long)needs.ram_bytes,
               (unsigned long long)needs.flash_bytes);
}

std::string checked_output(const Args& args, const std::string& graph) {
  const bool c_array = args.has("c-array");
  std::string output = args.text("output").value_or(default_output(graph, c_array ? ".c" : ".posy"));
  if (c_array && args.has("pack")) throw UsageError("--c-array is what runs from flash: leave out --pack");
  if (c_array && (output == "-" || header_path(output) == output))
    throw UsageError("--c-array writes two files, NAME.c and NAME.h: name the first with -o");
  for (const std::string& path : {output, c_array ? header_path(output) : output}) {
    std::error_code ignored;
    if (path != "-" && (path == graph || std::filesystem::equivalent(path, graph, ignored)))
      throw UsageError("the output " + path + " would replace the graph; name another with -o");
  }
  return output;
}

int run(const Args& args) {
  if (args.words().size() != 1) throw UsageError("convert takes one graph");
  const std::string graph = args.words()[0];
  const std::string output = checked_output(args, graph);
  if (args.has("c-array") && form_of(graph) != FileForm::kOther) {
    const LoadedModel loaded = load_model(graph, convert_options(args));
    write_c_files(output, loaded.posy);
    return 0;
  }
  const Conversion conversion = convert_graph(graph, convert_options(args));
  std::vector<uint8_t> packed;
  if (args.has("pack")) packed = pack_posy(conversion.posy, output);
  if (!args.has("c-array")) write_file(output, packed.empty() ? conversion.posy : packed);
  print_report(conversion, output, packed.size(), args.has("verbose"));
  if (args.has("c-array")) write_c_files(output, conversion.posy);
  if (args.has("json") && output != "-") print_json(json_report(conversion, output, packed.size()));
  return 0;
}

}  // namespace

namespace {

const std::vector<FlagSpec>& graph_flags() {
  static const std::vector<FlagSpec> flags = {
      {"labels", "FILE", "label file, one class per line (default: the one beside the graph)"},
      {"input-node", "NAME", "node that takes the image (default: found)"},
      {"output-node", "NAME", "node that gives the scores (default: found)"},
      {"input-size", "S", "side of the input, or HxW (default: found)"},
      {"mean", "M", "input = (pixel - M) / S, pixels from 0 to 255 (default: found)"},
      {"std", "S", "see --mean"},
      {"weights", "TYPE",
       "f32, or u8 to u4: so many bits (default: 8 bits for what had at most 256 values, else float32)"},
      {"target-size", "BYTES", "bits for each layer so that the file has so many bytes, or 2.2MB"},
      {"int8", nullptr, "8-bit integers throughout: needs --calibrate"},
      {"no-int8", nullptr,
       "floats also where the graph is quantized; without it, that runs as the integers that it is"},
      {"calibrate", "DIR",
       "folder of photos (30 to 200 are enough, no labels needed) by which ranges and bits are chosen and weights "
       "rounded"},
      {"max-drop", "POINTS",
       "fewest bits, or with --int8 fewest layers in float, with which so many percent of these photos change class"},
      {"weights-rounded", "N",
       "round each float constant to N levels first, to the bit as quantize_graph --mode=weights_rounded (256: 8 "
       "bits)"},
      {"keep-bottleneck", nullptr, "do not join the last two linear layers"},
      {"no-winograd", nullptr, "every convolution as a plain sum: slower, and rounded a little less"},
  };
  return flags;
}

// posy show has a --weights that takes no type.
bool is_given(const Args& args, const std::string& flag) {
  return args.has(flag.c_str()) && !(flag == "weights" && args.text("weights").value_or("").empty());
}

// What a .posy file was made with is in it: a flag that changed nothing would be a lie.
void refuse_flags_of_graphs(const Args& args, std::string model) {
  for (const FlagSpec& flag : graph_flags()) {
    if (!is_given(args, flag.name)) continue;
    if (model.empty()) model = args.text("graph").value_or(args.words().empty() ? "" : args.words()[0]);
    if (form_of(model) == FileForm::kOther) return;
    throw UsageError("--" + std::string(flag.name) + " needs a graph; " + model + " is already converted");
  }
}

}  // namespace

bool is_convert_flag(const FlagSpec& flag) {
  return std::any_of(graph_flags().begin(), graph_flags().end(),
                     [&](const FlagSpec& of_graph) { return flag.help == of_graph.help; });
}

std::vector<FlagSpec> with_convert_flags(std::vector<FlagSpec> flags) {
  flags.insert(flags.end(), graph_flags().begin(), graph_flags().end());
  return flags;
}

namespace {

void read_size(const std::string& text, LowerOptions* options) {
  unsigned h = 0, w = 0;
  int used = 0;
  const bool one = std::sscanf(text.c_str(), "%u%n", &h, &used) == 1 && used == (int)text.size();
  const bool two = !one && std::sscanf(text.c_str(), "%ux%u%n", &h, &w, &used) == 2 && used == (int)text.size();
  if (one) w = h;
  if ((!one && !two) || h < 1 || w < 1 || h > 4096 || w > 4096) {
    throw UsageError("--input-size wants S or HxW with sides from 1 to 4096, not '" + text + "'");
  }
  options->input_h = h;
  options->input_w = w;
}

}  // namespace

namespace {

WeightChoice weight_choice(const std::string& text) {
  static const std::map<std::string, WeightChoice> choices = {{"f32", WeightChoice::kF32}, {"u8", WeightChoice::kU8},
                                                              {"u7", WeightChoice::kU7},   {"u6", WeightChoice::kU6},
                                                              {"u5", WeightChoice::kU5},   {"u4", WeightChoice::kU4}};
  const auto found = choices.find(text);
  if (found == choices.end()) throw UsageError("--weights is f32, u8, u7, u6, u5 or u4, not '" + text + "'");
  return found->second;
}

// "2200000", "2.2MB", "300kB", "2MiB".
uint64_t read_bytes(const std::string& text) {
  double number = 0;
  int used = 0;
  char unit[4] = "";
  if (std::sscanf(text.c_str(), "%lf%n%3s", &number, &used, unit) >= 1) {
    const std::map<std::string, double> units = {{"", 1},     {"B", 1},      {"kB", 1e3},     {"KB", 1e3},
                                                 {"MB", 1e6}, {"KiB", 1024}, {"MiB", 1048576}};
    const auto found = units.find(text.substr((size_t)used));
    if (found != units.end() && number * found->second >= 1 && number * found->second < 2147483648.0) {
      return (uint64_t)(number * found->second);
    }
  }
  throw UsageError("--target-size wants bytes, or a number with kB, MB, KiB or MiB, not '" + text + "'");
}

void read_bits(const Args& args, BitsOptions* bits) {
  bits->photos = args.text("calibrate").value_or("");
  if (const auto size = args.text("target-size")) bits->target_bytes = read_bytes(*size);
  if (const auto drop = args.real("max-drop")) bits->max_drop = *drop;
  if (bits->max_drop && !(*bits->max_drop >= 0 && *bits->max_drop <= 100))
    throw UsageError("--max-drop wants percentage points from 0 to 100");
  if (bits->max_drop && bits->target_bytes > 0) throw UsageError("give --target-size or --max-drop, not both");
  if (args.has("int8")) {
    for (const char* flag : {"weights", "target-size"}) {
      if (is_given(args, flag)) throw UsageError("--int8 has weights of 8 bits: leave out --" + std::string(flag));
    }
    return;
  }
  const bool rounds = bits->max_drop || bits->target_bytes > 0 ||
                      (bits->weights != WeightChoice::kAuto && bits->weights != WeightChoice::kF32);
  if (!bits->photos.empty() && !rounds)
    throw UsageError("--calibrate is for rounding: add --int8, --weights u8 ... u4, --target-size or --max-drop");
  if (bits->max_drop && bits->photos.empty()) throw UsageError("--max-drop needs photos: --calibrate DIR");
  if ((bits->max_drop || bits->target_bytes > 0) && is_given(args, "weights"))
    throw UsageError("--weights gives every layer the same bits: leave it out, or --target-size and --max-drop");
}

}  // namespace

ConvertOptions convert_options(const Args& args, const std::string& model) {
  ConvertOptions options;
  options.lower.input_node = args.text("input-node").value_or("");
  options.lower.output_node = args.text("output-node").value_or("");
  if (const auto size = args.text("input-size")) read_size(*size, &options.lower);
  options.lower.mean = args.real("mean");
  options.lower.std = args.real("std");
  if (options.lower.std == 0.0f) throw UsageError("--std must not be 0");
  options.labels = args.text("labels").value_or("");
  options.keep_bottleneck = args.has("keep-bottleneck");
  options.winograd = !args.has("no-winograd");
  options.int8 = args.has("int8");
  if (options.int8 && args.has("no-int8")) throw UsageError("--int8 and --no-int8 exclude each other");
  if (options.int8 && !args.has("calibrate")) throw UsageError("--int8 needs photos: --calibrate DIR");
  const std::string weights = args.text("weights").value_or("");
  if (!weights.empty()) options.bits.weights = weight_choice(weights);
  options.rounded_levels = args.number("weights-rounded", kMinLevels, kMaxLevels);
  read_bits(args, &options.bits);
  const bool asks_for_weights = !options.int8 && (!weights.empty() || options.bits.is_asked());
  options.known_codes = !args.has("no-int8") && !asks_for_weights;  // who asks for other weights means floats
  refuse_flags_of_graphs(args, model);
  return options;
}

const Command& convert_command() {
  static const Command command = {
      "convert",
      "posy convert GRAPH [-o OUT.posy] [flags]",
      "turn a TensorFlow graph into a .posy file",
      with_convert_flags({
          {"output", "FILE", "where to write (default: the graph's name with .posy; - is standard output)"},
          {"pack", nullptr, "packed, for downloads: every command reads it, the name stays .posy (see posy help pack)"},
          {"c-array", nullptr, "as C, for firmware: the model's bytes in NAME.c, its constants in NAME.h"},
          {"verbose", nullptr, "list the ops"},
          {"json", nullptr, "print what was found as JSON"},
      }),
      run,
      R"(The input and output nodes, the input's size, the normalisation and the labels are found in the graph or beside it
and printed; a flag overrides each. Batch norm, biases and activations go into the convolutions; scores stay
TensorFlow's to five decimals.

  posy convert retrained_graph.pb                               retrained_graph.posy, labels from retrained_labels.txt
  posy convert retrained_graph.pb --weights u8 -o small.posy    a quarter of the size
  posy convert retrained_graph.pb --int8 --calibrate photos     integers throughout: smallest and fastest
  posy convert retrained_graph.pb --weights u8 --pack           for downloads
  posy convert flowers.posy --c-array -o flowers.c              for firmware; a .posy file or a graph
  posy info retrained_graph.pb                                  if it is refused: what is in there
)",
  };
  return command;
}

}  // namespace posy
