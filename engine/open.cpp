// posy_need() and posy_open(): everything a run relies on is checked here, once.
#include <string.h>

#include "engine/binder.h"
#include "engine/checksum.h"
#include "engine/engine.h"
#include "kernels/winograd_transforms.hpp"

namespace posy {
namespace {

constexpr size_t kModelAlignment = 4;  // kernels ask no more of weights than of their elements
constexpr size_t kMemoryAlignment = 64;

bool is_big_endian() {
  const uint16_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first == 0;
}

bool all_zero(const void* bytes, size_t count) {
  const uint8_t* p = (const uint8_t*)bytes;
  for (size_t i = 0; i < count; ++i) {
    if (p[i] != 0) return false;
  }
  return true;
}

uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

Failure fail(const Model& model, posy_status status, const void* place) {
  return {status, model.offset_of(place)};
}

// The section table: kinds ascending, sections contiguous, gaps zero, the last one ending the file.
struct Sections {
  const SectionEntry* of[kRequiredSections + 1];  // by kind
  const SectionEntry* novelty;                    // null: there is none
};

Failure check_sections(const Model& model, Sections* sections) {
  const FileHeader& header = *model.header;
  const SectionEntry* table = (const SectionEntry*)(model.bytes + sizeof(FileHeader));
  memset(sections, 0, sizeof *sections);
  const uint64_t table_end = sizeof(FileHeader) + (uint64_t)header.section_count * sizeof(SectionEntry);
  if (table_end > header.file_bytes) return fail(model, POSY_BAD_HEADER, &header.section_count);
  uint64_t end = table_end;
  uint32_t last_kind = 0;
  for (uint32_t i = 0; i < header.section_count; ++i) {
    const SectionEntry& entry = table[i];
    if (entry.kind <= last_kind) return fail(model, POSY_BAD_SECTION, &entry.kind);
    last_kind = entry.kind;
    if (entry.offset != align_up(end, kSectionAlignment)) return fail(model, POSY_BAD_SECTION, &entry.offset);
    if ((uint64_t)entry.offset + entry.bytes > header.file_bytes) return fail(model, POSY_BAD_SECTION, &entry.bytes);
    if (!all_zero(model.bytes + end, (size_t)(entry.offset - end))) return {POSY_BAD_SECTION, (size_t)end};
    end = (uint64_t)entry.offset + entry.bytes;
    if (entry.kind <= kRequiredSections) {
      sections->of[entry.kind] = &entry;
    } else if (entry.kind < kFirstOptional) {
      return fail(model, POSY_UNKNOWN_SECTION, &entry.kind);
    } else if (entry.kind == (uint32_t)SectionKind::kNovelty) {
      sections->novelty = &entry;
    }
  }
  if (end != header.file_bytes) return fail(model, POSY_WRONG_LENGTH, &header.file_bytes);
  for (uint32_t kind = 1; kind <= kRequiredSections; ++kind) {
    if (!sections->of[kind]) return {POSY_BAD_SECTION, sizeof(FileHeader)};
  }
  return {};
}

template <class Record>
Failure bind_records(const Model& model, const SectionEntry& entry, uint32_t least, uint32_t most,
                     const Record** records, uint32_t* count) {
  if (entry.count < least || entry.count > most || entry.bytes != (uint64_t)entry.count * sizeof(Record)) {
    return fail(model, POSY_BAD_SECTION, &entry.count);
  }
  *records = (const Record*)(model.bytes + entry.offset);
  *count = entry.count;
  return {};
}

Failure bind_sections(Model* model) {
  Sections sections;
  if (Failure f = check_sections(*model, &sections)) return f;
  const auto section = [&](SectionKind kind) -> const SectionEntry& { return *sections.of[(uint32_t)kind]; };
  uint32_t one;
  if (Failure f = bind_records(*model, section(SectionKind::kModel), 1, 1, &model->record, &one)) return f;
  if (Failure f =
          bind_records(*model, section(SectionKind::kTensors), 1, kMaxTensors, &model->tensors, &model->tensor_count)) {
    return f;
  }
  if (Failure f = bind_records(*model, section(SectionKind::kOps), 1, kMaxOps, &model->ops, &model->op_count)) return f;
  if (Failure f = bind_records(*model, section(SectionKind::kSteps), 1, kMaxSteps, &model->steps, &model->step_count)) {
    return f;
  }
  if (Failure f =
          bind_records(*model, section(SectionKind::kLabels), 0, kMaxLabels, &model->labels, &model->label_count)) {
    return f;
  }
  const SectionEntry& strings = section(SectionKind::kStrings);
  model->strings = (const char*)model->bytes + strings.offset;
  model->strings_bytes = strings.bytes;
  if (strings.count != 0) return fail(*model, POSY_BAD_SECTION, &strings.count);
  if (strings.bytes > 0 && model->strings[strings.bytes - 1] != 0) {
    return fail(*model, POSY_BAD_STRING, model->strings + strings.bytes - 1);
  }
  const SectionEntry& weights = section(SectionKind::kWeights);
  model->weights = model->bytes + weights.offset;
  model->weights_bytes = weights.bytes;
  if (weights.count != 0) return fail(*model, POSY_BAD_SECTION, &weights.count);
  if (!sections.novelty) return {};
  return bind_records(*model, *sections.novelty, 1, 1, &model->novelty, &one);
}

bool is_finite(float x) {
  return x - x == 0;
}

uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// The strings section ends with a zero byte, so a string that starts inside it also ends inside it.
bool is_string(const Model& model, uint32_t offset) {
  return offset == kNoIndex || offset < model.strings_bytes;
}

Failure check_tensor(const Model& model, const TensorRecord& t) {
  const auto dimension = [](uint32_t n) { return n >= 1 && n <= kMaxDimension; };
  if (!dimension(t.h)) return fail(model, POSY_BAD_TENSOR, &t.h);
  if (!dimension(t.w)) return fail(model, POSY_BAD_TENSOR, &t.w);
  if (!dimension(t.c)) return fail(model, POSY_BAD_TENSOR, &t.c);
  if (t.pixel_stride < t.c || t.pixel_stride > kMaxDimension) return fail(model, POSY_BAD_TENSOR, &t.pixel_stride);
  if (t.ring_h < 1 || t.ring_h > t.h) return fail(model, POSY_BAD_TENSOR, &t.ring_h);
  if (t.type > (uint8_t)ElementType::kU8) return fail(model, POSY_BAD_TENSOR, &t.type);
  if (t.arena_offset % element_bytes((ElementType)t.type) != 0) return fail(model, POSY_BAD_TENSOR, &t.arena_offset);
  // Codes are read four at a time: the pixel's last ones too.
  const uint32_t last_pixel = is_u8(t) ? whole_groups(t.c) : t.c;
  const uint64_t pixels = (uint64_t)t.ring_h * t.w;  // at most 2^40, and the stride 2^20: no overflow
  const uint64_t elements = (pixels - 1) * t.pixel_stride + last_pixel;
  if (t.arena_offset + elements * element_bytes((ElementType)t.type) > model.header->arena_bytes) {
    return fail(model, POSY_BAD_TENSOR, &t.arena_offset);
  }
  if (!is_string(model, t.name)) return fail(model, POSY_BAD_STRING, &t.name);
  if (t.zero != 0) return fail(model, POSY_BAD_TENSOR, &t.zero);
  if (!is_u8(t) && t.zero_point != 0) return fail(model, POSY_BAD_TENSOR, &t.zero_point);
  const bool scale_fits = is_u8(t) ? t.scale >= 0x1p-64f && t.scale <= 0x1p64f : bits_of(t.scale) == 0;
  return scale_fits ? Failure{} : fail(model, POSY_BAD_TENSOR, &t.scale);
}

Failure check_record(const Model& model) {
  const ModelRecord& r = *model.record;
  if (r.input_tensor >= model.tensor_count) return fail(model, POSY_BAD_MODEL, &r.input_tensor);
  if (r.output_tensor >= model.tensor_count) return fail(model, POSY_BAD_MODEL, &r.output_tensor);
  const TensorRecord &in = model.input(), &out = model.output();
  // The image is written, and the scores are read, as one piece.
  if (in.ring_h != in.h) return fail(model, POSY_BAD_MODEL, &r.input_tensor);
  if (!is_u8(in) && in.pixel_stride != in.c) return fail(model, POSY_BAD_MODEL, &r.input_tensor);
  if (is_u8(out)) return fail(model, POSY_BAD_MODEL, &r.output_tensor);
  if (in.h > 0xffff || in.w > 0xffff) return fail(model, POSY_BAD_MODEL, &r.input_tensor);
  if (out.h != 1 || out.w != 1) return fail(model, POSY_BAD_MODEL, &r.output_tensor);
  if (!is_string(model, r.input_name)) return fail(model, POSY_BAD_STRING, &r.input_name);
  if (!is_string(model, r.output_name)) return fail(model, POSY_BAD_STRING, &r.output_name);
  for (int c = 0; c < 4; ++c) {
    if (!is_finite(r.mean[c])) return fail(model, POSY_BAD_MODEL, &r.mean[c]);
    if (!is_finite(r.std[c]) || r.std[c] == 0) return fail(model, POSY_BAD_MODEL, &r.std[c]);
  }
  if (r.resize != (uint8_t)Resize::kLegacyBilinear) return fail(model, POSY_BAD_MODEL, &r.resize);
  if (r.normalize_first > 1) return fail(model, POSY_BAD_MODEL, &r.normalize_first);
  if (!all_zero(r.zero, sizeof r.zero)) return fail(model, POSY_BAD_MODEL, r.zero);
  if (model.label_count != 0 && model.label_count != out.c) return fail(model, POSY_BAD_MODEL, &r.output_tensor);
  for (uint32_t i = 0; i < model.label_count; ++i) {
    if (model.labels[i] >= model.strings_bytes) return fail(model, POSY_BAD_STRING, &model.labels[i]);
  }
  return {};
}

// Both tensors are read as one piece after a run.
Failure check_novelty(const Model& model, const NoveltyRecord& rule) {
  const uint32_t* const tensors[2] = {&rule.features, &rule.projection};
  for (const uint32_t* index : tensors) {
    if (*index >= model.tensor_count) return fail(model, POSY_BAD_MODEL, index);
    const TensorRecord& t = model.tensors[*index];
    if (is_u8(t) || t.h != 1 || t.w != 1) return fail(model, POSY_BAD_MODEL, index);
  }
  if (rule.group == 0 || model.tensors[rule.projection].c % rule.group != 0) {
    return fail(model, POSY_BAD_MODEL, &rule.group);
  }
  const bool is_limit = is_finite(rule.limit) && rule.limit > 0;
  return is_limit ? Failure{} : fail(model, POSY_BAD_MODEL, &rule.limit);
}

// Every weight of a product of bytes is within -127 and 127; where the op says that pairs are small, the magnitudes of
// two neighbours add up to 128 at most. Kernels of some instruction sets rely on it, and would have other sums.
Failure check_int8_weights(const Model& model, const Int8Weights& weights, uint32_t channels) {
  for (uint32_t p = 0; p < divide_up(channels, kPanelLanes); ++p) {
    const uint8_t* panel = weights.panel(p);
    for (uint32_t lane = 0; lane < kPanelLanes; ++lane) {
      const float& multiplier = ((const float*)panel)[kPanelLanes + lane];
      if (!is_multiplier(multiplier)) return fail(model, POSY_BAD_WEIGHTS, &multiplier);
    }
    // Two at a time, and in 16 bits, so that compilers make vectors of it.
    const int16_t* pairs = (const int16_t*)(panel + kInt8HeaderBytes);
    int16_t most = 0, most_of_pair = 0;
    for (uint32_t i = 0; i < weights.rows * kPanelLanes / 2; ++i) {
      const int16_t a = (int16_t)((int16_t)(pairs[i] * 256) >> 8), b = (int16_t)(pairs[i] >> 8);
      const int16_t size_a = (int16_t)(a < 0 ? -a : a), size_b = (int16_t)(b < 0 ? -b : b);
      const int16_t larger = size_a > size_b ? size_a : size_b, sum = size_a + size_b;
      most = larger > most ? larger : most;
      most_of_pair = sum > most_of_pair ? sum : most_of_pair;
    }
    if (most > 127) return fail(model, POSY_BAD_WEIGHTS, pairs);
    if (weights.pairs_are_small && most_of_pair > 128) return fail(model, POSY_BAD_WEIGHTS, pairs);
  }
  for (uint32_t i = 0; i < weights.wide_count; ++i) {
    const Int8WideChannel wide(weights, channels, i);
    const bool ascends = i == 0 || Int8WideChannel(weights, channels, i - 1).channel() < wide.channel();
    if (wide.channel() >= channels || !ascends) return fail(model, POSY_BAD_WEIGHTS, wide.bytes);
    if (!is_multiplier(wide.multiplier())) return fail(model, POSY_BAD_WEIGHTS, &wide.multiplier());
  }
  return {};
}

template <class Args>
Failure check_contents(const Model&, const Args&) {
  return {};
}
Failure check_contents(const Model& model, const Int8Conv2dArgs& args) {
  return check_int8_weights(model, args.weights, args.out.c);
}
Failure check_contents(const Model& model, const Int8DepthwiseConv2dArgs& args) {
  return check_int8_weights(model, args.weights, args.out.c);
}

Failure check_op(const Model& model, const OpRecord& op) {
  if (!is_string(model, op.name)) return fail(model, POSY_BAD_STRING, &op.name);
  switch ((OpKind)op.kind) {
#define POSY_OP(number, name, Args)                                               \
  case OpKind::name: {                                                            \
    if (!is_built(OpKind::name)) return fail(model, POSY_OP_NOT_BUILT, &op.kind); \
    Args args;                                                                    \
    if (Failure f = bind_##name(model, op, nullptr, &args)) return f;             \
    return check_contents(model, args);                                           \
  }
#include "kernels/ops.def"
#undef POSY_OP
  }
  return fail(model, POSY_UNKNOWN_OP, &op.kind);
}

// Steps begin and end at multiples of so many rows. Of a band of Winograd's tiles every row costs
// the whole transform: one at a time, they would be much more work than is counted.
uint32_t step_unit(const OpRecord& op) {
  if ((OpKind)op.kind != OpKind::winograd_input) return 1;
  return winograd_alphas(op.dims[0], op.k_h) * winograd_alphas(op.dims[1], op.k_w);
}

Failure check_steps(const Model& model) {
  uint64_t macs = 0;
  for (uint32_t i = 0; i < model.step_count; ++i) {
    const StepRecord& step = model.steps[i];
    if (step.op >= model.op_count) return fail(model, POSY_BAD_STEP, &step.op);
    const OpRecord& op = model.ops[step.op];
    if (step.row_begin >= step.row_end) return fail(model, POSY_BAD_STEP, &step.row_begin);
    if (step.row_end > model.tensors[op.out].h) return fail(model, POSY_BAD_STEP, &step.row_end);
    // More rows than are kept would be written over each other, by several threads at once.
    const uint32_t kept = model.tensors[op.out].ring_h;
    if (step.row_end - step.row_begin > kept) return fail(model, POSY_BAD_STEP, &step.row_end);
    if (step.row_begin % step_unit(op) != 0) return fail(model, POSY_BAD_STEP, &step.row_begin);
    if (step.row_end % step_unit(op) != 0) return fail(model, POSY_BAD_STEP, &step.row_end);
    if (step.zero != 0) return fail(model, POSY_BAD_STEP, &step.zero);
    macs += op_macs(model, op, step.row_end - step.row_begin);
    if (macs > kMaxMacs) return fail(model, POSY_BAD_STEP, &step);
  }
  return {};
}

size_t thread_scratch_floats(const FileHeader& header, uint32_t scratch_panels) {
  return (size_t)align_up(panel_floats(scratch_panels, header.max_rows), kMemoryAlignment / sizeof(float));
}

uint32_t thread_count(const posy_options& options) {
  return options.threads == 0 ? 1 : options.threads;
}

posy_status check_options(const posy_options* given, posy_options* options, const KernelTable** kernels) {
  memset(options, 0, sizeof *options);
  if (given) *options = *given;
  options->threads = thread_count(*options);
  if (options->threads > POSY_MAX_THREADS) return POSY_BAD_THREADS;
  if (options->threads > 1 && !options->parallel_for) return POSY_BAD_THREADS;
  *kernels = options->isa ? kernels_named(options->isa) : best_kernels();
  if (*kernels) return POSY_OK;
  return options->isa ? POSY_UNKNOWN_ISA : POSY_NO_KERNELS;
}

}  // namespace

uint64_t memory_bytes(const FileHeader& header, uint32_t threads, uint32_t scratch_panels) {
  return kMemoryAlignment + header.arena_bytes +
         (uint64_t)threads * thread_scratch_floats(header, scratch_panels) * sizeof(float);
}

Failure check_header(const void* bytes, size_t byte_count) {
  if (is_big_endian()) return {POSY_BIG_ENDIAN, 0};
  if ((uintptr_t)bytes % kModelAlignment != 0) return {POSY_MISALIGNED, 0};
  if (byte_count < sizeof(FileHeader)) return {POSY_TOO_SHORT, byte_count};
  const FileHeader& header = *(const FileHeader*)bytes;
  if (memcmp(header.magic, kMagic, sizeof kMagic) != 0) return {POSY_NOT_POSY, 0};
  const auto at = [&](const void* field) { return (size_t)((const uint8_t*)field - (const uint8_t*)bytes); };
  if (header.version_major != kVersionMajor) return {POSY_NEWER_VERSION, at(&header.version_major)};
  if (header.file_bytes != byte_count || byte_count > kMaxFileBytes) return {POSY_WRONG_LENGTH, at(&header.file_bytes)};
  if (byte_count % 4 != 0) return {POSY_WRONG_LENGTH, at(&header.file_bytes)};
  if (header.section_count > kMaxSections) return {POSY_BAD_HEADER, at(&header.section_count)};
  if (header.arena_bytes > kMaxArenaBytes || header.arena_bytes % kMemoryAlignment != 0) {
    return {POSY_BAD_HEADER, at(&header.arena_bytes)};
  }
  if (header.max_rows > kMaxRows) return {POSY_BAD_HEADER, at(&header.max_rows)};
  if (!all_zero(header.zero, sizeof header.zero)) return {POSY_BAD_HEADER, at(header.zero)};
  return {};
}

Failure open_model(const void* bytes, size_t byte_count, bool skip_checksum, Model* model) {
  memset(model, 0, sizeof *model);
  if (Failure f = check_header(bytes, byte_count)) return f;
  model->bytes = (const uint8_t*)bytes;
  model->header = (const FileHeader*)bytes;
  if (!skip_checksum) {
    const size_t first = offsetof(FileHeader, version_major);
    if (checksum(model->bytes + first, byte_count - first) != model->header->checksum) {
      return {POSY_BAD_CHECKSUM, offsetof(FileHeader, checksum)};
    }
  }
  if (Failure f = bind_sections(model)) return f;
  for (uint32_t i = 0; i < model->tensor_count; ++i) {
    if (Failure f = check_tensor(*model, model->tensors[i])) return f;
  }
  if (Failure f = check_record(*model)) return f;
  if (model->novelty) {
    if (Failure f = check_novelty(*model, *model->novelty)) return f;
  }
  for (uint32_t i = 0; i < model->op_count; ++i) {
    if (Failure f = check_op(*model, model->ops[i])) return f;
  }
  return check_steps(*model);
}

Tensor bind_tensor(const TensorRecord& record, uint8_t* arena) {
  float* data = arena ? (float*)(arena + record.arena_offset) : nullptr;
  return {data, record.h, record.w, record.c, record.pixel_stride, record.ring_h};
}

ByteTensor bind_byte_tensor(const TensorRecord& record, uint8_t* arena) {
  ByteTensor tensor;
  tensor.data = arena ? arena + record.arena_offset : nullptr;
  tensor.h = record.h;
  tensor.w = record.w;
  tensor.c = record.c;
  tensor.pixel_stride = record.pixel_stride;
  tensor.ring_h = record.ring_h;
  tensor.zero_point = record.zero_point;
  return tensor;
}

}  // namespace posy

using namespace posy;

extern "C" posy_status posy_need(const void* model, size_t model_bytes, const posy_options* options,
                                 posy_needs* needs) {
  if (!model || !needs) return POSY_NULL_ARGUMENT;
  posy_options checked;
  const KernelTable* kernels;
  if (posy_status status = check_options(options, &checked, &kernels)) return status;
  if (Failure f = check_header(model, model_bytes)) return f.status;
  const FileHeader& header = *(const FileHeader*)model;
  const uint64_t bytes = memory_bytes(header, checked.threads, kernels->scratch_panels);
  if (bytes > SIZE_MAX) return POSY_BAD_HEADER;
  needs->memory_bytes = (size_t)bytes;
  needs->arena_bytes = header.arena_bytes;
  return POSY_OK;
}

extern "C" posy_status posy_open(posy_engine* opaque, const void* model, size_t model_bytes, void* memory,
                                 size_t given_bytes, const posy_options* options) {
  if (!opaque) return POSY_NULL_ARGUMENT;
  memset(opaque, 0, sizeof *opaque);  // closed until all is well
  if (!model || !memory) return POSY_NULL_ARGUMENT;
  Engine* engine = engine_of(opaque);
  if (posy_status status = check_options(options, &engine->options, &engine->kernels)) return status;
  if (Failure f = open_model(model, model_bytes, engine->options.skip_checksum != 0, &engine->model)) {
    engine->error_byte = f.byte;
    return f.status;
  }
  const FileHeader& header = *engine->model.header;
  if (given_bytes < memory_bytes(header, engine->options.threads, engine->kernels->scratch_panels))
    return POSY_SMALL_MEMORY;
  engine->arena = (uint8_t*)align_up((uintptr_t)memory, kMemoryAlignment);
  engine->scratch = (float*)(engine->arena + header.arena_bytes);
  engine->scratch_floats = thread_scratch_floats(header, engine->kernels->scratch_panels);
  // What a file never writes reads as zero, so scores depend on the file and the image alone; and no run waits for
  // pages that the system has not handed out yet.
  memset(engine->arena, 0, header.arena_bytes);
  engine->open_mark = kOpenMark;
  return POSY_OK;
}

extern "C" size_t posy_error_byte(const posy_engine* engine) {
  return engine ? engine_of(engine)->error_byte : 0;
}
