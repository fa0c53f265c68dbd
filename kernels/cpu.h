// What the processor and its operating system offer.
#pragma once

namespace posy {

// AVX2 with FMA; AVX-512 F, BW, DQ and VL with AVX2; NEON with the fused multiply-add. False on other architectures.
bool cpu_has_avx2();
bool cpu_has_avx512();
bool cpu_has_neon();

// Products of bytes besides: those of AVX2, of AVX-512, and of NEON signed ones and mixed ones.
bool cpu_has_avxvnni();
bool cpu_has_avx512vnni();
bool cpu_has_dotprod();
bool cpu_has_i8mm();

}  // namespace posy
