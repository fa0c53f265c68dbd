#include "loaders/pack.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "engine/model.h"
#include "engine/packed.h"
#include "loaders/error.h"
#include "loaders/pack_plan.h"
#include "loaders/pack_tables.h"

namespace posy {
namespace {

using Bytes = std::vector<uint8_t>;

// A few bytes must not make a host hand out gigabytes. Weights that say something do not shrink to a thousandth.
constexpr size_t kFreeBytes = 1 << 26, kMaxExpansion = 1000;

void put_u16(Bytes* bytes, uint32_t x) {
  bytes->push_back((uint8_t)x);
  bytes->push_back((uint8_t)(x >> 8));
}
void put_u32(Bytes* bytes, uint32_t x) {
  put_u16(bytes, x & 0xffff);
  put_u16(bytes, x >> 16);
}
void put_f32(Bytes* bytes, float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  put_u32(bytes, bits);
}
void put_number(Bytes* bytes, uint32_t x) {
  for (; x >= 0x80; x >>= 7) bytes->push_back((uint8_t)(x | 0x80));
  bytes->push_back((uint8_t)x);
}

void put_table(Bytes* bytes, const Levels& levels) {
  uint32_t filled = 0;
  const auto put_bit = [&](uint32_t bit) {
    if (filled % 8 == 0) bytes->push_back(0);
    bytes->back() |= (uint8_t)(bit << filled++ % 8);
  };
  uint32_t before = 0;
  for (const uint32_t level : levels) {
    const uint32_t bits = bits_of_step(before, level);
    const bool is_level = bits == kMostOnes + kLevelBits;
    for (uint32_t i = 0; i + 1 < bits && i < kMostOnes; ++i) put_bit(1);
    if (!is_level) put_bit(0);
    for (uint32_t i = 0; is_level && i < kLevelBits; ++i) put_bit(level >> i & 1);
    before = level;
  }
}

void put_map(Bytes* bytes, const uint8_t* map, uint32_t columns) {
  for (uint32_t c = 0; c < columns; c += 4) {
    bytes->push_back((uint8_t)(map[c] | map[c + 1] << 2 | map[c + 2] << 4 | map[c + 3] << 6));
  }
}

Bytes segment_head(const PackSegment& segment) {
  Bytes bytes = {(uint8_t)segment.flags, (uint8_t)(segment.columns / kStates), (uint8_t)segment.tables.size()};
  put_u16(&bytes, (uint32_t)segment.runs.size());
  for (const Levels& levels : segment.tables) put_table(&bytes, levels);
  if (segment.tables.size() > 1 && !(segment.flags & kMapPerPiece))
    put_map(&bytes, segment.map.data(), segment.columns);
  return bytes;
}

Bytes run_head(const PackSegment& segment, const PackRun& run) {
  Bytes bytes;
  put_number(&bytes, run.begin);
  put_number(&bytes, run.rows);
  put_number(&bytes, run.pieces);
  if (run.pieces > 1) put_number(&bytes, run.stride);
  if (segment.flags & kRamp) {
    put_f32(&bytes, run.low);
    put_f32(&bytes, run.step);
  }
  return bytes;
}

// What encodes a symbol: its frequency, and its slots by rank.
struct EncodeTable {
  CodeEntry entry[kSymbols];
  uint32_t first[kSymbols];
  std::vector<uint16_t> slot;  // from first[symbol] on

  explicit EncodeTable(const Levels& levels) : slot(kSlots) {
    set_frequencies(levels.data(), entry);
    deal_slots(entry);
    uint32_t sum = 0;
    for (uint32_t s = 0; s < kSymbols; ++s) {
      first[s] = sum;
      sum += entry[s].frequency;
    }
    for (uint32_t i = 0; i < kSlots; ++i) {
      const CodeEntry& bucket = entry[i / kBucketSlots];
      const uint32_t place = i % kBucketSlots;
      const bool is_own = place < bucket.own;
      const uint32_t symbol = is_own ? i / kBucketSlots : bucket.other;
      slot[first[symbol] + (is_own ? place : (uint16_t)(bucket.offset + place))] = (uint16_t)i;
    }
  }
};

// Writes from the end of the file to its front, as rANS does: a reader meets the symbols in order.
class BackwardWriter {
 public:
  BackwardWriter() { std::fill(state_, state_ + kStates, kLeastState); }

  void segment(const PackSegment& segment, std::span<const uint8_t> posy) {
    const std::vector<uint8_t> symbols = symbols_of(segment, posy);
    const std::vector<EncodeTable> tables(segment.tables.begin(), segment.tables.end());
    const bool per_piece = segment.flags & kMapPerPiece;
    size_t at = symbols.size(), map = segment.maps();
    for (size_t r = segment.runs.size(); r-- > 0;) {
      const PackRun& run = segment.runs[r];
      for (uint32_t piece = run.pieces; piece-- > 0;) {
        const uint8_t* table_of = segment.map.data() + (per_piece ? --map : 0) * segment.columns;
        for (size_t i = (size_t)run.rows * segment.columns; i-- > 0;) {
          symbol(tables[table_of[i % segment.columns]], symbols[--at], (uint32_t)(i % kStates));
        }
        if (!per_piece) continue;
        Bytes bytes;
        put_map(&bytes, table_of, segment.columns);
        put(bytes);
      }
      put(run_head(segment, run));
    }
    put(segment_head(segment));
  }

  Bytes finish(uint32_t file_bytes, uint32_t segments) {
    Bytes bytes(kPackedMagic, kPackedMagic + sizeof kPackedMagic);
    put_u32(&bytes, (uint32_t)(kPackedHeaderBytes + backward_.size()));
    put_u32(&bytes, file_bytes);
    put_u16(&bytes, kPackedVersion);
    put_u16(&bytes, 0);
    put_u32(&bytes, segments);
    for (const uint32_t x : state_) put_u32(&bytes, x);
    bytes.insert(bytes.end(), backward_.rbegin(), backward_.rend());
    return bytes;
  }

 private:
  void symbol(const EncodeTable& table, uint8_t s, uint32_t which) {
    uint32_t& x = state_[which];
    const uint32_t frequency = table.entry[s].frequency;
    if (x >= (uint64_t)frequency << (32 - kSlotBits)) {
      backward_.push_back((uint8_t)(x >> 8));
      backward_.push_back((uint8_t)x);
      x >>= 16;
    }
    x = (x / frequency << kSlotBits) + table.slot[table.first[s] + x % frequency];
  }
  void put(const Bytes& bytes) { backward_.insert(backward_.end(), bytes.rbegin(), bytes.rend()); }

  Bytes backward_;
  uint32_t state_[kStates];
};

}  // namespace

std::vector<uint8_t> write_packed(std::span<const PackSegment> segments, std::span<const uint8_t> posy) {
  BackwardWriter writer;
  for (size_t i = segments.size(); i-- > 0;) writer.segment(segments[i], posy);
  return writer.finish((uint32_t)posy.size(), (uint32_t)segments.size());
}

std::vector<uint8_t> pack_posy(std::span<const uint8_t> posy, const std::string& name) {
  Model model;
  if (const Failure failure = open_model(posy.data(), posy.size(), false, &model)) {
    throw InputError(name + ": " + posy_status_text(failure.status) + " (at byte " + std::to_string(failure.byte) +
                     ")");
  }
  std::vector<uint8_t> packed = write_packed(plan_segments(model), posy);
  const std::vector<uint8_t> again = unpack_posy(packed, name);
  if (!std::equal(again.begin(), again.end(), posy.begin(), posy.end())) {
    throw std::logic_error(name + ": unpacks to other bytes");
  }
  return packed;
}

bool is_packed(std::span<const uint8_t> bytes) {
  return bytes.size() >= sizeof kPackedMagic && std::memcmp(bytes.data(), kPackedMagic, sizeof kPackedMagic) == 0;
}

std::vector<uint8_t> unpack_posy(std::span<const uint8_t> packed, const std::string& name) {
  const auto check = [&](posy_status status) {
    if (status == POSY_OK) return;
    const bool is_other = status == POSY_NOT_PACKED || status == POSY_NEWER_VERSION;
    throw InputError(name + ": " + posy_status_text(status) +
                     (is_other ? "; give a file that posy pack made" : "; copy or download it again"));
  };
  size_t bytes = 0;
  check(posy_packed_need(packed.data(), packed.size(), &bytes));
  if (bytes > kFreeBytes && bytes / kMaxExpansion > packed.size()) {
    throw InputError(name + ": says that it unpacks to " + std::to_string(bytes) +
                     " bytes, too many for its own size: it is damaged, or not meant to be opened");
  }
  std::vector<uint8_t> posy(bytes);
  const auto unpacker = std::make_unique<posy_unpacker>();
  check(posy_unpack_begin(unpacker.get(), posy.data(), posy.size()));
  check(posy_unpack(unpacker.get(), packed.data(), packed.size()));
  check(posy_unpack_end(unpacker.get()));
  return posy;
}

}  // namespace posy
