// posy_need() and posy_open(): what opens, what is refused, with which name and at which byte.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/engine/changes.h"

using namespace posy;

TEST_CASE("open: a model opens and runs from read-only memory, at multiples of 4 that are none of 64") {
  for (const WeightChoice weights : {WeightChoice::kF32, WeightChoice::kAuto, WeightChoice::kU8, WeightChoice::kU7,
                                     WeightChoice::kU6, WeightChoice::kU5, WeightChoice::kU4}) {
    ModelOptions model;
    model.weights = weights;
    const std::vector<uint8_t> file = build_model(model);
    GuardedEngine guarded(file.size());
    std::vector<float> first;
    for (const size_t gap : {0, 4, 8, 12, 16, 48}) {
      for (uint32_t i = 0; const char* isa = posy_isa_name(i); ++i) {
        posy_options options = {};
        options.isa = isa;
        REQUIRE(guarded.open(file, &options, gap) == POSY_OK);
        // Once more, now that the bytes cannot be written.
        guarded.make_model_read_only();
        REQUIRE(posy_open(&guarded.engine, guarded.model(), file.size(), guarded.memory(), guarded.need_bytes(),
                          &options) == POSY_OK);
        CHECK(posy_error_byte(&guarded.engine) == 0);
        CHECK(std::string(posy_engine_isa(&guarded.engine)) == isa);
        const std::vector<float> scores = guarded.scores();
        REQUIRE(scores.size() == 5);
        if (first.empty()) first = scores;
        CHECK(scores == first);
        CHECK(guarded.memory_is_intact());
        guarded.make_model_writable();
      }
    }
    CHECK(std::memcmp(guarded.model(), file.data(), file.size()) == 0);
  }
}

TEST_CASE("open: the engine tells what is in the model") {
  const std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size());
  REQUIRE(guarded.open(file) == POSY_OK);
  const posy_shape shape = posy_input_shape(&guarded.engine);
  CHECK(shape.h == 9);
  CHECK(shape.w == 7);
  CHECK(shape.c == 3);
  CHECK(posy_class_count(&guarded.engine) == 5);
  CHECK(std::string(posy_label(&guarded.engine, 4)) == "class 4");
  CHECK(posy_label(&guarded.engine, 5) == nullptr);
  CHECK(posy_label(&guarded.engine, ~0u) == nullptr);
  CHECK(std::string(posy_version()) == POSY_VERSION);

  ModelOptions unlabelled;
  unlabelled.labels = false;
  REQUIRE(guarded.open(build_model(unlabelled)) == POSY_OK);
  CHECK(posy_class_count(&guarded.engine) == 5);
  CHECK(posy_label(&guarded.engine, 0) == nullptr);
}

TEST_CASE("open: accepts exactly the memory that posy_need asks for, at any alignment") {
  const std::vector<uint8_t> file = build_model({});
  for (const uint32_t threads : {1u, 3u}) {
    posy_options options = {};
    options.threads = threads;
    options.parallel_for = [](void*, void (*task)(void*, uint32_t), void* argument, uint32_t count) {
      for (uint32_t i = 0; i < count; ++i) task(argument, i);
    };
    posy_needs needs;
    REQUIRE(posy_need(file.data(), file.size(), &options, &needs) == POSY_OK);
    CHECK(needs.arena_bytes == get<uint32_t>(file, offsetof(FileHeader, arena_bytes)));
    CHECK(needs.memory_bytes >= needs.arena_bytes);
    posy_engine engine;
    GuardedMemory memory(needs.memory_bytes + 64);
    for (size_t gap = 0; gap < 64; ++gap) {
      uint8_t* start = memory.take(needs.memory_bytes, gap);
      std::vector<uint8_t> behind(start + needs.memory_bytes, start + needs.memory_bytes + gap);
      REQUIRE(posy_open(&engine, file.data(), file.size(), start, needs.memory_bytes, &options) == POSY_OK);
      posy_input(&engine)[0] = 1;
      CHECK(posy_run(&engine) == POSY_OK);
      CHECK(memory.front_is_intact());
      CHECK(std::equal(behind.begin(), behind.end(), start + needs.memory_bytes));
      CHECK(posy_open(&engine, file.data(), file.size(), start, needs.memory_bytes - 1, &options) == POSY_SMALL_MEMORY);
      CHECK(posy_run(&engine) == POSY_NOT_OPEN);
    }
    CHECK(posy_open(&engine, file.data(), file.size(), memory.take(8), 0, &options) == POSY_SMALL_MEMORY);
  }
}

TEST_CASE("need: reads no more than the first 64 bytes") {
  const std::vector<uint8_t> file = build_model({});
  GuardedMemory memory(4096);
  const uint8_t* header = memory.copy_of(file.data(), sizeof(FileHeader));
  posy_needs needs;
  CHECK(posy_need(header, file.size(), nullptr, &needs) == POSY_OK);
}

TEST_CASE("open: a model that does not start at a multiple of 4 is refused") {
  const std::vector<uint8_t> file = build_model({});
  GuardedMemory memory(file.size() + 64);
  posy_needs needs;
  posy_engine engine;
  uint64_t some[64];
  for (size_t gap = 1; gap < 4; ++gap) {
    uint8_t* start = memory.copy_of(file.data(), file.size(), gap + (4 - file.size() % 4) % 4);
    CHECK(posy_need(start, file.size(), nullptr, &needs) == POSY_MISALIGNED);
    CHECK(posy_open(&engine, start, file.size(), some, sizeof some, nullptr) == POSY_MISALIGNED);
  }
}

TEST_CASE("open: null arguments and options that cannot be are refused by name") {
  const std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size());
  posy_engine engine = {};
  posy_needs needs;
  std::vector<uint64_t> memory(1 << 16);
  const size_t bytes = memory.size() * 8;
  CHECK(posy_need(nullptr, 100, nullptr, &needs) == POSY_NULL_ARGUMENT);
  CHECK(posy_need(file.data(), file.size(), nullptr, nullptr) == POSY_NULL_ARGUMENT);
  CHECK(posy_open(nullptr, file.data(), file.size(), memory.data(), bytes, nullptr) == POSY_NULL_ARGUMENT);
  CHECK(posy_open(&engine, nullptr, file.size(), memory.data(), bytes, nullptr) == POSY_NULL_ARGUMENT);
  CHECK(posy_open(&engine, file.data(), file.size(), nullptr, bytes, nullptr) == POSY_NULL_ARGUMENT);
  posy_options options = {};
  options.threads = 2;
  CHECK(guarded.open(file, &options) == POSY_BAD_THREADS);
  options.parallel_for = [](void*, void (*)(void*, uint32_t), void*, uint32_t) {};
  CHECK(guarded.open(file, &options) == POSY_OK);
  options.threads = POSY_MAX_THREADS;
  CHECK(posy_need(file.data(), file.size(), &options, &needs) == POSY_OK);
  options.threads = POSY_MAX_THREADS + 1;
  CHECK(guarded.open(file, &options) == POSY_BAD_THREADS);
  options = {};
  options.isa = "abacus";
  CHECK(guarded.open(file, &options) == POSY_UNKNOWN_ISA);
  CHECK(posy_need(file.data(), file.size(), &options, &needs) == POSY_UNKNOWN_ISA);
}

TEST_CASE("open: a failed call on an open engine closes it, whatever failed") {
  const std::vector<uint8_t> file = build_model({});
  std::vector<uint64_t> memory(1 << 16);
  const size_t bytes = memory.size() * 8;
  posy_engine engine;
  const auto reopen = [&] {
    REQUIRE(posy_open(&engine, file.data(), file.size(), memory.data(), bytes, nullptr) == POSY_OK);
  };
  reopen();
  CHECK(posy_open(&engine, file.data(), file.size() - 4, memory.data(), bytes, nullptr) == POSY_WRONG_LENGTH);
  CHECK(posy_input(&engine) == nullptr);
  reopen();
  CHECK(posy_open(&engine, nullptr, file.size(), memory.data(), bytes, nullptr) == POSY_NULL_ARGUMENT);
  CHECK(posy_input(&engine) == nullptr);
  reopen();
  CHECK(posy_open(&engine, file.data(), file.size(), nullptr, bytes, nullptr) == POSY_NULL_ARGUMENT);
  CHECK(posy_input(&engine) == nullptr);
  reopen();
  posy_options options = {};
  options.threads = 1000;
  CHECK(posy_open(&engine, file.data(), file.size(), memory.data(), bytes, &options) == POSY_BAD_THREADS);
  CHECK(posy_input(&engine) == nullptr);
}

TEST_CASE("open: bytes that are no .posy file are named so") {
  const std::vector<uint8_t> good = build_model({});
  GuardedEngine guarded(good.size());
  CHECK(guarded.open({}) == POSY_TOO_SHORT);
  CHECK(guarded.open(std::vector<uint8_t>(63, 0)) == POSY_TOO_SHORT);
  CHECK(guarded.open(std::vector<uint8_t>(64, 0)) == POSY_NOT_POSY);
  std::vector<uint8_t> as_text = good;  // what a transfer as text does: CR LF becomes LF
  as_text.erase(as_text.begin() + 5);
  CHECK(guarded.open(as_text) == POSY_NOT_POSY);
  std::vector<uint8_t> damaged = good;
  damaged.at(good.size() - 1) ^= 1;
  CHECK(guarded.open(damaged) == POSY_BAD_CHECKSUM);
  CHECK(posy_error_byte(&guarded.engine) == offsetof(FileHeader, checksum));
}

TEST_CASE("open: unknown sections are refused if critical and ignored if optional") {
  const std::vector<uint8_t> good = build_model({});
  GuardedEngine guarded(good.size() + 256);
  for (const uint32_t kind : {8u, 100u, kFirstOptional - 1}) {
    const std::vector<uint8_t> file = with_section(good, kind, "tomorrow");
    CHECK(guarded.open(file) == POSY_UNKNOWN_SECTION);
    CHECK(posy_error_byte(&guarded.engine) == entry_at(7));
  }
  REQUIRE(guarded.open(good) == POSY_OK);
  const std::vector<float> scores = guarded.scores();
  for (const uint32_t kind : {kFirstOptional, kFirstOptional + 1, kFirstOptional + 77, ~0u}) {
    CHECK(guarded.open(with_section(good, kind, "tomorrow")) == POSY_OK);
    CHECK(guarded.scores() == scores);
    CHECK(guarded.open(with_section(good, kind, "")) == POSY_OK);
  }
}

TEST_CASE("open: a newer minor version opens, a newer major one is refused") {
  std::vector<uint8_t> file = build_model({});
  GuardedEngine guarded(file.size());
  set<uint16_t>(&file, offsetof(FileHeader, version_minor), 9);
  fix_checksum(&file);
  CHECK(guarded.open(file) == POSY_OK);
  set<uint16_t>(&file, offsetof(FileHeader, version_major), 2);
  fix_checksum(&file);
  CHECK(guarded.open(file) == POSY_NEWER_VERSION);
  CHECK(posy_error_byte(&guarded.engine) == offsetof(FileHeader, version_major));
}

TEST_CASE("open: a refused field of header, table or model record is named with its byte") {
  const std::vector<uint8_t> good = build_model({});
  const size_t model = section(good, SectionKind::kModel).offset;
  const size_t labels = section(good, SectionKind::kLabels).offset;
  const size_t strings = section(good, SectionKind::kStrings).offset;
  const size_t strings_end = strings + section(good, SectionKind::kStrings).bytes;
  const auto entry = [](uint32_t index, size_t field) { return entry_at(index) + field; };
  constexpr uint32_t kNan = 0x7fc00000;
  check_changes(good,
                {{"too many sections", offsetof(FileHeader, section_count), kMaxSections + 1, 4, POSY_BAD_HEADER},
                 {"arena too large", offsetof(FileHeader, arena_bytes), kMaxArenaBytes + 64, 4, POSY_BAD_HEADER},
                 {"arena no multiple of 64", offsetof(FileHeader, arena_bytes), 96, 4, POSY_BAD_HEADER},
                 {"too many rows of weights", offsetof(FileHeader, max_rows), kMaxRows + 1, 4, POSY_BAD_HEADER},
                 {"reserved bytes of the header", offsetof(FileHeader, zero), 1, 1, POSY_BAD_HEADER},
                 {"a section twice", entry(2, 0), 2, 4, POSY_BAD_SECTION},
                 {"a section 64 bytes late", entry(1, 4), get<uint32_t>(good, entry(1, 4)) + 64, 4, POSY_BAD_SECTION},
                 {"a section at the end of the address space", entry(0, 4), 0xffffffc0, 4, POSY_BAD_SECTION},
                 {"a section longer than the file", entry(6, 8), 0x7fffff00, 4, POSY_BAD_SECTION},
                 {"more tensors than bytes", entry(1, 12), get<uint32_t>(good, entry(1, 12)) + 1, 4, POSY_BAD_SECTION},
                 {"a count whose bytes overflow", entry(1, 12), get<uint32_t>(good, entry(1, 12)) + (1u << 27), 4,
                  POSY_BAD_SECTION},
                 {"no ops", entry(2, 12), 0, 4, POSY_BAD_SECTION},
                 {"strings with a count", entry(5, 12), 1, 4, POSY_BAD_SECTION},
                 {"the last string not ended", strings_end - 1, 'x', 1, POSY_BAD_STRING},
                 {"a label outside the strings", labels + 4, (uint32_t)(strings_end - strings), 4, POSY_BAD_STRING},
                 {"a label that is none", labels + 8, kNoIndex, 4, POSY_BAD_STRING},
                 {"input is no tensor", model + offsetof(ModelRecord, input_tensor), 1000, 4, POSY_BAD_MODEL},
                 {"output is no tensor", model + offsetof(ModelRecord, output_tensor), kNoIndex, 4, POSY_BAD_MODEL},
                 {"name of the input outside", model + offsetof(ModelRecord, input_name), 1u << 30, 4, POSY_BAD_STRING},
                 {"mean is NaN", model + offsetof(ModelRecord, mean), kNan, 4, POSY_BAD_MODEL},
                 {"std is zero", model + offsetof(ModelRecord, std) + 8, 0, 4, POSY_BAD_MODEL},
                 {"unknown resize", model + offsetof(ModelRecord, resize), 1, 1, POSY_BAD_MODEL},
                 {"unknown order", model + offsetof(ModelRecord, normalize_first), 2, 1, POSY_BAD_MODEL}});
}

TEST_CASE("open: a refused field of a tensor, op or step is named with its byte") {
  const std::vector<uint8_t> good = build_model({});
  const size_t tensor = record_at(good, SectionKind::kTensors, 2), step = record_at(good, SectionKind::kSteps, 1);
  const size_t conv = op_at(good, OpKind::conv_2d), pool = op_at(good, OpKind::max_pool);
  const size_t add = op_at(good, OpKind::binary), softmax = op_at(good, OpKind::softmax);
  const auto op = [](size_t at, size_t field) { return at + field; };
  constexpr uint32_t kNan = 0x7fc00000;
  check_changes(
      good, {{"no rows", tensor + offsetof(TensorRecord, h), 0, 4, POSY_BAD_TENSOR},
             {"too wide", tensor + offsetof(TensorRecord, w), kMaxDimension + 1, 4, POSY_BAD_TENSOR},
             {"channels overlap the next pixel", tensor + offsetof(TensorRecord, pixel_stride), 1, 4, POSY_BAD_TENSOR},
             {"no rows in memory", tensor + offsetof(TensorRecord, ring_h), 0, 4, POSY_BAD_TENSOR},
             {"more rows in memory than rows", tensor + offsetof(TensorRecord, ring_h), 1000, 4, POSY_BAD_TENSOR},
             {"outside the arena", tensor + offsetof(TensorRecord, arena_offset), 0xfffffffc, 4, POSY_BAD_TENSOR},
             {"between two floats", tensor + offsetof(TensorRecord, arena_offset), 2, 4, POSY_BAD_TENSOR},
             {"unknown op", op(conv, offsetof(OpRecord, kind)), 0x7fff, 2, POSY_UNKNOWN_OP},
             {"op number zero", op(conv, offsetof(OpRecord, kind)), 0, 2, POSY_UNKNOWN_OP},
             {"a weight type that is none", op(conv, offsetof(OpRecord, weight_type)), 3, 1, POSY_BAD_WEIGHTS},
             {"unknown weight type", op(conv, offsetof(OpRecord, weight_type)), 8, 1, POSY_BAD_WEIGHTS},
             {"input is no tensor", op(conv, offsetof(OpRecord, in)), kNoIndex, 4, POSY_BAD_OP},
             {"a second input", op(conv, offsetof(OpRecord, in) + 4), 0, 4, POSY_BAD_OP},
             {"no second input", op(add, offsetof(OpRecord, in) + 4), kNoIndex, 4, POSY_BAD_OP},
             {"output is no tensor", op(conv, offsetof(OpRecord, out)), 65536, 4, POSY_BAD_OP},
             {"window without rows", op(conv, offsetof(OpRecord, k_h)), 0, 2, POSY_BAD_OP},
             {"clamp is NaN", op(conv, offsetof(OpRecord, clamp_low)), kNan, 4, POSY_BAD_OP},
             {"weights outside", op(conv, offsetof(OpRecord, weights_offset)), 0xffffffc0, 4, POSY_BAD_WEIGHTS},
             {"weights misaligned", op(conv, offsetof(OpRecord, weights_offset)), 16, 4, POSY_BAD_WEIGHTS},
             {"weights too short", op(conv, offsetof(OpRecord, weights_bytes)), 64, 4, POSY_BAD_WEIGHTS},
             {"a pool with weights", op(pool, offsetof(OpRecord, weights_offset)), 64, 4, POSY_BAD_WEIGHTS},
             {"a pool with dilation", op(pool, offsetof(OpRecord, dilation_h)), 2, 2, POSY_BAD_OP},
             {"a sum with a window", op(add, offsetof(OpRecord, k_h)), 1, 2, POSY_BAD_OP},
             {"a softmax with a clamp", op(softmax, offsetof(OpRecord, clamp_low)), 0, 4, POSY_BAD_OP},
             {"name outside the strings", op(add, offsetof(OpRecord, name)), 0x7fffffff, 4, POSY_BAD_STRING},
             {"step of no op", step + offsetof(StepRecord, op), 100, 4, POSY_BAD_STEP},
             {"step of no rows", step + offsetof(StepRecord, row_begin), 5, 4, POSY_BAD_STEP},
             {"step past the last row", step + offsetof(StepRecord, row_end), 1000, 4, POSY_BAD_STEP},
             {"reserved word of a step", step + offsetof(StepRecord, zero), 1, 4, POSY_BAD_STEP}});
}

TEST_CASE("status: every number has a sentence of its own") {
  std::vector<std::string> texts;
#define POSY_STATUS(number, name, text)                              \
  CHECK((int)POSY_##name == number);                                 \
  CHECK(std::string(posy_status_text((posy_status)number)) == text); \
  for (const std::string& other : texts) CHECK(other != text);       \
  texts.push_back(text);
#include "engine/status.def"
#undef POSY_STATUS
  CHECK(posy_status_text((posy_status)9999) != nullptr);
  CHECK(posy_status_text((posy_status)-1) != nullptr);
}
