// Ctrl-C during long work: it ends between two photos, with the terminal as it was.
#pragma once

namespace posy {

// As long as one lives, Ctrl-C (SIGINT) sets a flag instead of ending the program; a second one ends it at once.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool has_come() const;

  // Ends the program of the signal, so that a shell's loops end as well. Prints `message` first.
  [[noreturn]] void end(const char* message) const;

 private:
  void (*before_)(int);
};

}  // namespace posy
