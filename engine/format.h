// The bytes of a .posy file, version 1: loaders/FORMAT.md in C++.
//
// Little-endian. Header, section table, then the sections in ascending order of their kind, each starting at a multiple
// of 64 with zeros in between; the last one ends the file.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace posy {

// As in PNG: the first byte is no text, CR LF and Ctrl-Z show what a text-mode transfer did.
constexpr uint8_t kMagic[8] = {0x89, 'P', 'O', 'S', 'Y', '\r', '\n', 0x1a};
constexpr uint16_t kVersionMajor = 1;
constexpr uint16_t kVersionMinor = 0;
constexpr uint32_t kSectionAlignment = 64;
constexpr uint32_t kMaxFileBytes = 0x7fffffff;
constexpr uint32_t kMaxSections = 32;
constexpr uint32_t kMaxTensors = 1u << 16;
constexpr uint32_t kMaxOps = 1u << 16;
constexpr uint32_t kMaxSteps = 1u << 20;
constexpr uint32_t kMaxLabels = 1u << 20;
constexpr uint32_t kMaxDimension = 1u << 20;  // h, w or c of a tensor
constexpr uint32_t kMaxWindow = 1u << 12;     // k, stride, dilation, padding
constexpr uint32_t kMaxRows = 1u << 24;       // weights per output channel
constexpr uint32_t kMaxArenaBytes = 0x40000000;
constexpr uint64_t kMaxMacs = 1ull << 40;  // multiply-adds of one run: no file can keep a processor busy for days
constexpr uint32_t kNoIndex = 0xffffffff;  // no string, no tensor

struct FileHeader {
  uint8_t magic[8];
  uint32_t file_bytes;
  uint32_t checksum;       // checksum() of bytes 16 ... file_bytes
  uint16_t version_major;  // a reader refuses a greater one
  uint16_t version_minor;  // greater: additions that an older reader may ignore
  uint32_t section_count;
  uint32_t arena_bytes;  // activations of one run; a multiple of 64
  uint32_t max_rows;     // weights per output channel, the largest of any op on floats: sizes the scratch for panels
  uint8_t zero[32];
};
static_assert(sizeof(FileHeader) == 64 && offsetof(FileHeader, version_major) == 16, "no padding");

// Section kinds. Files have all of the first seven. From kFirstOptional on, a reader that does not know a kind ignores
// the section; below, it refuses.
constexpr uint32_t kRequiredSections = 7;
constexpr uint32_t kFirstOptional = 0x8000;
enum class SectionKind : uint32_t {
  kModel = 1,
  kTensors = 2,
  kOps = 3,
  kSteps = 4,
  kLabels = 5,
  kStrings = 6,
  kWeights = 7,
  kNodeNames = kFirstOptional + 1,
  kNovelty = kFirstOptional + 2,
};

struct SectionEntry {
  uint32_t kind;
  uint32_t offset;  // from the start of the file, a multiple of 64
  uint32_t bytes;   // without the zeros that follow
  uint32_t count;   // records; 0 for strings and weights
};
static_assert(sizeof(SectionEntry) == 16, "no padding");

enum class Resize : uint8_t {
  kLegacyBilinear = 0,  // source = out * in_size / out_size: no half-pixel centres, corners not aligned
};

// One record: what goes in and what comes out.
struct ModelRecord {
  uint32_t input_tensor;
  uint32_t output_tensor;  // [1, 1, classes]
  uint32_t input_name;     // string: the graph's node
  uint32_t output_name;
  float mean[4];  // per channel: input = (pixel - mean) / std in float32, pixel in 0 ... 255
  float std[4];
  uint8_t resize;           // Resize
  uint8_t normalize_first;  // 1: normalise, then resize (TF-Hub's order)
  uint8_t zero[14];
};
static_assert(sizeof(ModelRecord) == 64, "no padding");

enum class ElementType : uint8_t {
  kF32 = 0,
  kU8 = 1,  // code q stands for (q - zero_point) * scale
};

constexpr uint32_t element_bytes(ElementType type) {
  return type == ElementType::kU8 ? 1 : 4;
}

// Rows x columns x channels; a view of the arena. Tensors may overlap where their lives do not, and where one is a
// slice of the channels of another.
struct TensorRecord {
  uint32_t arena_offset;  // bytes, of row 0, pixel 0, channel 0; of floats a multiple of 4
  uint32_t h, w, c;
  uint32_t pixel_stride;  // elements from pixel to pixel, >= c
  uint32_t ring_h;        // rows in memory, 1 ... h: row y lies at y % ring_h
  uint32_t name;          // string: the graph's node that this is the output of
  uint8_t type;           // ElementType
  uint8_t zero_point;     // codes only
  uint16_t zero;
  float scale;  // codes only: 2^-64 to 2^64; for the input and for people, ops have multipliers of their own
};
static_assert(sizeof(TensorRecord) == 36, "no padding");

// One op. Fields that an op of this kind has no use for are zero (tensors: kNoIndex).
struct OpRecord {
  uint16_t kind;        // OpKind
  uint8_t weight_type;  // WeightType
  uint8_t function;     // which of the kind's functions: kernels/functions.def, PadMode, ReduceFunction ...
  uint32_t name;        // string
  uint32_t in[2];
  uint32_t out;
  uint16_t k_h, k_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  float clamp_low, clamp_high;
  uint32_t weights_offset;  // in the weights section, a multiple of 64
  uint32_t weights_bytes;
  float param[4];    // of the function
  uint16_t dims[4];  // transpose: the input's axes; pad: rows and columns cut off at the top and left
  uint8_t order[4];  // transpose
};
static_assert(sizeof(OpRecord) == 80, "no padding");

// The plan: make these rows of this op's output. Steps run in order; an op may have several (bands).
struct StepRecord {
  uint32_t op;
  uint32_t row_begin, row_end;
  uint32_t zero;
};
static_assert(sizeof(StepRecord) == 16, "no padding");

// Optional: more names for a tensor, where several nodes of the graph have the same output. For people and tools; the
// engine does not read it.
struct NodeNameRecord {
  uint32_t tensor;
  uint32_t name;  // string
};

// Optional, one record: how far a picture lies from those that the model was trained with. `features` is what the last
// layer gets, f. `projection` is a linear map of it: its coordinates z in one or several subspaces, `group` in each.
// What lies outside of the nearest one is 1 - max over groups of sum(z * z) / sum(f * f).
struct NoveltyRecord {
  uint32_t features;    // tensor [1, 1, c], floats, which no later step may write over
  uint32_t projection;  // [1, 1, a multiple of group], likewise
  uint32_t group;
  float limit;  // above it a picture is unknown; > 0
};
static_assert(sizeof(NoveltyRecord) == 16, "no padding");

// The labels section is one uint32_t per class: a string. The strings section is bytes; a string is the offset of its
// first byte in there and ends with a zero byte.

}  // namespace posy
