#include "loaders/plan.h"

#include <algorithm>
#include <numeric>

#include "loaders/error.h"

namespace posy {
namespace {

constexpr uint64_t kAlignment = 64;

class Planner {
 public:
  explicit Planner(Network* network) : network_(*network) {}

  Plan make() {
    for (const NetworkNode& node : network_.nodes) plan_node(node);
    place();
    for (uint32_t i = 0; i < plan_.ops.size(); ++i) {
      plan_.steps.push_back({i, 0, shape(plan_.ops[i].output).h, 0});
    }
    return std::move(plan_);
  }

 private:
  // How a value lies in another one's buffer.
  struct Slice {
    ValueId of = -1;
    uint32_t channel = 0;
    bool reshaped = false;  // the same floats, other dims: has a pixel stride of its own
  };

  const Shape& shape(ValueId id) const { return network_.values[(size_t)id].shape; }

  Slice& slice(ValueId id) {
    if (slices_.size() < network_.values.size()) slices_.resize(network_.values.size());
    return slices_[(size_t)id];
  }

  bool is_end(ValueId id) const { return id == network_.input || id == network_.output; }

  void plan_node(const NetworkNode& node) {
    PlannedOp op = {OpKind::copy, node.name, node.inputs, node.output};
    op.clamp = node.clamp;
    op.params = node.params;
    const auto windowed = [&](OpKind kind, bool weights) {
      op.kind = kind;
      op.has_window = true;
      op.window = node.window;
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
      case NodeKind::kSoftmax:
        op.kind = OpKind::softmax;
        break;
      case NodeKind::kClamp:
        break;
      case NodeKind::kAffine:  // simplify() leaves none
        throw InputError("node '" + node.name + "' was not simplified");
      case NodeKind::kTranspose:
        plan_transpose(node, std::move(op));
        return;
      case NodeKind::kSlice:
        plan_slice(node);
        return;
      case NodeKind::kReshape:
        plan_reshape(node);
        return;
      case NodeKind::kConcat:
        plan_concat(node);
        return;
    }
    plan_.ops.push_back(std::move(op));
  }

  void add_copy(const std::string& name, ValueId from, ValueId to) {
    plan_.ops.push_back({OpKind::copy, name, {from}, to});
  }

  // A new value with the shape of `like`.
  ValueId new_value(ValueId like, const std::string& name) {
    const Shape of = shape(like);
    return network_.add_value({of, {name}});
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

  ValueId root_of(ValueId id) {
    while (slice(id).of >= 0) id = slice(id).of;
    return id;
  }

  struct Buffer {
    ValueId root = -1;
    int first = 0, last = 0;  // ops that touch it
    uint64_t bytes = 0, offset = 0;
  };

  void place() {
    std::vector<Buffer> buffers = lives();
    // Largest first, each at the lowest place that is free during its life.
    std::vector<size_t> by_size(buffers.size());
    std::iota(by_size.begin(), by_size.end(), 0);
    std::stable_sort(by_size.begin(), by_size.end(),
                     [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
    std::vector<const Buffer*> placed;
    uint64_t arena = 0;
    for (const size_t i : by_size) {
      Buffer& buffer = buffers[i];
      buffer.offset = lowest_free(buffer, placed);
      arena = std::max(arena, buffer.offset + buffer.bytes);
      placed.insert(std::upper_bound(placed.begin(), placed.end(), &buffer,
                                     [](const Buffer* a, const Buffer* b) { return a->offset < b->offset; }),
                    &buffer);
    }
    if (arena > kMaxArenaBytes) {
      throw InputError("the network needs " + std::to_string(arena >> 20) +
                       " MiB of activations, more than a .posy file may ask for");
    }
    plan_.arena_bytes = (uint32_t)arena;
    for (const Buffer& buffer : buffers) {
      for (ValueId id = 0; id < (ValueId)network_.values.size(); ++id) place_value(id, buffer);
    }
  }

  std::vector<Buffer> lives() {
    plan_.placements.resize(network_.values.size());
    std::vector<Buffer> buffers;
    std::vector<int> of_root(network_.values.size(), -1);
    const auto touch = [&](ValueId id, int op) {
      plan_.placements[(size_t)id].used = true;
      const ValueId root = root_of(id);
      int& at = of_root[(size_t)root];
      if (at < 0) {
        at = (int)buffers.size();
        const uint64_t bytes = shape(root).elements() * sizeof(float);
        buffers.push_back({root, op, op, (bytes + kAlignment - 1) / kAlignment * kAlignment, 0});
      }
      buffers[(size_t)at].last = op;
    };
    touch(network_.input, -1);
    for (int i = 0; i < (int)plan_.ops.size(); ++i) {
      for (const ValueId input : plan_.ops[(size_t)i].inputs) touch(input, i);
      touch(plan_.ops[(size_t)i].output, i);
    }
    touch(network_.output, (int)plan_.ops.size());
    return buffers;
  }

  static uint64_t lowest_free(const Buffer& buffer, const std::vector<const Buffer*>& placed) {
    uint64_t offset = 0;
    for (const Buffer* other : placed) {
      const bool lives_together = other->first <= buffer.last && buffer.first <= other->last;
      if (!lives_together || other->offset + other->bytes <= offset) continue;
      if (other->offset >= offset + buffer.bytes) break;
      offset = other->offset + other->bytes;
    }
    return offset;
  }

  void place_value(ValueId id, const Buffer& buffer) {
    Placement& placement = plan_.placements[(size_t)id];
    if (!placement.used || root_of(id) != buffer.root) return;
    uint64_t offset = buffer.offset;
    ValueId at = id;
    while (slice(at).of >= 0 && !slice(at).reshaped) {
      offset += slice(at).channel * sizeof(float);
      at = slice(at).of;
    }
    placement.offset = (uint32_t)offset;
    placement.pixel_stride = shape(at).c;
  }

  Network& network_;
  Plan plan_;
  std::vector<Slice> slices_;
  std::vector<ValueId> is_whole_;
};

}  // namespace

Plan make_plan(Network* network) {
  return Planner(network).make();
}

}  // namespace posy
