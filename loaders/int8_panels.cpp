#include "loaders/int8_panels.h"

#include <cstdlib>
#include <cstring>

namespace posy {

std::vector<int> int8_row_order(const Window& window, uint32_t in_c) {
  std::vector<int> order;
  if (in_c > 0) {
    for (uint32_t tap = 0; tap < window.k_h * window.k_w; ++tap) {
      for (uint32_t c = 0; c < whole_groups(in_c); ++c) order.push_back(c < in_c ? (int)(tap * in_c + c) : -1);
    }
    return order;
  }
  constexpr uint32_t kRows[kGroupRows] = {0, 2, 1, 3};  // depthwise_row() in int8_depthwise_conv_2d.hpp
  for (uint32_t j = 0; j < window.k_w; ++j) {
    for (uint32_t i = 0; i < whole_groups(window.k_h); ++i) {
      const uint32_t row = i / kGroupRows * kGroupRows + kRows[i % kGroupRows];
      order.push_back(row < window.k_h ? (int)(row * window.k_w + j) : -1);
    }
  }
  return order;
}

namespace {

void write_wide(const Int8Layer& layer, const Int8Layer::Wide& wide, const std::vector<int>& order,
                std::vector<uint8_t>* bytes) {
  const size_t start = bytes->size();
  bytes->resize(start + int8_wide_bytes(order.size()), 0);
  uint8_t* to = bytes->data() + start;
  std::memcpy(to, &wide.channel, sizeof wide.channel);
  std::memcpy(to + 4, &layer.start[wide.channel], sizeof(int32_t));
  std::memcpy(to + 8, &layer.multiplier[wide.channel], sizeof(float));
  for (size_t row = 0; row < order.size(); ++row) {
    const int16_t weight = order[row] < 0 ? (int16_t)0 : wide.weights[(size_t)order[row]];
    std::memcpy(to + kInt8WideHeaderBytes + row * sizeof weight, &weight, sizeof weight);
  }
}

}  // namespace

bool write_int8_panels(const Int8Layer& layer, const Window& window, uint32_t in_c, std::vector<uint8_t>* bytes) {
  const std::vector<int> order = int8_row_order(window, in_c);
  const size_t channels = layer.start.size(), start = bytes->size();
  bytes->resize(start + int8_weight_bytes(order.size(), channels), 0);
  bool pairs_are_small = true;
  for (size_t c = 0; c < channels; ++c) {
    uint8_t* panel = bytes->data() + start + c / kPanelLanes * int8_panel_bytes(order.size());
    const size_t lane = c % kPanelLanes;
    const auto header = [&](size_t vector) { return panel + (vector * kPanelLanes + lane) * sizeof(int32_t); };
    int32_t sum = 0;
    int last = 0;
    for (size_t row = 0; row < order.size(); ++row) {
      const int weight = order[row] < 0 ? 0 : layer.weights[(size_t)order[row] * channels + c];
      panel[kInt8HeaderBytes + row / kGroupRows * kGroupBytes + lane * kGroupRows + row % kGroupRows] = (uint8_t)weight;
      sum += weight;
      if (row % 2 == 1 && std::abs(last) + std::abs(weight) > 128) pairs_are_small = false;
      last = weight;
    }
    std::memcpy(header(0), &layer.start[c], sizeof(int32_t));
    std::memcpy(header(1), &layer.multiplier[c], sizeof(float));
    std::memcpy(header(2), &sum, sizeof sum);
  }
  for (const Int8Layer::Wide& wide : layer.wide) write_wide(layer, wide, order, bytes);
  return pairs_are_small;
}

}  // namespace posy
