// An engine whose model and memory end at forbidden pages: whatever a model says, an access outside is a crash.
#pragma once
#include <sys/mman.h>

#include <vector>

#include "tests/engine/model_builder.h"
#include "tests/kernels/guarded_memory.h"

namespace posy {

// Runs on an input that depends on the seed alone: the scores, or nothing if the run failed.
inline std::vector<float> run_engine(posy_engine* engine, float seed) {
  const posy_shape shape = posy_input_shape(engine);
  float* in = posy_input(engine);
  posy_codes codes;
  uint8_t* in_codes = in ? nullptr : posy_input_codes(engine, &codes);
  if (!in && !in_codes) return {};
  for (size_t i = 0; i < (size_t)shape.h * shape.w * shape.c; ++i) {
    seed = seed * 3.9f * (1 - seed);  // the logistic map: chaos in [0, 1]
    if (in) {
      in[i] = seed * 2 - 1;
    } else {
      in_codes[i / shape.c * codes.pixel_stride + i % shape.c] = (uint8_t)(seed * 255);
    }
  }
  if (posy_run(engine) != POSY_OK) return {};
  const float* out = posy_scores(engine);
  return {out, out + posy_class_count(engine)};
}

class GuardedEngine {
 public:
  explicit GuardedEngine(size_t most_model_bytes, size_t most_memory_bytes = 1 << 20)
      : most_memory_bytes_(most_memory_bytes), model_(most_model_bytes + 64), memory_(most_memory_bytes) {}

  // `gap` bytes lie between the model and its forbidden page.
  posy_status open(const std::vector<uint8_t>& file, const posy_options* options = nullptr, size_t gap = 0) {
    gap += (4 - (file.size() + gap) % 4) % 4;  // the start has to be a multiple of 4
    bytes_ = model_.copy_of(file.data(), file.size(), gap);
    posy_needs needs = {};
    const posy_status status = posy_need(bytes_, file.size(), options, &needs);
    need_bytes_ = needs.memory_bytes;
    if (status == POSY_OK && !fits()) return POSY_SMALL_MEMORY;
    if (status != POSY_OK) need_bytes_ = 0;
    memory_start_ = memory_.take(need_bytes_, 0);
    return posy_open(&engine, bytes_, file.size(), memory_start_, need_bytes_, options);
  }
  // The same place, length and memory once more, after the model's bytes were changed.
  posy_status open_again(size_t model_bytes) {
    return posy_open(&engine, bytes_, model_bytes, memory_start_, need_bytes_, nullptr);
  }
  // Models that ask for more are legal, but not for a test to run by the thousand.
  bool fits() const { return need_bytes_ <= most_memory_bytes_; }
  bool memory_is_intact() const { return memory_.front_is_intact(); }
  // From here on the model cannot be written; too slow to do for every damaged file.
  void make_model_read_only() { model_.protect(PROT_READ); }
  void make_model_writable() { model_.protect(PROT_READ | PROT_WRITE); }
  uint8_t* memory() const { return memory_start_; }
  size_t need_bytes() const { return need_bytes_; }
  uint8_t* model() const { return bytes_; }

  std::vector<float> scores(float seed = 0.25f) { return run_engine(&engine, seed); }

  posy_engine engine = {};

 private:
  size_t most_memory_bytes_;
  GuardedMemory model_, memory_;
  uint8_t *bytes_ = nullptr, *memory_start_ = nullptr;
  size_t need_bytes_ = 0;
};

// Multiply-adds of all steps, counted from the file by this test's own rule; a model that opened is well formed.
inline double macs_of(const std::vector<uint8_t>& file) {
  double macs = 0;
  const SectionEntry steps = section(file, SectionKind::kSteps);
  for (uint32_t i = 0; i < steps.count; ++i) {
    const auto step = get<StepRecord>(file, record_at(file, SectionKind::kSteps, i));
    const auto op = get<OpRecord>(file, record_at(file, SectionKind::kOps, step.op));
    const auto out = get<TensorRecord>(file, record_at(file, SectionKind::kTensors, op.out));
    const auto in = get<TensorRecord>(file, record_at(file, SectionKind::kTensors, op.in[0]));
    double each = op.k_h == 0 ? 1 : (double)op.k_h * op.k_w;
    if (op.kind == (uint16_t)OpKind::conv_2d || op.kind == (uint16_t)OpKind::batch_product) each *= in.c;
    if (op.kind == (uint16_t)OpKind::int8_conv_2d) each *= in.c;
    if (op.kind == (uint16_t)OpKind::reduce) each = (double)in.h * in.w * in.c / ((double)out.h * out.w * out.c);
    if (op.kind == (uint16_t)OpKind::local_response_norm) each = std::min(in.c, 2u * op.dims[0] + 1);
    if (op.kind == (uint16_t)OpKind::quantize) {
      const auto measured = get<TensorRecord>(file, record_at(file, SectionKind::kTensors, op.in[1]));
      macs += (double)measured.h * measured.w * measured.c;
    }
    macs += each * (step.row_end - step.row_begin) * out.w * out.c;
  }
  return macs;
}

}  // namespace posy
