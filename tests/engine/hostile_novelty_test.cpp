// The novelty section of damaged and hostile files: refused with a name, or run without a step outside.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "engine/model.h"
#include "loaders/head.h"
#include "loaders/new_head.h"
#include "tests/engine/changes.h"

using namespace posy;

namespace {

// build_model() with a rule of two groups of two directions.
std::vector<uint8_t> novelty_model(const ModelOptions& options = {}) {
  const std::vector<uint8_t> plain = build_model(options);
  Model model;
  REQUIRE_FALSE(open_model(plain.data(), plain.size(), false, &model));
  const Bottleneck bottleneck = find_bottleneck("made.posy", model, "");
  NoveltyRule rule = {{bottleneck.channels, 4, std::vector<float>(bottleneck.channels * 4), {0, 0, 0, 0}}, 2, 0.25f};
  for (size_t i = 0; i < 4; ++i) rule.projection.weights[i % bottleneck.channels * 4 + i] = 1;
  return with_novelty(model, bottleneck, rule, options.weights);
}

size_t rule_at(const std::vector<uint8_t>& file) {
  return record_at(file, SectionKind::kNovelty, 0);
}

size_t tensor_at(const std::vector<uint8_t>& file, size_t field_of_rule) {
  return record_at(file, SectionKind::kTensors, get<uint32_t>(file, rule_at(file) + field_of_rule));
}

// Whether it opened. Then it runs, and its novelty is a number.
bool is_opened(GuardedEngine* guarded, std::vector<uint8_t> file) {
  fix_checksum(&file);
  if (guarded->open(file) != POSY_OK) {
    CHECK(posy_run(&guarded->engine) == POSY_NOT_OPEN);
    CHECK(posy_novelty(&guarded->engine) == 0);
    return false;
  }
  CHECK(posy_novelty(&guarded->engine) == 0);  // before a run
  CHECK_FALSE(guarded->scores().empty());
  CHECK(posy_novelty(&guarded->engine) >= 0);  // not NaN
  CHECK(guarded->memory_is_intact());
  return true;
}

// The index of the section's entry in the table.
uint32_t novelty_entry(const std::vector<uint8_t>& file) {
  uint32_t index = 0;
  while (get<SectionEntry>(file, entry_at(index)).kind != (uint32_t)SectionKind::kNovelty) ++index;
  return index;
}

}  // namespace

TEST_CASE("novelty: fields of the rule that cannot be are refused by name, at their byte") {
  const std::vector<uint8_t> good = novelty_model();
  const auto count = section(good, SectionKind::kTensors).count;
  const size_t at = rule_at(good);
  const size_t features = at + offsetof(NoveltyRecord, features), projection = at + offsetof(NoveltyRecord, projection);
  const size_t group = at + offsetof(NoveltyRecord, group), limit = at + offsetof(NoveltyRecord, limit);
  GuardedEngine guarded(good.size());
  REQUIRE(is_opened(&guarded, good));
  check_changes(good, {
                          {"features behind the last tensor", features, count, 4, POSY_BAD_MODEL},
                          {"features that are none", features, kNoIndex, 4, POSY_BAD_MODEL},
                          {"projection behind the last tensor", projection, count, 4, POSY_BAD_MODEL},
                          {"projection of 2^31", projection, 0x80000000u, 4, POSY_BAD_MODEL},
                          {"features with positions", features, 0, 4, POSY_BAD_MODEL},  // the input
                          {"no group", group, 0, 4, POSY_BAD_MODEL},
                          {"groups of three in four", group, 3, 4, POSY_BAD_MODEL},
                          {"a group larger than all", group, 8, 4, POSY_BAD_MODEL},
                          {"a group of 2^32 - 1", group, ~0u, 4, POSY_BAD_MODEL},
                          {"limit 0", limit, 0, 4, POSY_BAD_MODEL},
                          {"limit -0", limit, 0x80000000u, 4, POSY_BAD_MODEL},
                          {"limit -1", limit, 0xbf800000u, 4, POSY_BAD_MODEL},
                          {"limit infinite", limit, 0x7f800000u, 4, POSY_BAD_MODEL},
                          {"limit NaN", limit, 0x7fc00000u, 4, POSY_BAD_MODEL},
                          {"limit a signaling NaN", limit, 0x7f800001u, 4, POSY_BAD_MODEL},
                      });
}

TEST_CASE("novelty: every size and count of the section but one record's is refused") {
  const std::vector<uint8_t> good = novelty_model();
  const size_t entry = entry_at(novelty_entry(good));
  GuardedEngine guarded(good.size());
  for (const uint32_t value : {0u, 1u, 2u, 15u, 16u, 17u, 32u, 64u, 0x7fffffffu, ~0u}) {
    for (const size_t field :
         {offsetof(SectionEntry, bytes), offsetof(SectionEntry, count), offsetof(SectionEntry, offset)}) {
      std::vector<uint8_t> file = good;
      if (get<uint32_t>(file, entry + field) == value) continue;
      set(&file, entry + field, value);
      INFO("field at " << field << " set to " << value);
      CHECK_FALSE(is_opened(&guarded, file));
    }
  }
}

TEST_CASE("novelty: a second section of it is refused") {
  const std::vector<uint8_t> good = novelty_model();
  const auto rule = get<NoveltyRecord>(good, rule_at(good));
  const std::string record((const char*)&rule, sizeof rule);
  const std::vector<uint8_t> twice = with_section(good, (uint32_t)SectionKind::kNovelty, record, 1);
  GuardedEngine guarded(twice.size());
  CHECK_FALSE(is_opened(&guarded, twice));
  // Of a kind that is not known, the same section is no obstacle.
  CHECK(is_opened(&guarded, with_section(good, (uint32_t)SectionKind::kNovelty + 7, record, 1)));
}

TEST_CASE("novelty: any tensors as features and projection are refused or harmless") {
  for (const bool codes : {false, true}) {
    ModelOptions options;
    options.input_is_codes = codes;
    const std::vector<uint8_t> good = novelty_model(options);
    GuardedEngine guarded(good.size());
    const SectionEntry tensors = section(good, SectionKind::kTensors);
    uint32_t opened = 0;
    for (uint32_t features = 0; features < tensors.count; ++features) {
      for (uint32_t projection = 0; projection < tensors.count; ++projection) {
        std::vector<uint8_t> file = good;
        set(&file, rule_at(file), features);
        set(&file, rule_at(file) + offsetof(NoveltyRecord, projection), projection);
        set(&file, rule_at(file) + offsetof(NoveltyRecord, group), 1u);
        INFO(features << " and " << projection);
        const auto is_read = [&](uint32_t index) {
          const auto t = get<TensorRecord>(file, record_at(file, SectionKind::kTensors, index));
          return t.h == 1 && t.w == 1 && t.type == (uint8_t)ElementType::kF32;
        };
        const bool is_open = is_opened(&guarded, file);
        CHECK(is_open == (is_read(features) && is_read(projection)));
        opened += is_open;
      }
    }
    CHECK(opened > 4);
  }
}

TEST_CASE("novelty: its tensors with any field at its extremes are refused or harmless") {
  const std::vector<uint8_t> good = novelty_model();
  GuardedEngine guarded(good.size());
  uint32_t opened = 0, refused = 0;
  for (const size_t of : {offsetof(NoveltyRecord, features), offsetof(NoveltyRecord, projection)}) {
    const size_t record = tensor_at(good, of);
    for (size_t at = record; at < record + sizeof(TensorRecord); at += 4) {
      const uint32_t old = get<uint32_t>(good, at), arena = get<uint32_t>(good, offsetof(FileHeader, arena_bytes));
      for (const uint32_t value : {0u, 1u, 2u, 4u, 8u, 255u, 256u, old + 1, old - 1, old + 4, old * 2, arena - 16,
                                   arena - 4, arena, 0x7fffffffu, 0x80000000u, ~0u - 3, ~0u}) {
        std::vector<uint8_t> file = good;
        set(&file, at, value);
        INFO("byte " << at - record << " set to " << value);
        ++(is_opened(&guarded, file) ? opened : refused);
      }
    }
  }
  CHECK(opened > 0);
  CHECK(refused > 50);
}

TEST_CASE("novelty: of features that are no finite numbers, all is outside") {
  NetworkBuilder b({4, 4, 3}, 1);
  b.softmax(b.conv(b.average_all(b.input()), 1, 1, 3, {-INFINITY, INFINITY}));
  const Plan plan = make_plan(&b.network());
  const std::vector<uint8_t> plain = write_posy(b.network(), plan, WeightChoice::kF32);
  Model model;
  REQUIRE_FALSE(open_model(plain.data(), plain.size(), false, &model));
  const NoveltyRule rule = {{3, 1, {1, 0, 0}, {0}}, 1, 0.25f};
  const std::vector<uint8_t> file =
      with_novelty(model, find_bottleneck("made.posy", model, ""), rule, WeightChoice::kF32);
  GuardedEngine guarded(file.size());
  REQUIRE(guarded.open(file) == POSY_OK);
  const auto novelty_of_flat = [&](float red) {
    float* in = posy_input(&guarded.engine);
    for (size_t i = 0; i < 4 * 4 * 3; ++i) in[i] = i % 3 == 0 ? red : 0;
    REQUIRE(posy_run(&guarded.engine) == POSY_OK);
    return posy_novelty(&guarded.engine);
  };
  CHECK(novelty_of_flat(1) == 0);
  CHECK(novelty_of_flat(0) == 4);
  CHECK(novelty_of_flat(1e30f) == 4);
  CHECK(novelty_of_flat(std::numeric_limits<float>::infinity()) == 4);
  CHECK(novelty_of_flat(std::numeric_limits<float>::quiet_NaN()) == 4);
}
