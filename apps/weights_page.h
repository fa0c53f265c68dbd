// The page of posy show --weights.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace posy {

// How many weights lie in each of kBins equal parts of [low, high].
struct WeightsHistogram {
  static constexpr size_t kBins = 48;
  std::vector<uint64_t> after, before;  // before: empty where it is not known
  float low = 0, high = 0;
};

struct WeightsRow {
  OpKind kind;
  std::string name;   // the graph's node
  std::string shape;  // "3 x 3 x 16 to 32"
  std::string type;   // "u8 table"; "table" of an op that looks codes up
  uint32_t bits = 0;  // of one weight
  uint64_t bytes = 0;
  bool has_values = false;                // what follows is known
  size_t distinct = 0;                    // values, each times its channel's scale
  size_t most_distinct_of_a_channel = 0;  // of them, in the channel that has most
  WeightsHistogram histogram;
  std::optional<double> error_db;  // signal to noise; infinite: lossless
  bool is_up_to_factors = false;   // compared after giving each channel the factor with the least error
};

struct WeightsPage {
  struct Part {
    std::string name;
    uint64_t bytes;
  };
  std::string title;               // the model
  std::string before;              // the graph whose weights come before; empty: none
  uint64_t file_bytes = 0;         // of the .posy file, unpacked
  uint64_t packed_bytes = 0;       // 0: is not packed
  std::vector<Part> parts, types;  // of the file; of the weights by type
  std::vector<WeightsRow> rows;
};

// One page that loads nothing.
std::string html_of(const WeightsPage& page);

}  // namespace posy
