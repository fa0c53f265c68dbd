// What --version says of a program.
#pragma once
#include <cstdio>

#include "engine/posy.h"
#include "loaders/image.h"

namespace posy {

#if defined(__clang__)
#define POSY_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define POSY_COMPILER "gcc " __VERSION__
#else
#define POSY_COMPILER "an unknown compiler"
#endif

// Nothing in it changes from build to build of the same sources by the same compiler: no date, no machine, no folder.
inline void print_version(const char* program) {
  std::printf("%s %s\ninstruction sets:", program, posy_version());
  for (uint32_t i = 0; posy_isa_name(i); ++i) std::printf(" %s", posy_isa_name(i));
  std::printf("\nJPEG decoder: %s\ncompiler: %s\n", jpeg_decoder_name(), POSY_COMPILER);
}

}  // namespace posy
