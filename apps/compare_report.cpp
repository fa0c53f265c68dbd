#include "apps/compare_report.h"

#include <algorithm>
#include <cmath>

#include "loaders/graph.h"

namespace posy {
namespace {

constexpr size_t kImagesListed = 20;  // of more only the worst
constexpr size_t kWorstListed = 5;

template <class... Numbers>
std::string formatted(const char* format, Numbers... numbers) {
  char text[512];
  std::snprintf(text, sizeof text, format, numbers...);
  return text;
}

std::string decimal_text(double difference) {
  const std::optional<int> decimal = first_decimal(difference);
  return decimal ? std::to_string(*decimal) : "-";
}

const std::string& label_of(const CompareReport& report, uint32_t class_index) {
  return report.labels[class_index];
}

std::string image_text(const CompareReport& report, const ComparedImage& image) {
  if (!image.error.empty()) return "";
  const ScoreDifference& d = image.difference;
  std::string text = formatted("%10.2e  %7s  ", d.most, decimal_text(d.most).c_str());
  text += printable_name(image.name);
  if (d.most > 0 && image.a && image.b) {
    text += ": " + printable_name(label_of(report, d.class_index)) +
            formatted(" %.9g and %.9g", (double)*image.a, (double)*image.b);
  }
  if (d.best_a != d.best_b) {
    text += "; best class " + printable_name(label_of(report, d.best_a)) + " and " +
            printable_name(label_of(report, d.best_b));
  }
  return text + "\n";
}

std::string images_text(const CompareReport& report, bool has_each) {
  std::vector<const ComparedImage*> shown;
  for (const ComparedImage& image : report.images) {
    if (image.error.empty()) shown.push_back(&image);
  }
  const bool has_all = has_each || shown.size() <= kImagesListed;
  std::string text = "max |diff|  decimal  " + std::string(has_all ? "image" : "image, the worst ones") + "\n";
  if (!has_all) {
    std::stable_sort(shown.begin(), shown.end(), [](const ComparedImage* x, const ComparedImage* y) {
      return x->difference.most > y->difference.most;
    });
    shown.resize(kWorstListed);
  }
  for (const ComparedImage* image : shown) text += image_text(report, *image);
  return text;
}

std::string layer_text(const ComparedLayer& layer, bool is_first_apart) {
  const std::string shape = formatted("%ux%ux%u", layer.a.h, layer.a.w, layer.a.c);
  const std::string mark = is_first_apart ? "> " : "  ";
  if (!layer.difference) {
    return mark + formatted("%-14s", shape.c_str()) + formatted("against %ux%ux%u", layer.b.h, layer.b.w, layer.b.c) +
           "      " + printable_name(layer.name) + "\n";
  }
  return mark +
         formatted("%-14s%10.3g  %10.2e%c %8.1e  ", shape.c_str(), layer.largest, *layer.difference,
                   layer.is_scaled ? '*' : ' ', layer.relative()) +
         printable_name(layer.name) + "\n";
}

std::string layers_text(const CompareReport& report) {
  if (report.layers.empty()) return "";
  const ComparedLayer* apart = report.first_apart();
  std::string text =
      "\nlayers of both, of " + report.layers_image + "\n  shape         max |a|     max |diff|  relative  name\n";
  for (const ComparedLayer& layer : report.layers) text += layer_text(layer, &layer == apart);
  if (report.only_in_a + report.only_in_b > 0) {
    text += formatted("%zu layers of A and %zu of B have no counterpart by name\n", report.only_in_a, report.only_in_b);
  }
  const bool has_scaled = std::any_of(report.layers.begin(), report.layers.end(),
                                      [](const ComparedLayer& layer) { return layer.is_scaled; });
  if (has_scaled) text += "*: beside a factor of each channel, which integers have in the next layer's weights\n";
  return text + (apart ? "the first layer where they part (>): " + printable_name(apart->name) + "\n"
                       : formatted("no layer is further apart than %g of its largest value\n", report.tolerance));
}

std::string verdict_text(const CompareReport& report) {
  const ComparedImage* worst = report.worst();
  if (!worst) return "";
  const size_t count = report.compared();
  std::string text =
      std::to_string(count) + (report.is_synthetic ? " synthetic" : "") + " image" + (count == 1 ? "" : "s") + ": ";
  const size_t agree = (size_t)std::lround(report.top1_agreement() * (double)count);
  text += agree == count ? "the same best class for all"
                         : formatted("the same best class for %zu (%.2f%%)", agree, 100 * report.top1_agreement());
  const double most = worst->difference.most;
  if (most == 0) return text + "; all scores are equal\n";
  text += formatted("; scores differ by up to %.2e, from decimal ", most) + decimal_text(most) +
          formatted(" on, on average by %.1e\n", report.mean_difference());
  if (!report.is_within()) text += formatted("more than --tolerance %g\n", report.tolerance);
  return text;
}

Json json_double(double x) {
  return std::isfinite(x) ? Json(std::strtod(formatted("%.9g", x).c_str(), nullptr)) : Json(nullptr);
}

Json json_decimal(double difference) {
  const std::optional<int> decimal = first_decimal(difference);
  return decimal ? Json(*decimal) : Json(nullptr);
}

Json json_layer(const ComparedLayer& layer) {
  Json json = {{"name", layer.name}, {"shape", {layer.a.h, layer.a.w, layer.a.c}}};
  if (!layer.difference) {
    json["shape_b"] = {layer.b.h, layer.b.w, layer.b.c};
    return json;
  }
  json["max_abs"] = json_double(layer.largest);
  json["max_abs_diff"] = json_double(*layer.difference);
  json["relative"] = json_double(layer.relative());
  if (layer.is_scaled) json["scaled"] = true;
  return json;
}

}  // namespace

double ComparedLayer::relative() const {
  if (!difference) return INFINITY;
  if (*difference == 0) return 0;
  return largest > 0 ? *difference / largest : INFINITY;
}

size_t CompareReport::compared() const {
  return (size_t)std::count_if(images.begin(), images.end(), [](const ComparedImage& i) { return i.error.empty(); });
}

const ComparedImage* CompareReport::worst() const {
  const ComparedImage* worst = nullptr;
  for (const ComparedImage& image : images) {
    if (image.error.empty() && (!worst || image.difference.most > worst->difference.most)) worst = &image;
  }
  return worst;
}

double CompareReport::mean_difference() const {
  double sum = 0, count = 0;
  for (const ComparedImage& image : images) {
    sum += image.difference.sum;
    count += image.difference.compared;
  }
  return count > 0 ? sum / count : 0;
}

double CompareReport::top1_agreement() const {
  size_t agree = 0;
  for (const ComparedImage& image : images) {
    agree += image.error.empty() && image.difference.best_a == image.difference.best_b;
  }
  return compared() ? (double)agree / (double)compared() : 0;
}

bool CompareReport::is_within() const {
  // Scores have nine digits in files: 1e-5 written and read must not be more than 1e-5.
  return !worst() || worst()->difference.most <= tolerance * (1 + 1e-6);
}

const ComparedLayer* CompareReport::first_apart() const {
  for (const ComparedLayer& layer : layers) {
    if (!(layer.relative() <= tolerance)) return &layer;
  }
  return nullptr;
}

std::string text_of(const CompareReport& report, bool has_each) {
  return images_text(report, has_each) + layers_text(report) + verdict_text(report);
}

Json json_of(const CompareReport& report, const ComparedImage& image) {
  if (!image.error.empty()) return {{"image", image.name}, {"error", image.error}};
  const ScoreDifference& d = image.difference;
  return {{"image", image.name},
          {"max_abs_diff", json_double(d.most)},
          {"first_decimal", json_decimal(d.most)},
          {"label", label_of(report, d.class_index)},
          {"index", d.class_index},
          {"a", image.a ? json_float(*image.a) : Json(nullptr)},
          {"b", image.b ? json_float(*image.b) : Json(nullptr)},
          {"best_a", label_of(report, d.best_a)},
          {"best_b", label_of(report, d.best_b)}};
}

Json json_of(const CompareReport& report) {
  const ComparedImage* worst = report.worst();
  Json json = {{"images", report.compared()},
               {"max_abs_diff", worst ? json_double(worst->difference.most) : Json(nullptr)},
               {"top1_agreement", json_double(report.top1_agreement())},
               {"worst_image", worst ? Json(worst->name) : Json(nullptr)},
               {"mean_abs_diff", json_double(report.mean_difference())},
               {"first_decimal", worst ? json_decimal(worst->difference.most) : Json(nullptr)},
               {"tolerance", report.tolerance},
               {"within_tolerance", report.is_within()},
               {"unreadable", report.unreadable()},
               {"synthetic", report.is_synthetic}};
  if (report.layers.empty()) return json;
  json["layers"] = Json::array();
  for (const ComparedLayer& layer : report.layers) json["layers"].push_back(json_layer(layer));
  const ComparedLayer* apart = report.first_apart();
  json["first_layer_apart"] = apart ? Json(apart->name) : Json(nullptr);
  return json;
}

}  // namespace posy
