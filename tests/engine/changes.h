// Files with one changed field, and the refusal that has to come of it.
#pragma once
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/engine/guarded_engine.h"

namespace posy {

// One changed field and what has to come of it.
struct Change {
  const char* what;
  size_t at;
  uint32_t value;
  uint32_t bytes;  // 1, 2 or 4
  posy_status status;
};

inline void check_changes(const std::vector<uint8_t>& good, const std::vector<Change>& changes) {
  GuardedEngine guarded(good.size());
  for (const Change& change : changes) {
    INFO(std::string(change.what));
    std::vector<uint8_t> file = good;
    std::memcpy(file.data() + change.at, &change.value, change.bytes);
    fix_checksum(&file);
    CHECK(guarded.open(file) == change.status);
    CHECK(posy_error_byte(&guarded.engine) == change.at);
  }
}

}  // namespace posy
