#include "apps/progress.h"

#include <unistd.h>

#include <cstdio>

#include "apps/session.h"

namespace posy {
namespace {

constexpr size_t kBarCells = 24;
constexpr double kMsBetweenDraws = 100;
constexpr double kMsUntilEstimate = 500;  // before that, the first photos' pages and caches make it too long

}  // namespace

Progress::Progress(std::string what, size_t total)
    : what_(std::move(what)), total_(total), is_terminal_(isatty(STDERR_FILENO)), start_ms_(now_ms()) {}

Progress::~Progress() {
  if (drawn_ms_ > 0) std::fputs("\r\x1b[K", stderr);
}

void Progress::show(size_t done) {
  const double now = now_ms();
  if (!is_terminal_ || total_ == 0 || now - drawn_ms_ < kMsBetweenDraws) return;
  drawn_ms_ = now;
  const size_t cells = kBarCells * done / total_;
  const std::string bar = std::string(cells, '#') + std::string(kBarCells - cells, '.');
  std::string left;
  if (done > 0 && now - start_ms_ > kMsUntilEstimate) {
    left = ", " + duration_text((now - start_ms_) / 1000 * (double)(total_ - done) / (double)done) + " left";
  }
  std::fprintf(stderr, "\r%s [%s] %zu of %zu%s\x1b[K", what_.c_str(), bar.c_str(), done, total_, left.c_str());
  std::fflush(stderr);
}

std::string duration_text(double seconds) {
  const auto whole = (unsigned long)(seconds + 0.5);
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

}  // namespace posy
