// The values that one layer of a model makes, as a run makes them.
#pragma once
#include <string>
#include <vector>

#include "apps/session.h"

namespace posy {

// Not to be moved, and to live as long as the session runs.
class LayerValues {
 public:
  // `name`: a node of the graph. Throws InputError if the model has no such layer.
  LayerValues(Session* session, const std::string& name);
  LayerValues(const LayerValues&) = delete;
  LayerValues& operator=(const LayerValues&) = delete;

  // Of the last run: rows x columns x channels, codes as what they stand for.
  const std::string& name() const { return name_; }
  posy_shape shape() const { return shape_; }
  const std::vector<float>& values() const { return values_; }

 private:
  static int observe(void* self, const posy_progress* progress);

  const Model& model_;
  std::string name_;
  uint32_t tensor_;
  posy_shape shape_ = {0, 0, 0};
  std::vector<float> values_;
};

}  // namespace posy
