// Random problems for kernels, and the one way in which tests run a kernel: in guarded memory, in bands, in parts.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/kernels.h"
#include "tests/kernels/guarded_memory.h"

namespace posy {

// Sanitizers make kernels an order of magnitude slower, and so do emulators (tests/cross).
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint32_t kSlowness = 10;
#elif defined(POSY_EMULATED)
constexpr uint32_t kSlowness = 8;
#else
constexpr uint32_t kSlowness = 1;
#endif

class Random {
 public:
  explicit Random(uint32_t seed) : bits_(seed) {}
  uint32_t between(uint32_t low, uint32_t high) { return low + (uint32_t)(bits_() % ((uint64_t)high - low + 1)); }
  bool one_in(uint32_t n) { return between(1, n) == 1; }
  float real(float low, float high) { return low + (high - low) * (float)(bits_() >> 8) / (float)(1 << 24); }

 private:
  std::mt19937 bits_;
};

// A kernel's arguments with every size set and no memory yet; inputs are dense, [h, w, c]. Codes of 8 bits are floats
// here, 0 ... 255, as they are in an Outcome.
template <class Args>
struct Trial {
  Args args = {};
  std::vector<std::vector<float>> inputs;
  std::vector<uint8_t> weights = {};
  // What the weights mean, for references: [rows, channels]; a channel makes (sum - center) * scale + bias. Of products
  // of bytes it is (sum + bias) * scale, before clamping.
  struct Channel {
    double bias, scale, center;
  };
  std::vector<double> weight_values = {};
  std::vector<Channel> channels = {};
};

// Where the tensors lie and how the work is cut. All zero: dense, whole, one task.
struct Layout {
  uint32_t in_gap = 0, out_gap = 0;  // elements between the channels of neighbouring pixels
  uint32_t band_rows = 0;            // output rows of one task; 0 is all
  uint32_t parts = 1;
  bool rings = false;           // tensors keep no more rows than a band needs, and these:
  uint32_t spare_rows = 0;      // with some, bands wrap around in their middle
  bool parts_reversed = false;  // the last part first
  int only_part = -1;           // 0 or more: run this one alone
  uint32_t scratch_factor = 1;  // how many times the scratch that a kernel may count on
  uint32_t weights_gap = 0;     // bytes between the weights and the forbidden page, a multiple of 4
};

inline Tensor dense_tensor(uint32_t h, uint32_t w, uint32_t c) {
  return {nullptr, h, w, c, c, h};
}

inline ByteTensor dense_codes(uint32_t h, uint32_t w, uint32_t c, uint8_t zero_point) {
  ByteTensor tensor = {};
  (TensorOf<uint8_t>&)tensor = {nullptr, h, w, c, c, h};
  tensor.zero_point = zero_point;
  return tensor;
}

// Pointers to Tensors, or to ByteTensors.
template <class Args>
auto inputs_of(Args& args) {
  if constexpr (requires { args.range_of; }) {
    return std::vector{&args.in, &args.range_of};
  } else if constexpr (requires { args.in; }) {
    return std::vector{&args.in};
  } else {
    return std::vector{&args.a, &args.b};
  }
}

// An op whose outputs are codes or floats has both tensors; that without rows is not used.
template <class Args>
constexpr bool kHasFloats = requires(Args args) {
  args.floats;
};

// Calls visit(the output).
template <class Args, class Visit>
void with_output(Args& args, Visit visit) {
  if constexpr (kHasFloats<Args>) {
    if (args.floats.ring_h != 0) return visit(args.floats);
  }
  visit(args.out);
}

// Bytes behind a pixel's last channel that a kernel may read.
template <class Args>
uint32_t bytes_beyond(const Args& args) {
  if constexpr (std::is_same_v<Args, Int8Conv2dArgs>) return whole_groups(args.in.c) - args.in.c;
  return 0;
}

template <class Args>
Window window_of(const Args& args) {
  if constexpr (requires { args.window; }) return args.window;
  return {1, 1, 1, 1, 1, 1, 0, 0};
}

// The input rows that output rows `rows` look at through a window.
inline Range rows_in_window(const Window& w, Range rows, uint32_t in_h) {
  const int64_t first = (int64_t)rows.begin * w.stride_h - w.pad_top;
  const int64_t last = (int64_t)(rows.end - 1) * w.stride_h - w.pad_top + (int64_t)(w.k_h - 1) * w.dilation_h;
  const auto inside = [&](int64_t y) { return (uint32_t)std::clamp<int64_t>(y, 0, in_h); };
  return {inside(first), std::max(inside(first), inside(last + 1))};
}

// Bands of `height` rows that have one of `rows`.
inline Range bands_with(Range rows, uint32_t height) {
  return {rows.begin / height, (rows.end + height - 1) / height};
}

// The rows of input `i` that output rows `rows` look at, or more.
template <class Args>
Range rows_needed(Args args, size_t i, Range rows) {
  const auto& in = *inputs_of(args)[i];
  if constexpr (std::is_same_v<Args, ResizeArgs> || std::is_same_v<Args, TransposeArgs>) return {0, in.h};
  if constexpr (requires { args.range_of; }) {
    if (i == 1) return {0, in.h};
  }
  if constexpr (std::is_same_v<Args, WinogradProductArgs>) {
    const Range bands = bands_with(rows, args.tiles.m_h * args.tiles.band_rows);
    return {bands.begin * args.tiles.alphas(), bands.end * args.tiles.alphas()};
  }
  if constexpr (std::is_same_v<Args, WinogradInputArgs>) {
    const WinogradTiles& t = args.tiles;
    const Range bands = bands_with(rows, t.alphas());
    const Window of_band = {t.k_h, 1, 1, 1, 1, 1, args.pad_top, 0};
    return rows_in_window(of_band, {bands.begin * t.m_h * t.band_rows, bands.end * t.m_h * t.band_rows}, in.h);
  }
  if constexpr (std::is_same_v<Args, PadArgs>) {
    if (args.mode != PadMode::constant) return {0, in.h};
    const auto row = [&](uint32_t y) {
      return (uint32_t)std::clamp<int64_t>((int64_t)y * args.stride_h - args.top, 0, in.h);
    };
    return {row(rows.begin), std::max(row(rows.begin), std::min(in.h, row(rows.end - 1) + 1))};
  }
  // One row for all of the output's, or all rows for one.
  if (in.h != args.out.h && !(requires { args.window; })) return {0, in.h};
  return rows_in_window(window_of(args), rows, in.h);
}

// What an op wants of the scratch, in rows of weights.
template <class Args>
uint32_t scratch_rows(const Args& args) {
  if constexpr (std::is_same_v<Args, WinogradProductArgs>) {
    return (uint32_t)winograd_scratch_rows(args.tiles.alphas(), args.in.c);
  } else if constexpr (requires { args.weights.type; }) {
    return args.weights.rows;
  }
  return 0;
}

// Ops that see their tensors as plain arrays.
template <class Args>
constexpr bool kTakesNoGaps = std::is_same_v<Args, TransposeArgs>;

inline std::vector<Range> bands_of(uint32_t h, uint32_t band_rows) {
  std::vector<Range> bands;
  const uint32_t step = band_rows == 0 ? h : band_rows;
  for (uint32_t y = 0; y < h; y += step) bands.push_back({y, std::min(h, y + step)});
  return bands;
}

// The only memory of a run; kept, because mapping it anew for every trial would take longer than the trial.
struct Workspace {
  GuardedMemory in[2] = {GuardedMemory(1 << 22), GuardedMemory(1 << 22)};
  GuardedMemory out{1 << 22}, weights{1 << 22}, scratch{1 << 22};
};

// `beyond` elements behind the last channel of the last pixel are there as well.
template <class T>
void place(TensorOf<T>* tensor, GuardedMemory* memory, uint32_t beyond, uint32_t gap, uint32_t ring_h) {
  tensor->pixel_stride = tensor->c + beyond + gap;
  tensor->ring_h = ring_h;
  tensor->data =
      (T*)memory->take((((size_t)ring_h * tensor->w - 1) * tensor->pixel_stride + tensor->c + beyond) * sizeof(T));
}

template <class T>
size_t elements_of(const TensorOf<T>& t) {
  return ((size_t)t.ring_h * t.w - 1) * t.pixel_stride + t.c;
}

// Copies rows between a tensor and dense [h, w, c].
template <bool kToTensor, class T, class Dense>
void copy_rows(const TensorOf<T>& t, Range rows, Dense& dense) {
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    for (uint32_t x = 0; x < t.w; ++x) {
      auto* flat = dense.data() + ((size_t)y * t.w + x) * t.c;
      T* pixel = t.row(y) + (size_t)x * t.pixel_stride;
      if constexpr (kToTensor) {
        std::copy(flat, flat + t.c, pixel);
      } else {
        std::copy(pixel, pixel + t.c, flat);
      }
    }
  }
}

struct Outcome {
  std::vector<float> out;  // dense
  bool stayed_inside = true;
};

// One task: everything in the output's memory but the lanes of these rows has to stay as it was.
template <class Args, class T>
void run_band(const KernelTable& table, Kernel<Args> kernel, const Args& args, const TensorOf<T>& out,
              const Layout& layout, Range rows, Workspace* space, Outcome* outcome) {
  std::vector<T> expected(out.data, out.data + elements_of(out));
  for (uint32_t i = 0; i < layout.parts; ++i) {
    const uint32_t part = layout.parts_reversed ? layout.parts - 1 - i : i;
    if (layout.only_part >= 0 && part != (uint32_t)layout.only_part) continue;
    const size_t scratch_floats = table.scratch_floats(scratch_rows(args)) * layout.scratch_factor;
    float* scratch = (float*)space->scratch.take(scratch_floats * sizeof(float));
    kernel(args, {rows, part, layout.parts, scratch, scratch_floats});
    outcome->stayed_inside &= space->scratch.front_is_intact();
  }
  for (uint32_t y = rows.begin; y < rows.end; ++y) {
    for (uint32_t x = 0; x < out.w; ++x) {
      const size_t at = (size_t)(out.row(y) - out.data) + (size_t)x * out.pixel_stride;
      std::copy(out.data + at, out.data + at + out.c, expected.data() + at);
    }
  }
  outcome->stayed_inside &= std::memcmp(expected.data(), out.data, expected.size() * sizeof(T)) == 0;
  copy_rows<false>(out, rows, outcome->out);
}

template <class Args>
Outcome run(const KernelTable& table, Kernel<Args> KernelTable::*kernel, const Trial<Args>& trial, const Layout& layout,
            Workspace* space) {
  Args args = trial.args;
  const std::vector<Range> bands = bands_of(args.out.h, layout.band_rows);
  const auto inputs = inputs_of(args);
  const bool plain = kTakesNoGaps<Args>, rings = layout.rings && !plain;
  for (size_t i = 0; i < inputs.size(); ++i) {
    uint32_t live_rows = 1;
    for (const Range band : bands) {
      const Range need = rows_needed(args, i, band);
      live_rows = std::max(live_rows, need.end - need.begin);
    }
    const uint32_t h = inputs[i]->h;
    place(inputs[i], &space->in[i], bytes_beyond(args), plain ? 0 : layout.in_gap,
          rings ? std::min(h, live_rows + layout.spare_rows) : h);
  }
  with_output(args, [&](auto& out) {
    place(&out, &space->out, 0, plain ? 0 : layout.out_gap,
          rings ? std::min(out.h, bands[0].end + layout.spare_rows) : out.h);
  });
  const uint8_t* bytes = space->weights.copy_of(trial.weights.data(), trial.weights.size(), layout.weights_gap);
  if constexpr (requires { args.table; }) args.table = bytes;
  if constexpr (requires { args.weights.pairs_are_small; }) args.weights.panels = bytes;
  if constexpr (requires { args.weights.type; }) {
    const bool has_table = args.weights.type == WeightType::u8_table;
    args.weights.table = has_table ? (const float*)bytes : nullptr;
    args.weights.panels = bytes + (has_table ? kTableBytes : 0);
  }

  Outcome outcome;
  outcome.out.resize((size_t)args.out.h * args.out.w * args.out.c);
  uint32_t made[2] = {0, 0};
  for (const Range band : bands) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const uint32_t until = rings ? rows_needed(args, i, band).end : inputs[i]->h;
      copy_rows<true>(*inputs[i], {made[i], until}, trial.inputs[i]);
      made[i] = std::max(made[i], until);
    }
    with_output(args, [&](auto& out) { run_band(table, table.*kernel, args, out, layout, band, space, &outcome); });
  }
  outcome.stayed_inside &= space->out.front_is_intact() && space->in[0].front_is_intact();
  if (inputs.size() > 1) outcome.stayed_inside &= space->in[1].front_is_intact();
  return outcome;
}

// Equal bits; any NaN equals any other, because which of two NaNs a sum keeps is the compiler's choice.
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != a[i] && b[i] != b[i]) continue;
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) return false;
  }
  return true;
}

}  // namespace posy
