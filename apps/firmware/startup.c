/* From reset to main(): what a vendor's startup code does, and paint on the stack, by which stack_high_water() sees how
 * deep it went. */
#include "startup.h"

#include "semihosting.h"

enum { kPaint = 0x5ca1ab1e, kUnpaintedBytes = 64 /* of the one who paints */ };

int main(void);

uint32_t stack_high_water(void) {
  const volatile uint32_t* word = stack_limit;
  while (word < stack_top && *word == kPaint) ++word;
  return (uint32_t)((const char*)stack_top - (const volatile char*)word);
}

/* An exception that nobody expects: say which, and end with an error. A full stack is one, too: see board.ld. */
__attribute__((used)) static void report_fault(void) {
  uint32_t number;
  __asm__ volatile("mrs %0, ipsr" : "=r"(number));
  print("fault: exception ");
  print_unsigned(number & 0x1ff);
  print(", status ");
  print_hex(*(volatile uint32_t*)0xe000ed28u); /* CFSR: which kind of fault */
  print("\n");
  leave(99);
}
__attribute__((naked)) static void fault(void) {
  __asm__ volatile(
      "ldr r0, =stack_top\n"
      "mov sp, r0\n"
      "b report_fault\n");
}

/* SysTick counts down from 2^24 - 1 with the processor's clock. */
enum { kSystickReload = 0xffffff };
static volatile uint32_t* const kSystick = (volatile uint32_t*)0xe000e010u; /* control, reload, value */
static volatile uint32_t systick_wraps;

static void systick(void) {
  ++systick_wraps;
}

void start_clock(void) {
  kSystick[0] = 0;
  kSystick[1] = kSystickReload;
  kSystick[2] = 0;
  systick_wraps = 0;
  kSystick[0] = 7; /* the processor's clock, an interrupt at 0, on */
}

uint64_t clock_ticks(void) {
  uint32_t wraps, value;
  do {
    wraps = systick_wraps;
    value = kSystick[2];
  } while (wraps != systick_wraps);
  return (uint64_t)wraps * (kSystickReload + 1u) + (kSystickReload - value);
}

__attribute__((used, noreturn)) static void start(void) {
  uint32_t *to, *here;
  const uint32_t* from = data_in_flash;
  *(volatile uint32_t*)0xe000ed88u |= 0xfu << 20; /* CPACR: floating point and MVE on */
  __asm__ volatile("dsb\n isb");
  for (to = data_begin; to < data_end;) *to++ = *from++;
  for (to = bss_begin; to < bss_end;) *to++ = 0;
  __asm__ volatile("mov %0, sp" : "=r"(here));
  for (to = stack_limit; to < here - kUnpaintedBytes / 4; ++to) *(volatile uint32_t*)to = kPaint;
  leave(main());
}

/* The first instructions: board.ld's entry. */
void reset(void);
__attribute__((naked)) void reset(void) {
  __asm__ volatile(
      "ldr r0, =stack_top\n"
      "mov sp, r0\n"
      "b start\n");
}

typedef void (*handler)(void);
struct vectors {
  uint32_t* stack;
  handler handlers[15]; /* of exceptions 1 to 15; no interrupt of a device is ever on */
};
extern const struct vectors vectors;
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    stack_top, {reset, fault, fault, fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault, systick}};
