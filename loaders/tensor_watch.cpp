#include "loaders/tensor_watch.h"

#include <algorithm>
#include <iterator>

namespace posy {

int TensorWatch::observe(void* self, const posy_progress* progress) {
  TensorWatch& watch = *(TensorWatch*)self;
  if (watch.model_.ops[progress->op].out != watch.tensor_) return 0;
  const posy_shape shape = progress->shape;
  const uint32_t ring_h = watch.model_.tensors[watch.tensor_].ring_h;
  watch.values_.resize((size_t)shape.h * shape.w * shape.c);
  for (uint32_t y = progress->row_begin; y < progress->row_end; ++y) {
    // Rows of a ring that begins again lie before the step's first one.
    const ptrdiff_t rows = (ptrdiff_t)(y % ring_h) - (ptrdiff_t)(progress->row_begin % ring_h);
    const ptrdiff_t row = rows * (ptrdiff_t)shape.w * (ptrdiff_t)progress->pixel_stride;
    float* to = &watch.values_[(size_t)y * shape.w * shape.c];
    for (uint32_t x = 0; x < shape.w; ++x) {
      const ptrdiff_t from = row + (ptrdiff_t)x * progress->pixel_stride;
      for (ptrdiff_t c = from; c < from + (ptrdiff_t)shape.c; ++c) {
        *to++ =
            progress->data ? progress->data[c] : (float)(progress->codes[c] - progress->zero_point) * progress->scale;
      }
    }
  }
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

uint32_t find_tensor(const Model& model, const std::string& node) {
  uint32_t found = kNoIndex;
  for (uint32_t i = 0; i < model.tensor_count; ++i) {
    if (node == model.string(model.tensors[i].name)) found = i;
  }
  for (const NodeNameRecord& name : node_names(model)) {
    if (node == model.string(name.name)) found = name.tensor;
  }
  const bool is_made =
      std::any_of(model.ops, model.ops + model.op_count, [&](const OpRecord& op) { return op.out == found; });
  return is_made ? found : kNoIndex;
}

}  // namespace posy
