#include "apps/layer_values.h"

namespace posy {
namespace {

// The tensor that a node of the graph is the output of. Names that several tensors share belong to the last one.
uint32_t find_tensor(const Model& model, const std::string& name) {
  uint32_t found = kNoIndex;
  for (uint32_t i = 0; i < model.tensor_count; ++i) {
    if (name == model.string(model.tensors[i].name)) found = i;
  }
  const SectionEntry* table = (const SectionEntry*)(model.bytes + sizeof(FileHeader));
  for (uint32_t s = 0; s < model.header->section_count; ++s) {
    if (table[s].kind != (uint32_t)SectionKind::kNodeNames || table[s].bytes % sizeof(NodeNameRecord) != 0) continue;
    const NodeNameRecord* names = (const NodeNameRecord*)(model.bytes + table[s].offset);
    for (uint32_t i = 0; i < table[s].bytes / sizeof(NodeNameRecord); ++i) {
      const bool inside = names[i].name < model.strings_bytes && names[i].tensor < model.tensor_count;
      if (inside && name == model.string(names[i].name)) found = names[i].tensor;
    }
  }
  return found;
}

uint32_t wanted_tensor(const Model& model, const std::string& name) {
  const uint32_t tensor = find_tensor(model, name);
  bool made = false;
  for (uint32_t i = 0; i < model.op_count; ++i) made = made || model.ops[i].out == tensor;
  if (tensor == kNoIndex || !made) {
    throw InputError(
        "--layer: the model has no layer '" + name +
        "'; it may have been folded away (posy info lists what is there; --keep-bottleneck keeps the bottleneck)");
  }
  return tensor;
}

// Codes as what they stand for.
void copy_pixel(const posy_progress& progress, size_t from, float* to) {
  for (uint32_t c = 0; c < progress.shape.c; ++c) {
    to[c] = progress.codes ? (float)(progress.codes[from + c] - progress.zero_point) * progress.scale
                           : progress.data[from + c];
  }
}

}  // namespace

LayerValues::LayerValues(Session* session, const std::string& name)
    : model_(session->model()), name_(name), tensor_(wanted_tensor(session->model(), name)) {
  posy_set_observer(session->engine(), observe, this);
}

int LayerValues::observe(void* self, const posy_progress* progress) {
  LayerValues& layer = *(LayerValues*)self;
  if (layer.model_.ops[progress->op].out != layer.tensor_) return 0;
  const posy_shape shape = progress->shape;
  layer.shape_ = shape;
  layer.values_.resize((size_t)shape.h * shape.w * shape.c);
  for (uint32_t y = progress->row_begin; y < progress->row_begin + progress->contiguous_rows; ++y) {
    for (uint32_t x = 0; x < shape.w; ++x) {
      const size_t pixel = (size_t)(y - progress->row_begin) * shape.w + x;
      float* to = &layer.values_[((size_t)y * shape.w + x) * shape.c];
      copy_pixel(*progress, pixel * progress->pixel_stride, to);
    }
  }
  return 0;
}

}  // namespace posy
