// Where in the arena every buffer lies.
#pragma once
#include <cstdint>
#include <vector>

namespace posy {

// Bytes of a buffer that are in use from step `first` to step `last`, both included.
struct Slab {
  uint64_t begin, end;  // from the start of the buffer
  int first, last;
};

struct Buffer {
  uint64_t bytes = 0;
  std::vector<Slab> slabs;
  int first = 0, last = 0;  // of all slabs
  uint64_t offset = 0;      // where place_buffers() has put it, a multiple of kArenaAlignment
};

constexpr uint64_t kArenaAlignment = 64;

// Gives every buffer a place such that no two slabs that are in use at the same step overlap: a tensor may grow into
// the memory of the one it is made from, row after row. Returns the bytes of the arena.
uint64_t place_buffers(std::vector<Buffer>* buffers);

}  // namespace posy
