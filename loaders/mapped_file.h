// A file's bytes in place, without reading them all first.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace posy {

// Read-only and page-aligned. The file must not be shortened while it is mapped.
class MappedFile {
 public:
  MappedFile() = default;
  // Throws InputError: missing, a directory, not a regular file, unreadable.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept { swap(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    swap(other);
    return *this;
  }

  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  void swap(MappedFile& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace posy
