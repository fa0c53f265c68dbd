#include "loaders/preprocessing.h"

#include <cmath>

#include "kernels/int8_ending.hpp"
#include "loaders/error.h"
#include "loaders/palette.h"

namespace posy {
namespace {

constexpr uint32_t kInceptionSide = 299;

// As TensorFlow for Poets and what grew around it have it:
//
// retrain           tensorflow/examples/image_retraining/retrain.py, add_jpeg_decoding() and create_model_info():
//                   resize_bilinear of the whole picture, subtract input_mean, multiply by 1 / input_std. Since it
//                   takes TF-Hub modules: convert_image_dtype to 0 ... 1, then the resize.
// label_image       tensorflow-for-poets-2/scripts/label_image.py, read_tensor_from_image_file(): the same resize, with
//                   input_mean = 128 and input_std = 128 whatever the model.
// android           tensorflow-for-poets-2/android/tfmobile, ClassifierActivity.java and
// TensorFlowImageClassifier.java:
//                   MAINTAIN_ASPECT scales the turned camera frame until it fills the input (ImageUtils.java,
//                   getTransformationMatrix()), drawn on a Canvas without a Paint, hence without a filter; IMAGE_MEAN =
//                   128, IMAGE_STD = 128. It cuts the middle out of frames that it turns, which it does when the phone
//                   is held upright; of others the upper left part.
// android_tflite    tensorflow-for-poets-2/android/tflite, Camera2BasicFragment.java: textureView.getBitmap(size, size)
//                   stretches the frame on the GPU; ImageClassifier.java: IMAGE_MEAN = 128, IMAGE_STD = 128.
// keras             keras.preprocessing.image.load_img(target_size=...), whose interpolation is "nearest" unless told
//                   otherwise, and mobilenet.preprocess_input(): x / 127.5 - 1.
// teachable_machine The Python program that comes with its Keras export: ImageOps.fit(..., LANCZOS), x / 127.5 - 1.
// slim              tensorflow/models/research/slim/preprocessing/inception_preprocessing.py, preprocess_for_eval(): by
//                   this the accuracies of Google's ImageNet models are stated.
const std::vector<PreprocessVariant> kVariants = {
    {.name = "model", .summary = "what the model was trained with, as its file records"},
    {.name = "retrain", .summary = "retrain.py: stretched", .scaling = Scaling::kOfRetrain},
    {.name = "label_image",
     .summary = "label_image.py: stretched, (x - 128) / 128",
     .scaling = Scaling::kGiven,
     .mean = 128,
     .std = 128},
    {.name = "android",
     .summary = "the tutorial's Android app: turned upright, cut to the input's shape, nearest pixel, (x - 128) / 128",
     .crop = Crop::kFill,
     .resampling = Resampling::kNearest,
     .scaling = Scaling::kGiven,
     .mean = 128,
     .std = 128,
     .is_upright = true},
    {.name = "android_tflite",
     .summary = "its TFLite version: turned upright, stretched by the GPU, (x - 128) / 128",
     .resampling = Resampling::kBilinear,
     .scaling = Scaling::kGiven,
     .mean = 128,
     .std = 128,
     .is_upright = true},
    {.name = "keras",
     .summary = "Keras' load_img: stretched, nearest pixel, x / 127.5 - 1",
     .resampling = Resampling::kNearest,
     .scaling = Scaling::kGiven,
     .mean = 127.5f,
     .std = 127.5f},
    {.name = "teachable_machine",
     .summary = "Teachable Machine's Python: cut to the input's shape, Lanczos, x / 127.5 - 1",
     .crop = Crop::kFill,
     .resampling = Resampling::kLanczos,
     .scaling = Scaling::kGiven,
     .mean = 127.5f,
     .std = 127.5f},
    {.name = "slim",
     .summary = "slim's evaluation: the middle 7/8, stretched, x / 127.5 - 1",
     .crop = Crop::kMostOfSide,
     .scaling = Scaling::kGiven,
     .mean = 127.5f,
     .std = 127.5f},
};

const std::vector<PreprocessVariant> kMistakes = {
    {.name = "bgr", .summary = "blue and red exchanged (OpenCV reads so)", .is_bgr = true},
    {.name = "raw", .summary = "pixels from 0 to 255, not normalised", .scaling = Scaling::kGiven, .mean = 0, .std = 1},
    {.name = "0 to 1", .summary = "pixels from 0 to 1: x / 255", .scaling = Scaling::kGiven, .mean = 0, .std = 255},
    {.name = "-1 to 1",
     .summary = "pixels from -1 to 1: x / 127.5 - 1",
     .scaling = Scaling::kGiven,
     .mean = 127.5f,
     .std = 127.5f},
};

Box box_of(Crop crop, const Image& image, uint32_t h, uint32_t w) {
  const double in_h = image.height, in_w = image.width;
  if (crop == Crop::kStretch) return {0, 0, in_w, in_h};
  if (crop == Crop::kMostOfSide) {
    const uint32_t left = image.width / 16, top = image.height / 16;  // tf.image.central_crop(image, 0.875)
    return {(double)left, (double)top, in_w - 2 * left, in_h - 2 * top};
  }
  const double shape = (double)w / h;
  const double box_w = in_w / in_h >= shape ? shape * in_h : in_w, box_h = in_w / in_h >= shape ? in_h : in_w / shape;
  return {(in_w - box_w) * 0.5, (in_h - box_h) * 0.5, box_w, box_h};
}

// As posy_set_image() makes it for models with one channel.
void make_gray(Image* image) {
  for (size_t i = 0; i < image->rgb.size(); i += 3) {
    uint8_t* const p = &image->rgb[i];
    p[0] = p[1] = p[2] = (uint8_t)((299u * p[0] + 587u * p[1] + 114u * p[2] + 500u) / 1000u);
  }
}

uint8_t code_of(float value, const posy_codes& codes) {
  const Clamp all = {-(float)codes.zero_point, 255.0f - (float)codes.zero_point};
  return int8_code({all, codes.zero_point}, std::isnan(value) ? 0.0f : value * (1.0f / codes.scale));
}

}  // namespace

const std::vector<PreprocessVariant>& preprocess_variants() {
  return kVariants;
}

const std::vector<PreprocessVariant>& preprocess_mistakes() {
  return kMistakes;
}

MeanStd scaling_of(const PreprocessVariant& variant, const Model& model, uint32_t channel) {
  switch (variant.scaling) {
    case Scaling::kOfModel:
      return {model.record->mean[channel], model.record->std[channel]};
    case Scaling::kOfRetrain:
      if (model.record->normalize_first) return scaling_of({}, model, channel);  // a TF-Hub module
      return model.input().h == kInceptionSide ? MeanStd{128, 128} : MeanStd{127.5f, 127.5f};
    case Scaling::kGiven:
      break;
  }
  return {variant.mean, variant.std};
}

std::vector<float> preprocess(const Image& image, const Model& model, const PreprocessVariant& variant,
                              const std::string& name) {
  const TensorRecord& in = model.input();
  if (in.c != 1 && in.c != 3) throw InputError(name + ": " + posy_status_text(POSY_BAD_IMAGE_FORMAT));
  const bool is_changed = in.c == 1 || (variant.is_upright && image.orientation > 1);
  Image changed;
  if (is_changed) changed = variant.is_upright ? upright(image) : image;
  if (in.c == 1) make_gray(&changed);
  const Image& source = is_changed ? changed : image;
  const std::vector<float> rgb =
      resample(source, box_of(variant.crop, source, in.h, in.w), in.h, in.w, variant.resampling);
  std::vector<float> input;
  input.reserve((size_t)in.h * in.w * in.c);
  for (size_t pixel = 0; pixel < rgb.size(); pixel += 3) {
    for (uint32_t c = 0; c < in.c; ++c) {
      const MeanStd scaling = scaling_of(variant, model, c);
      input.push_back((rgb[pixel + (variant.is_bgr ? 2 - c : c)] - scaling.mean) / scaling.std);
    }
  }
  return input;
}

void put_input(posy_engine* engine, const std::vector<float>& input) {
  posy_codes codes;
  uint8_t* const to = posy_input_codes(engine, &codes);
  if (!to) {
    std::copy(input.begin(), input.end(), posy_input(engine));
    return;
  }
  const uint32_t c = posy_input_shape(engine).c;
  for (size_t i = 0; i < input.size(); ++i) to[i / c * codes.pixel_stride + i % c] = code_of(input[i], codes);
}

}  // namespace posy
