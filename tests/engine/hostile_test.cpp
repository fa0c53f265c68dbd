// Damaged and hostile files: refused with a name, or run without a step outside. Guard pages are the judge.
#include <doctest/doctest.h>

#include <iostream>
#include <limits>

#include "engine/model.h"
#include "tests/engine/guarded_engine.h"

using namespace posy;

namespace {

// Runs that one changed field could make long are left out; opening them is what matters.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kMostMacs = 5e4;
#else
constexpr double kMostMacs = 2e5;
#endif

// What became of many damaged files.
struct Tally {
  uint32_t refused = 0, ran = 0, too_large = 0;

  void print(const char* what) const {
    std::cout << what << ": " << refused << " refused, " << ran << " ran, " << too_large << " opened or asked for more"
              << " than a test should run\n";
  }
};

// The file is refused, or it opens and runs inside its memory.
void try_file(GuardedEngine* guarded, const std::vector<uint8_t>& file, bool skip_checksum, Tally* tally) {
  posy_options options = {};
  options.skip_checksum = skip_checksum;
  const posy_status status = guarded->open(file, &options);
  if (status != POSY_OK) {
    if (!guarded->fits()) {
      ++tally->too_large;
      return;
    }
    ++tally->refused;
    if (posy_run(&guarded->engine) != POSY_NOT_OPEN) FAIL("a refused model must leave the engine closed");
    if (posy_error_byte(&guarded->engine) > file.size()) FAIL("the error's place must lie in the file");
    return;
  }
  for (uint32_t i = 0; i < posy_class_count(&guarded->engine); ++i) {
    if (const char* label = posy_label(&guarded->engine, i)) (void)std::strlen(label);
  }
  if (macs_of(file) > kMostMacs) {
    ++tally->too_large;
    return;
  }
  const uint8_t pixel[3] = {10, 200, 30};
  posy_image image = {};
  image.format = POSY_RGB;
  image.width = image.height = 1;
  image.plane[0] = pixel;
  image.stride[0] = 3;
  const posy_shape in = posy_input_shape(&guarded->engine);
  if ((uint64_t)in.h * in.w * in.c < 20000) posy_set_image(&guarded->engine, &image);
  if (guarded->scores().empty()) FAIL("a model that opened must run");
  posy_score best[3];
  if (posy_top(&guarded->engine, best, 3) == 0) FAIL("a model that ran must have a best class");
  if (!guarded->memory_is_intact()) FAIL("something was written in front of the engine's memory");
  if (std::memcmp(guarded->model(), file.data(), file.size()) != 0) FAIL("the model was written");
  ++tally->ran;
}

std::vector<std::vector<uint8_t>> models() {
  ModelOptions table, affine;
  table.weights = WeightChoice::kAuto;
  table.input = {5, 6, 1};
  affine.weights = WeightChoice::kU8;
  affine.band_rows = 2;
  affine.labels = false;
  std::vector<std::vector<uint8_t>> all = {build_model({}), build_model(table), build_model(affine)};
  for (const WeightChoice bits : {WeightChoice::kU7, WeightChoice::kU6, WeightChoice::kU5, WeightChoice::kU4}) {
    affine.weights = bits;
    all.push_back(build_model(affine));
  }
  ModelOptions codes;
  codes.input_is_codes = true;
  codes.band_rows = 1;
  all.push_back(build_model(codes));
  return all;
}

// Where the weights start; in front of them lies everything that open has to check.
size_t records_end(const std::vector<uint8_t>& file) {
  return section(file, SectionKind::kWeights).offset;
}

// Of panels of bytes, open checks multipliers and weights: the nearest bits to theirs that it takes.
void repair_int8_weights(std::vector<uint8_t>* file) {
  for (uint32_t i = 0; i < section(*file, SectionKind::kOps).count; ++i) {
    const auto op = get<OpRecord>(*file, record_at(*file, SectionKind::kOps, i));
    if (op.weight_type != (uint8_t)WeightType::s8) continue;
    const auto out = get<TensorRecord>(*file, record_at(*file, SectionKind::kTensors, op.out));
    uint8_t* panel = file->data() + records_end(*file) + op.weights_offset;
    const size_t panel_size = op.weights_bytes / ((out.c + 15) / 16);
    for (size_t at = 0; at < op.weights_bytes; ++at) {
      const size_t of_panel = at % panel_size;
      if (of_panel >= 192) panel[at] = (uint8_t)((int8_t)panel[at] / 2);
      if (of_panel >= 64 && of_panel < 128 && at % 4 == 3) panel[at] = (uint8_t)(0x20 + panel[at] % 0x3f);
    }
  }
}

}  // namespace

TEST_CASE("open: every proper prefix of a file is refused") {
  std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size());
  for (size_t bytes = 0; bytes < file.size(); ++bytes) {
    const std::vector<uint8_t> prefix(file.begin(), file.begin() + (std::ptrdiff_t)bytes);
    const posy_status status = guarded.open(prefix);
    if (status != (bytes < sizeof(FileHeader) ? POSY_TOO_SHORT : POSY_WRONG_LENGTH)) FAIL(bytes << " gave " << status);
  }
}

TEST_CASE("open: a prefix whose header and checksum were made to fit is refused too") {
  const std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size());
  for (size_t bytes = sizeof(FileHeader); bytes < file.size(); bytes += 4) {
    std::vector<uint8_t> prefix(file.begin(), file.begin() + (std::ptrdiff_t)bytes);
    set(&prefix, offsetof(FileHeader, file_bytes), (uint32_t)bytes);
    fix_checksum(&prefix);
    if (guarded.open(prefix) == POSY_OK) FAIL(bytes << " bytes opened");
  }
}

TEST_CASE("open: appended bytes are refused") {
  const std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size() + 128);
  for (size_t more = 1; more <= 128; ++more) {
    std::vector<uint8_t> longer = file;
    longer.resize(file.size() + more, 0);
    CHECK(guarded.open(longer) == POSY_WRONG_LENGTH);
    set(&longer, offsetof(FileHeader, file_bytes), (uint32_t)longer.size());
    if (longer.size() % 4 == 0) fix_checksum(&longer);
    CHECK(guarded.open(longer) == POSY_WRONG_LENGTH);
  }
}

TEST_CASE("open: every single changed bit is refused") {
  for (const std::vector<uint8_t>& file : models()) {
    GuardedEngine guarded(file.size());
    REQUIRE(guarded.open(file) == POSY_OK);
    for (size_t bit = 0; bit < file.size() * 8; ++bit) {
      uint8_t& byte = guarded.model()[bit / 8];
      byte ^= (uint8_t)(1 << bit % 8);
      if (guarded.open_again(file.size()) == POSY_OK) FAIL("bit " << bit % 8 << " of byte " << bit / 8);
      byte ^= (uint8_t)(1 << bit % 8);
    }
    CHECK(guarded.open_again(file.size()) == POSY_OK);
  }
}

TEST_CASE("open: without a checksum, every changed bit in front of the weights is refused or harmless") {
  Tally tally;
  for (std::vector<uint8_t>& file : models()) {
    GuardedEngine guarded(file.size());
    for (size_t bit = 0; bit < records_end(file) * 8; ++bit) {
      INFO("bit " << bit % 8 << " of byte " << bit / 8);
      file[bit / 8] ^= (uint8_t)(1 << bit % 8);
      try_file(&guarded, file, true, &tally);
      file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
  }
  tally.print("changed bits");
  CHECK(tally.refused > 0);
  CHECK(tally.ran > 0);
}

TEST_CASE("open: every field set to its extremes, with a right checksum, is refused or harmless") {
  Tally tally;
  for (const std::vector<uint8_t>& good : models()) {
    GuardedEngine guarded(good.size());
    for (size_t at = 0; at + 4 <= records_end(good); at += 4) {
      // The largest value that stood there, and one more: counts that are off by one are the dangerous ones.
      const uint32_t old = get<uint32_t>(good, at);
      for (const uint32_t value : {0u, 1u, ~0u, ~0u - 1, 0x80000000u, 0x7fffffffu, old + 1, old - 1, old * 2}) {
        INFO("byte " << at << " set to " << value);
        std::vector<uint8_t> file = good;
        set(&file, at, value);
        fix_checksum(&file);
        try_file(&guarded, file, false, &tally);
      }
    }
  }
  tally.print("extreme words");
}

TEST_CASE("open: every 16-bit field set to its extremes is refused or harmless") {
  Tally tally;
  for (const std::vector<uint8_t>& good : models()) {
    GuardedEngine guarded(good.size());
    const SectionEntry ops = section(good, SectionKind::kOps);
    for (size_t at = ops.offset; at < ops.offset + ops.bytes; at += 2) {
      for (const uint16_t value : {0, 1, 2, 5, 4096, 4097, 0x7fff, 0x8000, 0xffff}) {
        INFO("byte " << at << " set to " << value);
        std::vector<uint8_t> file = good;
        set(&file, at, value);
        fix_checksum(&file);
        try_file(&guarded, file, false, &tally);
      }
    }
  }
  tally.print("extreme halves");
}

TEST_CASE("open: several random fields at once are refused or harmless") {
  Tally tally;
  std::mt19937 random(5);
  for (const std::vector<uint8_t>& good : models()) {
    GuardedEngine guarded(good.size());
    const size_t first = section(good, SectionKind::kModel).offset;
    for (int i = 0; i < 3000; ++i) {
      std::vector<uint8_t> file = good;
      for (uint32_t n = 2 + random() % 3; n > 0; --n) {
        // Small values: those that have a chance of fitting somewhere.
        const size_t at = first + random() % (records_end(good) - first) / 2 * 2;
        set(&file, at, (uint16_t)(random() % 2 ? random() % 12 : 16 * (random() % 20)));
      }
      INFO("trial " << i);
      try_file(&guarded, file, true, &tally);
    }
  }
  tally.print("random fields");
}

TEST_CASE("open: every function number, with parameters of any bits, is refused or harmless") {
  Tally tally;
  std::mt19937 random(7);
  const float odd[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1e38f, 1e-41f};
  for (const std::vector<uint8_t>& good : models()) {
    GuardedEngine guarded(good.size());
    for (uint32_t i = 0; i < section(good, SectionKind::kOps).count; ++i) {
      const size_t op = record_at(good, SectionKind::kOps, i);
      const OpKind kind = (OpKind)get<uint16_t>(good, op);
      for (uint32_t function = 0; function < 256; ++function) {
        const uint32_t params = kind == OpKind::unary                 ? unary_parameters((uint8_t)function)
                                : kind == OpKind::pad                 ? 1
                                : kind == OpKind::quantize            ? function == 4
                                : kind == OpKind::local_response_norm ? 3
                                                                      : 0;
        std::vector<uint8_t> file = good;
        set(&file, op + offsetof(OpRecord, function), (uint8_t)function);
        for (uint32_t n = 0; n < 4; ++n) {
          set(&file, op + offsetof(OpRecord, param) + 4 * n, n < params ? odd[random() % 4] : 0.0f);
        }
        INFO("op " << i << ", function " << function);
        try_file(&guarded, file, true, &tally);
      }
    }
  }
  tally.print("functions and parameters");
  CHECK(tally.ran >= 3 * (22 + 7 + 3 + 8 + 4 + 1 + 2 + 5));
}

// A step makes whole tiles even if it keeps one value of each: 81 steps of a row take 81 times as long as one of all
// rows, and kMaxMacs is to hold for them too.
TEST_CASE("open: steps that cut through Winograd's bands are refused or counted as the bands that they work through") {
  std::vector<uint8_t> file = build_model({});
  const size_t op = op_at(file, OpKind::winograd_input);
  const uint32_t index = (uint32_t)((op - section(file, SectionKind::kOps).offset) / sizeof(OpRecord));
  const auto alphas = [&](size_t k, size_t m) {
    return get<uint16_t>(file, op + k) + get<uint16_t>(file, op + m) - 1u;
  };
  const uint32_t band = alphas(offsetof(OpRecord, k_h), offsetof(OpRecord, dims)) *
                        alphas(offsetof(OpRecord, k_w), offsetof(OpRecord, dims) + 2);
  for (uint32_t i = 0; i < section(file, SectionKind::kSteps).count; ++i) {
    const size_t step = record_at(file, SectionKind::kSteps, i);
    if (get<StepRecord>(file, step).op == index) set(&file, step, StepRecord{index, 0, 1, 0});
  }
  fix_checksum(&file);
  std::vector<uint8_t> aligned(file.size() + 64);
  uint8_t* bytes = aligned.data() + (64 - (uintptr_t)aligned.data() % 64);
  std::memcpy(bytes, file.data(), file.size());
  Model model;
  if (open_model(bytes, file.size(), false, &model)) return;
  CHECK(op_macs(model, model.ops[index], 1) >= op_macs(model, model.ops[index], band));
}

TEST_CASE("run: weights and factors of any bits do no harm") {
  std::mt19937 random(6);
  Tally tally;
  for (const std::vector<uint8_t>& good : models()) {
    GuardedEngine guarded(good.size());
    for (int i = 0; i < 20; ++i) {
      std::vector<uint8_t> file = good;
      for (size_t at = records_end(good); at < file.size(); ++at) file[at] = i == 0 ? 0xff : (uint8_t)random();
      repair_int8_weights(&file);
      try_file(&guarded, file, true, &tally);
    }
  }
  CHECK(tally.ran == 20 * models().size());
}
