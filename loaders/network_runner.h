// Runs a network on the spot, for those who measure what a change does to it.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "engine/posy.h"
#include "loaders/image.h"
#include "loaders/network.h"
#include "loaders/quantize.h"

namespace posy {

// Rows that the network has made of one of its values: elements lie pixel_stride apart, as in posy_progress.
struct MadeRows {
  ValueId value;
  const posy_progress& progress;

  // Calls visit(channel, x) for every element, codes as what they stand for.
  template <class Visit>
  void for_each(Visit visit) const {
    const uint32_t w = progress.shape.w, c = progress.shape.c;
    for (uint32_t pixel = 0; pixel < progress.contiguous_rows * w; ++pixel) {
      const size_t at = (size_t)pixel * progress.pixel_stride;
      for (uint32_t i = 0; i < c; ++i) {
        visit(i, progress.data ? progress.data[at + i]
                               : (float)(progress.codes[at + i] - progress.zero_point) * progress.scale);
      }
    }
  }
};

// Not to be moved: the engine points into it. One thread at a time.
class NetworkRunner {
 public:
  // Maps are made whole, so that observers see each row of every value once.
  NetworkRunner(const Network& network, WeightChoice weights);
  NetworkRunner(const NetworkRunner&) = delete;
  NetworkRunner& operator=(const NetworkRunner&) = delete;

  // The model's input of a photo, h * w * c floats: of a network whose input is floats.
  std::vector<float> input_of(const Image& image);

  // Scores of such an input, which becomes codes where this network's input is codes.
  using Observer = std::function<void(const MadeRows&)>;
  std::vector<float> run(const std::vector<float>& input, const Observer& observer = nullptr);

  size_t file_bytes() const { return posy_.size(); }

 private:
  static int observe(void* self, const posy_progress* progress);

  std::vector<uint8_t> posy_;
  std::vector<ValueId> made_by_op_;
  std::unique_ptr<uint8_t[]> memory_;
  posy_engine engine_ = {};
  const Observer* observer_ = nullptr;
};

}  // namespace posy
