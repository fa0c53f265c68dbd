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

// A section of this kind behind all others.
inline std::vector<uint8_t> with_section(const std::vector<uint8_t>& good, uint32_t kind, const std::string& content,
                                         uint32_t records = 0) {
  std::vector<uint8_t> file = good;
  const uint32_t count = section_count(good), entry_bytes = sizeof(SectionEntry);
  const size_t table_end = entry_at(count);
  // The gap behind the table holds one more entry, or everything moves on by 64 bytes.
  const size_t first = section(good, SectionKind::kModel).offset;
  if (table_end + entry_bytes > first) {
    file.insert(file.begin() + (std::ptrdiff_t)first, kSectionAlignment, 0);
    for (uint32_t i = 0; i < count; ++i) {
      const size_t offset = entry_at(i) + offsetof(SectionEntry, offset);
      set(&file, offset, get<uint32_t>(file, offset) + kSectionAlignment);
    }
  }
  file.resize((file.size() + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment, 0);
  set(&file, table_end, SectionEntry{kind, (uint32_t)file.size(), (uint32_t)content.size(), records});
  file.insert(file.end(), content.begin(), content.end());
  set(&file, offsetof(FileHeader, section_count), count + 1);
  set(&file, offsetof(FileHeader, file_bytes), (uint32_t)file.size());
  fix_checksum(&file);
  return file;
}

}  // namespace posy
