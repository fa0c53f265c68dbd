#include "apps/compare_layers.h"

#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace posy {
namespace {

// Of a few pixels, a factor for each channel would explain everything.
constexpr uint32_t kPixelsForFactors = 16;

// Names of the tensors that ops make. Of names that several share, the last one's, as for find_tensor().
class NamedTensors {
 public:
  explicit NamedTensors(const Model& model) {
    std::set<uint32_t> made;
    for (uint32_t i = 0; i < model.op_count; ++i) {
      if (made.insert(model.ops[i].out).second) order_.push_back(model.ops[i].out);
    }
    for (const TensorName& name : tensor_names(model)) {
      if (made.count(name.tensor) && !name.name.empty()) tensor_of_[name.name] = name.tensor;
    }
    for (const TensorName& name : tensor_names(model)) {
      if (find(name.name) == name.tensor) names_of_[name.tensor].push_back(name.name);
    }
  }

  const std::vector<uint32_t>& order() const { return order_; }
  uint32_t find(const std::string& name) const {
    const auto found = tensor_of_.find(name);
    return found == tensor_of_.end() ? kNoIndex : found->second;
  }
  const std::vector<std::string>& names_of(uint32_t tensor) { return names_of_[tensor]; }

 private:
  std::vector<uint32_t> order_;  // of making
  std::map<std::string, uint32_t> tensor_of_;
  std::map<uint32_t, std::vector<std::string>> names_of_;
};

posy_shape shape_of(const Model& model, uint32_t tensor) {
  const TensorRecord& record = model.tensors[tensor];
  return {record.h, record.w, record.c};
}

bool is_same(posy_shape a, posy_shape b) {
  return a.h == b.h && a.w == b.w && a.c == b.c;
}

// Each channel of b by the factor that brings it nearest to a's (least squares).
std::vector<float> scaled_to(const std::vector<float>& a, const std::vector<float>& b, uint32_t channels) {
  std::vector<double> products(channels, 0), squares(channels, 0);
  for (size_t i = 0; i < b.size(); ++i) {
    products[i % channels] += (double)a[i] * (double)b[i];
    squares[i % channels] += (double)b[i] * (double)b[i];
  }
  std::vector<float> scaled(b.size());
  for (size_t i = 0; i < b.size(); ++i) {
    const size_t c = i % channels;
    scaled[i] = squares[c] > 0 ? (float)((double)b[i] * (products[c] / squares[c])) : b[i];
  }
  return scaled;
}

void measure(const std::vector<float>& a, const std::vector<float>& b, ComparedLayer* layer) {
  double most = 0;
  layer->largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool no_numbers = std::isnan(a[i]) && std::isnan(b[i]);
    const double d = no_numbers || a[i] == b[i] ? 0 : std::fabs((double)a[i] - (double)b[i]);
    if (!(d <= most)) most = std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
    if (std::fabs((double)a[i]) > layer->largest) layer->largest = std::fabs((double)a[i]);
  }
  layer->difference = most;
}

// Integers have the channels in front of a depthwise layer scaled to one range, and the factors in that layer's
// weights (loaders/int8_network.h): such a layer is compared but for these.
void measure_scaled(const std::vector<float>& a, const std::vector<float>& scaled, ComparedLayer* layer) {
  ComparedLayer other = *layer;
  measure(a, scaled, &other);
  if (*other.difference > *layer->difference / 2) return;
  layer->difference = other.difference;
  layer->is_scaled = true;
}

}  // namespace

void compare_layers(PhotoTeam* a, PhotoTeam* b, const Image& image, CompareReport* report) {
  NamedTensors names_a(a->model()), names_b(b->model());
  const std::vector<std::vector<float>> values_a = a->all_tensors(image), values_b = b->all_tensors(image);
  std::set<uint32_t> found_in_b;
  for (const uint32_t tensor_a : names_a.order()) {
    bool is_found = false;
    for (const std::string& name : names_a.names_of(tensor_a)) {
      const uint32_t tensor_b = names_b.find(name);
      if (is_found || tensor_b == kNoIndex) continue;
      is_found = true;
      found_in_b.insert(tensor_b);
      ComparedLayer layer;
      layer.name = name;
      layer.a = shape_of(a->model(), tensor_a);
      layer.b = shape_of(b->model(), tensor_b);
      if (is_same(layer.a, layer.b)) measure(values_a[tensor_a], values_b[tensor_b], &layer);
      const bool is_one_of_codes = is_u8(a->model().tensors[tensor_a]) != is_u8(b->model().tensors[tensor_b]);
      if (is_same(layer.a, layer.b) && is_one_of_codes && layer.a.h * layer.a.w >= kPixelsForFactors) {
        const auto as_in_a = scaled_to(values_a[tensor_a], values_b[tensor_b], layer.a.c);
        measure_scaled(values_a[tensor_a], as_in_a, &layer);
      }
      report->layers.push_back(std::move(layer));
    }
    report->only_in_a += !is_found;
  }
  report->only_in_b = names_b.order().size() - found_in_b.size();
}

}  // namespace posy
