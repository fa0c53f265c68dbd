// What every op needs of its record and its tensors: one check of engine/bind.cpp after the other.
#include <doctest/doctest.h>

#include <algorithm>

#include "engine/model.h"
#include "tests/engine/changes.h"

using namespace posy;

namespace {

// Where the records of all ops lie.
std::vector<size_t> ops_of(const std::vector<uint8_t>& file) {
  std::vector<size_t> ops;
  for (uint32_t i = 0; i < section(file, SectionKind::kOps).count; ++i) {
    ops.push_back(record_at(file, SectionKind::kOps, i));
  }
  return ops;
}

// What loaders/FORMAT.md says an op has a use for.
struct Uses {
  uint8_t last_function = 0;
  uint32_t params = 0, dims = 0, order = 0;
  bool window = false, weights = false, clamp = true, two_inputs = false;
};

Uses uses_of(const OpRecord& op) {
  Uses uses;
  switch ((OpKind)op.kind) {
    case OpKind::conv_2d:
    case OpKind::depthwise_conv_2d:
      uses.window = uses.weights = true;
      break;
    case OpKind::average_pool:
    case OpKind::max_pool:
      uses.window = true;
      break;
    case OpKind::binary:
      uses.last_function = 7;
      uses.two_inputs = true;
      break;
    case OpKind::copy:
      break;
    case OpKind::softmax:
      uses.last_function = 1;
      uses.clamp = false;
      break;
    case OpKind::unary:
      uses.last_function = 22;
      uses.params = (UnaryFunction)op.function == UnaryFunction::leaky_relu ? 1 : 0;
      break;
    case OpKind::pad:
      uses = {2, 1, 2, 0, true, false, false, false};
      break;
    case OpKind::resize:
      uses.last_function = 7;
      uses.clamp = false;
      break;
    case OpKind::transpose:
      uses = {0, 0, 4, 4, false, false, false, false};
      break;
    case OpKind::reduce:
      uses.last_function = 3;
      break;
    case OpKind::batch_product:
      uses.last_function = 1;
      uses.clamp = false;
      uses.two_inputs = true;
      break;
    case OpKind::quantize:
      uses.last_function = 4;
      uses.params = (QuantizeFunction)op.function == QuantizeFunction::bias_add ? 1 : 0;
      uses.two_inputs = true;
      break;
    case OpKind::local_response_norm:
      uses = {0, 3, 1, 0, false, false, false, false};
      break;
    case OpKind::winograd_input:
      uses = {0, 0, 3, 0, true, false, false, false};
      break;
    case OpKind::winograd_product:
      uses = {0, 0, 3, 0, true, true, true, false};
      break;
    case OpKind::int8_conv_2d:
    case OpKind::int8_depthwise_conv_2d:
      uses.last_function = uses.dims = 1;
      uses.window = uses.weights = true;
      break;
    case OpKind::int8_average_pool:
      uses.window = true;
      uses.params = 1;
      break;
    case OpKind::int8_max_pool:
      uses.window = true;
      break;
    case OpKind::int8_binary:
      uses.last_function = 3;
      uses.params = 2;
      uses.two_inputs = true;
      break;
    case OpKind::int8_map:
      uses.weights = true;
      uses.clamp = false;
      break;
    case OpKind::int8_encode:
      uses.params = 1;
      break;
    case OpKind::int8_decode:
      uses.params = 1;
      uses.clamp = false;
      break;
  }
  return uses;
}

}  // namespace

TEST_CASE("open: the model of these tests has every op of ops.def") {
  const std::vector<uint8_t> good = build_model({});
  std::vector<uint16_t> kinds;
  for (const size_t at : ops_of(good)) kinds.push_back(get<uint16_t>(good, at));
#define POSY_OP(number, name, Args) CHECK(std::count(kinds.begin(), kinds.end(), number) > 0);
#include "kernels/ops.def"
#undef POSY_OP
}

TEST_CASE("open: a field that an op has no use for is refused unless it is zero") {
  const std::vector<uint8_t> good = build_model({});
  GuardedEngine guarded(good.size());
  for (const size_t op : ops_of(good)) {
    const auto record = get<OpRecord>(good, op);
    const Uses uses = uses_of(record);
    // The field that is named may be the first one of its group.
    const auto refuses = [&](size_t field, uint32_t value, uint32_t bytes, posy_status status, size_t named) {
      std::vector<uint8_t> file = good;
      std::memcpy(file.data() + op + field, &value, bytes);
      fix_checksum(&file);
      INFO("kind " << record.kind << ", byte " << field << " set to " << value);
      CHECK(guarded.open(file) == status);
      CHECK(posy_error_byte(&guarded.engine) == op + named);
    };
    const size_t param = offsetof(OpRecord, param), dims = offsetof(OpRecord, dims), order = offsetof(OpRecord, order);
    for (uint32_t i = uses.params; i < 4; ++i) {
      for (const uint32_t bits : {1u, 0x3f800000u, 0x80000000u, 0x7fc00000u}) {
        refuses(param + 4 * i, bits, 4, POSY_BAD_OP, param + 4 * i);
      }
    }
    for (uint32_t i = uses.dims; i < 4; ++i) refuses(dims + 2 * i, 256, 2, POSY_BAD_OP, dims + 2 * i);
    for (uint32_t i = uses.order; i < 4; ++i) refuses(order + i, 1, 1, POSY_BAD_OP, order + i);
    const size_t function = offsetof(OpRecord, function);
    for (const uint32_t beyond : {uses.last_function + 1u, 128u, 255u}) {
      refuses(function, beyond, 1, POSY_BAD_OP, function);
    }
    const OpKind kind = (OpKind)record.kind;
    if (kind == OpKind::unary || kind == OpKind::binary) refuses(function, 0, 1, POSY_BAD_OP, function);
    if (kind == OpKind::int8_binary) {
      for (const uint32_t none : {0u, 2u}) refuses(function, none, 1, POSY_BAD_OP, function);
    }
    const size_t k_h = offsetof(OpRecord, k_h);
    for (size_t field = k_h; !uses.window && field <= offsetof(OpRecord, pad_left); field += 2) {
      refuses(field, 1, 2, POSY_BAD_OP, k_h);
    }
    if (kind == OpKind::pad) {
      for (const size_t field : {k_h, offsetof(OpRecord, dilation_h)}) {
        refuses(field, 1, 2, POSY_BAD_OP, field);
        refuses(field + 2, 1, 2, POSY_BAD_OP, field);
      }
    }
    const size_t weights = offsetof(OpRecord, weights_offset), low = offsetof(OpRecord, clamp_low);
    if (!uses.weights) {
      refuses(offsetof(OpRecord, weight_type), 1, 1, POSY_BAD_WEIGHTS, offsetof(OpRecord, weight_type));
      refuses(weights, 64, 4, POSY_BAD_WEIGHTS, weights);
      refuses(offsetof(OpRecord, weights_bytes), 64, 4, POSY_BAD_WEIGHTS, weights);
    }
    if (!uses.clamp) {
      refuses(low, 0, 4, POSY_BAD_OP, low);
      refuses(offsetof(OpRecord, clamp_high), 0x40c00000, 4, POSY_BAD_OP, low);
    }
    const size_t second = offsetof(OpRecord, in) + 4;
    refuses(second, uses.two_inputs ? kNoIndex : 0, 4, POSY_BAD_OP, second);
  }
}

TEST_CASE("open: every function of unary, binary, softmax, resize, reduce and batch_product opens and runs") {
  const std::vector<uint8_t> good = build_model({});
  GuardedEngine guarded(good.size());
  for (const size_t op : ops_of(good)) {
    const auto record = get<OpRecord>(good, op);
    const OpKind kind = (OpKind)record.kind;
    const uint8_t first = kind == OpKind::unary || kind == OpKind::binary ? 1 : 0;
    for (uint32_t function = first; function <= uses_of(record).last_function; ++function) {
      if (kind == OpKind::batch_product && function == 0) continue;  // other shapes
      if (kind == OpKind::int8_binary) continue;                     // other numbers of parameters
      std::vector<uint8_t> file = good;
      set(&file, op + offsetof(OpRecord, function), (uint8_t)function);
      for (uint32_t i = 0; kind == OpKind::unary && i < 4; ++i) {
        const float parameter = i < unary_parameters((uint8_t)function) ? 0.5f : 0.0f;
        set(&file, op + offsetof(OpRecord, param) + 4 * i, parameter);
      }
      fix_checksum(&file);
      INFO("kind " << record.kind << ", function " << function);
      CHECK(guarded.open(file) == POSY_OK);
      CHECK(guarded.scores().size() == 5);
      CHECK(guarded.memory_is_intact());
    }
  }
}

TEST_CASE("open: an output of another shape is refused, whatever the op") {
  const std::vector<uint8_t> good = build_model({});
  GuardedEngine guarded(good.size());
  for (const size_t op : ops_of(good)) {
    const auto record = get<OpRecord>(good, op);
    std::vector<uint8_t> file = good;
    set(&file, op + offsetof(OpRecord, out), get<uint32_t>(good, section(good, SectionKind::kModel).offset));
    fix_checksum(&file);
    const OpKind kind = (OpKind)record.kind;
    const bool is_conv = kind == OpKind::conv_2d || kind == OpKind::int8_conv_2d;
    INFO("kind " << record.kind);
    const posy_status status = guarded.open(file);
    if (is_conv) {  // makes any number of channels, but its windows or its weights do not fit
      CHECK((status == POSY_BAD_OP || status == POSY_BAD_WEIGHTS));
    } else {
      CHECK(status == POSY_BAD_SHAPES);
      const size_t named = kind == OpKind::transpose ? offsetof(OpRecord, dims) : offsetof(OpRecord, out);
      CHECK(posy_error_byte(&guarded.engine) == op + named);
    }
  }
}

TEST_CASE("open: operands that do not fit each other are refused") {
  const std::vector<uint8_t> good = build_model({});
  GuardedEngine guarded(good.size());
  const uint32_t input = get<uint32_t>(good, section(good, SectionKind::kModel).offset);
  size_t product = 0;  // the binary op whose second operand has size 1 along two axes
  for (const size_t op : ops_of(good)) {
    const auto record = get<OpRecord>(good, op);
    if ((OpKind)record.kind == OpKind::binary && (BinaryFunction)record.function == BinaryFunction::mul) product = op;
  }
  REQUIRE(product != 0);
  const auto refuses = [&](size_t op, size_t field, uint32_t value) {
    std::vector<uint8_t> file = good;
    set(&file, op + field, value);
    fix_checksum(&file);
    CHECK(guarded.open(file) == POSY_BAD_SHAPES);
    CHECK(posy_error_byte(&guarded.engine) == op + offsetof(OpRecord, out));
  };
  const size_t a = offsetof(OpRecord, in), b = a + 4;
  refuses(product, a, get<uint32_t>(good, product + b));  // both operands have one row, the output several
  refuses(product, a, input);
  refuses(product, b, input);
  const size_t matrices = op_at(good, OpKind::batch_product);
  refuses(matrices, a, input);
  refuses(matrices, b, input);
  refuses(op_at(good, OpKind::reduce), a, input);
  refuses(op_at(good, OpKind::pad), a, input);
  refuses(op_at(good, OpKind::resize), a, input);
  refuses(op_at(good, OpKind::local_response_norm), a, input);
}

TEST_CASE("open: a transposition needs a right order, all elements, and tensors without gaps or rings") {
  const std::vector<uint8_t> good = build_model({});
  const size_t op = op_at(good, OpKind::transpose), dims = op + offsetof(OpRecord, dims);
  const size_t order = op + offsetof(OpRecord, order);
  check_changes(good, {{"an axis that is none", order, 4, 1, POSY_BAD_OP},
                       {"the last axis is none", order + 3, 255, 1, POSY_BAD_OP},
                       {"an axis twice", order, 0x00020100, 4, POSY_BAD_OP},
                       {"no axes", order, 0, 4, POSY_BAD_OP},
                       {"no rows", dims, 0, 2, POSY_BAD_SHAPES},
                       {"twice the elements", dims, 2, 2, POSY_BAD_SHAPES},
                       {"2^32 elements", dims, 0xffff, 2, POSY_BAD_SHAPES}});
  GuardedEngine guarded(good.size());
  for (const size_t end : {offsetof(OpRecord, in), offsetof(OpRecord, out)}) {
    const size_t tensor = record_at(good, SectionKind::kTensors, get<uint32_t>(good, op + end));
    std::vector<uint8_t> file = good;
    set(&file, tensor + offsetof(TensorRecord, ring_h), 1u);
    fix_checksum(&file);
    CHECK(guarded.open(file) == POSY_BAD_SHAPES);
    file = good;
    set(&file, tensor + offsetof(TensorRecord, pixel_stride),
        get<uint32_t>(good, tensor + offsetof(TensorRecord, c)) + 1);
    set(&file, offsetof(FileHeader, arena_bytes), 1u << 16);
    fix_checksum(&file);
    CHECK(guarded.open(file) == POSY_BAD_SHAPES);
  }
}

TEST_CASE("open: a mirrored border may reach to the end of the mirror image, a constant one anywhere") {
  const std::vector<uint8_t> good = build_model({});
  const size_t pad = op_at(good, OpKind::pad);  // symmetric, of [5, 4], 2 on all sides, every second pixel
  const auto top = pad + offsetof(OpRecord, pad_top), left = pad + offsetof(OpRecord, pad_left);
  const auto stride = pad + offsetof(OpRecord, stride_h), cut = pad + offsetof(OpRecord, dims);
  check_changes(good, {{"one row above the image", top, 6, 2, POSY_BAD_OP},
                       {"one column left of it", left, 5, 2, POSY_BAD_OP},
                       {"far above", top, 0xffff, 2, POSY_BAD_OP},
                       {"steps of no rows", stride, 0, 2, POSY_BAD_OP},
                       {"steps too long", stride, kMaxWindow + 1, 2, POSY_BAD_OP},
                       {"steps of no columns", stride + 2, 0, 2, POSY_BAD_OP}});
  GuardedEngine guarded(good.size());
  const auto with = [&](size_t at, uint16_t value, uint8_t mode) {
    std::vector<uint8_t> file = good;
    set(&file, at, value);
    set(&file, pad + offsetof(OpRecord, function), mode);
    fix_checksum(&file);
    const posy_status status = guarded.open(file);
    if (status == POSY_OK) CHECK(guarded.scores().size() == 5);
    CHECK(guarded.memory_is_intact());
    return status;
  };
  const uint8_t kConstant = 0, kReflect = 1, kSymmetric = 2;
  CHECK(with(top, 5, kSymmetric) == POSY_OK);
  CHECK(with(top, 5, kReflect) == POSY_BAD_OP);
  CHECK(with(top, 4, kReflect) == POSY_OK);
  CHECK(with(left, 4, kSymmetric) == POSY_OK);
  // The last of five rows reads row 2 * 4 - 2 = 6, and the image ends at 9; with reflect at 8.
  CHECK(with(cut, 3, kSymmetric) == POSY_OK);
  CHECK(with(cut, 4, kSymmetric) == POSY_BAD_OP);
  CHECK(with(cut, 2, kReflect) == POSY_OK);
  CHECK(with(cut, 3, kReflect) == POSY_BAD_OP);
  CHECK(with(stride, 3, kSymmetric) == POSY_BAD_OP);
  for (const size_t field : {top, left, cut, cut + 2}) CHECK(with(field, 0xffff, kConstant) == POSY_OK);
  for (const size_t field : {stride, stride + 2}) CHECK(with(field, kMaxWindow, kConstant) == POSY_OK);
}

TEST_CASE("open: tiles need a window that has them, bands that fill the tensor between the halves, and scratch") {
  const std::vector<uint8_t> good = build_model({});  // [5, 4, 4] in tiles of 2x4: bands of [24, 1], three of them
  const size_t input = op_at(good, OpKind::winograd_input), product = op_at(good, OpKind::winograd_product);
  const size_t k_h = offsetof(OpRecord, k_h), k_w = offsetof(OpRecord, k_w), out = offsetof(OpRecord, out);
  const size_t dims = offsetof(OpRecord, dims), pad_top = offsetof(OpRecord, pad_top);
  GuardedEngine guarded(good.size(), 4 << 20);
  const auto opens = [&](std::vector<uint8_t> file, posy_status status, size_t at) {
    fix_checksum(&file);
    CHECK(guarded.open(file) == status);
    if (status != POSY_OK) CHECK(posy_error_byte(&guarded.engine) == at);
  };
  const auto refuses = [&](size_t at, uint16_t value, posy_status status, size_t named) {
    std::vector<uint8_t> file = good;
    set(&file, at, value);
    INFO("byte " << at << " set to " << value);
    opens(file, status, named);
  };
  for (const size_t op : {input, product}) {
    for (const uint16_t k : {0, 1, 2, 4, 6, 9, 65535}) {
      refuses(op + k_h, k, POSY_BAD_OP, op + k_h);
      refuses(op + k_w, k, POSY_BAD_OP, op + k_w);
    }
    for (const uint16_t m : {0, 1, 3, 5, 65535}) {
      refuses(op + dims, m, POSY_BAD_OP, op + k_h);
      refuses(op + dims + 2, m, POSY_BAD_OP, op + k_w);
    }
    for (const size_t field : {offsetof(OpRecord, stride_h), offsetof(OpRecord, dilation_h)}) {
      refuses(op + field, 1, POSY_BAD_OP, op + field);
      refuses(op + field + 2, 1, POSY_BAD_OP, op + field);
    }
    refuses(op + dims + 4, 0, POSY_BAD_OP, op + dims + 4);
    refuses(op + dims + 4, 2, POSY_BAD_SHAPES, op + dims + 4);  // does not divide the columns
    std::vector<uint8_t> file = good;                           // neither axis has a window
    for (const size_t field : {k_h, k_w, dims, dims + 2}) set<uint16_t>(&file, op + field, 1);
    opens(file, POSY_BAD_OP, op + k_w);
  }
  refuses(input + pad_top, 3, POSY_BAD_OP, input + pad_top);
  refuses(input + pad_top + 2, 3, POSY_BAD_OP, input + pad_top + 2);
  refuses(product + pad_top, 1, POSY_BAD_OP, product + pad_top);
  refuses(product + pad_top + 2, 1, POSY_BAD_OP, product + pad_top);

  // Bands or columns of tiles that begin below or right of the input; more or fewer than the output has.
  const size_t between = record_at(good, SectionKind::kTensors, get<uint32_t>(good, input + out));
  const auto resized = [&](uint32_t h, uint32_t w) {
    std::vector<uint8_t> file = good;
    set(&file, between + offsetof(TensorRecord, h), h);
    set(&file, between + offsetof(TensorRecord, w), w);
    set(&file, between + offsetof(TensorRecord, ring_h), 24u);
    set(&file, offsetof(FileHeader, arena_bytes), 1u << 20);
    return file;
  };
  opens(resized(72, 1), POSY_OK, 0);
  opens(resized(71, 1), POSY_BAD_SHAPES, input + out);    // no whole number of bands
  opens(resized(96, 1), POSY_BAD_SHAPES, input + out);    // a fourth band begins at row 6 - 1
  opens(resized(48, 1), POSY_BAD_SHAPES, product + out);  // rows 4 ... are in no tile
  opens(resized(72, 2), POSY_BAD_SHAPES, product + out);
  opens(resized(72, 3), POSY_BAD_SHAPES, input + out);
  std::vector<uint8_t> file = resized(24 << 14, 1);
  opens(file, POSY_BAD_SHAPES, input + out);
  set<uint16_t>(&file, input + dims + 4, 4);  // one column, four rows of tiles in a band of four
  set(&file, between + offsetof(TensorRecord, h), 24u);
  set(&file, between + offsetof(TensorRecord, w), 4u);
  opens(file, POSY_BAD_SHAPES, input + out);

  file = good;
  const uint32_t rows = get<uint32_t>(good, offsetof(FileHeader, max_rows));
  CHECK(rows == 24 * (4 + 1) + kWinogradSumRows);
  set(&file, offsetof(FileHeader, max_rows), rows - 1);
  opens(file, POSY_BAD_WEIGHTS, product + dims);
}

TEST_CASE("open: what a run computes is counted, also where an output costs much or a step looks at its whole input") {
  const std::vector<uint8_t> good = build_model({});
  const uint32_t input = get<uint32_t>(good, section(good, SectionKind::kModel).offset);
  const auto resized = [&](std::vector<uint8_t>* file, uint32_t h, uint32_t w, uint32_t c) {
    const size_t at = record_at(good, SectionKind::kTensors, input);
    set(file, at + offsetof(TensorRecord, h), h);
    set(file, at + offsetof(TensorRecord, w), w);
    set(file, at + offsetof(TensorRecord, c), c);
  };
  Model opened;
  const auto macs = [&](const std::vector<uint8_t>& file, size_t op, uint64_t rows) {
    std::memset(&opened, 0, sizeof opened);
    opened.bytes = file.data();
    opened.tensors = (const TensorRecord*)(file.data() + section(file, SectionKind::kTensors).offset);
    return op_macs(opened, *(const OpRecord*)(file.data() + op), rows);
  };
  std::vector<uint8_t> file = good;
  resized(&file, kMaxDimension, 16, 1u << 20);
  for (const OpKind kind : {OpKind::quantize, OpKind::reduce, OpKind::batch_product}) {
    const size_t op = op_at(good, kind);
    set(&file, op + offsetof(OpRecord, in), input);
    if (kind == OpKind::quantize) set(&file, op + offsetof(OpRecord, in) + 4, input);
    CHECK(macs(file, op, 1) >= 1u << 20);
  }
  CHECK(macs(file, op_at(good, OpKind::quantize), 1) >= (uint64_t)kMaxDimension * 16 << 20);
  // No sum of them overflows: the most that a step can count, over the most steps, stops at the first.
  resized(&file, kMaxDimension, kMaxDimension, kMaxDimension);
  for (const size_t op : ops_of(good)) {
    std::vector<uint8_t> all = file;
    set(&all, op + offsetof(OpRecord, in), input);
    set(&all, op + offsetof(OpRecord, out), input);
    set(&all, op + offsetof(OpRecord, in) + 4, input);
    if (macs(all, op, kMaxDimension) < kMaxMacs) FAIL("kind " << get<uint16_t>(all, op));
  }
}
