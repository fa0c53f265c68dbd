// Many photos through one model: a photo to a thread, each with an engine of its own over the same bytes.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/args.h"
#include "apps/session.h"
#include "loaders/tensor_watch.h"

namespace posy {

struct PhotoResult {
  std::string error;           // not empty: the photo could not be read; the rest is empty then
  std::vector<float> scores;   // in class order
  std::vector<float> watched;  // the tensor asked for, rows x columns x channels
  float novelty = 0;           // posy_novelty()
  uint32_t width = 0, height = 0;
  double decode_ms = 0, run_ms = 0;

  bool is_unknown() const { return novelty > 1; }
};

// --threads, else POSY_THREADS, else as many as there are processors: photos do not wait for each other.
uint32_t photo_threads(const Args& args);

class PhotoTeam {
 public:
  // `name` stands in messages. `posy` outlives this. Throws InputError where the model cannot be opened.
  PhotoTeam(const std::string& name, std::span<const uint8_t> posy, uint32_t threads);

  const Model& model() const { return model_; }
  uint32_t threads() const { return team_.size(); }
  const char* isa() const;
  // "daisy", or the index where the model has no labels.
  std::string label(uint32_t class_index) const;

  // From now on results have this tensor's values. `alone`: and nothing that is made behind it, no scores either.
  void watch(uint32_t tensor, bool alone = false) {
    watched_ = tensor;
    watches_alone_ = alone;
  }

  // Calls done(i, result) for each i below `count` once, in any order, one call at a time. done() returns whether to go
  // on; what it throws, and an error of a run, ends all threads and is thrown here.
  using Done = std::function<bool(size_t index, PhotoResult&& result)>;
  void run(size_t count, const std::function<std::string(size_t)>& path_of, const Done& done);
  // The same of pictures that are not in files, or that are read some other way: what image_of() throws as InputError
  // is the result's error.
  void run_images(size_t count, const std::function<Image(size_t)>& image_of, const Done& done);

  // Of one picture: every tensor's values, by its index; empty where no op makes it.
  std::vector<std::vector<float>> all_tensors(const Image& image);

  // Calls task(0) ... task(count - 1), which throw nothing, on the same threads.
  void spread(size_t count, const std::function<void(size_t)>& task);

 private:
  struct Worker {
    std::unique_ptr<uint8_t[]> memory;
    posy_engine engine;
  };
  void open(const std::string& name, Worker* worker) const;
  PhotoResult run_photo(const std::function<Image()>& image_of, Worker* worker) const;

  std::span<const uint8_t> posy_;
  Model model_;
  Team team_;
  uint32_t watched_ = kNoIndex;
  bool watches_alone_ = false;
  std::vector<Worker> workers_;
};

}  // namespace posy
