// The table is LevelDB's (doc/table_format.md there), the messages are tensorflow/core/protobuf/tensor_bundle.proto.
#include "loaders/checkpoint.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <span>

#include "loaders/crc32c.h"
#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph_def.h"
#include "loaders/protobuf.h"

namespace posy {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr size_t kFooterBytes = 48;       // handles of two blocks, padding, 8 bytes of magic
constexpr size_t kBlockTrailerBytes = 5;  // compression, checksum
constexpr uint64_t kMaxIndexBytes = 64ull << 20;
constexpr std::array<uint8_t, 8> kTableMagic = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};

uint32_t load_le32(Bytes bytes) {
  return bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
}

struct Handle {
  uint64_t offset, bytes;
};

Handle read_handle(WireReader& reader) {
  const uint64_t offset = reader.read_varint();
  return {offset, reader.read_varint()};
}

[[noreturn]] void refuse(uint64_t place, const std::string& message) {
  throw WireError(static_cast<size_t>(place), message, WireError::Cause::kMalformed);
}

// The entries of a block, without its trailer.
Bytes block_at(Bytes table, const Handle& handle) {
  if (handle.offset > table.size() || table.size() - handle.offset < kBlockTrailerBytes ||
      handle.bytes > table.size() - handle.offset - kBlockTrailerBytes) {
    refuse(handle.offset, "a block of " + std::to_string(handle.bytes) + " bytes does not fit into the file");
  }
  const Bytes block = table.subspan(handle.offset, handle.bytes);
  const Bytes trailer = table.subspan(handle.offset + handle.bytes, kBlockTrailerBytes);
  if (trailer[0] != 0) throw WireError(handle.offset, "a block is compressed, which checkpoints are not");
  if (load_le32(trailer.subspan(1)) != masked_crc32c(crc32c(trailer.first(1), crc32c(block)))) {
    refuse(handle.offset, "a block does not match its checksum");
  }
  if (block.size() < 4) refuse(handle.offset, "a block is too short");
  const uint64_t restart_bytes = 4 + 4 * uint64_t{load_le32(block.last(4))};  // for searching, which nobody does here
  if (restart_bytes > block.size()) refuse(handle.offset, "a block is too short for its list of restarts");
  return block.first(block.size() - restart_bytes);
}

struct KeyValue {
  std::string key;
  Bytes value;
};

// The entries of a block. Of a key only what differs from the one before is stored, so that keys take more in memory
// than in the file: key_bytes_left bounds that.
std::vector<KeyValue> read_block(Bytes table, const Handle& handle, uint64_t& key_bytes_left) {
  const Bytes block = block_at(table, handle);
  std::vector<KeyValue> entries;
  std::string key;
  WireReader reader(block);
  try {
    for (size_t done = 0; done < block.size();) {
      const uint64_t shared = reader.read_varint();
      const uint64_t fresh = reader.read_varint();
      const uint64_t value_bytes = reader.read_varint();
      if (shared > key.size()) refuse(0, "a key shares more than the one before has");
      const Bytes tail = reader.take(fresh);
      if (shared + tail.size() > key_bytes_left) refuse(0, "the keys are too long");
      key.resize(shared);
      key.append(tail.begin(), tail.end());
      key_bytes_left -= key.size();
      const Bytes value = reader.take(value_bytes);
      entries.push_back({key, value});
      done = static_cast<size_t>(value.data() + value.size() - block.data());
    }
  } catch (const WireError& error) {
    refuse(handle.offset, std::string("in the block here: ") + error.what());
  }
  return entries;
}

struct Entry {
  DataType type = DataType::kInvalid;
  GraphShape shape{true, {}};
  uint64_t shard = 0, offset = 0, bytes = 0;
  uint32_t crc = 0;
  bool is_sliced = false;
};

Entry read_entry(WireReader proto) {
  Entry entry;
  while (proto.next()) {
    switch (proto.field()) {
      case 1:
        entry.type = static_cast<DataType>(proto.int32());
        break;
      case 2:
        entry.shape = read_shape(proto.message());
        break;
      case 3:
        entry.shard = proto.varint();
        break;
      case 4:
        entry.offset = proto.varint();
        break;
      case 5:
        entry.bytes = proto.varint();
        break;
      case 6:
        proto.each_number(Wire::kFixed32, [&](uint64_t bits) { entry.crc = static_cast<uint32_t>(bits); });
        break;
      case 7:
        entry.is_sliced = true;
        break;
    }
  }
  return entry;
}

std::string damaged(const std::string& file, const WireError& error) {
  return file + ": byte " + std::to_string(error.place()) + ": " + error.what() +
         (error.cause() == WireError::Cause::kRefused ? "" : "; the file is damaged: copy or download it again");
}

}  // namespace

bool Checkpoint::exists(const std::string& prefix) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(prefix + ".index", ignored);
}

Checkpoint::Checkpoint(const std::string& prefix) : prefix_(prefix) {
  const std::string index = prefix + ".index";
  try {
    read_table(index);
  } catch (const WireError& error) {
    throw InputError(damaged(index, error));
  }
}

void Checkpoint::read_table(const std::string& index) {
  const std::vector<uint8_t> file = read_file(index, kMaxIndexBytes);
  const Bytes table = file;
  if (table.size() < kFooterBytes || !std::equal(kTableMagic.begin(), kTableMagic.end(), table.end() - 8)) {
    refuse(table.size(), "it does not end as the index of a checkpoint does");
  }
  // Up to 16 times the file where honest, as LevelDB writes every 16th key in full.
  uint64_t key_bytes_left = 4096 + 16 * uint64_t{table.size()};
  WireReader footer(table.last(kFooterBytes));
  read_handle(footer);  // of the meta index, which is empty
  for (const KeyValue& block : read_block(table, read_handle(footer), key_bytes_left)) {
    WireReader handle(block.value);
    for (const KeyValue& entry : read_block(table, read_handle(handle), key_bytes_left)) {
      entries_.insert_or_assign(entry.key, std::vector<uint8_t>(entry.value.begin(), entry.value.end()));
    }
  }
  const auto header = entries_.find("");
  if (header == entries_.end()) refuse(0, "it has no header");
  WireReader proto{Bytes(header->second)};
  while (proto.next()) {
    if (proto.field() == 1) shard_count_ = static_cast<size_t>(proto.varint());
    if (proto.field() == 2 && proto.varint() != 0) proto.refuse("its numbers are big-endian");
  }
}

const MappedFile& Checkpoint::shard(size_t number) {
  const auto found = shards_.find(number);
  if (found != shards_.end()) return found->second;
  char name[64];
  std::snprintf(name, sizeof name, ".data-%05zu-of-%05zu", number, shard_count_);
  return shards_.emplace(number, MappedFile(prefix_ + name)).first->second;
}

GraphTensor Checkpoint::read(const std::string& variable) {
  const std::string where = prefix_ + ".index: the variable '" + printable_name(variable) + "' ";
  GraphTensor tensor;
  try {
    const WireReader proto(entries_.at(variable));
    const Entry entry = read_entry(proto);
    if (entry.is_sliced) throw InputError(where + "is kept in slices, which are not read");
    const uint64_t count = element_count(proto, entry.shape);
    const size_t element_bytes = data_type_bytes(entry.type);
    tensor.type = entry.type;
    tensor.dims = entry.shape.dims;
    if (element_bytes == 0) throw InputError(where + "is of " + data_type_name(entry.type) + ", not of numbers");
    if (count * element_bytes != entry.bytes) {
      throw InputError(where + "has the shape " + shape_text(tensor.dims) + " but " + std::to_string(entry.bytes) +
                       " bytes");
    }
    if (entry.bytes == 0) return tensor;
    const Bytes data = shard(static_cast<size_t>(entry.shard)).bytes();
    if (entry.offset > data.size() || entry.bytes > data.size() - entry.offset) {
      throw InputError(where + "lies behind the end of its data file, which is cut short: copy or download it again");
    }
    const Bytes bytes = data.subspan(entry.offset, entry.bytes);
    if (masked_crc32c(crc32c(bytes)) != entry.crc) {
      throw InputError(where + "does not match its checksum: copy or download the checkpoint again");
    }
    tensor.owned = std::make_shared<std::vector<uint8_t>>(bytes.begin(), bytes.end());
    tensor.bytes = *tensor.owned;
  } catch (const WireError& error) {
    throw InputError(where + "is described wrongly: " + error.what());
  }
  return tensor;
}

}  // namespace posy
