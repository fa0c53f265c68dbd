// The one exception type of the host-side rooms.
#pragma once
#include <stdexcept>
#include <string>

namespace posy {

// Something outside the program is wrong: a file, its contents, an argument's value. The message is one sentence or two
// that name the file, the place in it and what to do; the command line prints it and exits with 1.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace posy
