#include "loaders/write_posy.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <unordered_map>

#include "engine/checksum.h"
#include "engine/format.h"
#include "kernels/winograd_transforms.hpp"
#include "loaders/error.h"
#include "loaders/int8_panels.h"

namespace posy {
namespace {

uint16_t to_u16(uint32_t x, const std::string& op) {
  if (x > kMaxWindow)
    throw InputError("node '" + printable_name(op) + "' has a window, stride, dilation or padding of " +
                     std::to_string(x) + "; a .posy file holds at most " + std::to_string(kMaxWindow));
  return (uint16_t)x;
}

class Strings {
 public:
  uint32_t add(const std::string& text) {
    const auto [found, is_new] = offsets_.try_emplace(text, (uint32_t)bytes_.size());
    if (is_new) {
      // A name with a zero byte inside would end there.
      bytes_.insert(bytes_.end(), text.c_str(), text.c_str() + std::strlen(text.c_str()) + 1);
    }
    return found->second;
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::unordered_map<std::string, uint32_t> offsets_;
  std::vector<uint8_t> bytes_;
};

void align(std::vector<uint8_t>* bytes) {
  bytes->resize((bytes->size() + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment, 0);
}

class Writer {
 public:
  Writer(const Network& network, const Plan& plan, WeightChoice choice)
      : network_(network), plan_(plan), choice_(choice), tensor_of_(network.values.size(), kNoIndex) {}

  std::vector<uint8_t> write() {
    add_tensors();
    reserve_weights();
    add_ops();
    add_labels();
    return assemble(model_record());
  }

 private:
  void add_tensors() {
    for (size_t i = 0; i < network_.values.size(); ++i) {
      const Placement& placement = plan_.placements[i];
      if (!placement.used) continue;
      const Value& value = network_.values[i];
      const Shape& s = value.shape;
      if (s.h > kMaxDimension || s.w > kMaxDimension || s.c > kMaxDimension || placement.pixel_stride > kMaxDimension) {
        throw InputError("the output of '" + value.names[0] + "' has more than " + std::to_string(kMaxDimension) +
                         " rows, columns or channels, which a .posy file cannot hold");
      }
      tensor_of_[i] = (uint32_t)tensors_.size();
      for (size_t n = 1; n < value.names.size(); ++n) names_.push_back({tensor_of_[i], strings_.add(value.names[n])});
      const ElementType type = value.is_u8 ? ElementType::kU8 : ElementType::kF32;
      tensors_.push_back({placement.offset, s.h, s.w, s.c, placement.pixel_stride, placement.ring_h,
                          strings_.add(value.names[0]), (uint8_t)type, value.zero_point, 0, value.scale});
    }
  }

  void reserve_weights() {
    constexpr size_t kRoomForTheRest = 1 << 20;
    size_t bytes = kRoomForTheRest;
    for (const PlannedOp& op : plan_.ops) {
      if (!op.weights) continue;
      const size_t channels = op.weights->line.size();
      bytes += weight_bytes(WeightType::f32, op.weights->values->floats.size() / channels, channels);
    }
    weights_.reserve(std::min<size_t>(bytes, kMaxFileBytes));
  }

  void add_ops() {
    for (const PlannedOp& op : plan_.ops) {
      OpRecord record = {};
      record.kind = (uint16_t)op.kind;
      record.name = strings_.add(op.name);
      record.in[0] = tensor_of_[(size_t)op.inputs[0]];
      record.in[1] = op.inputs.size() > 1 ? tensor_of_[(size_t)op.inputs[1]] : kNoIndex;
      record.out = tensor_of_[(size_t)op.output];
      record.clamp_low = op.clamp.low;
      record.clamp_high = op.clamp.high;
      record.function = op.params.function;
      std::memcpy(record.param, op.params.param, sizeof record.param);
      std::memcpy(record.dims, op.params.dims, sizeof record.dims);
      std::memcpy(record.order, op.params.order, sizeof record.order);
      if (op.has_window) add_window(op, &record);
      if (op.weights) add_weights(*op.weights, &record);
      if (op.int8) add_int8_weights(op, &record);
      if (!op.table.empty()) add_table(op.table, &record);
      if (op.kind == OpKind::winograd_product) add_winograd_rows(op);
      ops_.push_back(record);
    }
  }

  static void add_window(const PlannedOp& op, OpRecord* record) {
    record->k_h = to_u16(op.window.k_h, op.name);
    record->k_w = to_u16(op.window.k_w, op.name);
    record->stride_h = to_u16(op.window.stride_h, op.name);
    record->stride_w = to_u16(op.window.stride_w, op.name);
    record->dilation_h = to_u16(op.window.dilation_h, op.name);
    record->dilation_w = to_u16(op.window.dilation_w, op.name);
    record->pad_top = to_u16(op.window.pad_top, op.name);
    record->pad_left = to_u16(op.window.pad_left, op.name);
  }

  void add_weights(const ConvWeights& weights, OpRecord* record) {
    record->weights_offset = (uint32_t)weights_.size();
    record->weight_type = (uint8_t)encode_weights(weights, choice_, &weights_);
    record->weights_bytes = (uint32_t)(weights_.size() - record->weights_offset);
    if (weights_.size() > kMaxFileBytes) throw InputError("the weights are larger than a .posy file may be (2 GiB)");
    max_rows_ = std::max(max_rows_, (uint32_t)(weights.values->floats.size() / weights.line.size()));
  }

  void add_int8_weights(const PlannedOp& op, OpRecord* record) {
    record->weights_offset = (uint32_t)weights_.size();
    record->weight_type = (uint8_t)WeightType::s8;
    const bool is_depthwise = op.kind == OpKind::int8_depthwise_conv_2d;
    const bool pairs_are_small =
        write_int8_panels(*op.int8, op.window, is_depthwise ? 0 : value(op.inputs[0]).shape.c, &weights_);
    record->function = pairs_are_small ? 1 : 0;
    record->dims[0] = to_u16((uint32_t)op.int8->wide.size(), op.name);
    record->weights_bytes = (uint32_t)(weights_.size() - record->weights_offset);
    if (weights_.size() > kMaxFileBytes) throw InputError("the weights are larger than a .posy file may be (2 GiB)");
  }

  void add_table(const std::vector<uint8_t>& table, OpRecord* record) {
    record->weights_offset = (uint32_t)weights_.size();
    record->weights_bytes = (uint32_t)table.size();
    weights_.insert(weights_.end(), table.begin(), table.end());
  }

  const Value& value(ValueId id) const { return network_.values[(size_t)id]; }

  // In the scratch, transformed weights take the place of expanded ones.
  void add_winograd_rows(const PlannedOp& op) {
    const uint64_t alphas =
        (uint64_t)winograd_alphas(op.params.dims[0], op.window.k_h) * winograd_alphas(op.params.dims[1], op.window.k_w);
    const uint32_t in_c = network_.values[(size_t)op.inputs[0]].shape.c;
    max_rows_ = std::max(max_rows_, (uint32_t)winograd_scratch_rows(alphas, in_c));
  }

  void add_labels() {
    for (const std::string& label : network_.labels) labels_.push_back(strings_.add(label));
  }

  ModelRecord model_record() {
    ModelRecord record = {};
    record.input_tensor = tensor_of_[(size_t)network_.input];
    record.output_tensor = tensor_of_[(size_t)network_.output];
    record.input_name = strings_.add(network_.input_name);
    record.output_name = strings_.add(network_.output_name);
    std::memcpy(record.mean, network_.preprocessing.mean, sizeof record.mean);
    std::memcpy(record.std, network_.preprocessing.std, sizeof record.std);
    record.resize = (uint8_t)Resize::kLegacyBilinear;
    record.normalize_first = network_.preprocessing.normalize_first;
    return record;
  }

  void begin_section(SectionKind kind, size_t bytes, size_t count) {
    align(&file_);
    table_.push_back({(uint32_t)kind, (uint32_t)file_.size(), (uint32_t)bytes, (uint32_t)count});
  }
  template <class Record>
  void add_records(SectionKind kind, const std::vector<Record>& records) {
    begin_section(kind, records.size() * sizeof(Record), records.size());
    const uint8_t* from = (const uint8_t*)records.data();
    file_.insert(file_.end(), from, from + records.size() * sizeof(Record));
  }

  // Weights are nearly all of the file and there may be more of them than fit into memory twice: the rest is put in
  // front of them and behind them, where reserve_weights() has left room.
  std::vector<uint8_t> assemble(const ModelRecord& model) {
    const size_t sections = names_.empty() ? 7 : 8;
    file_.resize(sizeof(FileHeader) + sections * sizeof(SectionEntry));
    add_records(SectionKind::kModel, std::vector<ModelRecord>{model});
    add_records(SectionKind::kTensors, tensors_);
    add_records(SectionKind::kOps, ops_);
    add_records(SectionKind::kSteps, plan_.steps);
    add_records(SectionKind::kLabels, labels_);
    begin_section(SectionKind::kStrings, strings_.bytes().size(), 0);
    file_.insert(file_.end(), strings_.bytes().begin(), strings_.bytes().end());
    begin_section(SectionKind::kWeights, weights_.size(), 0);
    weights_.insert(weights_.begin(), file_.begin(), file_.end());
    file_ = std::move(weights_);
    if (!names_.empty()) add_records(SectionKind::kNodeNames, names_);
    finish_header();
    return std::move(file_);
  }

  void finish_header() {
    FileHeader header = {};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.version_major = kVersionMajor;
    header.version_minor = kVersionMinor;
    header.section_count = (uint32_t)table_.size();
    header.arena_bytes = plan_.arena_bytes;
    header.max_rows = max_rows_;
    header.file_bytes = (uint32_t)file_.size();
    std::memcpy(file_.data(), &header, sizeof header);
    std::memcpy(file_.data() + sizeof header, table_.data(), table_.size() * sizeof(SectionEntry));
    const size_t first = offsetof(FileHeader, version_major);
    const uint32_t sum = checksum(file_.data() + first, file_.size() - first);
    std::memcpy(file_.data() + offsetof(FileHeader, checksum), &sum, sizeof sum);
  }

  const Network& network_;
  const Plan& plan_;
  WeightChoice choice_;
  std::vector<uint32_t> tensor_of_;  // per value
  Strings strings_;
  std::vector<TensorRecord> tensors_;
  std::vector<OpRecord> ops_;
  std::vector<uint32_t> labels_;
  std::vector<NodeNameRecord> names_;
  std::vector<uint8_t> weights_;
  uint32_t max_rows_ = 0;
  std::vector<SectionEntry> table_;
  std::vector<uint8_t> file_;
};

}  // namespace

std::vector<uint8_t> write_posy(const Network& network, const Plan& plan, WeightChoice choice) {
  return Writer(network, plan, choice).write();
}

}  // namespace posy
