// Packed files, good and damaged: the same bytes come out, or a refusal. Guard pages are the judge of every access.
#include <doctest/doctest.h>

#include <memory>

#include "engine/packed.h"
#include "loaders/pack.h"
#include "tests/engine/guarded_engine.h"

using namespace posy;

namespace {

using Bytes = std::vector<uint8_t>;

std::vector<Bytes> models() {
  ModelOptions table, affine;
  table.weights = WeightChoice::kAuto;
  table.input = {5, 6, 1};
  affine.weights = WeightChoice::kU8;
  affine.band_rows = 2;
  affine.channels = 20;
  affine.labels = false;
  return {build_model({}), build_model(table), build_model(affine)};
}

Bytes packed_of(const Bytes& posy) {
  return pack_posy(posy, "model");
}

// Piece, result and unpacker end at forbidden pages.
class GuardedUnpacker {
 public:
  GuardedUnpacker(size_t most_packed_bytes, size_t most_file_bytes)
      : packed_(most_packed_bytes + 1), file_(most_file_bytes + 1), state_(sizeof(posy_unpacker)) {
    unpacker_ = (posy_unpacker*)state_.take(sizeof(posy_unpacker));
  }

  // In pieces of `piece_bytes`; all of it if 0.
  posy_status unpack(const Bytes& packed, size_t file_bytes, size_t piece_bytes = 0) {
    file_bytes_ = file_bytes;
    to_ = file_.take(file_bytes);
    posy_unpack_begin(unpacker_, to_, file_bytes);
    if (piece_bytes == 0) piece_bytes = std::max<size_t>(packed.size(), 1);
    for (size_t at = 0; at < packed.size(); at += piece_bytes) {
      const size_t bytes = std::min(piece_bytes, packed.size() - at);
      const uint8_t* piece = packed_.copy_of(packed.data() + at, bytes);
      const posy_status status = posy_unpack(unpacker_, piece, bytes);
      if (status != POSY_OK && posy_unpack_end(unpacker_) != status) FAIL("a refusal has to stay");
    }
    const posy_status status = posy_unpack_end(unpacker_);
    if (!file_.front_is_intact() || !state_.front_is_intact()) FAIL("something was written in front of the memory");
    return status;
  }
  Bytes file() const { return Bytes(to_, to_ + file_bytes_); }

 private:
  GuardedMemory packed_, file_, state_;
  posy_unpacker* unpacker_;
  uint8_t* to_ = nullptr;
  size_t file_bytes_ = 0;
};

// ---- Files made by hand ----

void put(Bytes* bytes, uint64_t x, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) bytes->push_back((uint8_t)(x >> (8 * i)));
}

Bytes header(uint32_t file_bytes, uint32_t segments) {
  Bytes bytes(kPackedMagic, kPackedMagic + 8);
  put(&bytes, 0, 4);
  put(&bytes, file_bytes, 4);
  put(&bytes, kPackedVersion, 4);
  put(&bytes, segments, 4);
  for (uint32_t i = 0; i < kStates; ++i) put(&bytes, kLeastState, 4);
  return bytes;
}
Bytes with_length(Bytes bytes) {
  for (uint32_t i = 0; i < 4; ++i) bytes[8 + i] = (uint8_t)(bytes.size() >> (8 * i));
  return bytes;
}

// Every symbol is a zero: the symbols take no bytes.
const Bytes kAllZero(32, 0);

Bytes segment(uint32_t flags, uint32_t groups, uint32_t tables, uint32_t runs) {
  Bytes bytes = {(uint8_t)flags, (uint8_t)groups, (uint8_t)tables};
  put(&bytes, runs, 2);
  for (uint32_t i = 0; i < tables; ++i) bytes.insert(bytes.end(), kAllZero.begin(), kAllZero.end());
  return bytes;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

posy_status status_of(const Bytes& packed, size_t file_bytes = 256) {
  GuardedUnpacker unpacker(packed.size(), file_bytes);
  return unpacker.unpack(packed, file_bytes);
}

}  // namespace

TEST_CASE("unpack: the same bytes come out, at once or in pieces of any size") {
  for (const Bytes& posy : models()) {
    const Bytes packed = packed_of(posy);
    size_t bytes = 0;
    CHECK(posy_packed_need(packed.data(), POSY_PACKED_HEADER_BYTES, &bytes) == POSY_OK);
    CHECK(bytes == posy.size());
    GuardedUnpacker unpacker(packed.size(), posy.size());
    for (const size_t piece : {0, 1, 2, 3, 39, 40, 41, 511, 512, 513, 1023, 1024, 1025, 1537}) {
      CAPTURE(piece);
      CHECK(unpacker.unpack(packed, posy.size(), piece) == POSY_OK);
      CHECK((unpacker.file() == posy));
    }
  }
}

TEST_CASE("unpack: pieces of random sizes, some of them empty") {
  std::mt19937 random(3);
  const Bytes posy = models()[2], packed = packed_of(posy);
  for (int i = 0; i < 200; ++i) {
    Bytes out(posy.size());
    posy_unpacker unpacker;
    CHECK(posy_unpack_begin(&unpacker, out.data(), out.size()) == POSY_OK);
    for (size_t at = 0; at < packed.size();) {
      const size_t bytes = std::min<size_t>(random() % (1u << random() % 11), packed.size() - at);
      if (posy_unpack(&unpacker, packed.data() + at, bytes) != POSY_OK) FAIL("refused at " << at);
      at += bytes;
    }
    CHECK(posy_unpack_end(&unpacker) == POSY_OK);
    CHECK(posy_unpack_end(&unpacker) == POSY_OK);
    CHECK((out == posy));
  }
}

TEST_CASE("unpack: what comes out runs") {
  const Bytes posy = models()[1], packed = packed_of(posy);
  GuardedEngine before(posy.size()), after(posy.size());
  REQUIRE(before.open(posy) == POSY_OK);
  REQUIRE(after.open(unpack_posy(packed, "model")) == POSY_OK);
  CHECK(before.scores() == after.scores());
}

TEST_CASE("unpack: every proper prefix is refused, and so are bytes behind the end") {
  for (const Bytes& posy : models()) {
    const Bytes packed = packed_of(posy);
    GuardedUnpacker unpacker(packed.size() + 600, posy.size());
    for (size_t bytes = 0; bytes < packed.size(); ++bytes) {
      const Bytes prefix(packed.begin(), packed.begin() + (std::ptrdiff_t)bytes);
      const posy_status status = unpacker.unpack(prefix, posy.size());
      if (status != (bytes < kPackedHeaderBytes ? POSY_TOO_SHORT : POSY_WRONG_LENGTH)) FAIL(bytes << ": " << status);
      // With a length that was made to fit.
      if (bytes >= kPackedHeaderBytes && unpacker.unpack(with_length(prefix), posy.size()) == POSY_OK) FAIL(bytes);
    }
    for (const size_t more : {1, 2, 64, 511, 512, 600}) {
      Bytes longer = packed;
      longer.resize(packed.size() + more, 0);
      CHECK(unpacker.unpack(longer, posy.size()) == POSY_WRONG_LENGTH);
      CHECK(unpacker.unpack(with_length(longer), posy.size()) != POSY_OK);
    }
  }
}

TEST_CASE("unpack: every single changed byte is refused, or changes nothing") {
  uint32_t refused = 0, harmless = 0;
  for (const Bytes& posy : models()) {
    const Bytes packed = packed_of(posy);
    GuardedUnpacker unpacker(packed.size(), posy.size());
    for (size_t at = 0; at < packed.size(); ++at) {
      for (const int change : {1 << at % 8, 0xff}) {
        Bytes damaged = packed;
        damaged[at] = (uint8_t)(damaged[at] ^ change);
        const posy_status status = unpacker.unpack(damaged, posy.size());
        if (status == POSY_OK && unpacker.file() != posy) FAIL("byte " << at << " went unnoticed");
        ++(status == POSY_OK ? harmless : refused);
      }
    }
  }
  // A bit behind a table's last one, or a map's entry that no symbol asks for.
  CHECK(harmless * 100 < refused);
}

TEST_CASE("unpack: bytes changed by the dozen do no harm") {
  std::mt19937 random(11);
  for (const Bytes& posy : models()) {
    const Bytes packed = packed_of(posy);
    GuardedUnpacker unpacker(packed.size(), posy.size());
    for (int i = 0; i < 3000; ++i) {
      Bytes damaged = packed;
      const size_t first = i % 2 ? kPackedHeaderBytes : random() % packed.size(), changes = 1 + random() % 12;
      for (size_t n = 0; n < changes; ++n) damaged[first + random() % (packed.size() - first)] = (uint8_t)random();
      if (i % 7 == 0) std::generate(damaged.begin() + kPackedHeaderBytes, damaged.end(), std::ref(random));
      if (unpacker.unpack(damaged, posy.size(), i % 3 ? 0 : 100) == POSY_OK && unpacker.file() != posy) FAIL(i);
    }
  }
}

TEST_CASE("unpack: sizes that lie") {
  const Bytes posy = models()[0], packed = packed_of(posy);
  GuardedUnpacker unpacker(packed.size(), posy.size() + 4096);
  CHECK(unpacker.unpack(packed, posy.size() - 1) == POSY_SMALL_MEMORY);
  CHECK(unpacker.unpack(packed, 0) == POSY_SMALL_MEMORY);
  CHECK(unpacker.unpack(packed, posy.size() + 100) == POSY_OK);
  Bytes out = unpacker.file();
  CHECK(std::equal(posy.begin(), posy.end(), out.begin()));
  CHECK(std::count(out.begin() + (std::ptrdiff_t)posy.size(), out.end(), GuardedMemory::kCanary) == 100);
  for (const int64_t more : {-4096, -64, -4, -1, 1, 4, 64, 4096}) {
    CAPTURE(more);
    Bytes lying = packed;
    set(&lying, 12, (uint32_t)((int64_t)posy.size() + more));
    CHECK(unpacker.unpack(lying, posy.size() + 4096) != POSY_OK);
    lying = packed;
    set(&lying, 8, (uint32_t)((int64_t)packed.size() + more));
    CHECK(unpacker.unpack(lying, posy.size()) == POSY_WRONG_LENGTH);
  }
}

TEST_CASE("unpack: every field of the header has its refusal") {
  const Bytes packed = packed_of(models()[0]);
  const auto changed = [&](size_t at, uint32_t value, size_t bytes) {
    Bytes damaged = packed;
    std::memcpy(damaged.data() + at, &value, bytes);
    size_t need = 0;
    return posy_packed_need(damaged.data(), damaged.size(), &need);
  };
  CHECK(changed(4, 'Y', 1) == POSY_NOT_PACKED);
  CHECK(changed(8, 39, 4) == POSY_BAD_PACKED);
  CHECK(changed(12, 63, 4) == POSY_BAD_PACKED);
  CHECK(changed(12, 0x80000000, 4) == POSY_BAD_PACKED);
  CHECK(changed(16, 2, 2) == POSY_NEWER_VERSION);
  CHECK(changed(18, 1, 2) == POSY_BAD_PACKED);
  CHECK(changed(20, kMaxSegments + 1, 4) == POSY_BAD_PACKED);
  for (size_t state = 24; state < 40; state += 4) CHECK(changed(state, 0xffff, 4) == POSY_BAD_PACKED);
  size_t need = 0;
  CHECK(posy_packed_need(packed.data(), kPackedHeaderBytes - 1, &need) == POSY_TOO_SHORT);
}

TEST_CASE("unpack: segments and runs that do not fit") {
  const Bytes run = {0, 1, 1};  // four bytes at 0
  const auto file = [&](const Bytes& body, uint32_t segments = 1) { return with_length(header(256, segments) + body); };
  // All is well until the result is looked at.
  CHECK(status_of(file(segment(0, 1, 1, 1) + run)) == POSY_NOT_POSY);
  CHECK(status_of(file({}, 0)) == POSY_NOT_POSY);
  CHECK(status_of(file(segment(0, 1, 1, 0))) == POSY_NOT_POSY);

  for (const Bytes& bad : {segment(kFlags, 1, 1, 1) + run, segment(kMiddle, 1, 1, 1) + run, segment(0, 0, 1, 1) + run,
                           segment(0, kMaxColumns / 4 + 1, 1, 1) + run, segment(0, 1, 0, 1) + run,
                           segment(0, 1, 5, 1) + run, segment(0, 1, 1, 2) + run}) {
    CHECK(status_of(file(bad)) == POSY_BAD_PACKED);
  }
  const std::vector<std::pair<Bytes, posy_status>> runs = {
      {{0, 64, 1}, POSY_NOT_POSY},         // all of the file
      {{0, 65, 1}, POSY_BAD_PACKED},       // a row more
      {{4, 64, 1}, POSY_BAD_PACKED},       // begins too late
      {{0xfd, 1, 1, 1}, POSY_BAD_PACKED},  // 253, as two bytes
      {{0, 0, 1}, POSY_BAD_PACKED},        // no rows
      {{0, 1, 0}, POSY_BAD_PACKED},        // no pieces
      {{0, 1, 64, 4}, POSY_NOT_POSY},      // 64 pieces of four bytes
      {{0, 1, 64, 5}, POSY_BAD_PACKED},    // the last one ends behind the end
      {{0, 1, 65, 4}, POSY_BAD_PACKED},    // one more
      {{0, 2, 2, 7}, POSY_BAD_PACKED},     // pieces over each other
      {{0, 1, 2, 0}, POSY_BAD_PACKED},     // the same again
      {{0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f}, POSY_BAD_PACKED},
      {{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1}, POSY_BAD_PACKED},
      {{0, 1, 2, 0xfc, 0xff, 0xff, 0xff, 0x0f}, POSY_BAD_PACKED},
  };
  for (const auto& [bytes, status] : runs) {
    CAPTURE(bytes.size());
    CHECK(status_of(file(segment(0, 1, 1, 1) + bytes)) == status);
  }
  // Narrow codes: of 16 columns, and nothing else.
  CHECK(status_of(file(segment(kNarrow | 3 * kNarrowBits, 4, 1, 1) + Bytes{0, 18, 1})) == POSY_NOT_POSY);
  CHECK(status_of(file(segment(kNarrow | 3 * kNarrowBits, 4, 1, 1) + Bytes{0, 19, 1})) == POSY_BAD_PACKED);
  for (const Bytes& bad : {segment(kFlags | kNarrow, 4, 1, 1) + run, segment(kNarrow, 3, 1, 1) + run,
                           segment(kNarrow | kSumOfRows, 4, 1, 1) + run, segment(kNarrow | kRamp, 4, 1, 1) + run,
                           segment(kNarrowBits, 4, 1, 1) + run}) {
    CHECK(status_of(file(bad)) == POSY_BAD_PACKED);
  }
  // More is filled than there is: a small file must not keep anybody busy.
  CHECK(status_of(file(segment(0, 1, 1, 2) + Bytes{0, 64, 1} + run)) == POSY_BAD_PACKED);
  // A map that names a third table of two; one that does not.
  CHECK(status_of(file(segment(0, 1, 2, 1) + Bytes{2} + run)) == POSY_BAD_PACKED);
  CHECK(status_of(file(segment(0, 1, 2, 1) + Bytes{1} + run)) == POSY_NOT_POSY);
  CHECK(status_of(file(segment(kMapPerPiece, 1, 2, 1) + run + Bytes{2})) == POSY_BAD_PACKED);
  CHECK(status_of(file(segment(kMapPerPiece, 1, 2, 1) + run + Bytes{1})) == POSY_NOT_POSY);
}

TEST_CASE("unpack: tables that do not add up") {
  const auto with_table = [](const Bytes& table) {
    Bytes head = segment(0, 1, 1, 1);
    head.resize(5);
    return with_length(header(256, 1) + head + table + Bytes{0, 1, 1});
  };
  // Eight ones and level 52, all slots, for symbol 0; then zeros, each a step down of none.
  Bytes all_to_first = {0xff, 52 | 1 << 6 | 1 << 7};
  all_to_first.insert(all_to_first.end(), 2, 0xff);
  CHECK(status_of(with_table(all_to_first)) == POSY_BAD_PACKED);  // cut short, and levels above the last
  Bytes too_many(48, 0);
  too_many[0] = 0xff;
  too_many[1] = 52;  // 52 for every symbol: 256 times too many
  CHECK(status_of(with_table(too_many)) == POSY_BAD_PACKED);
  Bytes level_63 = too_many;
  level_63[1] = 63;
  CHECK(status_of(with_table(level_63)) == POSY_BAD_PACKED);
  Bytes below_zero(48, 0);
  below_zero[0] = 1;  // a one, a zero: level -1
  CHECK(status_of(with_table(below_zero)) == POSY_BAD_PACKED);
}

TEST_CASE("unpack: null pointers, and calls in the wrong order") {
  posy_unpacker unpacker = {};
  uint8_t bytes[64] = {};
  size_t need = 0;
  CHECK(posy_packed_need(nullptr, 64, &need) == POSY_NULL_ARGUMENT);
  CHECK(posy_packed_need(bytes, 64, nullptr) == POSY_NULL_ARGUMENT);
  CHECK(posy_unpack_begin(nullptr, bytes, 64) == POSY_NULL_ARGUMENT);
  CHECK(posy_unpack(nullptr, bytes, 64) == POSY_NULL_ARGUMENT);
  CHECK(posy_unpack(&unpacker, nullptr, 1) == POSY_NULL_ARGUMENT);
  CHECK(posy_unpack_end(nullptr) == POSY_NULL_ARGUMENT);
  CHECK(posy_unpack_begin(&unpacker, nullptr, 64) == POSY_NULL_ARGUMENT);
  CHECK(posy_unpack(&unpacker, bytes, 64) == POSY_NULL_ARGUMENT);
  CHECK(posy_unpack_begin(&unpacker, bytes, 64) == POSY_OK);
  CHECK(posy_unpack(&unpacker, nullptr, 0) == POSY_OK);
  CHECK(posy_unpack_end(&unpacker) == POSY_TOO_SHORT);
  CHECK(posy_unpack_end(&unpacker) == POSY_TOO_SHORT);
}
