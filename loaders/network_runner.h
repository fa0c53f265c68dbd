// Runs a network on the spot, for those who measure what a change does to it.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "loaders/network.h"
#include "loaders/plan.h"
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

// Whether a file's name ends like that of a JPEG, PNG, BMP or GIF file.
bool is_photo_name(const std::string& path);

// Such files in a folder and those below it, sorted; at most `most` of them, evenly chosen. Throws InputError if the
// folder cannot be read or has none.
std::vector<std::string> photos_of_folder(const std::string& folder, size_t most);

// The index of the greatest score.
size_t best_class(const std::vector<float>& scores);

// Not to be moved: the engine points into it. One thread at a time. Throws InputError where the network cannot be
// written or opened.
class NetworkRunner {
 public:
  // Maps are made whole, so that observers see each row of every value once.
  NetworkRunner(Network network, WeightChoice weights);
  NetworkRunner(const NetworkRunner&) = delete;
  NetworkRunner& operator=(const NetworkRunner&) = delete;

  // The model's input for each photo, h * w * c floats, of a network whose input is floats. Photos that cannot be read
  // are left out, with a note for each; throws InputError if there is no other.
  std::vector<std::vector<float>> inputs_of(const std::vector<std::string>& photos, std::vector<std::string>* notes);

  // Scores of such an input, which becomes codes where this network's input is codes. `observer` is called after each
  // step.
  using Observer = std::function<void(const MadeRows&)>;
  std::vector<float> run(const std::vector<float>& input, const Observer& observer = nullptr);

 protected:
  void set_input(const std::vector<float>& input);
  std::vector<float> run_with_input(const Observer& observer);

  Network network_;
  Plan plan_;
  Model model_ = {};
  posy_engine engine_ = {};

 private:
  static int observe(void* self, const posy_progress* progress);
  std::vector<float> input_of(const std::string& photo);

  std::vector<uint8_t> posy_;
  std::unique_ptr<uint8_t[]> memory_;
  const Observer* observer_ = nullptr;
};

}  // namespace posy
