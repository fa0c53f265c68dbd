#include "loaders/network_runner.h"

#include <algorithm>
#include <cstring>

#include "loaders/error.h"
#include "loaders/int8_codes.h"
#include "loaders/plan.h"
#include "loaders/write_posy.h"

namespace posy {

NetworkRunner::NetworkRunner(const Network& network, WeightChoice weights) {
  Network planned = network;
  const Plan plan = make_plan(&planned, false);
  for (const PlannedOp& op : plan.ops) made_by_op_.push_back(op.output);
  posy_ = write_posy(planned, plan, weights);
  posy_needs needs;
  posy_status status = posy_need(posy_.data(), posy_.size(), nullptr, &needs);
  if (status == POSY_OK) {
    memory_ = std::make_unique<uint8_t[]>(needs.memory_bytes);
    status = posy_open(&engine_, posy_.data(), posy_.size(), memory_.get(), needs.memory_bytes, nullptr);
  }
  if (status != POSY_OK) throw InputError("the network cannot be run: " + std::string(posy_status_text(status)));
}

std::vector<float> NetworkRunner::input_of(const Image& image) {
  posy_image pixels = {};
  pixels.format = POSY_RGB;
  pixels.width = image.width;
  pixels.height = image.height;
  pixels.plane[0] = image.rgb.data();
  pixels.stride[0] = (size_t)image.width * 3;
  if (const posy_status status = posy_set_image(&engine_, &pixels)) throw InputError(posy_status_text(status));
  const posy_shape shape = posy_input_shape(&engine_);
  const float* input = posy_input(&engine_);
  return {input, input + (size_t)shape.h * shape.w * shape.c};
}

int NetworkRunner::observe(void* self, const posy_progress* progress) {
  const NetworkRunner& runner = *(const NetworkRunner*)self;
  (*runner.observer_)({runner.made_by_op_[progress->op], *progress});
  return 0;
}

std::vector<float> NetworkRunner::run(const std::vector<float>& input, const Observer& observer) {
  posy_codes codes;
  if (uint8_t* to = posy_input_codes(&engine_, &codes)) {
    Value value;
    value.scale = codes.scale;
    value.zero_point = codes.zero_point;
    const uint32_t c = posy_input_shape(&engine_).c;
    for (size_t i = 0; i < input.size(); ++i) to[i / c * codes.pixel_stride + i % c] = nearest_code(input[i], value);
  } else {
    std::memcpy(posy_input(&engine_), input.data(), input.size() * sizeof(float));
  }
  observer_ = &observer;
  posy_set_observer(&engine_, observer ? observe : nullptr, this);
  if (const posy_status status = posy_run(&engine_)) throw InputError(posy_status_text(status));
  const float* scores = posy_scores(&engine_);
  return {scores, scores + posy_class_count(&engine_)};
}

}  // namespace posy
