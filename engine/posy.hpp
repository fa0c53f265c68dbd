/* Posy for C++17: posy.h with owners for its memory, and exceptions. Header only.
 *
 *     const posy::Model model = posy::Model::read("flowers.posy");   // or of bytes in memory: copy_of(), borrow()
 *     posy::Classifier classifier(model);
 *     classifier.run(posy::image(POSY_RGB, pixels, width, height));
 *     for (const posy::Score& best : classifier.top(5)) printf("%s %.5f\n", best.label.c_str(), best.score);
 *
 * Whatever fails throws a posy::Error. Programs without exceptions had better call posy.h; there, a failure here ends
 * the program by std::abort().
 *
 * Threads: as in posy.h, a Classifier is for one thread at a time, and any number of them may share a Model. */
#ifndef POSY_HPP
#define POSY_HPP

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "posy.h"
#if __has_include("posy_threads.h")
#include "posy_threads.h"
#endif

namespace posy {
// The engine has names of its own in posy; with these it shares nothing.
inline namespace cpp {

/* What a call of posy.h returned, and for a refused model the offset of what was refused. */
class Error : public std::exception {
 public:
  explicit Error(posy_status status, size_t byte = 0) : status_(status), byte_(byte) {}

  posy_status status() const { return status_; }
  size_t byte() const { return byte_; }
  const char* what() const noexcept override { return posy_status_text(status_); }

 private:
  posy_status status_;
  size_t byte_;
};

/* A file that cannot be read: Model::read() alone throws it. */
class FileError : public std::exception {
 public:
  explicit FileError(const std::string& path) : text_(path + ": cannot be read") {}

  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

/* Throws, or ends the program where there are no exceptions. */
template <class Exception>
[[noreturn]] inline void fail(const Exception& exception) {
#ifdef __cpp_exceptions
  throw exception;
#else
  std::fprintf(stderr, "posy: %s\n", exception.what());
  std::abort();
#endif
}

/* Throws an Error unless the status is POSY_OK. */
inline void check(posy_status status, size_t byte = 0) {
  if (status != POSY_OK) fail(Error(status, byte));
}

/* `size` values that belong to somebody else. */
template <class T>
class Span {
 public:
  Span(T* data, size_t size) : data_(data), size_(size) {}

  T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  T& operator[](size_t i) const { return data_[i]; }

 private:
  T* data_;
  size_t size_;
};

/* The bytes of a .posy file. Copies share them. */
class Model {
 public:
  /* Bytes that are at a multiple of 4 and stay where they are, unchanged, for as long as a Classifier has them: a
   * mapped file, an array in flash. */
  static Model borrow(const void* bytes, size_t byte_count) { return Model(nullptr, bytes, byte_count); }

  /* A copy of any bytes. What `posy pack` made is unpacked, unless POSY_UNPACK is 0: the engine is built without that.
   */
  static Model copy_of(const void* bytes, size_t byte_count) {
#if !defined(POSY_UNPACK) || POSY_UNPACK
    size_t file_bytes;
    if (posy_packed_need(bytes, byte_count, &file_bytes) != POSY_OK) return copy_of_file(bytes, byte_count);
    const std::shared_ptr<Block> file = allocate(file_bytes);
    const std::unique_ptr<posy_unpacker> unpacker(new posy_unpacker);
    check(posy_unpack_begin(unpacker.get(), file.get(), file_bytes));
    check(posy_unpack(unpacker.get(), bytes, byte_count));
    check(posy_unpack_end(unpacker.get()));
    return Model(file, file.get(), file_bytes);
#else
    return copy_of_file(bytes, byte_count);
#endif
  }

  /* A copy of the file, packed or not. */
  static Model read(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
    std::vector<char> bytes;
    char piece[16384];
    if (!file) fail(FileError(path));
    while (const size_t count = std::fread(piece, 1, sizeof piece, file.get())) {
      bytes.insert(bytes.end(), piece, piece + count);
    }
    if (std::ferror(file.get())) fail(FileError(path));
    return copy_of(bytes.data(), bytes.size());
  }

  const void* data() const {
    return data_;
  }
  size_t size() const {
    return size_;
  }

 private:
  struct alignas(64) Block {
    unsigned char bytes[64];
  };

  Model(std::shared_ptr<const Block> owner, const void* data, size_t size)
      : owner_(std::move(owner)), data_(data), size_(size) {}

  static std::shared_ptr<Block> allocate(size_t byte_count) {
    return std::shared_ptr<Block>(new Block[byte_count / sizeof(Block) + 1], std::default_delete<Block[]>());
  }
  static Model copy_of_file(const void* bytes, size_t byte_count) {
    const std::shared_ptr<Block> block = allocate(byte_count);
    if (byte_count) std::memcpy(static_cast<void*>(block.get()), bytes, byte_count);
    return Model(block, block.get(), byte_count);
  }

  std::shared_ptr<const Block> owner_;  // null: borrowed
  const void* data_;
  size_t size_;
};

#ifdef POSY_THREADS_H
/* The thread pool of posy_threads.h, for Classifiers that run one after another. It must outlive them. */
class Pool {
 public:
  explicit Pool(uint32_t threads) : pool_(new posy_pool), threads_(posy_pool_start(pool_.get(), threads)) {}
  Pool(Pool&&) = default;
  Pool& operator=(Pool&&) = delete;
  ~Pool() {
    if (pool_) posy_pool_stop(pool_.get());
  }

  /* Fewer than asked for if the system has no more to give. */
  uint32_t threads() const { return threads_; }

  /* For a Classifier that uses all of them. */
  posy_options options() const {
    posy_options options = {};
    options.threads = threads_;
    options.parallel_for = posy_pool_run;
    options.parallel_context = pool_.get();
    return options;
  }

 private:
  std::unique_ptr<posy_pool> pool_;
  uint32_t threads_;
};
#endif

/* A picture of one plane: RGB, RGBA or gray, `stride` bytes from row to row (0: no gaps). For camera frames fill in a
 * posy_image. */
inline posy_image image(posy_pixel_format format, const uint8_t* pixels, uint32_t width, uint32_t height,
                        size_t stride = 0) {
  posy_image made = {};
  const size_t pixel_bytes = format == POSY_RGB ? 3 : format == POSY_RGBA ? 4 : 1;
  made.format = format;
  made.width = width;
  made.height = height;
  made.plane[0] = pixels;
  made.stride[0] = stride ? stride : width * pixel_bytes;
  return made;
}

/* A class and its score. The label is empty if the model has none. */
struct Score {
  uint32_t class_index;
  float score;
  std::string label;
};

/* An open model and its memory. It can be moved, not copied. */
class Classifier {
 public:
  explicit Classifier(Model model, const posy_options& options = posy_options())
      : model_(std::move(model)), engine_(new posy_engine) {
    posy_needs needs;
    check(posy_need(model_.data(), model_.size(), &options, &needs));
    memory_bytes_ = needs.memory_bytes;
    memory_.reset(new unsigned char[memory_bytes_]);
    const posy_status status =
        posy_open(engine_.get(), model_.data(), model_.size(), memory_.get(), memory_bytes_, &options);
    check(status, posy_error_byte(engine_.get()));
  }

  /* Turned, resized and normalised as the model records it. */
  void set_image(const posy_image& picture) { check(posy_set_image(engine_.get(), &picture)); }
  void run() { check(posy_run(engine_.get())); }
  void run(const posy_image& picture) {
    set_image(picture);
    run();
  }

  /* For callers with an input of their own, to be written before every run: h * w * c floats, already normalised. Empty
   * if the model's input is codes of 8 bits: posy_input_codes(). */
  Span<float> input() {
    const posy_shape shape = input_shape();
    float* floats = posy_input(engine_.get());
    return {floats, floats ? (size_t)shape.h * shape.w * shape.c : 0};
  }

  /* All scores, in class order, until the next picture. Empty before a run. */
  Span<const float> scores() const {
    const float* floats = posy_scores(engine_.get());
    return {floats, floats ? class_count() : 0};
  }

  /* The best classes, best first. Empty before a run. */
  std::vector<Score> top(uint32_t count) const {
    std::vector<posy_score> best(count < class_count() ? count : class_count());
    best.resize(posy_top(engine_.get(), best.data(), (uint32_t)best.size()));
    std::vector<Score> scores;
    for (const posy_score& one : best) scores.push_back({one.class_index, one.score, label(one.class_index)});
    return scores;
  }

  /* Above 1: probably of no class at all (posy_novelty()). */
  float novelty() const { return posy_novelty(engine_.get()); }

  posy_shape input_shape() const { return posy_input_shape(engine_.get()); }
  uint32_t class_count() const { return posy_class_count(engine_.get()); }

  /* UTF-8. Empty if the model has no labels or there is no such class. */
  std::string label(uint32_t class_index) const {
    const char* text = posy_label(engine_.get(), class_index);
    return text ? text : "";
  }

  /* The instruction set that is in use, and what posy_open() was given. */
  const char* isa() const { return posy_engine_isa(engine_.get()); }
  size_t memory_bytes() const { return memory_bytes_; }

  /* For all the rest of posy.h. */
  posy_engine* engine() { return engine_.get(); }

 private:
  Model model_;
  std::unique_ptr<posy_engine> engine_;
  std::unique_ptr<unsigned char[]> memory_;
  size_t memory_bytes_ = 0;
};

}  // namespace cpp
}  // namespace posy

#endif
