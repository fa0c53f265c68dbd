// What this machine can do at most, measured beside what is compared with it.
#pragma once
#include <cstdint>
#include <string>

#include "apps/team.h"
#include "kernels/kernels.h"

namespace posy {

// Multiply-adds of one instruction set, of floats and if wanted of bytes, on all threads of a team. Other programs and
// a warm processor slow single bursts down, and nothing speeds one up: the peak is the best of all.
class PeakMeter {
 public:
  PeakMeter(const KernelTable& table, Team& team, bool of_bytes) : table_(&table), team_(&team), of_bytes_(of_bytes) {}

  // One to two milliseconds of each; the first call takes longer.
  void burst();

  const KernelTable& table() const { return *table_; }
  double gflops() const { return floats_.best; }
  double gops_int8() const { return bytes_.best; }  // 0 if not wanted

 private:
  struct Chains {
    uint32_t iterations = 0;  // of a burst; 0 is not known yet
    double best = 0;          // 1e9 operations per second
  };

  template <class Number>
  void burst(uint64_t (*run)(uint32_t, Number*), Chains* chains);
  template <class Number>
  double measure(uint64_t (*run)(uint32_t, Number*), Chains* chains);  // milliseconds

  const KernelTable* table_;
  Team* team_;
  bool of_bytes_;
  Chains floats_, bytes_;
};

// Reading memory, in a child process: neither the buffer nor its pages are ever this process's, so what the system says
// of its memory is that of the model and the engine. A model's own bytes would do for large models only: smaller ones
// stay in a cache. The child starts its own threads and sleeps between bursts.
class MemoryMeter {
 public:
  static constexpr uint64_t kBytes = 64 << 20;  // more than the caches of most processors hold

  // To be made before there are other threads: a forked process has only the one that forked it.
  explicit MemoryMeter(uint32_t threads);
  ~MemoryMeter();
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

  // Reads the buffer once. It pushes everything else out of the caches: the run after it must not be counted.
  void burst();

  // 1e9 bytes per second, the best of all bursts; 0 if there is no child.
  double gigabytes_per_second() const { return best_; }

 private:
  int ask_ = -1, answer_ = -1;  // pipes
  double best_ = 0;
};

// Peak resident set of this process so far, from the kernel; 0 where it does not say.
uint64_t peak_rss_bytes();

// "Intel(R) Xeon(R) Processor"; the architecture where the system has no name for it.
std::string processor_name();

}  // namespace posy
