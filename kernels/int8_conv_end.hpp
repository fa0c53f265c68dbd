// Where the outputs of a run of pixels go.
#pragma once
#include "kernels/int8_ending.hpp"
#include "kernels/patch.hpp"

namespace posy {
namespace {

// Pixel m's outputs lie out_stride elements behind those of m - 1: as codes, or as floats if `codes` is null. Of their
// channels there are `lanes`, maybe ending inside the last panel.
struct Int8End {
  uint8_t* codes;
  float* floats;
  size_t out_stride;
  uint32_t lanes;
  Int8Ending ending;
};

template <class T>
inline size_t out_stride(const TensorOf<T>& out, const ConvRun& run) {
  return run.is_down ? out.row_stride() : out.pixel_stride;
}

inline Int8End int8_end(const Int8Conv2dArgs& args, const ConvRun& run, uint32_t channel, uint32_t lanes) {
  if (args.out.data) {
    uint8_t* codes = args.out.row(run.y) + (size_t)run.x * args.out.pixel_stride + channel;
    return {codes, nullptr, out_stride(args.out, run), lanes, args.ending};
  }
  float* floats = args.floats.row(run.y) + (size_t)run.x * args.floats.pixel_stride + channel;
  return {nullptr, floats, out_stride(args.floats, run), lanes, args.ending};
}

}  // namespace
}  // namespace posy
