// A .posy file's bytes with names for its parts. Nothing is copied; everything points into the file.
#pragma once
#include "engine/format.h"
#include "engine/posy.h"
#include "kernels/kernels.h"

namespace posy {

// A status and the offset in the file that it is about.
struct Failure {
  posy_status status = POSY_OK;
  size_t byte = 0;

  explicit operator bool() const { return status != POSY_OK; }
};

struct Model {
  const uint8_t* bytes;
  const FileHeader* header;
  const ModelRecord* record;
  const TensorRecord* tensors;
  const OpRecord* ops;
  const StepRecord* steps;
  const uint32_t* labels;  // strings
  const char* strings;
  const uint8_t* weights;
  const NoveltyRecord* novelty;  // null: the file has no such rule
  uint32_t tensor_count, op_count, step_count, label_count;
  uint32_t strings_bytes, weights_bytes;

  const char* string(uint32_t offset) const { return offset == kNoIndex ? "" : strings + offset; }
  size_t offset_of(const void* part) const { return (size_t)((const uint8_t*)part - bytes); }
  const TensorRecord& output() const { return tensors[record->output_tensor]; }
  const TensorRecord& input() const { return tensors[record->input_tensor]; }
};

// Checks everything in the file that a run relies on; `model` may be used if this returns no failure.
Failure open_model(const void* bytes, size_t byte_count, bool skip_checksum, Model* model);

// Fields of the header alone: what posy_need() looks at.
Failure check_header(const void* bytes, size_t byte_count);

// What posy_open() needs of a model with this header. `scratch_panels`: KernelTable's. In 64 bits: with many threads it
// may be more than a 32-bit target can address.
uint64_t memory_bytes(const FileHeader& header, uint32_t threads, uint32_t scratch_panels);

// The tensor with its data at its place in `arena`: floats, or codes.
Tensor bind_tensor(const TensorRecord& record, uint8_t* arena);
ByteTensor bind_byte_tensor(const TensorRecord& record, uint8_t* arena);

inline bool is_u8(const TensorRecord& record) {
  return record.type == (uint8_t)ElementType::kU8;
}

// bind_<op>(): checks an op against the model and fills the arguments of its kernel. Run for every op at open; at run
// time it only fills. One function per row of ops.def.
#define POSY_OP(number, name, Args) Failure bind_##name(const Model&, const OpRecord&, uint8_t* arena, Args*);
#include "kernels/ops.def"
#undef POSY_OP

// Multiply-adds (or elements, where there are none) of `rows` output rows.
uint64_t op_macs(const Model& model, const OpRecord& op, uint64_t rows);

}  // namespace posy
