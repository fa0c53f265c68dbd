// For tests of the loaders: from a graph or a network to scores, through the real planner, writer and engine.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/model.h"
#include "loaders/error.h"
#include "loaders/graph.h"
#include "loaders/lower.h"
#include "loaders/plan.h"
#include "loaders/write_posy.h"
#include "tests/loaders/graph_writer.h"

namespace posy {

// A .posy file's bytes, open in an engine.
class EngineRunner {
 public:
  explicit EngineRunner(std::vector<uint8_t> posy) : posy_(std::move(posy)) {
    posy_needs needs;
    REQUIRE(posy_need(posy_.data(), posy_.size(), nullptr, &needs) == POSY_OK);
    memory_ = std::make_unique<uint8_t[]>(needs.memory_bytes);
    const posy_status opened =
        posy_open(&engine_, posy_.data(), posy_.size(), memory_.get(), needs.memory_bytes, nullptr);
    INFO(posy_status_text(opened), " at byte ", posy_error_byte(&engine_));
    REQUIRE(opened == POSY_OK);
    REQUIRE_FALSE(open_model(posy_.data(), posy_.size(), false, &model_));
  }
  EngineRunner(const EngineRunner&) = delete;
  EngineRunner& operator=(const EngineRunner&) = delete;

  const Model& model() const { return model_; }
  posy_engine* engine() { return &engine_; }
  size_t file_bytes() const { return posy_.size(); }

  std::vector<float> run(const std::vector<float>& input) {
    const posy_shape shape = posy_input_shape(&engine_);
    REQUIRE(input.size() == (size_t)shape.h * shape.w * shape.c);
    std::memcpy(posy_input(&engine_), input.data(), input.size() * sizeof(float));
    return run();
  }
  // With the input that the engine already has.
  std::vector<float> run() {
    REQUIRE(posy_run(&engine_) == POSY_OK);
    const float* scores = posy_scores(&engine_);
    return {scores, scores + posy_class_count(&engine_)};
  }

 private:
  std::vector<uint8_t> posy_;
  std::unique_ptr<uint8_t[]> memory_;
  posy_engine engine_ = {};
  Model model_ = {};
};

inline Network lowered(const GraphWriter& writer, const LowerOptions& options = {}) {
  return lower(parse_frozen_graph(writer.bytes(), "made.pb"), options);
}

inline std::vector<uint8_t> posy_bytes(Network network, WeightChoice choice = WeightChoice::kAuto) {
  const Plan plan = make_plan(&network);
  return write_posy(network, plan, choice);
}

// As lowered, without any folding: factors and sums per channel become depthwise convolutions of one pixel, which is
// what simplify() leaves of those that it cannot fold.
inline Network unfolded(Network network) {
  for (NetworkNode& node : network.nodes) {
    if (node.kind != NodeKind::kAffine) continue;
    const size_t channels = node.weights.line.size();
    node.kind = NodeKind::kDepthwiseConv2d;
    node.weights.values =
        std::make_shared<Array>(float_array({1, (int64_t)channels}, std::vector<float>(channels, 1.0f)));
  }
  return network;
}

inline Network simplified(Network network, bool keep_bottleneck = false) {
  simplify(&network, keep_bottleneck);
  return network;
}

inline std::vector<float> run_network(const Network& network, const std::vector<float>& input) {
  return EngineRunner(posy_bytes(unfolded(network))).run(input);
}

// The message with which `action` is refused; "" if it is not.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

inline bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("'", text, "' does not contain '", part, "'");
  return found;
}

inline std::vector<float> random_floats(size_t count, uint32_t seed, float low = -1, float high = 1) {
  std::minstd_rand random(seed + 1);
  std::vector<float> values(count);
  for (float& x : values) x = low + (high - low) * (float)(random() % 65536) / 65535.0f;
  return values;
}

// max |a - b|, relative to the largest value of b (at least 1e-3).
inline double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, largest = 1e-3;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(std::fabs((double)a[i] - b[i]) <= difference)) difference = std::fabs((double)a[i] - b[i]);
    largest = std::max(largest, std::fabs((double)b[i]));
  }
  return difference / largest;
}

}  // namespace posy
