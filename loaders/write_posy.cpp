#include "loaders/write_posy.h"

#include <algorithm>
#include <cstring>

#include "engine/format.h"
#include "kernels/winograd_transforms.hpp"
#include "loaders/error.h"
#include "loaders/int8_panels.h"
#include "loaders/posy_file.h"

namespace posy {
namespace {

uint16_t to_u16(uint32_t x, const std::string& op) {
  if (x > kMaxWindow)
    throw InputError("node '" + printable_name(op) + "' has a window, stride, dilation or padding of " +
                     std::to_string(x) + "; a .posy file holds at most " + std::to_string(kMaxWindow));
  return (uint16_t)x;
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
    file_.record = model_record();
    file_.steps = plan_.steps;
    file_.arena_bytes = plan_.arena_bytes;
    return file_.take_bytes();
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
      tensor_of_[i] = (uint32_t)file_.tensors.size();
      for (size_t n = 1; n < value.names.size(); ++n)
        file_.names.push_back({tensor_of_[i], file_.strings.add(value.names[n])});
      const ElementType type = value.is_u8 ? ElementType::kU8 : ElementType::kF32;
      file_.tensors.push_back({placement.offset, s.h, s.w, s.c, placement.pixel_stride, placement.ring_h,
                               file_.strings.add(value.names[0]), (uint8_t)type, value.zero_point, 0, value.scale});
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
    file_.weights.reserve(std::min<size_t>(bytes, kMaxFileBytes));
  }

  void add_ops() {
    for (const PlannedOp& op : plan_.ops) {
      OpRecord record = {};
      record.kind = (uint16_t)op.kind;
      record.name = file_.strings.add(op.name);
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
      file_.ops.push_back(record);
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
    record->weights_offset = (uint32_t)file_.weights.size();
    record->weight_type = (uint8_t)encode_weights(weights, choice_, &file_.weights);
    record->weights_bytes = (uint32_t)(file_.weights.size() - record->weights_offset);
    if (file_.weights.size() > kMaxFileBytes)
      throw InputError("the weights are larger than a .posy file may be (2 GiB)");
    file_.max_rows = std::max(file_.max_rows, (uint32_t)(weights.values->floats.size() / weights.line.size()));
  }

  void add_int8_weights(const PlannedOp& op, OpRecord* record) {
    record->weights_offset = (uint32_t)file_.weights.size();
    record->weight_type = (uint8_t)WeightType::s8;
    const bool is_depthwise = op.kind == OpKind::int8_depthwise_conv_2d;
    const bool pairs_are_small =
        write_int8_panels(*op.int8, op.window, is_depthwise ? 0 : value(op.inputs[0]).shape.c, &file_.weights);
    record->function = pairs_are_small ? 1 : 0;
    record->dims[0] = to_u16((uint32_t)op.int8->wide.size(), op.name);
    record->weights_bytes = (uint32_t)(file_.weights.size() - record->weights_offset);
    if (file_.weights.size() > kMaxFileBytes)
      throw InputError("the weights are larger than a .posy file may be (2 GiB)");
  }

  void add_table(const std::vector<uint8_t>& table, OpRecord* record) {
    record->weights_offset = (uint32_t)file_.weights.size();
    record->weights_bytes = (uint32_t)table.size();
    file_.weights.insert(file_.weights.end(), table.begin(), table.end());
  }

  const Value& value(ValueId id) const { return network_.values[(size_t)id]; }

  // In the scratch, transformed weights take the place of expanded ones.
  void add_winograd_rows(const PlannedOp& op) {
    const uint64_t alphas =
        (uint64_t)winograd_alphas(op.params.dims[0], op.window.k_h) * winograd_alphas(op.params.dims[1], op.window.k_w);
    const uint32_t in_c = network_.values[(size_t)op.inputs[0]].shape.c;
    file_.max_rows = std::max(file_.max_rows, (uint32_t)winograd_scratch_rows(alphas, in_c));
  }

  void add_labels() {
    for (const std::string& label : network_.labels) file_.labels.push_back(file_.strings.add(label));
  }

  ModelRecord model_record() {
    ModelRecord record = {};
    record.input_tensor = tensor_of_[(size_t)network_.input];
    record.output_tensor = tensor_of_[(size_t)network_.output];
    record.input_name = file_.strings.add(network_.input_name);
    record.output_name = file_.strings.add(network_.output_name);
    std::memcpy(record.mean, network_.preprocessing.mean, sizeof record.mean);
    std::memcpy(record.std, network_.preprocessing.std, sizeof record.std);
    record.resize = (uint8_t)Resize::kLegacyBilinear;
    record.normalize_first = network_.preprocessing.normalize_first;
    return record;
  }

  const Network& network_;
  const Plan& plan_;
  WeightChoice choice_;
  std::vector<uint32_t> tensor_of_;  // per value
  PosyFile file_;
};

}  // namespace

std::vector<uint8_t> write_posy(const Network& network, const Plan& plan, WeightChoice choice) {
  return Writer(network, plan, choice).write();
}

}  // namespace posy
