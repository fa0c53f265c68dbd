// For static programs: libstdc++ would name the exception that nobody catches, for which it brings a demangler of 65 KB
// along. main() catches them all.
#include <cstdlib>

namespace __gnu_cxx {

void __verbose_terminate_handler();
void __verbose_terminate_handler() {
  std::abort();
}

}  // namespace __gnu_cxx
