// What the processor and its operating system offer.
#pragma once

namespace posy {

// AVX2 with FMA; AVX-512 F, BW, DQ and VL with AVX2; NEON with the fused multiply-add. False on other architectures.
bool cpu_has_avx2();
bool cpu_has_avx512();
bool cpu_has_neon();

}  // namespace posy
