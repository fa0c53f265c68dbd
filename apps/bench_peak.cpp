#include "apps/bench_peak.h"

#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <vector>

#include "apps/session.h"

namespace posy {
namespace {

constexpr double kBurstMs = 1;

// The sum of a part of the buffer; eight chains, so that additions do not wait for each other.
uint64_t sum_of(const uint64_t* words, size_t count) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 8 <= count; i += 8) {
    for (size_t lane = 0; lane < 8; ++lane) sums[lane] += words[i + lane];
  }
  return std::accumulate(sums, sums + 8, (uint64_t)0);
}

// The child's buffer: each thread fills and reads a part of its own.
class MemoryReader {
 public:
  explicit MemoryReader(uint32_t threads)
      : team_(threads), part_words_(MemoryMeter::kBytes / sizeof(uint64_t) / team_.size()), sums_(team_.size()) {
    words_ = std::make_unique_for_overwrite<uint64_t[]>(part_words_ * team_.size());
    team_.each([&](uint32_t i) { std::fill_n(words_.get() + i * part_words_, part_words_, i + 1); });
  }

  double gigabytes_per_second() {
    const double start = now_ms();
    team_.each([&](uint32_t i) { sums_[i] = sum_of(words_.get() + i * part_words_, part_words_); });
    const double ms = now_ms() - start;
    // The sums are known, so looking at them is what keeps the reads from being left out.
    for (uint32_t i = 0; i < team_.size(); ++i) {
      if (sums_[i] != part_words_ / 8 * 8 * (i + 1)) return 0;
    }
    return (double)(part_words_ * sizeof(uint64_t) * team_.size()) / ms / 1e6;
  }

 private:
  Team team_;
  size_t part_words_;
  std::unique_ptr<uint64_t[]> words_;
  std::vector<uint64_t> sums_;
};

// Answers every byte with a measurement until the other end of the pipe is closed.
void serve(uint32_t threads, int ask, int answer) {
  char byte;
  std::unique_ptr<MemoryReader> reader;
  while (::read(ask, &byte, 1) == 1) {
    if (!reader) reader = std::make_unique<MemoryReader>(threads);
    const double measured = reader->gigabytes_per_second();
    if (::write(answer, &measured, sizeof measured) != sizeof measured) break;
  }
}

}  // namespace

template <class Number>
double PeakMeter::measure(uint64_t (*run)(uint32_t, Number*), Chains* chains) {
  std::vector<uint64_t> operations(team_->size());
  const double start = now_ms();
  team_->each([&](uint32_t i) {
    Number value = 1;
    operations[i] = run(chains->iterations, &value);
  });
  const double ms = now_ms() - start;
  const uint64_t all = std::accumulate(operations.begin(), operations.end(), (uint64_t)0);
  if (ms > 0) chains->best = std::max(chains->best, (double)all / ms / 1e6);
  return ms;
}

template <class Number>
void PeakMeter::burst(uint64_t (*run)(uint32_t, Number*), Chains* chains) {
  if (chains->iterations > 0) {
    measure(run, chains);
    return;
  }
  for (chains->iterations = 1000; measure(run, chains) < kBurstMs && chains->iterations < 1u << 30;) {
    chains->iterations *= 2;
  }
}

void PeakMeter::burst() {
  burst(table_->peak_fma, &floats_);
  if (of_bytes_) burst(table_->peak_int8, &bytes_);
}

MemoryMeter::MemoryMeter(uint32_t threads) {
  int ask[2], answer[2];
  if (::pipe(ask) != 0) return;
  if (::pipe(answer) != 0) {
    ::close(ask[0]), ::close(ask[1]);
    return;
  }
  // Nobody waits for the child, so that its memory is not added to this process's by those who measure from outside.
  ::signal(SIGCHLD, SIG_IGN);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ask[1]), ::close(answer[0]);
    try {
      serve(threads, ask[0], answer[1]);
    } catch (...) {  // no memory for the buffer: the parent sees the pipe close
    }
    ::_exit(0);
  }
  ::close(ask[0]), ::close(answer[1]);
  ask_ = ask[1], answer_ = answer[0];
}

MemoryMeter::~MemoryMeter() {
  if (ask_ >= 0) ::close(ask_);
  if (answer_ >= 0) ::close(answer_);
}

void MemoryMeter::burst() {
  double measured = 0;
  // A child that is gone must not end this process with a signal when it is written to.
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  const bool done = ::write(ask_, "", 1) == 1 && ::read(answer_, &measured, sizeof measured) == sizeof measured;
  ::signal(SIGPIPE, before);
  if (done) best_ = std::max(best_, measured);
}

uint64_t peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    unsigned long long kib;
    if (std::sscanf(line.c_str(), "VmHWM: %llu kB", &kib) == 1) return kib * 1024;
  }
  return 0;
}

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != line.npos) return line.substr(colon + 2);
  }
  utsname system;
  return ::uname(&system) == 0 ? system.machine : "unknown processor";
}

}  // namespace posy
