#include "loaders/plan.h"

#include <algorithm>
#include <functional>

#include "loaders/arena.h"
#include "loaders/bands.h"
#include "loaders/error.h"
#include "loaders/int8_codes.h"

namespace posy {
namespace {

// The search for the best bands: how much memory one step's start and end are worth, and what is tried.
constexpr uint64_t kBytesWorthAStep = 4096;
constexpr size_t kMostThresholds = 12;
constexpr uint64_t kMostSlabs = 256;  // of a buffer: placing looks at every pair
constexpr uint64_t kSmallestBandBytes = 32 * 1024, kLargestBandBytes = 512 * 1024;

class Planner {
 public:
  Planner(Network* network, bool bands) : network_(*network), bands_(bands) {}

  Plan make() {
    for (const NetworkNode& node : network_.nodes) plan_node(node);
    find_roots();
    const Layout layout = best_layout();
    if (layout.arena_bytes > kMaxArenaBytes) {
      throw InputError("the network needs " + std::to_string(layout.arena_bytes >> 20) +
                       " MiB of activations, more than a .posy file may ask for");
    }
    plan_.arena_bytes = (uint32_t)layout.arena_bytes;
    plan_.steps = layout.schedule.steps;
    plan_.placements.resize(network_.values.size());
    for (ValueId id = 0; id < (ValueId)network_.values.size(); ++id) place_value(id, layout);
    return std::move(plan_);
  }

 private:
  // How a value lies in another one's buffer.
  struct Slice {
    ValueId of = -1;
    uint32_t channel = 0;
    bool reshaped = false;  // the same floats, other dims: has a pixel stride of its own
  };

  const Value& value(ValueId id) const { return network_.values[(size_t)id]; }
  const Shape& shape(ValueId id) const { return value(id).shape; }
  bool is_u8(ValueId id) const { return value(id).is_u8; }

  Slice& slice(ValueId id) {
    if (slices_.size() < network_.values.size()) slices_.resize(network_.values.size());
    return slices_[(size_t)id];
  }

  bool is_end(ValueId id) const { return id == network_.input || id == network_.output; }

  void plan_node(const NetworkNode& node) {
    switch (node.kind) {
      case NodeKind::kSlice:
        return plan_slice(node);
      case NodeKind::kReshape:
        return plan_reshape(node);
      case NodeKind::kConcat:
        return plan_concat(node);
      default:
        return is_u8(node.inputs[0]) ? plan_int8_op(node) : plan_op(node);
    }
  }

  static PlannedOp op_of(const NetworkNode& node) {
    PlannedOp op = {OpKind::copy, node.name, node.inputs, node.output};
    op.clamp = node.clamp;
    op.params = node.params;
    return op;
  }
  static void set_window(OpKind kind, const NetworkNode& node, PlannedOp* op) {
    op->kind = kind;
    op->has_window = true;
    op->window = node.window;
  }

  void plan_op(const NetworkNode& node) {
    PlannedOp op = op_of(node);
    const auto windowed = [&](OpKind kind, bool weights) {
      set_window(kind, node, &op);
      if (weights) op.weights = &node.weights;
    };
    switch (node.kind) {
      case NodeKind::kConv2d:
        windowed(OpKind::conv_2d, true);
        break;
      case NodeKind::kDepthwiseConv2d:
        windowed(OpKind::depthwise_conv_2d, true);
        break;
      case NodeKind::kAveragePool:
        windowed(OpKind::average_pool, false);
        break;
      case NodeKind::kMaxPool:
        windowed(OpKind::max_pool, false);
        break;
      case NodeKind::kPad:
        windowed(OpKind::pad, false);
        break;
      case NodeKind::kBinary:
        op.kind = OpKind::binary;
        break;
      case NodeKind::kUnary:
        op.kind = OpKind::unary;
        break;
      case NodeKind::kResize:
        op.kind = OpKind::resize;
        break;
      case NodeKind::kReduce:
        op.kind = OpKind::reduce;
        break;
      case NodeKind::kBatchProduct:
        op.kind = OpKind::batch_product;
        break;
      case NodeKind::kLocalResponseNorm:
        op.kind = OpKind::local_response_norm;
        break;
      case NodeKind::kQuantize:
        op.kind = OpKind::quantize;
        break;
      case NodeKind::kWinogradInput:
        windowed(OpKind::winograd_input, false);
        break;
      case NodeKind::kWinogradProduct:
        windowed(OpKind::winograd_product, true);
        break;
      case NodeKind::kSoftmax:
        op.kind = OpKind::softmax;
        break;
      case NodeKind::kEncode:
        op.kind = OpKind::int8_encode;
        op.params.param[0] = (float)(1 / (double)value(node.output).scale);
        op.clamp = {0, 255};
        break;
      case NodeKind::kClamp:
        break;
      case NodeKind::kTranspose:
        return plan_transpose(node, std::move(op));
      case NodeKind::kAffine:  // simplify() leaves none
        throw InputError("node '" + node.name + "' was not simplified");
      case NodeKind::kDecode:  // is of codes
      case NodeKind::kSlice:   // are planned above
      case NodeKind::kReshape:
      case NodeKind::kConcat:
        throw InputError("node '" + node.name + "' has no form for floats");
    }
    plan_.ops.push_back(std::move(op));
  }

  // The ops of codes. Where the output is codes too, the clamp's ends become codes.
  void plan_int8_op(const NetworkNode& node) {
    PlannedOp op = op_of(node);
    const Value &in = value(node.inputs[0]), &out = value(node.output);
    if (out.is_u8) op.clamp = clamp_codes(node.clamp, out);
    const auto windowed = [&](OpKind kind) {
      set_window(kind, node, &op);
      op.int8 = node.int8.get();
    };
    float* multiplier = op.params.param;
    switch (node.kind) {
      case NodeKind::kConv2d:
        windowed(OpKind::int8_conv_2d);
        break;
      case NodeKind::kDepthwiseConv2d:
        windowed(OpKind::int8_depthwise_conv_2d);
        break;
      case NodeKind::kAveragePool:
        windowed(OpKind::int8_average_pool);
        multiplier[0] = (float)((double)in.scale / out.scale);
        break;
      case NodeKind::kMaxPool:
        windowed(OpKind::int8_max_pool);
        break;
      case NodeKind::kBinary: {
        op.kind = OpKind::int8_binary;
        const double a = in.scale, b = value(node.inputs[1]).scale;
        const bool is_mul = node.params.function == (uint8_t)BinaryFunction::mul;
        const bool is_sub = node.params.function == (uint8_t)BinaryFunction::sub;
        if (is_sub) op.params.function = (uint8_t)Int8BinaryFunction::add;  // of the negative
        multiplier[0] = (float)((is_mul ? a * b : a) / out.scale);
        multiplier[1] = is_mul ? 0 : (float)((is_sub ? -b : b) / out.scale);
        break;
      }
      case NodeKind::kUnary:
      case NodeKind::kClamp:
        op.kind = OpKind::int8_map;
        op.table = map_of_codes(node, in, out);
        op.params = {};
        op.clamp = {-__builtin_inff(), __builtin_inff()};
        break;
      case NodeKind::kDecode:
        op.kind = OpKind::int8_decode;
        multiplier[0] = in.scale;
        break;
      default:
        throw InputError("node '" + node.name + "' has no form for 8-bit codes");
    }
    plan_.ops.push_back(std::move(op));
  }

  void add_copy(const std::string& name, ValueId from, ValueId to) {
    PlannedOp copy = {OpKind::copy, name, {from}, to};
    if (is_u8(from)) {
      copy.kind = OpKind::int8_map;
      for (int code = 0; code < 256; ++code) copy.table.push_back((uint8_t)code);
    }
    plan_.ops.push_back(std::move(copy));
  }

  // A new value with the shape of `like`.
  ValueId new_value(ValueId like, const std::string& name) {
    Value of = value(like);
    of.names = {name};
    return network_.add_value(std::move(of));
  }

  void plan_reshape(const NetworkNode& node) {
    ValueId from = node.inputs[0];
    // Only a tensor without gaps can be seen in another shape; the ends have memory of their own.
    if (slice(from).of >= 0 || is_end(from)) {
      const ValueId whole = new_value(from, node.name);
      add_copy(node.name, from, whole);
      from = whole;
    }
    if (is_end(node.output)) {
      const ValueId view = new_value(node.output, node.name);
      slice(view) = {from, 0, true};
      add_copy(node.name, view, node.output);
    } else {
      slice(node.output) = {from, 0, true};
    }
    is_whole_.push_back(from);
  }

  // A view of some channels. The ends have memory of their own.
  void plan_slice(const NetworkNode& node) {
    ValueId view = node.output;
    if (is_end(view)) {
      view = new_value(view, node.name);
      add_copy(node.name, view, node.output);
    }
    slice(view) = {node.inputs[0], node.params.dims[0], false};
  }

  // Reads and writes tensors without gaps.
  void plan_transpose(const NetworkNode& node, PlannedOp op) {
    if (slice(op.inputs[0]).of >= 0 && !slice(op.inputs[0]).reshaped) {
      const ValueId whole = new_value(op.inputs[0], node.name);
      add_copy(node.name, op.inputs[0], whole);
      op.inputs[0] = whole;
    }
    op.kind = OpKind::transpose;
    is_whole_.push_back(op.inputs[0]);
    is_whole_.push_back(op.output);
    plan_.ops.push_back(std::move(op));
  }

  void plan_concat(const NetworkNode& node) {
    uint32_t channel = 0;
    for (const ValueId input : node.inputs) {
      const bool whole = std::find(is_whole_.begin(), is_whole_.end(), input) != is_whole_.end();
      ValueId part = input;
      if (slice(input).of >= 0 || is_end(input) || whole) {
        part = new_value(input, node.name);
        add_copy(node.name, input, part);
      }
      slice(part) = {node.output, channel, false};
      channel += shape(input).c;
    }
  }

  // ---- Memory ----

  // One way to cut the ops into bands, and the memory that it takes.
  struct Layout {
    Schedule schedule;
    std::vector<Buffer> buffers;
    std::vector<int> buffer_of;  // per value, of the roots that are used; else -1
    uint64_t arena_bytes = 0;

    // Rows of a cache's worth are cheap, steps and memory are not.
    uint64_t cost() const { return arena_bytes + kBytesWorthAStep * schedule.steps.size(); }
  };

  void find_roots() {
    const size_t count = network_.values.size();
    slices_.resize(count);
    roots_.resize(count);
    is_alone_.assign(count, true);
    has_reshaped_view_.assign(count, false);
    for (ValueId id = 0; id < (ValueId)count; ++id) {
      ValueId root = id;
      bool reshaped = false;
      for (; slice(root).of >= 0; root = slice(root).of) reshaped |= slice(root).reshaped;
      roots_[(size_t)id] = root;
      if (root != id) is_alone_[(size_t)id] = is_alone_[(size_t)root] = false;
      if (reshaped) has_reshaped_view_[(size_t)root] = true;
      if (is_end(id)) is_alone_[(size_t)id] = false;
    }
    for (const ValueId id : is_whole_) is_alone_[(size_t)id] = false;
    is_used_.assign(count, false);
    is_used_[(size_t)network_.input] = is_used_[(size_t)network_.output] = true;
    for (const PlannedOp& op : plan_.ops) {
      for (const ValueId input : op.inputs) is_used_[(size_t)input] = true;
      is_used_[(size_t)op.output] = true;
    }
  }

  Layout best_layout() {
    std::vector<uint64_t> least = linkable_bytes(network_, plan_.ops, is_alone_);
    std::sort(least.begin(), least.end(), std::greater<>());
    least.erase(std::unique(least.begin(), least.end()), least.end());
    if (least.size() > kMostThresholds) least.resize(kMostThresholds);
    Layout best = schedule_of({kMaxArenaBytes + 1ull, 1});
    place(&best);
    if (!bands_) return best;
    for (const uint64_t bytes : least) {
      for (uint64_t band = kSmallestBandBytes; band <= kLargestBandBytes; band *= 2) {
        Layout other = schedule_of({bytes, band});
        if (other.cost() >= best.cost()) continue;  // by its steps alone
        place(&other);
        if (other.cost() < best.cost()) best = std::move(other);
      }
    }
    return best;
  }

  // Without its memory yet.
  Layout schedule_of(BandChoice choice) const {
    Layout layout;
    layout.schedule = make_schedule(network_, plan_.ops, is_alone_, choice);
    return layout;
  }

  void place(Layout* layout) const {
    layout->buffer_of.assign(network_.values.size(), -1);
    find_lives(layout);
    layout->arena_bytes = place_buffers(&layout->buffers);
  }

  uint32_t pixel_stride(ValueId root) const { return value(root).pixel_stride(); }

  uint32_t ring_h(ValueId root, const Schedule& schedule) const {
    const uint32_t ring = schedule.ring_h[(size_t)root];
    return ring == 0 ? shape(root).h : ring;
  }

  // The steps during which each row of each buffer is in use.
  void find_lives(Layout* layout) const {
    std::vector<std::vector<Slab>> rows(network_.values.size());  // per root, one for each row
    const auto touch = [&](ValueId id, Range range, int step) {
      const ValueId root = roots_[(size_t)id];
      std::vector<Slab>& lives = rows[(size_t)root];
      if (lives.empty()) lives.assign(shape(root).h, {0, 0, step, -2});
      if (has_reshaped_view_[(size_t)root]) range = {0, shape(root).h};
      for (uint32_t y = range.begin; y < range.end; ++y) {
        if (lives[y].last == -2) lives[y].first = step;
        lives[y].last = step;
      }
    };
    const auto touch_all = [&](ValueId id, int step) { touch(id, {0, shape(id).h}, step); };
    const std::vector<StepRecord>& steps = layout->schedule.steps;
    touch_all(network_.input, -1);
    for (int i = 0; i < (int)steps.size(); ++i) {
      const PlannedOp& op = plan_.ops[steps[(size_t)i].op];
      const Range made = {steps[(size_t)i].row_begin, steps[(size_t)i].row_end};
      for (size_t in = 0; in < op.inputs.size(); ++in) touch(op.inputs[in], rows_needed(network_, op, in, made), i);
      touch(op.output, made, i);
    }
    touch_all(network_.output, (int)steps.size());
    for (ValueId root = 0; root < (ValueId)rows.size(); ++root) {
      if (!rows[(size_t)root].empty()) add_buffer(root, rows[(size_t)root], layout);
    }
  }

  // Rows that live together make a slab, and so do some neighbours of a very tall map; a ring is one slab.
  void add_buffer(ValueId root, const std::vector<Slab>& rows, Layout* layout) const {
    const uint64_t row_bytes = (uint64_t)shape(root).w * pixel_stride(root) * value(root).element_bytes();
    const uint32_t kept = ring_h(root, layout->schedule);
    const bool is_ring = kept < rows.size();
    const uint64_t least_rows = (rows.size() - 1) / kMostSlabs + 1;
    Buffer buffer;
    buffer.first = rows[0].first;
    buffer.last = rows[0].last;
    for (uint64_t y = 0; y < rows.size(); ++y) {
      const Slab row = {y * row_bytes, (y + 1) * row_bytes, rows[y].first, rows[y].last};
      buffer.first = std::min(buffer.first, row.first);
      buffer.last = std::max(buffer.last, row.last);
      Slab* last = buffer.slabs.empty() ? nullptr : &buffer.slabs.back();
      const bool joins =
          last && (is_ring || y % least_rows != 0 || (last->first == row.first && last->last == row.last));
      if (joins) {
        last->first = std::min(last->first, row.first);
        last->last = std::max(last->last, row.last);
        last->end = row.end;
      } else {
        buffer.slabs.push_back(row);
      }
    }
    if (is_ring) buffer.slabs[0].end = kept * row_bytes;
    // A slice of codes may be read up to 3 bytes beyond.
    const uint64_t bytes = kept * row_bytes + (is_u8(root) ? kGroupRows - 1 : 0);
    buffer.bytes = (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    layout->buffer_of[(size_t)root] = (int)layout->buffers.size();
    layout->buffers.push_back(std::move(buffer));
  }

  void place_value(ValueId id, const Layout& layout) {
    Placement& placement = plan_.placements[(size_t)id];
    const ValueId root = roots_[(size_t)id];
    if (layout.buffer_of[(size_t)root] < 0 || !is_used_[(size_t)id]) return;
    uint64_t offset = layout.buffers[(size_t)layout.buffer_of[(size_t)root]].offset;
    ValueId at = id;
    for (; slice(at).of >= 0 && !slice(at).reshaped; at = slice(at).of)
      offset += slice(at).channel * value(id).element_bytes();
    placement.used = true;
    placement.offset = (uint32_t)offset;
    placement.pixel_stride = pixel_stride(at);
    placement.ring_h = ring_h(id, layout.schedule);
  }

  Network& network_;
  bool bands_;
  Plan plan_;
  std::vector<Slice> slices_;
  std::vector<ValueId> is_whole_;
  std::vector<ValueId> roots_;           // per value: whose buffer it lies in
  std::vector<bool> is_alone_;           // per value: nothing else lies in its buffer, and it may be a ring
  std::vector<bool> has_reshaped_view_;  // per root
  std::vector<bool> is_used_;            // per value: others, of nodes that the plan has no op for, take no place
};

}  // namespace

Plan make_plan(Network* network, bool bands) {
  return Planner(network, bands).make();
}

}  // namespace posy
