#include "loaders/layer_statistics.h"

namespace posy {
namespace {

// Of every photo and layer. Neighbouring places say much the same.
constexpr size_t kPlacesOfAPhoto = 48;

// The inputs of output (y, x), [rows] of each group: 0 outside of the map.
void gather(const StepRunner::Step& step, uint32_t y, uint32_t x, std::vector<float>* values) {
  const Window& w = step.window;
  const Tensor& in = step.in;
  const bool depthwise = step.kind == OpKind::depthwise_conv_2d;
  const size_t taps = (size_t)w.k_h * w.k_w;
  values->assign(taps * in.c, 0.0f);
  for (uint32_t i = 0; i < w.k_h; ++i) {
    const int64_t in_y = (int64_t)y * w.stride_h + (int64_t)i * w.dilation_h - w.pad_top;
    if (in_y < 0 || in_y >= in.h) continue;
    for (uint32_t j = 0; j < w.k_w; ++j) {
      const int64_t in_x = (int64_t)x * w.stride_w + (int64_t)j * w.dilation_w - w.pad_left;
      if (in_x < 0 || in_x >= in.w) continue;
      const float* pixel = in.row((uint32_t)in_y) + (size_t)in_x * in.pixel_stride;
      const size_t tap = (size_t)i * w.k_w + j;
      for (uint32_t c = 0; c < in.c; ++c) (*values)[depthwise ? c * taps + tap : tap * in.c + c] = pixel[c];
    }
  }
}

class Sums {
 public:
  Sums() = default;
  Sums(size_t groups, size_t rows) : groups_(groups), rows_(rows), sum_(groups * rows) {
    if (rows <= LayerStatistics::kMostRows) products_.resize(groups * rows * rows);
  }

  bool is_empty() const { return groups_ == 0; }

  void add(const std::vector<float>& values) {
    ++count_;
    for (size_t i = 0; i < values.size(); ++i) sum_[i] += values[i];
    if (products_.empty()) return;
    for (size_t g = 0; g < groups_; ++g) {
      const float* v = values.data() + g * rows_;
      for (size_t i = 0; i < rows_; ++i) {
        if (v[i] == 0) continue;  // half of what comes out of a ReLU
        float* line = products_.data() + (g * rows_ + i) * rows_;
        for (size_t j = 0; j <= i; ++j) line[j] += v[i] * v[j];
      }
    }
  }

  LayerStatistics finish() {
    LayerStatistics s;
    if (count_ == 0) return s;
    s.groups = groups_;
    s.rows = rows_;
    s.samples = count_;
    for (const double sum : sum_) s.mean.push_back((float)(sum / (double)count_));
    for (size_t g = 0; g < groups_ && !products_.empty(); ++g) {
      float* of_group = products_.data() + g * rows_ * rows_;
      for (size_t i = 0; i < rows_; ++i) {
        for (size_t j = 0; j <= i; ++j) {
          const double mean = (double)s.mean[g * rows_ + i] * s.mean[g * rows_ + j];
          of_group[i * rows_ + j] = of_group[j * rows_ + i] = (float)(of_group[i * rows_ + j] / (double)count_ - mean);
        }
      }
    }
    s.covariance = std::move(products_);
    return s;
  }

 private:
  size_t groups_ = 0, rows_ = 0, count_ = 0;
  std::vector<double> sum_;
  std::vector<float> products_;  // the lower triangle of each group
};

}  // namespace

std::vector<LayerStatistics> layer_statistics(StepRunner* runner, const std::vector<std::vector<float>>& inputs) {
  std::vector<Sums> sums;
  std::vector<float> values;
  for (size_t photo = 0; photo < inputs.size(); ++photo) {
    runner->run(inputs[photo], [&](const StepRunner::Step& step) {
      if (!step.weights) return;
      const size_t channels = step.weights->line.size(), rows = step.weights->values->floats.size() / channels;
      if (step.layer >= sums.size()) sums.resize(step.layer + 1);
      Sums& of_layer = sums[step.layer];
      if (of_layer.is_empty()) of_layer = Sums(step.kind == OpKind::depthwise_conv_2d ? channels : 1, rows);
      // Odd distances, and other places in every photo: no column is always left out.
      const size_t places = (size_t)step.out.h * step.out.w, apart = places / kPlacesOfAPhoto | 1;
      for (size_t place = photo * 7 % apart; place < places; place += apart) {
        const uint32_t y = (uint32_t)(place / step.out.w), x = (uint32_t)(place % step.out.w);
        if (y < step.rows.begin || y >= step.rows.end) continue;
        gather(step, y, x, &values);
        of_layer.add(values);
      }
    });
  }
  std::vector<LayerStatistics> statistics;
  for (Sums& s : sums) statistics.push_back(s.finish());
  return statistics;
}

}  // namespace posy
