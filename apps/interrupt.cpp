#include "apps/interrupt.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace posy {
namespace {

volatile std::sig_atomic_t came = 0;

void note_signal(int) {
  came = 1;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

Interrupt::Interrupt() {
  came = 0;
  before_ = std::signal(SIGINT, note_signal);
  // A command in the background (`posy eval ... &` of a script) has it ignored.
  if (before_ == SIG_IGN) std::signal(SIGINT, SIG_IGN);
}

Interrupt::~Interrupt() {
  std::signal(SIGINT, before_ == SIG_ERR ? SIG_DFL : before_);
}

bool Interrupt::has_come() const {
  return came != 0;
}

void Interrupt::end(const char* message) const {
  std::fprintf(stderr, "posy: %s\n", message);
  std::fflush(nullptr);
  std::signal(SIGINT, SIG_DFL);
  std::raise(SIGINT);
  std::_Exit(130);
}

}  // namespace posy
