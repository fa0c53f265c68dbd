// A model ready to run: its bytes, the memory it needs and its threads, in one object.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apps/args.h"
#include "apps/team.h"
#include "engine/model.h"
#include "engine/posy.h"
#include "loaders/convert.h"
#include "loaders/error.h"
#include "loaders/image.h"
#include "loaders/preprocessing.h"

namespace posy {

struct SessionOptions {
  ConvertOptions convert;
  uint32_t threads = 0;  // 0: POSY_THREADS, else 1
};

// --threads, and what convert may be told about a graph. Throws UsageError.
SessionOptions session_options(const Args& args);

// --max-megapixels.
ImageLimits image_limits(const Args& args);

class Session {
 public:
  // Loads a .posy file or converts a graph, and opens it. POSY_ISA forces an instruction set. Throws InputError.
  Session(const std::string& path, const SessionOptions& options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  posy_engine* engine() { return &engine_; }
  const LoadedModel& loaded() const { return loaded_; }
  const Model& model() const { return model_; }
  Team& team() { return team_; }
  uint32_t threads() const { return team_.size(); }
  double open_ms() const { return open_ms_; }

  // Puts the photo's pixels into the model's input, as TensorFlow would: EXIF orientation ignored.
  // `name` is for the message of an InputError. With a variant, as that one does it.
  void set_image(const Image& image, const std::string& name);
  void set_image(const Image& image, const std::string& name, const PreprocessVariant& variant);

  // Runs; returns the milliseconds it took.
  double run();

  // "daisy", or the index where the model has no labels.
  std::string label(uint32_t class_index) const;

 private:
  [[noreturn]] void fail(const std::string& path, posy_status status) const;

  LoadedModel loaded_;
  Team team_;
  Model model_ = {};
  posy_engine engine_ = {};
  posy_options options_ = {};
  std::unique_ptr<uint8_t[]> memory_;
  double open_ms_ = 0;
};

// Throws InputError with the engine's sentence and the byte it is about.
Model checked_model(const std::string& path, std::span<const uint8_t> bytes);

// "f32", "u8 table", "u8" ... "u4".
const char* weight_type_name(WeightType type);

// Of ops that have several functions, which: "sigmoid", "add"; null of others.
const char* function_name(const OpRecord& op);

// POSY_ISA; null if it is not set.
const char* wanted_isa();
// The error for a POSY_ISA that this machine does not have.
InputError unknown_isa(const std::string& isa);

double now_ms();

}  // namespace posy
