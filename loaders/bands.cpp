#include "loaders/bands.h"

#include <algorithm>

#include "kernels/winograd_transforms.hpp"
#include "loaders/plan.h"

namespace posy {
namespace {

// Weights that stay in a first-level cache while all pixels of a step pass over them; larger ones are read again for
// every step, and a step has to be worth that: so many tiles of pixels.
constexpr uint64_t kCachedWeightBytes = 32 * 1024;
constexpr uint64_t kPixelsPerStep = 56, kPixelsForLargeWeights = 112;

bool works_by_rows(OpKind kind) {
  switch (kind) {
    case OpKind::conv_2d:
    case OpKind::depthwise_conv_2d:
    case OpKind::average_pool:
    case OpKind::max_pool:
    case OpKind::binary:
    case OpKind::unary:
    case OpKind::copy:
    case OpKind::winograd_input:
    case OpKind::winograd_product:
    case OpKind::int8_conv_2d:
    case OpKind::int8_depthwise_conv_2d:
    case OpKind::int8_average_pool:
    case OpKind::int8_max_pool:
    case OpKind::int8_binary:
    case OpKind::int8_map:
    case OpKind::int8_encode:
    case OpKind::int8_decode:
      return true;
    default:
      return false;
  }
}

uint64_t weight_bytes_of(const PlannedOp& op) {
  if (op.int8) return op.int8->weights.size();
  return op.weights ? op.weights->values->floats.size() * sizeof(float) : 0;
}

// Of the halves of a Winograd convolution: rows of transformed values in a band, and the rows of outputs it becomes.
uint32_t winograd_alphas(const PlannedOp& op) {
  return winograd_alphas(op.params.dims[0], op.window.k_h) * winograd_alphas(op.params.dims[1], op.window.k_w);
}
uint32_t winograd_band_outputs(const PlannedOp& op) {
  return (uint32_t)op.params.dims[0] * op.params.dims[2];
}

// Bands of `rows` rows that have one of `all`.
Range bands_of(Range all, uint32_t rows) {
  return {all.begin / rows, divide_up(all.end, rows)};
}

Range inputs_of_bands(const PlannedOp& op, Range bands, uint32_t in_h) {
  const int64_t rows = winograd_band_outputs(op), halo = (int64_t)op.window.k_h - 1;
  const auto inside = [&](int64_t y) { return (uint32_t)std::clamp<int64_t>(y - op.window.pad_top, 0, in_h); };
  return {inside(bands.begin * rows), inside(bands.end * rows + halo)};
}

class Scheduler {
 public:
  Scheduler(const Network& network, const std::vector<PlannedOp>& ops, const std::vector<bool>& may_be_ring)
      : network_(network), ops_(ops), uses_(network.values.size(), 0) {
    for (const PlannedOp& op : ops) {
      for (const ValueId input : op.inputs) ++uses_[(size_t)input];
    }
    for (size_t i = 0; i + 1 < ops.size(); ++i) linkable_.push_back(is_linkable(i, may_be_ring));
    linkable_.push_back(false);
  }

  // Whether what op i makes goes to op i + 1 alone, row by row.
  bool is_linkable(size_t i, const std::vector<bool>& may_be_ring) const {
    const ValueId value = ops_[i].output;
    if (!may_be_ring[(size_t)value] || uses_[(size_t)value] != 1) return false;
    if (!works_by_rows(ops_[i].kind) || !works_by_rows(ops_[i + 1].kind)) return false;
    const std::vector<ValueId>& inputs = ops_[i + 1].inputs;
    if (std::find(inputs.begin(), inputs.end(), value) == inputs.end()) return false;
    return ops_[i + 1].has_window || shape(value).h == shape(ops_[i + 1].output).h;
  }

  Schedule make(BandChoice choice) {
    Schedule schedule;
    schedule.ring_h.assign(network_.values.size(), 0);
    for (size_t first = 0; first < ops_.size();) {
      size_t last = first;
      while (linkable_[last] && (is_first_half(last) || bytes(ops_[last].output) >= choice.least_value_bytes)) ++last;
      add_group(first, last, choice, &schedule);
      first = last + 1;
    }
    return schedule;
  }

  std::vector<uint64_t> linkable_bytes() const {
    std::vector<uint64_t> sizes;
    for (size_t i = 0; i < ops_.size(); ++i) {
      if (linkable_[i] && !is_first_half(i)) sizes.push_back(bytes(ops_[i].output));
    }
    return sizes;
  }

 private:
  const Shape& shape(ValueId id) const { return network_.values[(size_t)id].shape; }
  uint64_t element_bytes(ValueId id) const { return network_.values[(size_t)id].element_bytes(); }
  uint64_t bytes(ValueId id) const { return shape(id).elements() * element_bytes(id); }
  uint32_t rows_of(size_t op) const { return shape(ops_[op].output).h; }

  // The two halves of a Winograd convolution always take turns: what is between them is a ring of one of its own bands.
  bool is_first_half(size_t op) const { return ops_[op].kind == OpKind::winograd_input; }
  bool is_second_half(size_t op) const { return ops_[op].kind == OpKind::winograd_product; }

  // Rows that an op makes to have so many: its second half makes whole bands.
  uint32_t whole_bands(size_t op, uint32_t rows) const {
    if (!is_second_half(op)) return rows;
    const uint32_t outputs = winograd_band_outputs(ops_[op]);
    return std::min(rows_of(op), divide_up(rows, outputs) * outputs);
  }

  size_t linked_input(size_t op) const {
    const std::vector<ValueId>& inputs = ops_[op].inputs;
    return (size_t)(std::find(inputs.begin(), inputs.end(), ops_[op - 1].output) - inputs.begin());
  }

  // Rows of its input that an op takes for so many more: those of the halo are in the ring.
  uint32_t rows_before(size_t op, uint32_t rows) const {
    const PlannedOp& of = ops_[op];
    if (is_first_half(op)) return rows / winograd_alphas(of) * winograd_band_outputs(of);
    if (is_second_half(op)) return whole_bands(op, rows) * winograd_alphas(of) / winograd_band_outputs(of);
    return rows * (of.has_window ? of.window.stride_h : 1);
  }

  // Rows of the group's last op that a band makes.
  uint32_t band_rows(size_t first, size_t last, BandChoice choice) const {
    uint32_t rows = 1;
    for (; rows < rows_of(last); ++rows) {
      // Grow until the largest band is large enough and no op has too few pixels.
      uint64_t largest = 0;
      bool is_worth_it = true;
      Range band = {0, rows};
      for (size_t i = last;; --i) {
        const Shape& out = shape(ops_[i].output);
        const uint64_t weights = weight_bytes_of(ops_[i]);
        const uint64_t pixels = (uint64_t)(band.end - band.begin) * out.w;
        const uint64_t least = weights > kCachedWeightBytes ? kPixelsForLargeWeights : kPixelsPerStep;
        if (pixels < least) is_worth_it = false;
        if (is_second_half(i) && band.end < std::min(winograd_band_outputs(ops_[i]), out.h)) is_worth_it = false;
        if (i != last && !is_first_half(i))
          largest =
              std::max(largest, (uint64_t)(band.end - band.begin) * out.w * out.c * element_bytes(ops_[i].output));
        if (i == first) break;
        band = {0, std::min(rows_before(i, band.end), rows_of(i - 1))};
      }
      if (is_worth_it && largest * 2 > choice.band_bytes) break;
    }
    return rows;
  }

  void add_group(size_t first, size_t last, BandChoice choice, Schedule* schedule) {
    const uint32_t h = rows_of(last), band = first == last ? h : band_rows(first, last, choice);
    std::vector<uint32_t> done(last - first + 1, 0), needed(last - first + 1, 0);
    for (uint32_t end = band; done.back() < h; end += band) {
      needed.back() = std::min(whole_bands(last, std::max(end, done.back())), h);
      for (size_t i = last; i > first; --i) {
        const Range out = {done[i - first], needed[i - first]};
        const Range in = out.begin < out.end ? rows_needed(network_, ops_[i], linked_input(i), out) : Range{0, 0};
        // The last band makes what nobody needs, too: a layer that is looked at is whole.
        const uint32_t rows = needed.back() == h ? rows_of(i - 1) : std::max(done[i - 1 - first], in.end);
        needed[i - 1 - first] = whole_bands(i - 1, rows);
      }
      for (size_t i = first; i <= last; ++i) {
        const Range made = {done[i - first], needed[i - first]};
        if (made.begin == made.end) continue;
        if (i < last) keep_rows(i, made, done[i + 1 - first], schedule);
        if (!is_second_half(i)) add_steps(i, made, schedule);
        done[i - first] = made.end;
      }
    }
  }

  void add_steps(size_t i, Range made, Schedule* schedule) const {
    if (!is_first_half(i)) {
      schedule->steps.push_back({(uint32_t)i, made.begin, made.end, 0});
      return;
    }
    const uint32_t alphas = winograd_alphas(ops_[i]), outputs = winograd_band_outputs(ops_[i]);
    for (uint32_t band = made.begin / alphas; band < made.end / alphas; ++band) {
      schedule->steps.push_back({(uint32_t)i, band * alphas, (band + 1) * alphas, 0});
      schedule->steps.push_back({(uint32_t)i + 1, band * outputs, std::min((band + 1) * outputs, rows_of(i + 1)), 0});
    }
    schedule->ring_h[(size_t)ops_[i].output] = alphas;
  }

  // The ring behind op i holds the rows that it makes next and those that the op after it, which has made `consumed`
  // rows, still needs.
  void keep_rows(size_t i, Range made, uint32_t consumed, Schedule* schedule) const {
    uint32_t& ring = schedule->ring_h[(size_t)ops_[i].output];
    uint32_t oldest = made.begin;
    if (consumed < rows_of(i + 1)) {
      const Range next = rows_needed(network_, ops_[i + 1], linked_input(i + 1), {consumed, consumed + 1});
      oldest = std::min(oldest, next.begin);
    }
    ring = std::max(ring, made.end - oldest);
  }

  const Network& network_;
  const std::vector<PlannedOp>& ops_;
  std::vector<int> uses_;       // per value
  std::vector<bool> linkable_;  // per op: with the next one
};

}  // namespace

Range rows_needed(const Network& network, const PlannedOp& op, size_t index, Range out) {
  const Shape& in = network.values[(size_t)op.inputs[index]].shape;
  if (op.kind == OpKind::winograd_input) return inputs_of_bands(op, bands_of(out, winograd_alphas(op)), in.h);
  if (op.kind == OpKind::winograd_product) {
    const Range bands = bands_of(out, winograd_band_outputs(op));
    return {bands.begin * winograd_alphas(op), bands.end * winograd_alphas(op)};
  }
  if (!works_by_rows(op.kind)) return {0, in.h};
  if (!op.has_window) return in.h == 1 ? Range{0, 1} : out;
  const Window& w = op.window;
  const int64_t first = (int64_t)out.begin * w.stride_h - w.pad_top;
  const int64_t last = (int64_t)(out.end - 1) * w.stride_h - w.pad_top + (int64_t)(w.k_h - 1) * w.dilation_h;
  const auto inside = [&](int64_t y) { return (uint32_t)std::clamp<int64_t>(y, 0, in.h); };
  return {inside(first), inside(last + 1)};
}

Schedule make_schedule(const Network& network, const std::vector<PlannedOp>& ops, const std::vector<bool>& may_be_ring,
                       BandChoice choice) {
  return Scheduler(network, ops, may_be_ring).make(choice);
}

std::vector<uint64_t> linkable_bytes(const Network& network, const std::vector<PlannedOp>& ops,
                                     const std::vector<bool>& may_be_ring) {
  return Scheduler(network, ops, may_be_ring).linkable_bytes();
}

}  // namespace posy
