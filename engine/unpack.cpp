// posy_packed_need() and posy_unpack_*(): a packed file, piece by piece, becomes the .posy file that it was made from.
//
// The format (loaders/PACKED.md) is read in steps, none of which needs more than kStepBytes of input. Steps read the
// caller's piece where it lies; what is left of a piece waits in `held` for the next one.
#include <string.h>

#include "engine/checksum.h"
#include "engine/format.h"
#include "engine/packed.h"
#include "engine/posy.h"

namespace posy {
namespace {

// Segment: 5 bytes, a map of 32, and four tables of at most 448 bytes each, which are steps of their own. Run: 28
// bytes. Row: kMaxColumns symbols of at most 2 bytes.
constexpr uint32_t kStepBytes = 512;

enum class Step : uint32_t { kHeader, kSegment, kTable, kMap, kRun, kRows, kDone };

struct Unpacker {
  uint8_t* out;
  size_t out_bytes;       // the caller's memory, and from the header on the file's
  uint64_t given_bytes;   // packed ones, so far
  uint64_t filled_bytes;  // by all runs so far: never more than the file has, so that no input takes for ever
  posy_status status;
  Step step;
  uint32_t packed_bytes;
  uint32_t segments_left;
  uint32_t state[kStates];

  // The segment.
  uint32_t flags, columns, row_bytes, table_count, tables_left, runs_left;
  uint8_t map[kMaxColumns];  // column -> table
  CodeEntry table[kMaxTables][kSymbols];

  // The run.
  size_t at, piece_begin, stride;
  uint32_t piece_rows, rows_left, pieces_left;
  float low, ramp_step;
  uint32_t sum;  // of the piece's symbols, for a ramp

  uint32_t held_bytes;
  uint8_t held[2 * kStepBytes];
};
static_assert(sizeof(Unpacker) <= sizeof(posy_unpacker), "posy_unpacker is too small");

uint32_t read_u16(const uint8_t* in) {
  return (uint32_t)in[0] | (uint32_t)in[1] << 8;
}
uint32_t read_u32(const uint8_t* in) {
  return read_u16(in) | read_u16(in + 2) << 16;
}
float read_f32(const uint8_t* in) {
  const uint32_t bits = read_u32(in);
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
void write_f32(uint8_t* out, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  for (uint32_t i = 0; i < 4; ++i) out[i] = (uint8_t)(bits >> (8 * i));
}

// Groups of seven bits, the lowest first; all but the last one with the eighth bit set.
uint32_t read_number(const uint8_t** in) {
  uint32_t number = 0;
  for (uint32_t shift = 0; shift < 35; shift += 7) {
    const uint8_t byte = *(*in)++;
    number |= (uint32_t)(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return number;
}

struct PackedHeader {
  uint32_t packed_bytes, file_bytes, segment_count;
  uint32_t state[kStates];
};

// At least kPackedHeaderBytes at `in`.
posy_status read_header(const uint8_t* in, PackedHeader* header) {
  if (memcmp(in, kPackedMagic, sizeof kPackedMagic) != 0) return POSY_NOT_PACKED;
  header->packed_bytes = read_u32(in + 8);
  header->file_bytes = read_u32(in + 12);
  header->segment_count = read_u32(in + 20);
  if (read_u16(in + 16) != kPackedVersion) return POSY_NEWER_VERSION;
  if (read_u16(in + 18) != 0 || header->segment_count > kMaxSegments) return POSY_BAD_PACKED;
  if (header->packed_bytes < kPackedHeaderBytes) return POSY_BAD_PACKED;
  if (header->file_bytes < sizeof(FileHeader) || header->file_bytes > kMaxFileBytes) return POSY_BAD_PACKED;
  for (uint32_t i = 0; i < kStates; ++i) {
    header->state[i] = read_u32(in + 24 + 4 * i);
    if (header->state[i] < kLeastState) return POSY_BAD_PACKED;
  }
  return POSY_OK;
}

// ---- Steps: each reads from `in` and returns where it stopped ----

void refuse(Unpacker* u, posy_status status) {
  u->status = status;
  u->step = Step::kDone;
}

void next_segment(Unpacker* u) {
  u->step = u->segments_left > 0 ? Step::kSegment : Step::kDone;
}
void next_run(Unpacker* u) {
  if (u->runs_left > 0) {
    u->step = Step::kRun;
  } else {
    next_segment(u);
  }
}
void next_piece(Unpacker* u) {
  if (u->pieces_left == 0) {
    next_run(u);
    return;
  }
  --u->pieces_left;
  u->at = u->piece_begin;
  u->piece_begin += u->stride;
  u->rows_left = u->piece_rows;
  u->sum = 0;
  u->step = u->table_count > 1 && (u->flags & kMapPerPiece) ? Step::kMap : Step::kRows;
}

const uint8_t* header_step(Unpacker* u, const uint8_t* in) {
  PackedHeader header;
  if (const posy_status status = read_header(in, &header)) {
    refuse(u, status);
    return in;
  }
  if (u->out_bytes < header.file_bytes) {
    refuse(u, POSY_SMALL_MEMORY);
    return in;
  }
  u->packed_bytes = header.packed_bytes;
  u->out_bytes = header.file_bytes;
  u->segments_left = header.segment_count;
  memcpy(u->state, header.state, sizeof u->state);
  memset(u->out, 0, u->out_bytes);  // what no run fills is zero
  next_segment(u);
  return in + kPackedHeaderBytes;
}

bool are_flags(uint32_t flags, uint32_t columns) {
  if (flags >= kFlags) return false;
  if (flags & kNarrow) return (flags & (kSumOfRows | kRamp | kMiddle)) == 0 && columns == kNarrowColumns;
  return flags < kNarrow && (flags & (kRamp | kMiddle)) != kMiddle;
}

const uint8_t* segment_step(Unpacker* u, const uint8_t* in) {
  --u->segments_left;
  u->flags = in[0];
  u->columns = in[1] * kStates;
  u->table_count = u->tables_left = in[2];
  u->runs_left = read_u16(in + 3);
  u->row_bytes = packed_row_bytes(u->flags, u->columns);
  const bool good = are_flags(u->flags, u->columns) && u->columns >= kStates && u->columns <= kMaxColumns &&
                    u->table_count >= 1 && u->table_count <= kMaxTables;
  if (!good) {
    refuse(u, POSY_BAD_PACKED);
    return in;
  }
  memset(u->map, 0, sizeof u->map);
  u->step = Step::kTable;
  return in + 5;
}

// Bits, the lowest of each byte first.
struct Bits {
  const uint8_t* in;
  uint32_t taken = 0;

  uint32_t next() {
    const uint32_t bit = in[taken / 8] >> (taken % 8) & 1;
    ++taken;
    return bit;
  }
};

const uint8_t* table_step(Unpacker* u, const uint8_t* in) {
  uint8_t level[kSymbols];
  Bits bits = {in};
  uint32_t before = 0;
  for (uint32_t s = 0; s < kSymbols; ++s) {
    uint32_t ones = 0;
    while (ones < kMostOnes && bits.next()) ++ones;
    if (ones < kMostOnes) {
      before += ones % 2 ? 0 - (ones + 1) / 2 : ones / 2;
    } else {
      before = 0;
      for (uint32_t i = 0; i < kLevelBits; ++i) before |= bits.next() << i;
    }
    if (before >= kLevels) {
      refuse(u, POSY_BAD_PACKED);
      return in;
    }
    level[s] = (uint8_t)before;
  }
  CodeEntry* table = u->table[u->table_count - u->tables_left];
  if (!set_frequencies(level, table)) {
    refuse(u, POSY_BAD_PACKED);
    return in;
  }
  deal_slots(table);
  if (--u->tables_left == 0) {
    if (u->table_count > 1 && !(u->flags & kMapPerPiece)) {
      u->step = Step::kMap;
    } else {
      next_run(u);
    }
  }
  return in + (bits.taken + 7) / 8;
}

// Two bits for each column.
const uint8_t* map_step(Unpacker* u, const uint8_t* in) {
  for (uint32_t c = 0; c < u->columns; ++c) {
    u->map[c] = in[c / 4] >> (c % 4 * 2) & 3;
    if (u->map[c] >= u->table_count) {
      refuse(u, POSY_BAD_PACKED);
      return in;
    }
  }
  if (u->flags & kMapPerPiece) {
    u->step = Step::kRows;
  } else {
    next_run(u);
  }
  return in + u->columns / 4;
}

const uint8_t* run_step(Unpacker* u, const uint8_t* in) {
  --u->runs_left;
  const uint32_t begin = read_number(&in);
  u->piece_rows = read_number(&in);
  u->pieces_left = read_number(&in);
  u->stride = u->pieces_left > 1 ? read_number(&in) : 0;
  if (u->flags & kRamp) {
    u->low = read_f32(in);
    u->ramp_step = read_f32(in + 4);
    in += 8;
  }
  const uint64_t piece_bytes = (uint64_t)u->piece_rows * u->row_bytes;
  const uint64_t room = u->out_bytes - u->filled_bytes;
  bool good = u->piece_rows > 0 && u->pieces_left > 0 && piece_bytes <= room && u->pieces_left <= room / piece_bytes;
  good = good && begin <= u->out_bytes && piece_bytes <= u->out_bytes - begin;
  if (good && u->pieces_left > 1) {
    good = u->stride >= piece_bytes && u->pieces_left - 1 <= (u->out_bytes - begin - piece_bytes) / u->stride;
  }
  if (!good) {
    refuse(u, POSY_BAD_PACKED);
    return in;
  }
  u->filled_bytes += u->pieces_left * piece_bytes;
  u->piece_begin = begin;
  next_piece(u);
  return in;
}

// One symbol off a state, and a word onto it if it has become small. Masks in place of branches: which way they would
// go is what the file was packed by.
inline uint8_t next_symbol(uint32_t* state, const CodeEntry* table, const uint8_t** in) {
  const uint32_t x = *state, place = x % kBucketSlots, own_symbol = x % kSlots / kBucketSlots;
  const CodeEntry& bucket = table[own_symbol];
  const uint32_t is_other = 0 - (uint32_t)(place >= bucket.own);
  const uint32_t symbol = own_symbol ^ ((own_symbol ^ bucket.other) & is_other);
  const uint32_t rank = (place + (bucket.offset & is_other)) & 0xffff;
  const uint32_t next = table[symbol].frequency * (x >> kSlotBits) + rank;
  const uint32_t is_small = 0 - (uint32_t)(next < kLeastState);
  *state = next << (is_small & 16) | (read_u16(*in) & is_small);
  *in += is_small & 2;
  return (uint8_t)symbol;
}

void put_floats(Unpacker* u, const uint8_t* symbols, uint8_t* to) {
  for (uint32_t c = 0; c < u->columns; ++c) {
    u->sum = symbols[c] + (u->flags & kSumOfRows ? u->sum : 0);
    write_f32(to + 4 * c, ramp_value(u->low, u->ramp_step, u->sum, u->flags & kMiddle));
  }
}

// Rows of the piece as long as they begin at or before `last`.
const uint8_t* rows_step(Unpacker* u, const uint8_t* in, const uint8_t* last) {
  uint32_t a = u->state[0], b = u->state[1], c = u->state[2], d = u->state[3];
  uint8_t symbols[kMaxColumns];
  const bool is_ramp = u->flags & kRamp, is_narrow = u->flags & kNarrow, is_sum = u->flags & kSumOfRows;
  const uint32_t columns = u->columns;
  while (u->rows_left > 0 && in <= last) {
    uint8_t* to = u->out + u->at;
    uint8_t* row = is_ramp || is_narrow ? symbols : to;
    for (uint32_t i = 0; i < columns; i += kStates) {
      row[i] = next_symbol(&a, u->table[u->map[i]], &in);
      row[i + 1] = next_symbol(&b, u->table[u->map[i + 1]], &in);
      row[i + 2] = next_symbol(&c, u->table[u->map[i + 2]], &in);
      row[i + 3] = next_symbol(&d, u->table[u->map[i + 3]], &in);
    }
    if (is_ramp) {
      put_floats(u, symbols, to);
    } else if (is_narrow) {
      put_narrow_row(symbols, narrow_bits(u->flags), to);
    } else if (is_sum && u->rows_left < u->piece_rows) {
      for (uint32_t i = 0; i < columns; ++i) to[i] = (uint8_t)(to[i] + (to - columns)[i]);
    }
    u->at += u->row_bytes;
    --u->rows_left;
  }
  u->state[0] = a, u->state[1] = b, u->state[2] = c, u->state[3] = d;
  if (u->rows_left == 0) next_piece(u);
  return in;
}

// Steps that begin at or before `last`, behind which there are kStepBytes.
const uint8_t* take_steps(Unpacker* u, const uint8_t* in, const uint8_t* last) {
  while (in <= last && u->step != Step::kDone) {
    switch (u->step) {
      case Step::kHeader:
        in = header_step(u, in);
        break;
      case Step::kSegment:
        in = segment_step(u, in);
        break;
      case Step::kTable:
        in = table_step(u, in);
        break;
      case Step::kMap:
        in = map_step(u, in);
        break;
      case Step::kRun:
        in = run_step(u, in);
        break;
      case Step::kRows:
        in = rows_step(u, in, last);
        break;
      case Step::kDone:
        break;
    }
  }
  return in;
}

// ---- Pieces ----

void hold(Unpacker* u, const uint8_t* bytes, size_t count) {
  memmove(u->held, bytes, count);
  u->held_bytes = (uint32_t)count;
}

void take_piece(Unpacker* u, const uint8_t* piece, size_t bytes) {
  if (u->held_bytes > 0) {
    // What was left of the pieces before is less than a step may need: this one's first bytes go behind it.
    const size_t room = sizeof u->held - u->held_bytes, more = bytes < room ? bytes : room;
    memcpy(u->held + u->held_bytes, piece, more);
    const size_t all = u->held_bytes + more;
    if (all < kStepBytes) {
      u->held_bytes = (uint32_t)all;
      return;
    }
    const uint8_t* in = take_steps(u, u->held, u->held + all - kStepBytes);
    const size_t left = (size_t)(u->held + all - in);
    if (u->step == Step::kDone) return;
    if (left > more) {
      hold(u, in, left);
      return;
    }
    u->held_bytes = 0;
    piece += more - left;
    bytes -= more - left;
  }
  const uint8_t* end = piece + bytes;
  if (bytes >= kStepBytes) piece = take_steps(u, piece, end - kStepBytes);
  if (u->step != Step::kDone) hold(u, piece, (size_t)(end - piece));
}

// After the last piece: zeros in place of what may follow, for steps that look ahead and do not use it.
posy_status take_rest(Unpacker* u) {
  const uint8_t *in = u->held, *end = u->held + u->held_bytes;
  memset(u->held + u->held_bytes, 0, kStepBytes);
  u->held_bytes = 0;
  if (u->step == Step::kHeader) in = header_step(u, in);
  if (u->status != POSY_OK) return u->status;
  if (u->given_bytes != u->packed_bytes) return POSY_WRONG_LENGTH;
  in = take_steps(u, in, end);
  if (u->status != POSY_OK) return u->status;
  if (u->step != Step::kDone || in != end) return POSY_BAD_PACKED;
  for (const uint32_t state : u->state) {
    if (state != kLeastState) return POSY_BAD_PACKED;
  }
  return POSY_OK;
}

// What a .posy file says of itself; the rest is posy_open()'s to check.
posy_status check_file(const uint8_t* file, size_t bytes) {
  if (memcmp(file, kMagic, sizeof kMagic) != 0) return POSY_NOT_POSY;
  if (read_u32(file + offsetof(FileHeader, file_bytes)) != bytes || bytes % 4 != 0) return POSY_WRONG_LENGTH;
  const size_t first = offsetof(FileHeader, version_major);
  const bool good = checksum(file + first, bytes - first) == read_u32(file + offsetof(FileHeader, checksum));
  return good ? POSY_OK : POSY_BAD_CHECKSUM;
}

Unpacker* unpacker_of(posy_unpacker* unpacker) {
  return (Unpacker*)unpacker;
}

}  // namespace
}  // namespace posy

using namespace posy;

extern "C" posy_status posy_packed_need(const void* packed, size_t bytes, size_t* file_bytes) {
  if (!packed || !file_bytes) return POSY_NULL_ARGUMENT;
  if (bytes < kPackedHeaderBytes) return POSY_TOO_SHORT;
  PackedHeader header;
  if (const posy_status status = read_header((const uint8_t*)packed, &header)) return status;
  *file_bytes = header.file_bytes;
  return POSY_OK;
}

extern "C" posy_status posy_unpack_begin(posy_unpacker* opaque, void* file, size_t file_bytes) {
  if (!opaque) return POSY_NULL_ARGUMENT;
  memset(opaque, 0, sizeof *opaque);
  Unpacker* u = unpacker_of(opaque);
  u->out = (uint8_t*)file;
  u->out_bytes = file_bytes;
  if (!file) refuse(u, POSY_NULL_ARGUMENT);
  return u->status;
}

extern "C" posy_status posy_unpack(posy_unpacker* opaque, const void* piece, size_t bytes) {
  if (!opaque || (!piece && bytes > 0)) return POSY_NULL_ARGUMENT;
  Unpacker* u = unpacker_of(opaque);
  if (u->status != POSY_OK || bytes == 0) return u->status;
  u->given_bytes += bytes;
  take_piece(u, (const uint8_t*)piece, bytes);
  if (u->status != POSY_OK || u->step == Step::kHeader) return u->status;
  // The last step never begins before the end is known: there is less behind it than a step may need.
  if (u->given_bytes > u->packed_bytes) refuse(u, POSY_WRONG_LENGTH);
  if (u->status == POSY_OK && u->step == Step::kDone) refuse(u, POSY_BAD_PACKED);
  return u->status;
}

extern "C" posy_status posy_unpack_end(posy_unpacker* opaque) {
  if (!opaque) return POSY_NULL_ARGUMENT;
  Unpacker* u = unpacker_of(opaque);
  if (u->status != POSY_OK) return u->status;
  if (u->given_bytes < kPackedHeaderBytes) return u->status = POSY_TOO_SHORT;
  posy_status status = take_rest(u);
  if (status == POSY_OK) status = check_file(u->out, u->out_bytes);
  return u->status = status;
}
