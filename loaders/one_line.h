// Names in messages.
#pragma once
#include <string>

namespace posy {

// Names of files may have line ends and a terminal's commands in them, which become '?'.
inline std::string one_line(std::string text) {
  for (char& c : text) {
    if ((unsigned char)c < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

}  // namespace posy
