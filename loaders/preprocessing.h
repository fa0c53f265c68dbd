// What is done to a photo before a model sees it: the parts of the tutorial, and the programs around it, disagree.
#pragma once
#include <string>
#include <vector>

#include "engine/model.h"
#include "loaders/image.h"
#include "loaders/resample.h"

namespace posy {

enum class Crop : uint8_t {
  kStretch,     // the whole photo, whatever its shape
  kFill,        // the largest part in the middle that has the input's shape
  kMostOfSide,  // 7/8 of each side, in the middle, stretched
};

enum class Scaling : uint8_t {
  kOfModel,    // what the model's file records
  kOfRetrain,  // retrain.py's: 128, 128 for Inception v3 (the only base of 299 x 299), 127.5, 127.5 for MobileNets, the
               // model's own for TF-Hub modules
  kGiven,
};

struct PreprocessVariant {
  const char* name;
  const char* summary;  // for people
  Crop crop = Crop::kStretch;
  Resampling resampling = Resampling::kLegacyBilinear;
  Scaling scaling = Scaling::kOfModel;
  float mean = 0, std = 1;  // if given: (pixel - mean) / std
  bool is_upright = false;  // turned as the EXIF orientation says
  bool is_bgr = false;      // blue first
};

// What programs do, `model` first: what `posy label --preprocess NAME` offers.
const std::vector<PreprocessVariant>& preprocess_variants();

// What goes wrong in programs of one's own.
const std::vector<PreprocessVariant>& preprocess_mistakes();

// (pixel - mean) / std of one of the model's channels.
struct MeanStd {
  float mean, std;
};
MeanStd scaling_of(const PreprocessVariant& variant, const Model& model, uint32_t channel);

// The model's input, h * w * c floats. Throws InputError if the model does not take pictures; `name` is for its
// message.
std::vector<float> preprocess(const Image& image, const Model& model, const PreprocessVariant& variant,
                              const std::string& name);

// Makes these floats the engine's input: as codes, rounded as posy_set_image() rounds, where its input is codes.
void put_input(posy_engine* engine, const std::vector<float>& input);

}  // namespace posy
