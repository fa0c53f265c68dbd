// A .posy file's parts on their way to its bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/format.h"

namespace posy {

// The strings section: each text once.
class Strings {
 public:
  // The offset that records have. A text with a zero byte inside ends there.
  uint32_t add(const std::string& text);
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::unordered_map<std::string, uint32_t> offsets_;
  std::vector<uint8_t> bytes_;
};

struct PosyFile {
  ModelRecord record = {};
  std::vector<TensorRecord> tensors;
  std::vector<OpRecord> ops;
  std::vector<StepRecord> steps;
  std::vector<uint32_t> labels;  // strings
  Strings strings;
  std::vector<uint8_t> weights;
  std::vector<NodeNameRecord> names;
  std::optional<NoveltyRecord> novelty;
  uint32_t arena_bytes = 0;
  uint32_t max_rows = 0;

  // Deterministic. Takes `weights` along, which may be too large to be in memory twice: room that it has reserved is
  // used.
  std::vector<uint8_t> take_bytes();
};

}  // namespace posy
