#include "loaders/tensor_watch.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace posy {
namespace {

// The rows of a step to their places among all of the tensor's.
void copy_rows(const posy_progress& progress, uint32_t ring_h, std::vector<float>* values) {
  const posy_shape shape = progress.shape;
  values->resize((size_t)shape.h * shape.w * shape.c);
  for (uint32_t y = progress.row_begin; y < progress.row_end; ++y) {
    // Rows of a ring that begins again lie before the step's first one.
    const ptrdiff_t rows = (ptrdiff_t)(y % ring_h) - (ptrdiff_t)(progress.row_begin % ring_h);
    const ptrdiff_t row = rows * (ptrdiff_t)shape.w * (ptrdiff_t)progress.pixel_stride;
    float* to = &(*values)[(size_t)y * shape.w * shape.c];
    for (uint32_t x = 0; x < shape.w; ++x) {
      const ptrdiff_t from = row + (ptrdiff_t)x * progress.pixel_stride;
      for (ptrdiff_t c = from; c < from + (ptrdiff_t)shape.c; ++c) {
        *to++ = progress.data ? progress.data[c] : (float)(progress.codes[c] - progress.zero_point) * progress.scale;
      }
    }
  }
}

}  // namespace

int TensorWatch::observe(void* self, const posy_progress* progress) {
  TensorWatch& watch = *(TensorWatch*)self;
  if (watch.model_.ops[progress->op].out != watch.tensor_) return 0;
  copy_rows(*progress, watch.model_.tensors[watch.tensor_].ring_h, &watch.values_);
  return watch.stops_ && progress->row_end == progress->shape.h;
}

int AllTensorsWatch::observe(void* self, const posy_progress* progress) {
  AllTensorsWatch& watch = *(AllTensorsWatch*)self;
  const uint32_t tensor = watch.model_.ops[progress->op].out;
  copy_rows(*progress, watch.model_.tensors[tensor].ring_h, &watch.values_[tensor]);
  return 0;
}

std::vector<NodeNameRecord> node_names(const Model& model) {
  std::vector<NodeNameRecord> names;
  const SectionEntry* table = (const SectionEntry*)(model.bytes + sizeof(FileHeader));
  for (uint32_t s = 0; s < model.header->section_count; ++s) {
    if (table[s].kind != (uint32_t)SectionKind::kNodeNames || table[s].bytes % sizeof(NodeNameRecord) != 0) continue;
    const NodeNameRecord* records = (const NodeNameRecord*)(model.bytes + table[s].offset);
    std::copy_if(
        records, records + table[s].bytes / sizeof(NodeNameRecord), std::back_inserter(names),
        [&](const NodeNameRecord& r) { return r.name < model.strings_bytes && r.tensor < model.tensor_count; });
  }
  return names;
}

std::vector<TensorName> tensor_names(const Model& model) {
  std::vector<TensorName> names;
  for (uint32_t i = 0; i < model.tensor_count; ++i) names.push_back({model.string(model.tensors[i].name), i});
  for (const NodeNameRecord& name : node_names(model)) names.push_back({model.string(name.name), name.tensor});
  return names;
}

uint32_t find_tensor(const Model& model, const std::string& node) {
  uint32_t found = kNoIndex;
  for (const TensorName& name : tensor_names(model)) {
    if (name.name == node) found = name.tensor;
  }
  const bool is_made =
      std::any_of(model.ops, model.ops + model.op_count, [&](const OpRecord& op) { return op.out == found; });
  return is_made ? found : kNoIndex;
}

}  // namespace posy
