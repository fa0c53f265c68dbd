// A build without scalar kernels on a processor that lacks its instruction sets: the calls that answer this are
// replaced by ones that find nothing. (An archive's object is not linked where all it defines is there already.)
#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "engine/posy.h"
#include "kernels/kernels.h"

namespace posy {

const KernelTable* usable_kernels(uint32_t) {
  return nullptr;
}
const KernelTable* best_kernels() {
  return nullptr;
}
const KernelTable* kernels_named(const char*) {
  return nullptr;
}
const char* op_name(OpKind) {
  return nullptr;
}
const char* unary_name(uint8_t) {
  return nullptr;
}
const char* binary_name(uint8_t) {
  return nullptr;
}
uint32_t unary_parameters(uint8_t) {
  return 0;
}

}  // namespace posy

TEST_CASE("no kernels: need and open say so, and an instruction set by name is unknown") {
  alignas(64) static uint8_t bytes[64] = {}, memory[64] = {};
  posy_engine engine;
  posy_needs needs;
  CHECK(posy_need(bytes, sizeof bytes, nullptr, &needs) == POSY_NO_KERNELS);
  CHECK(posy_open(&engine, bytes, sizeof bytes, memory, sizeof memory, nullptr) == POSY_NO_KERNELS);
  CHECK(posy_error_byte(&engine) == 0);
  CHECK(posy_isa_name(0) == nullptr);
  posy_options options = {};
  options.isa = "scalar";
  CHECK(posy_need(bytes, sizeof bytes, &options, &needs) == POSY_UNKNOWN_ISA);
  CHECK(posy_status_text(POSY_NO_KERNELS) == std::string("this build has no kernels that this processor can run"));
}
