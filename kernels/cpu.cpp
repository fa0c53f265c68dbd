#include "kernels/cpu.h"

#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

namespace posy {
namespace {

// Bits as in Intel's Software Developer's Manual, CPUID leaves 1 and 7; XCR0 says which registers the system saves.
constexpr uint32_t kLeaf1Fma = 1u << 12, kLeaf1Osxsave = 1u << 27;
constexpr uint32_t kLeaf7Avx2 = 1u << 5;
constexpr uint32_t kLeaf7Avx512 = 1u << 16 /* F */ | 1u << 17 /* DQ */ | 1u << 30 /* BW */ | 1u << 31 /* VL */;
constexpr uint32_t kXcr0Avx = 0x6, kXcr0Avx512 = 0xe6;

struct Features {
  uint32_t leaf1_ecx = 0, leaf7_ebx = 0, xcr0 = 0;
};

Features read_features() {
  Features features;
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return features;
  features.leaf1_ecx = ecx;
  if (ecx & kLeaf1Osxsave) {
    uint32_t high;
    __asm__("xgetbv" : "=a"(features.xcr0), "=d"(high) : "c"(0));
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) features.leaf7_ebx = ebx;
  return features;
}

bool has_all(uint32_t value, uint32_t bits) {
  return (value & bits) == bits;
}

}  // namespace

bool cpu_has_avx2() {
  const Features f = read_features();
  return has_all(f.leaf1_ecx, kLeaf1Fma) && has_all(f.leaf7_ebx, kLeaf7Avx2) && has_all(f.xcr0, kXcr0Avx);
}

bool cpu_has_avx512() {
  const Features f = read_features();
  return cpu_has_avx2() && has_all(f.leaf7_ebx, kLeaf7Avx512) && has_all(f.xcr0, kXcr0Avx512);
}

}  // namespace posy

#else

namespace posy {

bool cpu_has_avx2() {
  return false;
}
bool cpu_has_avx512() {
  return false;
}

}  // namespace posy
#endif
