// posy show: a model as a page to look at.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>

#include "apps/commands.h"
#include "apps/session.h"
#include "apps/weights_page.h"
#include "kernels/weights.hpp"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/read_weights.h"

namespace posy {
namespace {

// ---- One layer ----

size_t count_distinct(std::vector<float> values) {
  for (float& value : values) value += 0.0f;  // -0 is 0
  std::vector<uint32_t> bits(values.size());
  if (!values.empty()) std::memcpy(bits.data(), values.data(), values.size() * sizeof(float));
  std::sort(bits.begin(), bits.end());
  return (size_t)(std::unique(bits.begin(), bits.end()) - bits.begin());
}

std::vector<float> channel_of(const OpWeights& weights, uint32_t channel) {
  std::vector<float> values(weights.rows);
  for (uint32_t row = 0; row < weights.rows; ++row) values[row] = weights.values[(size_t)row * weights.channels + channel];
  return values;
}

// Gives each channel of `weights` the factor that brings it closest to `before`, by least squares.
void fit_channels(const OpWeights& before, OpWeights* weights) {
  for (uint32_t c = 0; c < weights->channels; ++c) {
    double product = 0, square = 0;
    for (size_t i = c; i < weights->values.size(); i += weights->channels) {
      product += (double)before.values[i] * weights->values[i];
      square += (double)weights->values[i] * weights->values[i];
    }
    const double factor = square > 0 ? product / square : 1;
    for (size_t i = c; i < weights->values.size(); i += weights->channels) {
      weights->values[i] = (float)(weights->values[i] * factor);
    }
  }
}

double signal_to_error_db(const std::vector<float>& before, const std::vector<float>& after) {
  if (before == after) return std::numeric_limits<double>::infinity();
  double signal = 0, error = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    const double difference = (double)before[i] - after[i];
    signal += (double)before[i] * before[i];
    error += difference * difference;
  }
  return 10 * std::log10(signal / error);
}

std::vector<uint64_t> bins_of(const std::vector<float>& values, float low, float high) {
  std::vector<uint64_t> bins(WeightsHistogram::kBins, 0);
  const double width = std::max((double)high - low, 1e-38);
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const double bin = ((double)value - low) / width * (double)bins.size();
    ++bins[std::min((size_t)bin, bins.size() - 1)];
  }
  return bins;
}

WeightsHistogram histogram_of(const OpWeights& after, const OpWeights* before) {
  WeightsHistogram histogram;
  float low = std::numeric_limits<float>::max(), high = -low;
  for (const OpWeights* weights : {before, &after}) {
    if (!weights) continue;
    for (const float value : weights->values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (low > high) low = high = 0;  // none is finite
  histogram.low = low;
  histogram.high = high;
  histogram.after = bins_of(after.values, low, high);
  if (before) histogram.before = bins_of(before->values, low, high);
  return histogram;
}

std::string shape_text(const Model& model, const OpRecord& op, const OpWeights& weights) {
  const std::string window = std::to_string(op.k_h) + " x " + std::to_string(op.k_w) + " x ";
  const uint32_t in_c = model.tensors[op.in[0]].c;
  const bool is_depthwise = weights.rows == (uint32_t)op.k_h * op.k_w && in_c == weights.channels && in_c > 1;
  return is_depthwise ? window + std::to_string(in_c) : window + std::to_string(in_c) + " to " + std::to_string(weights.channels);
}

WeightsRow row_of(const Model& model, const OpRecord& op, const OpWeights* before) {
  const WeightType type = (WeightType)op.weight_type;
  WeightsRow row = {};
  row.kind = (OpKind)op.kind;
  row.name = model.string(op.name);
  row.bytes = op.weights_bytes;
  if (!has_channel_weights(op)) {
    row.type = "table";
    return row;
  }
  OpWeights after = read_weights(model, op);
  row.type = weight_type_name(type);
  row.bits = weight_bits(type);
  row.shape = shape_text(model, op, after);
  row.has_values = true;
  row.distinct = count_distinct(after.values);
  for (uint32_t c = 0; c < after.channels; ++c) {
    row.most_distinct_of_a_channel = std::max(row.most_distinct_of_a_channel, count_distinct(channel_of(after, c)));
  }
  if (before) {
    row.is_up_to_factors = type == WeightType::s8;
    if (row.is_up_to_factors) fit_channels(*before, &after);
    row.error_db = signal_to_error_db(before->values, after.values);
    if (std::isnan(*row.error_db)) row.error_db.reset();  // weights that are no numbers
  }
  row.histogram = histogram_of(after, before);
  return row;
}

// ---- Before ----

// The float32 weights of a graph: a .posy file of them, folded and fused as the model's are.
class FloatModel {
 public:
  FloatModel(const std::string& path, ConvertOptions options) {
    options.bits = {};
    options.bits.weights = WeightChoice::kF32;
    options.rounded_levels.reset();
    options.int8 = options.known_codes = false;
    options.labels.clear();
    posy_ = convert_graph(path, options).posy;
    model_ = checked_model(path, posy_);
    for (uint32_t i = 0; i < model_.op_count; ++i) {
      if (has_channel_weights(model_.ops[i])) ops_.emplace(model_.string(model_.ops[i].name), &model_.ops[i]);
    }
  }

  // Of the next op with that name and as many weights; several ops may be parts of one node.
  std::optional<OpWeights> take(const std::string& name, const OpWeights& like) {
    const auto [begin, end] = ops_.equal_range(name);
    for (auto at = begin; at != end; ++at) {
      OpWeights weights = read_weights(model_, *at->second);
      if (weights.rows != like.rows || weights.channels != like.channels) continue;
      ops_.erase(at);
      return weights;
    }
    return std::nullopt;
  }

 private:
  std::vector<uint8_t> posy_;
  Model model_;
  std::multimap<std::string, const OpRecord*> ops_;
};

// ---- The file ----

void add_parts(const Model& model, WeightsPage* page) {
  WeightBytes sum;
  uint64_t tables = 0;
  std::map<std::string, uint64_t> types;
  for (uint32_t i = 0; i < model.op_count; ++i) {
    const OpRecord& op = model.ops[i];
    if (op.weights_bytes == 0) continue;
    const WeightBytes bytes = weight_bytes_of(model, op);
    (has_channel_weights(op) ? sum.codes : tables) += bytes.codes;
    sum.headers += bytes.headers;
    sum.padding += bytes.padding;
    types[has_channel_weights(op) ? weight_type_name((WeightType)op.weight_type) : "table"] += op.weights_bytes;
  }
  const FileHeader& header = *model.header;
  const SectionEntry* sections = (const SectionEntry*)(model.bytes + sizeof(FileHeader));
  uint64_t records = sizeof(FileHeader) + header.section_count * sizeof(SectionEntry);
  for (uint32_t i = 0; i < header.section_count; ++i) {
    const SectionKind kind = (SectionKind)sections[i].kind;
    if (kind != SectionKind::kStrings && kind != SectionKind::kWeights) records += sections[i].bytes;
  }
  const uint64_t used = sum.codes + tables + sum.headers + records + model.strings_bytes;
  page->parts = {{"weights", sum.codes}, {"panel headers", sum.headers}, {"records", records},
                 {"strings", model.strings_bytes}};
  if (tables > 0) page->parts.push_back({"tables of codes", tables});
  page->parts.push_back({"padding", header.file_bytes - std::min<uint64_t>(used, header.file_bytes)});
  for (const auto& [type, bytes] : types) page->types.push_back({type, bytes});
}

WeightsPage page_of(const std::string& path, const LoadedModel& loaded, FloatModel* before) {
  const Model model = checked_model(path, loaded.posy);
  WeightsPage page;
  page.title = path;
  page.file_bytes = model.header->file_bytes;
  page.packed_bytes = loaded.packed_bytes;
  add_parts(model, &page);
  for (uint32_t i = 0; i < model.op_count; ++i) {
    const OpRecord& op = model.ops[i];
    if (op.weights_bytes == 0) continue;
    std::optional<OpWeights> weights;
    if (before && has_channel_weights(op)) weights = before->take(model.string(op.name), read_weights(model, op));
    page.rows.push_back(row_of(model, op, weights ? &*weights : nullptr));
  }
  return page;
}

void check_usage(const Args& args) {
  if (args.words().size() != 1) throw UsageError("show takes one model");
  if (!args.has("weights-page") && !args.has("weights")) throw UsageError("show draws only weights so far: add --weights");
  if (!args.has("output")) throw UsageError("show needs -o FILE.html: where to write");
  if (args.words()[0] == "-") throw UsageError("show reads a graph twice: give it a file, not standard input");
}

int run(const Args& args) {
  check_usage(args);
  return 0;
}
}  // namespace
}  // namespace posy
