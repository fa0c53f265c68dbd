#include "apps/photo_team.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace posy {

uint32_t photo_threads(const Args& args) {
  if (const auto threads = args.number("threads", 1, POSY_MAX_THREADS)) return *threads;
  if (const char* variable = std::getenv("POSY_THREADS"); variable && *variable) return default_threads();
  return std::clamp(std::thread::hardware_concurrency(), 1u, POSY_MAX_THREADS);
}

PhotoTeam::PhotoTeam(const std::string& name, std::span<const uint8_t> posy, uint32_t threads)
    : posy_(posy), model_(checked_model(name, posy)), team_(threads), workers_(team_.size()) {
  for (Worker& worker : workers_) open(name, &worker);
}

void PhotoTeam::open(const std::string& name, Worker* worker) const {
  posy_options options = {};
  options.isa = wanted_isa();
  options.skip_checksum = 1;  // the model has just been checked
  posy_needs needs;
  posy_status status = posy_need(posy_.data(), posy_.size(), &options, &needs);
  if (status == POSY_OK) {
    worker->memory = std::make_unique<uint8_t[]>(needs.memory_bytes);
    status = posy_open(&worker->engine, posy_.data(), posy_.size(), worker->memory.get(), needs.memory_bytes, &options);
  }
  if (status == POSY_UNKNOWN_ISA) throw unknown_isa(options.isa);
  if (status != POSY_OK) throw InputError(name + ": " + posy_status_text(status));
}

const char* PhotoTeam::isa() const {
  return posy_engine_isa(&workers_[0].engine);
}

std::string PhotoTeam::label(uint32_t class_index) const {
  const char* label = posy_label(&workers_[0].engine, class_index);
  return label ? label : std::to_string(class_index);
}

PhotoResult PhotoTeam::run_photo(const std::function<Image()>& image_of, Worker* worker) const {
  PhotoResult result;
  const double start = now_ms();
  Image image;
  try {
    image = image_of();
    const posy_image pixels = pixels_of(image);
    if (const posy_status status = posy_set_image(&worker->engine, &pixels))
      throw InputError("a picture of " + std::to_string(image.width) + " x " + std::to_string(image.height) + ": " +
                       posy_status_text(status));
  } catch (const InputError& error) {
    result.error = error.what();
    return result;
  }
  result.width = image.width;
  result.height = image.height;
  const double decoded = now_ms();
  TensorWatch watch(model_, watched_, watches_alone_);
  if (watched_ != kNoIndex) watch.attach(&worker->engine);
  const posy_status status = posy_run(&worker->engine);
  posy_set_observer(&worker->engine, nullptr, nullptr);
  const bool is_stopped = watches_alone_ && status == POSY_CANCELLED;
  if (status != POSY_OK && !is_stopped) throw InputError(posy_status_text(status));
  result.decode_ms = decoded - start;
  result.run_ms = now_ms() - decoded;
  result.watched = watch.values();
  if (is_stopped) return result;
  const float* scores = posy_scores(&worker->engine);
  result.scores.assign(scores, scores + posy_class_count(&worker->engine));
  result.novelty = posy_novelty(&worker->engine);
  return result;
}

void PhotoTeam::run(size_t count, const std::function<std::string(size_t)>& path_of, const Done& done) {
  const auto named = [&](size_t i, PhotoResult&& result) {
    // What the engine says of a picture does not name its file.
    if (!result.error.empty() && result.error.rfind(path_of(i), 0) != 0) result.error.insert(0, path_of(i) + ": ");
    return done(i, std::move(result));
  };
  run_images(
      count, [&](size_t i) { return read_image(path_of(i)); }, named);
}

void PhotoTeam::run_images(size_t count, const std::function<Image(size_t)>& image_of, const Done& done) {
  std::atomic<size_t> next = 0;
  std::atomic<bool> goes_on = true;
  std::mutex one_at_a_time;
  std::exception_ptr thrown;
  team_.each([&](uint32_t t) {
    for (size_t i; goes_on && (i = next++) < count;) {
      try {
        PhotoResult result = run_photo([&] { return image_of(i); }, &workers_[t]);
        const std::lock_guard lock(one_at_a_time);
        if (goes_on && !done(i, std::move(result))) goes_on = false;
      } catch (...) {
        const std::lock_guard lock(one_at_a_time);
        if (!thrown) thrown = std::current_exception();
        goes_on = false;
      }
    }
  });
  if (thrown) std::rethrow_exception(thrown);
}

void PhotoTeam::spread(size_t count, const std::function<void(size_t)>& task) {
  std::atomic<size_t> next = 0;
  team_.each([&](uint32_t) {
    for (size_t i; (i = next++) < count;) task(i);
  });
}

std::vector<std::vector<float>> PhotoTeam::all_tensors(const Image& image) {
  posy_engine* engine = &workers_[0].engine;
  AllTensorsWatch watch(model_);
  const posy_image pixels = pixels_of(image);
  posy_status status = posy_set_image(engine, &pixels);
  watch.attach(engine);
  if (status == POSY_OK) status = posy_run(engine);
  posy_set_observer(engine, nullptr, nullptr);
  if (status != POSY_OK) throw InputError(posy_status_text(status));
  return watch.take();
}

}  // namespace posy
