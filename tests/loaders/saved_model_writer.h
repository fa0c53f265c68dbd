// Makes MetaGraphDefs, SavedModels and checkpoints, for tests.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "tests/loaders/graph_writer.h"

namespace posy {

// One MetaGraphDef; every function returns it, so that calls chain.
class MetaGraphWriter {
 public:
  MetaGraphWriter(const std::vector<std::string>& tags, const std::vector<uint8_t>& graph_def) {
    WireWriter operators, info;
    operators.text(1, "an operator, perhaps");
    info.message(2, operators);  // stripped_op_list, as TensorFlow writes it first
    for (const std::string& tag : tags) info.text(4, tag);
    proto_.message(1, info);
    proto_.bytes(2, graph_def);
  }

  struct End {
    std::string key, tensor;
    DataType type = DataType::kFloat;
  };
  MetaGraphWriter& signature(const std::string& key, const std::vector<End>& inputs, const std::vector<End>& outputs) {
    WireWriter value, entry;
    for (const End& end : inputs) value.message(1, end_message(end));
    for (const End& end : outputs) value.message(2, end_message(end));
    entry.text(1, key);
    entry.message(2, value);
    proto_.message(5, entry);
    return *this;
  }

  const std::vector<uint8_t>& bytes() const { return proto_.bytes(); }

 private:
  static WireWriter end_message(const End& end) {
    WireWriter info, entry;
    info.text(1, end.tensor);
    info.varint(2, static_cast<int32_t>(end.type));
    entry.text(1, end.key);
    entry.message(2, info);
    return entry;
  }

  WireWriter proto_;
};

inline std::vector<uint8_t> saved_model(const std::vector<MetaGraphWriter>& metas) {
  WireWriter saved;
  saved.varint(1, 1);
  for (const MetaGraphWriter& meta : metas) saved.bytes(2, meta.bytes());
  return saved.bytes();
}

// LevelDB's checksum, one bit at a time.
inline uint32_t masked_crc32c(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

// A checkpoint: float variables one behind the other, and the table that says where.
class CheckpointWriter {
 public:
  CheckpointWriter& variable(const std::string& name, const std::vector<int64_t>& dims,
                             const std::vector<float>& values) {
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(values.data()),
                                         values.size() * sizeof(float));
    WireWriter& entry = entries_[name];
    entry.varint(1, static_cast<int32_t>(DataType::kFloat));
    entry.message(2, shape_message(dims));
    entry.varint(4, static_cast<int64_t>(data_.bytes().size()));
    entry.varint(5, static_cast<int64_t>(bytes.size()));
    entry.tag(6, 5);
    entry.raw_fixed(masked_crc32c(bytes));
    data_.raw(bytes);
    return *this;
  }
  // For what variable() does not write: BundleEntryProto, and BundleHeaderProto under "".
  WireWriter& entry(const std::string& key) { return entries_[key]; }

  const std::vector<uint8_t>& data() const { return data_.bytes(); }

  std::vector<uint8_t> index(uint8_t compression = 0) const {
    WireWriter table, entries;
    if (!entries_.contains("")) add_entry(entries, "", "", {8, 1});  // num_shards = 1
    std::string before;
    for (const auto& [key, value] : entries_) {
      add_entry(entries, before, key, value.bytes());
      before = key;
    }
    const std::vector<uint8_t> at = add_block(table, entries, compression);
    WireWriter blocks, footer;
    add_entry(blocks, "", before + "~", at);
    const std::vector<uint8_t> meta_at = add_block(table, WireWriter(), 0);
    const std::vector<uint8_t> blocks_at = add_block(table, blocks, 0);
    footer.raw(meta_at);
    footer.raw(blocks_at);
    footer.raw(std::vector<uint8_t>(40 - footer.bytes().size()));
    footer.raw_fixed(uint64_t{0xdb4775248b80fb57});
    table.raw(footer.bytes());
    return table.bytes();
  }

 private:
  static void add_entry(WireWriter& block, const std::string& before, const std::string& key,
                        const std::vector<uint8_t>& value) {
    size_t shared = 0;
    while (shared < before.size() && shared < key.size() && before[shared] == key[shared]) ++shared;
    block.raw_varint(shared);
    block.raw_varint(key.size() - shared);
    block.raw_varint(value.size());
    block.raw({reinterpret_cast<const uint8_t*>(key.data()) + shared, key.size() - shared});
    block.raw(value);
  }

  // Appends the block, its one restart and its trailer; its handle.
  static std::vector<uint8_t> add_block(WireWriter& table, const WireWriter& entries, uint8_t compression) {
    WireWriter block, handle;
    block.raw(entries.bytes());
    block.raw_fixed(uint32_t{0});
    block.raw_fixed(uint32_t{1});
    handle.raw_varint(table.bytes().size());
    handle.raw_varint(block.bytes().size());
    block.raw_fixed(compression);
    const uint32_t crc = masked_crc32c(block.bytes());
    block.raw_fixed(crc);
    table.raw(block.bytes());
    return handle.bytes();
  }

  std::map<std::string, WireWriter> entries_;
  WireWriter data_;
};

}  // namespace posy
