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
constexpr uint32_t kLeaf7EcxAvx512Vnni = 1u << 11, kLeaf7SubleafEaxAvxVnni = 1u << 4;
constexpr uint32_t kXcr0Avx = 0x6, kXcr0Avx512 = 0xe6;

struct Features {
  uint32_t leaf1_ecx = 0, leaf7_ebx = 0, leaf7_ecx = 0, leaf7_subleaf_eax = 0, xcr0 = 0;
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
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return features;
  features.leaf7_ebx = ebx;
  features.leaf7_ecx = ecx;
  if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) features.leaf7_subleaf_eax = eax;
  return features;
}

bool has_all(uint32_t value, uint32_t bits) {
  return (value & bits) == bits;
}

}  // namespace

namespace {

constexpr uint32_t kKnown = 1, kAvx2 = 2, kAvx512 = 4, kAvxVnni = 8, kAvx512Vnni = 16;

uint32_t usable_sets() {
  const Features f = read_features();
  uint32_t sets = kKnown;
  const bool avx2 = has_all(f.leaf1_ecx, kLeaf1Fma) && has_all(f.leaf7_ebx, kLeaf7Avx2) && has_all(f.xcr0, kXcr0Avx);
  if (avx2) sets |= kAvx2;
  if (avx2 && (f.leaf7_subleaf_eax & kLeaf7SubleafEaxAvxVnni)) sets |= kAvxVnni;
  if (avx2 && has_all(f.leaf7_ebx, kLeaf7Avx512) && has_all(f.xcr0, kXcr0Avx512)) {
    sets |= kAvx512;
    if (f.leaf7_ecx & kLeaf7EcxAvx512Vnni) sets |= kAvx512Vnni;
  }
  return sets;
}

// Asked once: CPUID takes tens of microseconds on virtual machines. Threads that come first at once store the same
// value.
uint32_t cached_sets() {
  static uint32_t cached = 0;
  uint32_t sets = __atomic_load_n(&cached, __ATOMIC_RELAXED);
  if (sets == 0) {
    sets = usable_sets();
    __atomic_store_n(&cached, sets, __ATOMIC_RELAXED);
  }
  return sets;
}

}  // namespace

bool cpu_has_avx2() {
  return cached_sets() & kAvx2;
}

bool cpu_has_avx512() {
  return cached_sets() & kAvx512;
}

bool cpu_has_avxvnni() {
  return cached_sets() & kAvxVnni;
}

bool cpu_has_avx512vnni() {
  return cached_sets() & kAvx512Vnni;
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
bool cpu_has_avxvnni() {
  return false;
}
bool cpu_has_avx512vnni() {
  return false;
}

}  // namespace posy
#endif

#if (defined(__arm__) || defined(__aarch64__)) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace posy {

bool cpu_has_neon() {
#if defined(__aarch64__)
  return true;  // it is where programs pass their floats
#elif defined(__arm__) && defined(__linux__)
  constexpr unsigned long kNeeded = HWCAP_NEON | HWCAP_VFPv4;
  return (getauxval(AT_HWCAP) & kNeeded) == kNeeded;
#elif defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
  return true;  // this file is compiled for nothing less
#else
  return false;
#endif
}

bool cpu_has_dotprod() {
#if defined(__aarch64__) && defined(__linux__)
  return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#elif defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
  return true;
#else
  return false;
#endif
}

bool cpu_has_i8mm() {
#if defined(__aarch64__) && defined(__linux__)
  return cpu_has_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM);
#elif defined(__aarch64__) && defined(__ARM_FEATURE_MATMUL_INT8)
  return true;
#else
  return false;
#endif
}

}  // namespace posy
