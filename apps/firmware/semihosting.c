#include "semihosting.h"

/* Semihosting for AArch32 and AArch64, https://github.com/ARM-software/abi-aa: the number of a call in r0, its argument
 * in r1. On Cortex-M the call is a breakpoint with the number 0xab. */
enum { kSysWrite0 = 0x04, kSysExitExtended = 0x20, kStoppedApplicationExit = 0x20026 };

static void call(uint32_t number, const void* argument) {
  register uint32_t r0 __asm__("r0") = number;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void print(const char* text) {
  call(kSysWrite0, text);
}

void print_unsigned(uint32_t number) {
  char digits[11];
  char* first = digits + sizeof digits - 1;
  *first = 0;
  do {
    *--first = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  print(first);
}

void print_hex(uint32_t number) {
  char digits[9];
  int i;
  for (i = 7; i >= 0; --i, number >>= 4) digits[i] = "0123456789abcdef"[number & 15];
  digits[8] = 0;
  print(digits);
}

void print_score(float score) {
  uint32_t hundred_thousandths = (uint32_t)(score * 100000.0f + 0.5f), unit;
  print_unsigned(hundred_thousandths / 100000);
  print(".");
  hundred_thousandths %= 100000;
  for (unit = 10000; unit > 1 && hundred_thousandths < unit; unit /= 10) print("0");
  print_unsigned(hundred_thousandths);
}

void leave(int code) {
  uint32_t block[2];
  block[0] = kStoppedApplicationExit;
  block[1] = (uint32_t)code;
  for (;;) call(kSysExitExtended, block);
}
