#include "loaders/arena.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace posy {
namespace {

// Offsets while the arena is still growing on both sides.
using Offset = int64_t;

struct Interval {
  Offset begin, end;  // exclusive: an offset of either is allowed
};

Offset align_down(Offset x) {
  return x & ~(Offset)(kArenaAlignment - 1);
}
Offset align_up(Offset x) {
  return align_down(x + (Offset)kArenaAlignment - 1);
}

class Arena {
 public:
  explicit Arena(const std::vector<Buffer>& buffers) : buffers_(buffers), offsets_(buffers.size(), 0) {}

  void place(size_t index) {
    const Buffer& buffer = buffers_[index];
    const std::vector<Interval> forbidden = forbidden_offsets(buffer);
    Offset best = 0;
    uint64_t best_extent = std::numeric_limits<uint64_t>::max();
    const auto try_offset = [&](Offset offset) {
      const Offset begin = std::min(begin_, offset), end = std::max(end_, offset + (Offset)buffer.bytes);
      const uint64_t extent = (uint64_t)(end - begin);
      if (extent >= best_extent) return;
      best = offset;
      best_extent = extent;
    };
    if (forbidden.empty()) try_offset(placed_.empty() ? 0 : begin_);
    for (const Interval& interval : forbidden) {
      try_offset(interval.begin);
      try_offset(interval.end);
    }
    begin_ = placed_.empty() ? best : std::min(begin_, best);
    end_ = placed_.empty() ? best + (Offset)buffer.bytes : std::max(end_, best + (Offset)buffer.bytes);
    offsets_[index] = best;
    placed_.push_back(index);
  }

  Offset begin() const { return begin_; }
  Offset end() const { return end_; }
  Offset offset(size_t index) const { return offsets_[index]; }

 private:
  // Where the buffer would overlap one that is placed, as intervals in ascending order that do not touch each other,
  // their ends aligned.
  std::vector<Interval> forbidden_offsets(const Buffer& buffer) const {
    std::vector<Interval> all;
    for (const size_t index : placed_) {
      if (buffers_[index].first > buffer.last || buffer.first > buffers_[index].last) continue;
      for (const Slab& theirs : buffers_[index].slabs) {
        for (const Slab& ours : buffer.slabs) {
          if (theirs.first > ours.last || ours.first > theirs.last) continue;
          const Offset begin = offsets_[index] + (Offset)theirs.begin - (Offset)ours.end;
          const Offset end = offsets_[index] + (Offset)theirs.end - (Offset)ours.begin;
          all.push_back({align_down(begin), align_up(end)});
        }
      }
    }
    std::sort(all.begin(), all.end(), [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
    std::vector<Interval> merged;
    for (const Interval& interval : all) {
      if (!merged.empty() && interval.begin < merged.back().end) {
        merged.back().end = std::max(merged.back().end, interval.end);
      } else {
        merged.push_back(interval);
      }
    }
    return merged;
  }

  const std::vector<Buffer>& buffers_;
  std::vector<Offset> offsets_;
  std::vector<size_t> placed_;
  Offset begin_ = 0, end_ = 0;
};

}  // namespace

// Largest first, each where it makes the arena grow least.
uint64_t place_buffers(std::vector<Buffer>* buffers) {
  std::vector<size_t> by_size(buffers->size());
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return (*buffers)[a].bytes > (*buffers)[b].bytes; });
  Arena arena(*buffers);
  for (const size_t i : by_size) arena.place(i);
  for (size_t i = 0; i < buffers->size(); ++i) (*buffers)[i].offset = (uint64_t)(arena.offset(i) - arena.begin());
  return (uint64_t)(arena.end() - arena.begin());
}

}  // namespace posy
