// Packing: every file comes back, and the tables are about as small as they can be.
#include "loaders/pack.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "loaders/convert.h"
#include "loaders/error.h"
#include "loaders/pack_plan.h"
#include "tests/engine/model_builder.h"

using namespace posy;

namespace {

using Bytes = std::vector<uint8_t>;

void check_round_trip(const Bytes& posy) {
  const Bytes packed = pack_posy(posy, "model");
  CHECK(is_packed(packed));
  CHECK((unpack_posy(packed, "model") == posy));
}

Bytes random_model(std::mt19937& random) {
  ModelOptions options;
  const auto up_to = [&](uint32_t most) { return 1 + (uint32_t)random() % most; };
  options.input = {2 + up_to(12), 2 + up_to(12), up_to(4)};
  options.channels = up_to(70);
  options.classes = 1 + up_to(40);
  options.labels = random() % 2;
  options.weights = std::array{WeightChoice::kF32, WeightChoice::kAuto, WeightChoice::kU8}[random() % 3];
  options.band_rows = up_to(3) - 1;
  return build_model(options);
}

Bytes aligned_to_64(Bytes bytes) {
  bytes.resize((bytes.size() + 63) / 64 * 64, 0);
  return bytes;
}

// A section that no reader has to know, behind the others.
Bytes with_unknown_section(const Bytes& posy, const Bytes& content) {
  const uint32_t sections = section_count(posy);
  Bytes file = aligned_to_64(posy);
  const size_t table_end = entry_at(sections), first = get<SectionEntry>(posy, entry_at(0)).offset;
  REQUIRE(table_end + sizeof(SectionEntry) <= first);
  set(&file, table_end, SectionEntry{0xfff0, (uint32_t)file.size(), (uint32_t)content.size(), 0});
  file.insert(file.end(), content.begin(), content.end());
  set(&file, offsetof(FileHeader, section_count), sections + 1);
  set(&file, offsetof(FileHeader, file_bytes), (uint32_t)file.size());
  fix_checksum(&file);
  return file;
}

Histogram bell(double middle, double width, double total) {
  Histogram counts = {};
  for (uint32_t s = 0; s < kSymbols; ++s) {
    const double d = (s - middle) / width;
    counts[s] = (uint64_t)(total * std::exp(-d * d / 2) / width / 2.5);
  }
  return counts;
}

double entropy_bits(const Histogram& counts) {
  double total = 0, bits = 0;
  for (const uint64_t n : counts) total += (double)n;
  for (const uint64_t n : counts) bits += n ? (double)n * std::log2(total / (double)n) : 0;
  return bits;
}

}  // namespace

TEST_CASE("pack: random models come back, and the same model becomes the same bytes") {
  std::mt19937 random(1);
  for (int i = 0; i < 25; ++i) {
    const Bytes posy = random_model(random);
    check_round_trip(posy);
    if (i == 0) CHECK(pack_posy(posy, "model") == pack_posy(posy, "model"));
  }
}

TEST_CASE("pack: weights and factors of any bits come back") {
  std::mt19937 random(2);
  for (int i = 0; i < 12; ++i) {
    Bytes posy = random_model(random);
    const SectionEntry weights = section(posy, SectionKind::kWeights), ops = section(posy, SectionKind::kOps);
    for (uint32_t op = 0; op < ops.count; ++op) {
      const auto record = get<OpRecord>(posy, ops.offset + op * sizeof(OpRecord));
      if (record.weight_type == (uint8_t)WeightType::s8) continue;  // is refused with any bits
      const size_t first = weights.offset + record.weights_offset;
      for (size_t at = first; at < first + record.weights_bytes; ++at) {
        const uint8_t few[4] = {0, 1, 0x80, 0xff};
        posy[at] = i % 3 == 0 ? 0 : i % 3 == 1 ? (uint8_t)random() : few[random() % 4];
      }
    }
    fix_checksum(&posy);
    check_round_trip(posy);
  }
}

TEST_CASE("pack: sections that are not known come back") {
  std::mt19937 random(3);
  const Bytes posy = build_model({});
  for (const size_t bytes : {size_t{4}, size_t{1000}, size_t{40000}}) {
    Bytes content(bytes);
    for (uint8_t& byte : content) byte = (uint8_t)random();
    check_round_trip(with_unknown_section(posy, content));
    check_round_trip(with_unknown_section(posy, Bytes(bytes, 0)));
  }
}

TEST_CASE("pack: two ops with the same weights, and weights that overlap") {
  Bytes posy = build_model({});
  const size_t depthwise = op_at(posy, OpKind::depthwise_conv_2d), conv = op_at(posy, OpKind::conv_2d);
  for (const uint32_t offset : {0u, 64u}) {
    set(&posy, depthwise + offsetof(OpRecord, weights_offset), get<uint32_t>(posy, conv + 44) + offset);
    fix_checksum(&posy);
    check_round_trip(posy);
  }
}

TEST_CASE("pack: weights of an encoding that is not known are packed all the same") {
  Bytes posy = build_model({});
  Model model;
  REQUIRE_FALSE(open_model(posy.data(), posy.size(), false, &model));
  for (uint32_t i = 0; i < model.op_count; ++i) {
    set(&posy, record_at(posy, SectionKind::kOps, i) + offsetof(OpRecord, weight_type), (uint8_t)77);
  }
  std::vector<int> filled(posy.size(), 0);
  for (const PackSegment& segment : plan_segments(model)) {
    for (const PackRun& run : segment.runs) {
      for (uint32_t piece = 0; piece < run.pieces; ++piece) {
        const size_t begin = run.begin + (size_t)piece * run.stride;
        for (size_t at = begin; at < begin + (size_t)run.rows * segment.row_bytes(); ++at) ++filled[at];
      }
    }
  }
  for (size_t at = 0; at < posy.size(); ++at) {
    if (filled[at] > 1 || (filled[at] == 0 && posy[at] != 0)) FAIL("byte " << at << " is in " << filled[at] << " runs");
  }
}

TEST_CASE("pack: codes of 4 to 7 bits are symbols of their own") {
  std::mt19937 random(6);
  for (uint32_t bits = 4; bits < 8; ++bits) {
    Bytes posy = with_unknown_section(build_model({}), Bytes(2 * bits * 4000, 1));
    const auto rest = (uint32_t)section(posy, SectionKind::kWeights).offset;
    const auto begin = (uint32_t)posy.size() - 2 * bits * 4000;
    // Bells in the middle of the codes.
    for (uint32_t row = 0; row < 4000; ++row) {
      uint8_t codes[kNarrowColumns], back[kNarrowColumns];
      for (uint8_t& code : codes) {
        uint32_t sum = 0;
        for (int i = 0; i < 8; ++i) sum += (uint32_t)(random() % (1u << bits));
        code = (uint8_t)(sum / 8);
      }
      put_narrow_row(codes, bits, posy.data() + begin + row * 2 * bits);
      get_narrow_row(posy.data() + begin + row * 2 * bits, bits, back);
      REQUIRE(std::equal(codes, codes + kNarrowColumns, back));
    }
    fix_checksum(&posy);
    std::vector<PackSegment> segments(2);
    segments[0].flags = kNarrow | (bits - kLeastNarrowBits) * kNarrowBits;
    segments[0].columns = kNarrowColumns;
    segments[0].runs = {{begin, 1000, 4, 2 * bits * 1000}};
    segments[1].runs = {{0, begin / 4}};
    for (PackSegment& segment : segments) choose_tables(&segment, posy);
    const Bytes packed = write_packed(segments, posy);
    CHECK((unpack_posy(packed, "model") == posy));
    // Spread over their bytes, bell and codes would hardly be seen: a standard deviation of 0.1 * 2^bits has
    // log2(0.1 * 2^bits * sqrt(2 pi e)) bits.
    CHECK((double)packed.size() < rest + 64000.0 / 8 * (bits - 1.2));
  }
}

TEST_CASE("pack: what is no .posy file, or damaged, is refused by name") {
  Bytes posy = build_model({});
  posy[posy.size() - 1] ^= 1;
  CHECK_THROWS_WITH_AS(pack_posy(posy, "a.posy"), doctest::Contains("a.posy: damaged"), InputError);
  CHECK_THROWS_WITH_AS(pack_posy(Bytes(100, 1), "a.posy"), doctest::Contains("not a .posy file"), InputError);
  CHECK_THROWS_AS(pack_posy({}, "a.posy"), InputError);
}

TEST_CASE("unpack: the error names the file and says what to do") {
  const Bytes posy = build_model({});
  Bytes packed = pack_posy(posy, "model");
  CHECK_THROWS_WITH_AS(unpack_posy(posy, "b"), doctest::Contains("b: not a packed .posy file"), InputError);
  packed.resize(packed.size() - 1);
  CHECK_THROWS_WITH_AS(unpack_posy(packed, "b"), doctest::Contains("copy or download it again"), InputError);
  // A gigabyte for a few bytes.
  set(&packed, 12, 0x7ffffffcu);
  CHECK_THROWS_WITH_AS(unpack_posy(packed, "b"), doctest::Contains("too many for its own size"), InputError);
}

TEST_CASE("pack: tables cost less than a hundredth more than the entropy") {
  for (const double width : {1.0, 4.0, 20.0, 60.0}) {
    const Histogram counts = bell(100.3, width, 300000);
    double bits = 0;
    choose_levels(counts, &bits);
    CAPTURE(width);
    CHECK(bits > entropy_bits(counts));
    CHECK(bits < entropy_bits(counts) * 1.01);
  }
}

TEST_CASE("pack: tables of one symbol, of none, and of equal ones") {
  double bits = 0;
  Histogram counts = {};
  choose_levels(counts, &bits);
  CHECK(bits <= 256);
  counts[200] = 1000000;
  choose_levels(counts, &bits);
  CHECK(bits < 300);
  counts.fill(1000);
  choose_levels(counts, &bits);
  CHECK(bits < 8 * 256000 + 300);
}

TEST_CASE("pack: every symbol's slots are its own, and as many as its frequency") {
  std::mt19937 random(4);
  for (int i = 0; i < 300; ++i) {
    Histogram counts = {};
    const uint32_t used = 1 + random() % kSymbols;
    for (uint32_t n = 0; n < used; ++n) counts[random() % kSymbols] = 1 + random() % (1u << random() % 20);
    double bits = 0;
    const Levels levels = choose_levels(counts, &bits);
    CodeEntry table[kSymbols];
    REQUIRE(set_frequencies(levels.data(), table));
    deal_slots(table);
    std::vector<std::vector<bool>> seen(kSymbols);
    for (uint32_t s = 0; s < kSymbols; ++s) seen[s].resize(table[s].frequency);
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      const uint32_t bucket = slot / kBucketSlots, place = slot % kBucketSlots;
      const bool is_own = place < table[bucket].own;
      const uint32_t symbol = is_own ? bucket : table[bucket].other;
      const uint32_t rank = is_own ? place : (uint16_t)(table[bucket].offset + place);
      REQUIRE(rank < table[symbol].frequency);
      REQUIRE_FALSE(seen[symbol][rank]);
      seen[symbol][rank] = true;
    }
  }
}

TEST_CASE("pack: the code books of TensorFlow's roundings are found, others are not") {
  std::mt19937 random(5);
  for (const bool middle : {true, false}) {
    const float low = -0.7312345f, step = 0.0123457f;
    std::vector<float> sorted, shuffled;
    for (uint32_t n = 0; n < 256; n += 1 + random() % 3) sorted.push_back(ramp_value(low, step, n, middle));
    shuffled = sorted;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    const auto book = find_ramp(sorted), bias = find_ramp(shuffled);
    REQUIRE(book);
    CHECK(book->ascending);
    REQUIRE(bias);
    CHECK_FALSE(bias->ascending);
    sorted[7] = std::nextafter(sorted[7], 1.0f);
    CHECK_FALSE(find_ramp(sorted));
  }
  std::vector<float> noise(200);
  for (float& x : noise) x = (float)random() / 1e9f;
  CHECK_FALSE(find_ramp(noise));
  CHECK_FALSE(find_ramp(std::vector<float>(100, 1.5f)));
  noise[3] = __builtin_inff();
  CHECK_FALSE(find_ramp(noise));
}

TEST_CASE("pack: the default model, and real graphs if they are there") {
  const std::filesystem::path root = POSY_SOURCE_DIR, data = root / ".." / "shared" / "data" / "pb";
  struct Case {
    std::filesystem::path graph;
    WeightChoice weights;
    bool keep_bottleneck;
    size_t most_bytes;
  };
  for (const Case& c : {Case{root / "models" / "flowers_mobilenet_v1_0.25_128.pb", WeightChoice::kU8, false, 226000},
                        Case{data / "quevedin" / "rounded_graph.pb.gz", WeightChoice::kAuto, false, 600000},
                        Case{data / "quevedin" / "rounded_graph.pb.gz", WeightChoice::kAuto, true, 993000}}) {
    if (!std::filesystem::exists(c.graph)) continue;
    ConvertOptions options;
    options.bits.weights = c.weights;
    options.keep_bottleneck = c.keep_bottleneck;
    const Bytes posy = convert_graph(c.graph.string(), options).posy;
    const Bytes packed = pack_posy(posy, "model");
    CHECK((unpack_posy(packed, "model") == posy));
    CHECK(packed.size() <= c.most_bytes);
  }
}
