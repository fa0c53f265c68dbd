// The loop that the benchmark takes for the processor's peak.
#include <doctest/doctest.h>

#include "kernels/kernels.h"

using namespace posy;

TEST_CASE("peak: every table counts two operations for each multiply-add of its chains, and ends where they started") {
  for (uint32_t t = 0; const KernelTable* table = usable_kernels(t); ++t) {
    INFO(table->isa);
    float value = 3;
    const uint64_t once = table->peak_fma(1, &value);
    CHECK(once >= 2 * 8);
    CHECK(once % 2 == 0);
    CHECK(table->peak_fma(1000, &value) == 1000 * once);
    CHECK(value == 3);
    CHECK(table->peak_fma(0, &value) == 0);
  }
}

TEST_CASE("peak: so it does for products of bytes") {
  for (uint32_t t = 0; const KernelTable* table = usable_kernels(t); ++t) {
    INFO(table->isa);
    int32_t value = -5;
    const uint64_t once = table->peak_int8(1, &value);
    CHECK(once >= 2 * 2 * 8);
    CHECK(once % 2 == 0);
    CHECK(table->peak_int8(1000, &value) == 1000 * once);
    CHECK(value == -5);
    CHECK(table->peak_int8(0, &value) == 0);
    CHECK(value == -5);
  }
}
