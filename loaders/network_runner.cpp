#include "loaders/network_runner.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <filesystem>

#include "loaders/error.h"
#include "loaders/image.h"
#include "loaders/int8_codes.h"
#include "loaders/write_posy.h"

namespace posy {

bool is_photo_name(const std::string& path) {
  std::string suffix = std::filesystem::path(path).extension().string();
  std::transform(suffix.begin(), suffix.end(), suffix.begin(), [](unsigned char c) { return (char)std::tolower(c); });
  return suffix == ".jpg" || suffix == ".jpeg" || suffix == ".png" || suffix == ".bmp" || suffix == ".gif";
}

std::vector<std::string> photos_of_folder(const std::string& folder, size_t most) {
  std::vector<std::string> all, some;
  std::error_code error, ignored;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    // A link to nowhere is a photo that cannot be read; a pipe or a device would be waited for.
    const bool is_file = at->is_regular_file(ignored) || !at->exists(ignored);
    if (is_photo_name(at->path().string()) && is_file) all.push_back(at->path().string());
  }
  if (error) throw InputError(folder + ": cannot be read as a folder of photos: " + error.message());
  if (all.empty()) throw InputError(folder + ": no photos in this folder (.jpg, .jpeg, .png, .bmp, .gif)");
  std::sort(all.begin(), all.end());
  const size_t count = std::min(most, all.size());
  for (size_t i = 0; i < count; ++i) some.push_back(all[i * all.size() / count]);
  return some;
}

size_t best_class(const std::vector<float>& scores) {
  return (size_t)(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

NetworkRunner::NetworkRunner(Network network, WeightChoice weights) : network_(std::move(network)) {
  plan_ = make_plan(&network_, false);
  posy_ = write_posy(network_, plan_, weights);
  posy_needs needs;
  posy_status status = posy_need(posy_.data(), posy_.size(), nullptr, &needs);
  if (status == POSY_OK) {
    memory_ = std::make_unique<uint8_t[]>(needs.memory_bytes);
    status = posy_open(&engine_, posy_.data(), posy_.size(), memory_.get(), needs.memory_bytes, nullptr);
  }
  if (status != POSY_OK) throw InputError("the network cannot be run: " + std::string(posy_status_text(status)));
  open_model(posy_.data(), posy_.size(), true, &model_);
}

std::vector<float> NetworkRunner::input_of(const std::string& photo) {
  const Image image = read_image(photo);
  const posy_image pixels = pixels_of(image);
  if (const posy_status status = posy_set_image(&engine_, &pixels))
    throw InputError(photo + ": " + posy_status_text(status));
  const posy_shape shape = posy_input_shape(&engine_);
  const float* input = posy_input(&engine_);
  return {input, input + (size_t)shape.h * shape.w * shape.c};
}

std::vector<std::vector<float>> NetworkRunner::inputs_of(const std::vector<std::string>& photos,
                                                         std::vector<std::string>* notes) {
  std::vector<std::vector<float>> inputs;
  for (const std::string& photo : photos) {
    try {
      inputs.push_back(input_of(photo));
    } catch (const InputError& error) {
      notes->push_back("left out: " + std::string(error.what()));
    }
  }
  if (inputs.empty()) throw InputError("no photo could be read; " + notes->front());
  return inputs;
}

void NetworkRunner::set_input(const std::vector<float>& input) {
  posy_codes codes;
  uint8_t* const to = posy_input_codes(&engine_, &codes);
  if (!to) {
    std::copy(input.begin(), input.end(), posy_input(&engine_));
    return;
  }
  const Value& value = network_.values[(size_t)network_.input];
  const uint32_t c = value.shape.c;
  for (size_t i = 0; i < input.size(); ++i) to[i / c * codes.pixel_stride + i % c] = nearest_code(input[i], value);
}

int NetworkRunner::observe(void* self, const posy_progress* progress) {
  const NetworkRunner& runner = *(const NetworkRunner*)self;
  (*runner.observer_)({runner.plan_.ops[progress->op].output, *progress});
  return 0;
}

std::vector<float> NetworkRunner::run_with_input(const Observer& observer) {
  observer_ = &observer;
  posy_set_observer(&engine_, observer ? observe : nullptr, this);
  if (const posy_status status = posy_run(&engine_)) throw InputError(posy_status_text(status));
  const float* scores = posy_scores(&engine_);
  return {scores, scores + posy_class_count(&engine_)};
}

std::vector<float> NetworkRunner::run(const std::vector<float>& input, const Observer& observer) {
  set_input(input);
  return run_with_input(observer);
}

}  // namespace posy
