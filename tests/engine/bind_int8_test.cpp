// What tensors and ops of 8-bit codes need: the checks of engine/bind_int8.cpp, and those of codes in engine/open.cpp.
#include <doctest/doctest.h>

#include <algorithm>

#include "engine/model.h"
#include "tests/engine/changes.h"

using namespace posy;

namespace {

constexpr OpKind kMakesCodes[] = {OpKind::int8_conv_2d,      OpKind::int8_depthwise_conv_2d,
                                  OpKind::int8_average_pool, OpKind::int8_max_pool,
                                  OpKind::int8_binary,       OpKind::int8_encode};
constexpr uint32_t kNan = 0x7fc00000, kInfinite = 0x7f800000;

uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

size_t tensor_at(const std::vector<uint8_t>& file, size_t op, size_t field) {
  return record_at(file, SectionKind::kTensors, get<uint32_t>(file, op + field));
}

// Opens with one changed field, and runs.
void check_runs(std::vector<uint8_t> file, size_t at, const void* value, size_t bytes) {
  std::memcpy(file.data() + at, value, bytes);
  fix_checksum(&file);
  GuardedEngine guarded(file.size());
  INFO("byte " << at);
  CHECK(guarded.open(file) == POSY_OK);
  CHECK(guarded.scores().size() == 5);
  CHECK(guarded.memory_is_intact());
}

// Where the first panel of an op lies in the file.
size_t panel_at(const std::vector<uint8_t>& file, size_t op) {
  return section(file, SectionKind::kWeights).offset + get<uint32_t>(file, op + offsetof(OpRecord, weights_offset));
}

}  // namespace

TEST_CASE("open: a tensor's type, zero point and scale have to fit each other") {
  const std::vector<uint8_t> good = build_model({});
  const size_t conv = op_at(good, OpKind::int8_conv_2d);
  const size_t codes = tensor_at(good, conv, offsetof(OpRecord, in));
  const size_t floats = record_at(good, SectionKind::kTensors, 1);
  const size_t type = offsetof(TensorRecord, type), zero_point = offsetof(TensorRecord, zero_point);
  const size_t scale = offsetof(TensorRecord, scale), zero = offsetof(TensorRecord, zero);
  const size_t model = section(good, SectionKind::kModel).offset;
  const uint32_t codes_index = get<uint32_t>(good, conv + offsetof(OpRecord, in));
  check_changes(good,
                {{"unknown type", codes + type, 2, 1, POSY_BAD_TENSOR},
                 {"a zero point of floats", floats + zero_point, 1, 1, POSY_BAD_TENSOR},
                 {"a scale of floats", floats + scale, bits_of(1), 4, POSY_BAD_TENSOR},
                 {"a scale of -0 of floats", floats + scale, 0x80000000, 4, POSY_BAD_TENSOR},
                 {"reserved bytes", codes + zero, 1, 2, POSY_BAD_TENSOR},
                 {"codes without a scale", codes + scale, 0, 4, POSY_BAD_TENSOR},
                 {"a scale below 0", codes + scale, bits_of(-1), 4, POSY_BAD_TENSOR},
                 {"a scale that is NaN", codes + scale, kNan, 4, POSY_BAD_TENSOR},
                 {"an infinite scale", codes + scale, kInfinite, 4, POSY_BAD_TENSOR},
                 {"a scale above 2^64", codes + scale, bits_of(0x1.1p64f), 4, POSY_BAD_TENSOR},
                 {"a scale below 2^-64", codes + scale, bits_of(0x1.fp-65f), 4, POSY_BAD_TENSOR},
                 {"codes as scores", model + offsetof(ModelRecord, output_tensor), codes_index, 4, POSY_BAD_MODEL}});
  for (const float edge : {0x1p-64f, 0x1p64f}) check_runs(good, codes + scale, &edge, sizeof edge);
}

TEST_CASE("open: the last pixel of codes lies in the arena with all of its last group") {
  ModelOptions options;
  options.channels = 5;
  std::vector<uint8_t> file = build_model(options);
  const size_t conv = op_at(file, OpKind::int8_conv_2d), tensor = tensor_at(file, conv, offsetof(OpRecord, in));
  const auto record = get<TensorRecord>(file, tensor);
  REQUIRE(record.pixel_stride == 8);
  const uint32_t arena = get<uint32_t>(file, offsetof(FileHeader, arena_bytes));
  const uint32_t bytes = (record.ring_h * record.w - 1) * 8 + 8;
  GuardedEngine guarded(file.size());
  for (const uint32_t beyond : {0u, 1u, 3u}) {
    set(&file, tensor + offsetof(TensorRecord, arena_offset), arena - bytes + beyond);
    fix_checksum(&file);
    CHECK(guarded.open(file) == (beyond == 0 ? POSY_OK : POSY_BAD_TENSOR));
    if (beyond == 0) CHECK(guarded.scores().size() == 5);
    CHECK(guarded.memory_is_intact());
  }
}

TEST_CASE("open: codes where an op has floats, and floats where it has codes, are refused") {
  const std::vector<uint8_t> good = build_model({});
  GuardedEngine guarded(good.size());
  const uint32_t floats = get<uint32_t>(good, op_at(good, OpKind::int8_encode) + offsetof(OpRecord, in));
  const uint32_t codes = get<uint32_t>(good, op_at(good, OpKind::int8_encode) + offsetof(OpRecord, out));
  const auto refuses = [&](OpKind kind, size_t field, uint32_t tensor) {
    std::vector<uint8_t> file = good;
    const size_t at = op_at(good, kind) + field;
    set(&file, at, tensor);
    fix_checksum(&file);
    INFO(op_name(kind) << ", byte " << field);
    CHECK(guarded.open(file) == POSY_BAD_SHAPES);
    CHECK(posy_error_byte(&guarded.engine) == at);
  };
  const size_t in = offsetof(OpRecord, in), out = offsetof(OpRecord, out);
  for (const OpKind kind : kMakesCodes) {
    refuses(kind, in, kind == OpKind::int8_encode ? codes : floats);
    if (kind != OpKind::int8_conv_2d) refuses(kind, out, floats);  // which makes either
  }
  refuses(OpKind::int8_binary, in + 4, floats);
  refuses(OpKind::int8_map, in, floats);
  refuses(OpKind::int8_map, out, floats);
  refuses(OpKind::int8_decode, in, floats);
  refuses(OpKind::int8_decode, out, codes);
  for (const OpKind kind : {OpKind::conv_2d, OpKind::depthwise_conv_2d, OpKind::binary, OpKind::unary, OpKind::pad}) {
    refuses(kind, in, codes);
  }
}

TEST_CASE("open: the limits of codes are codes") {
  const std::vector<uint8_t> good = build_model({});
  const size_t low = offsetof(OpRecord, clamp_low), high = offsetof(OpRecord, clamp_high);
  for (const OpKind kind : kMakesCodes) {
    const size_t op = op_at(good, kind);
    INFO(op_name(kind));
    std::vector<Change> changes;
    for (const float none : {0.5f, -1.0f, 256.0f, 1e30f, -__builtin_inff(), __builtin_inff()}) {
      changes.push_back({"no code", op + low, bits_of(none), 4, POSY_BAD_OP});
      changes.push_back({"no code", op + high, bits_of(none), 4, POSY_BAD_OP});
    }
    changes.push_back({"NaN", op + low, kNan, 4, POSY_BAD_OP});
    changes.push_back({"NaN", op + high, kNan, 4, POSY_BAD_OP});
    check_changes(good, changes);
    std::vector<uint8_t> file = good;
    set(&file, op + low, 101.0f);
    check_changes(file, {{"the most below the least", op + high, bits_of(100), 4, POSY_BAD_OP}});
    const float same = 101;
    check_runs(file, op + high, &same, sizeof same);
  }
}

TEST_CASE("open: multipliers of ops of codes are 0 or of a size that makes no product infinite or denormal") {
  const std::vector<uint8_t> good = build_model({});
  struct Parameter {
    OpKind kind;
    uint32_t index;
  };
  for (const Parameter p :
       {Parameter{OpKind::int8_average_pool, 0}, Parameter{OpKind::int8_binary, 0}, Parameter{OpKind::int8_binary, 1},
        Parameter{OpKind::int8_encode, 0}, Parameter{OpKind::int8_decode, 0}}) {
    const size_t at = op_at(good, p.kind) + offsetof(OpRecord, param) + 4 * p.index;
    INFO(op_name(p.kind));
    check_changes(good, {{"NaN", at, kNan, 4, POSY_BAD_OP},
                         {"infinite", at, kInfinite, 4, POSY_BAD_OP},
                         {"denormal", at, 1, 4, POSY_BAD_OP},
                         {"above 2^64", at, bits_of(0x1.1p64f), 4, POSY_BAD_OP},
                         {"below -2^64", at, bits_of(-0x1.1p64f), 4, POSY_BAD_OP},
                         {"below 2^-64", at, bits_of(0x1.fp-65f), 4, POSY_BAD_OP}});
    for (const float edge : {0.0f, 0x1p64f, -0x1p64f, 0x1p-64f, -0x1p-64f}) check_runs(good, at, &edge, sizeof edge);
  }
}

TEST_CASE("open: a product of codes has one multiplier, a sum two") {
  std::vector<uint8_t> file = build_model({});
  const size_t op = op_at(file, OpKind::int8_binary), second = op + offsetof(OpRecord, param) + 4;
  set(&file, op + offsetof(OpRecord, function), (uint8_t)Int8BinaryFunction::mul);
  fix_checksum(&file);
  GuardedEngine guarded(file.size());
  CHECK(guarded.open(file) == POSY_BAD_OP);
  CHECK(posy_error_byte(&guarded.engine) == second);
  const float none = 0;
  check_runs(file, second, &none, sizeof none);
}

TEST_CASE("open: pixels of a convolution of codes lie whole groups apart") {
  ModelOptions options;
  options.channels = 5;
  std::vector<uint8_t> file = build_model(options);
  const size_t conv = op_at(file, OpKind::int8_conv_2d);
  set(&file, tensor_at(file, conv, offsetof(OpRecord, in)) + offsetof(TensorRecord, pixel_stride), 7u);
  fix_checksum(&file);
  GuardedEngine guarded(file.size());
  CHECK(guarded.open(file) == POSY_BAD_SHAPES);
  CHECK(posy_error_byte(&guarded.engine) == conv + offsetof(OpRecord, in));
}

TEST_CASE("open: ops of codes with weights need those of bytes, as many as their windows have rows") {
  const std::vector<uint8_t> good = build_model({});
  const size_t type = offsetof(OpRecord, weight_type), bytes = offsetof(OpRecord, weights_bytes);
  const size_t k_h = offsetof(OpRecord, k_h);
  for (const OpKind kind : {OpKind::int8_conv_2d, OpKind::int8_depthwise_conv_2d}) {
    const size_t op = op_at(good, kind);
    const uint32_t size = get<uint32_t>(good, op + bytes);
    INFO(op_name(kind));
    CHECK(size == (kind == OpKind::int8_conv_2d ? 192 + 9 * 4 * 16 : 192 + 3 * 4 * 16));
    for (const uint32_t other : {0u, 1u, 2u, 4u, 7u, 8u, 255u}) {
      check_changes(good, {{"another type", op + type, other, 1, POSY_BAD_WEIGHTS}});
    }
    check_changes(good, {{"too short", op + bytes, size - 64, 4, POSY_BAD_WEIGHTS},
                         {"too long", op + bytes, size + 64, 4, POSY_BAD_WEIGHTS},
                         {"no window", op + k_h, 0, 2, POSY_BAD_OP}});
    // 4096 x 4096 weights of a channel, and four times as many.
    std::vector<uint8_t> file = good;
    set<uint16_t>(&file, op + k_h, kMaxWindow);
    set<uint16_t>(&file, op + k_h + 2, kMaxWindow);
    fix_checksum(&file);
    GuardedEngine guarded(file.size());
    CHECK(guarded.open(file) == POSY_BAD_WEIGHTS);
    CHECK(posy_error_byte(&guarded.engine) == op + bytes);
  }
  const size_t map = op_at(good, OpKind::int8_map);
  check_changes(good, {{"half a table", map + bytes, 128, 4, POSY_BAD_WEIGHTS},
                       {"a table of another type", map + type, 3, 1, POSY_BAD_WEIGHTS}});
  const size_t depthwise = op_at(good, OpKind::int8_depthwise_conv_2d);
  const size_t in = offsetof(OpRecord, in);
  std::vector<uint8_t> file = build_model({});
  set(&file, tensor_at(file, depthwise, in) + offsetof(TensorRecord, c), 3u);
  fix_checksum(&file);
  GuardedEngine guarded(file.size());
  CHECK(guarded.open(file) != POSY_OK);
}

TEST_CASE(
    "open: weights of bytes are within -127 and 127, in small pairs where the op says so, with fair multipliers") {
  const std::vector<uint8_t> good = build_model({});
  for (const OpKind kind : {OpKind::int8_conv_2d, OpKind::int8_depthwise_conv_2d}) {
    const size_t op = op_at(good, kind), panel = panel_at(good, op), weights = panel + 192;
    INFO(op_name(kind));
    REQUIRE(get<uint8_t>(good, op + offsetof(OpRecord, function)) == 1);
    // The second weight of lane 3's first group; the others are named by the panel's first.
    std::vector<uint8_t> file = good;
    GuardedEngine guarded(file.size());
    const auto opens = [&](uint8_t function, int8_t first, int8_t second) {
      set(&file, op + offsetof(OpRecord, function), function);
      set(&file, weights + 12, first);
      set(&file, weights + 13, second);
      fix_checksum(&file);
      const posy_status status = guarded.open(file);
      if (status == POSY_OK) CHECK(guarded.scores().size() == 5);
      if (status != POSY_OK) CHECK(posy_error_byte(&guarded.engine) == weights);
      return status;
    };
    CHECK(opens(1, 64, -64) == POSY_OK);
    CHECK(opens(1, -127, 1) == POSY_OK);
    CHECK(opens(1, 65, 64) == POSY_BAD_WEIGHTS);
    CHECK(opens(1, -65, 64) == POSY_BAD_WEIGHTS);
    CHECK(opens(1, 127, 127) == POSY_BAD_WEIGHTS);
    CHECK(opens(0, 127, -127) == POSY_OK);
    CHECK(opens(0, -128, 0) == POSY_BAD_WEIGHTS);
    CHECK(opens(0, 0, -128) == POSY_BAD_WEIGHTS);
    CHECK(opens(1, -128, 0) == POSY_BAD_WEIGHTS);
    for (const uint32_t lane : {0u, 3u, 15u}) {  // the last one has no channel
      const size_t at = panel + 64 + 4 * lane;
      check_changes(good, {{"NaN", at, kNan, 4, POSY_BAD_WEIGHTS},
                           {"infinite", at, kInfinite, 4, POSY_BAD_WEIGHTS},
                           {"below 0", at, bits_of(-1), 4, POSY_BAD_WEIGHTS},
                           {"denormal", at, 1, 4, POSY_BAD_WEIGHTS},
                           {"above 2^64", at, bits_of(0x1.1p64f), 4, POSY_BAD_WEIGHTS},
                           {"below 2^-64", at, bits_of(0x1.fp-65f), 4, POSY_BAD_WEIGHTS}});
      for (const float edge : {0.0f, 0x1p-64f, 0x1p64f}) check_runs(good, at, &edge, sizeof edge);
    }
  }
}
