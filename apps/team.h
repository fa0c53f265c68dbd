// The threads of one command.
#pragma once
#include <cstdint>
#include <functional>

#include "engine/posy_threads.h"

namespace posy {

// POSY_THREADS, else 1. Throws UsageError if it is no number of threads.
uint32_t default_threads();

class Team {
 public:
  explicit Team(uint32_t threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  // Fewer than asked for if the system has no more to give.
  uint32_t size() const { return size_; }
  // For posy_options: null without other threads than the caller's.
  posy_pool* pool() { return size_ > 1 ? &pool_ : nullptr; }

  // Calls task(0) ... task(size() - 1), each on a thread of its own, and returns when all are done.
  void each(const std::function<void(uint32_t)>& task);

 private:
  posy_pool pool_;
  uint32_t size_ = 1;
};

}  // namespace posy
