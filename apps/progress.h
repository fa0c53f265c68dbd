// How far a long command has come: a line on a terminal, nothing elsewhere.
#pragma once
#include <cstddef>
#include <string>

namespace posy {

class Progress {
 public:
  Progress(std::string what, size_t total);
  ~Progress();  // takes the line away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of the total; at most ten lines a second are drawn. One thread at a time.
  void show(size_t done);

 private:
  std::string what_;
  size_t total_;
  bool is_terminal_;
  double start_ms_, drawn_ms_ = 0;
};

// "8 s", "3 min 20 s", "2 h 5 min"
std::string duration_text(double seconds);

}  // namespace posy
