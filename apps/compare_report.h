// What posy compare found, and the forms in which it is written down.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/json.h"
#include "engine/posy.h"
#include "loaders/image.h"
#include "loaders/score_table.h"

namespace posy {

struct ComparedImage {
  std::string name;
  std::string error;  // not empty: unreadable, and not compared
  ScoreDifference difference;
  // Of the class where it is greatest; nothing if no class was compared.
  std::optional<float> a, b;
};

// One layer that both models have, by name.
struct ComparedLayer {
  std::string name;
  posy_shape a, b;
  double largest = 0;                // |value| of A
  std::optional<double> difference;  // the greatest; nothing where shapes differ
  bool is_scaled = false;            // that is beside a factor of each channel

  // Of the largest value: layers have very different ones.
  double relative() const;
};

struct CompareReport {
  std::string a, b;
  std::vector<std::string> labels;  // of the classes of A
  std::vector<ComparedImage> images;
  double tolerance = 0;
  bool is_synthetic = false;  // images of our own making
  std::vector<ComparedLayer> layers;
  std::string layers_image;
  size_t only_in_a = 0, only_in_b = 0;  // layers

  size_t compared() const;
  size_t unreadable() const { return images.size() - compared(); }
  const ComparedImage* worst() const;  // null if none was compared
  double mean_difference() const;      // over all classes of all images
  double top1_agreement() const;
  bool is_within() const;
  const ComparedLayer* first_apart() const;  // null: all layers are within the tolerance
};

std::string text_of(const CompareReport& report, bool has_each);
Json json_of(const CompareReport& report);
// One page that needs nothing but itself. picture(i) is image i, for its thumbnail.
std::string html_of(const CompareReport& report, const std::function<Image(size_t)>& picture, uint32_t threads);
Json json_of(const CompareReport& report, const ComparedImage& image);

}  // namespace posy
