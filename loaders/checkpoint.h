// The variables of a TensorFlow checkpoint ("tensor bundle"): PREFIX.index is a sorted table that says where each lies
// in PREFIX.data-00000-of-00001 and its like.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "loaders/graph.h"
#include "loaders/mapped_file.h"

namespace posy {

class Checkpoint {
 public:
  static bool exists(const std::string& prefix);

  // Throws InputError that names the file, the byte and the cause, as read() does.
  explicit Checkpoint(const std::string& prefix);

  bool has(const std::string& variable) const { return entries_.contains(variable); }
  // has(variable). The bytes are a copy, their checksum is checked.
  GraphTensor read(const std::string& variable);

 private:
  void read_table(const std::string& index);
  const MappedFile& shard(size_t number);

  std::string prefix_;
  std::map<std::string, std::vector<uint8_t>> entries_;  // BundleEntryProto by variable
  size_t shard_count_ = 1;
  std::map<size_t, MappedFile> shards_;
};

}  // namespace posy
