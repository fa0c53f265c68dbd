// Memory that ends where nobody may read: an access past the last byte is a crash, not luck.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace posy {

class GuardedMemory {
 public:
  static constexpr size_t kFrontBytes = 256;
  static constexpr uint8_t kCanary = 0xcb;  // four of them are the float -2.6e7: no result of a test

  explicit GuardedMemory(size_t capacity) : page_((size_t)sysconf(_SC_PAGESIZE)) {
    bytes_ = (capacity + kFrontBytes + page_ - 1) / page_ * page_;
    void* base = mmap(nullptr, bytes_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) std::abort();
    base_ = (uint8_t*)base;
    protect(PROT_READ | PROT_WRITE);
  }
  ~GuardedMemory() { munmap(base_, bytes_ + 2 * page_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  // `bytes` bytes, canaries in them and in front of them, `gap` bytes before the forbidden page.
  uint8_t* take(size_t bytes, size_t gap = 0) {
    start_ = base_ + page_ + bytes_ - gap - bytes;
    if (bytes + gap + kFrontBytes > bytes_) std::abort();
    std::memset(start_ - kFrontBytes, kCanary, bytes + kFrontBytes);
    return start_;
  }
  uint8_t* copy_of(const void* from, size_t bytes, size_t gap = 0) {
    uint8_t* to = take(bytes, gap);
    if (bytes > 0) std::memcpy(to, from, bytes);
    return to;
  }

  bool front_is_intact() const {
    for (size_t i = 1; i <= kFrontBytes; ++i) {
      if (*(start_ - i) != kCanary) return false;
    }
    return true;
  }

  void protect(int how) {
    if (mprotect(base_ + page_, bytes_, how) != 0) std::abort();
  }

 private:
  size_t page_, bytes_;
  uint8_t *base_, *start_ = nullptr;
};

}  // namespace posy
