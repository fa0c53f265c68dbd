/* Labels a camera's frame with the model in flash, and says what it took: a whole program for a microcontroller,
 * without an operating system, a heap or a file. C99.
 *
 * On a board of your own, startup.c and board.ld are the vendor's, the frame comes from the camera, and print() goes to
 * a UART. What is Posy's is label(). */
#include <posy.h>
#include <string.h>

#include "camera_frame.h"
#include "semihosting.h"
#include "startup.h"

/* model.S, or a C array. */
extern const uint8_t posy_model[];
extern const uint32_t posy_model_bytes;

static struct posy_engine engine;

static void check(posy_status status, const char* call) {
  if (status == POSY_OK) return;
  print(call);
  print(": ");
  print(posy_status_text(status));
  print("\n");
  leave(1);
}

static void print_number(const char* name, uint32_t number) {
  print(name);
  print_unsigned(number);
  print("\n");
}

static uint32_t distance(const void* begin, const void* end) {
  return (uint32_t)((const char*)end - (const char*)begin);
}

/* The engine's memory is what RAM has left. A program that knows its model can have an array of as many bytes as
 * `posy info` says instead. */
static void open_model(void) {
  struct posy_needs needs;
  const uint32_t have = distance(memory_begin, memory_end);
  check(posy_need(posy_model, posy_model_bytes, NULL, &needs), "posy_need");
  print_number("model bytes: ", posy_model_bytes);
  print_number("engine bytes: ", (uint32_t)needs.memory_bytes);
  print_number("  of these activations: ", (uint32_t)needs.arena_bytes);
  if (needs.memory_bytes > have) print_number("too many; RAM has left: ", have);
  check(posy_open(&engine, posy_model, posy_model_bytes, memory_begin, have, NULL), "posy_open");
}

static void label(const uint8_t* frame, uint64_t* image_ticks, uint64_t* run_ticks) {
  const struct posy_image image = camera_frame(frame);
  start_clock();
  check(posy_set_image(&engine, &image), "posy_set_image");
  *image_ticks = clock_ticks();
  check(posy_run(&engine), "posy_run");
  *run_ticks = clock_ticks() - *image_ticks;
}

static void print_labels(void) {
  struct posy_score best[3];
  const uint32_t count = posy_top(&engine, best, 3);
  uint32_t i;
  for (i = 0; i < count; ++i) {
    const char* name = posy_label(&engine, best[i].class_index);
    print(name ? name : "?");
    print(" (score=");
    print_score(best[i].score);
    print(")\n");
  }
}

/* The line of tests/cross/scores.cpp: what other processors have to agree on. */
static void print_bits(void) {
  const float* scores = posy_scores(&engine);
  uint32_t i;
  print(posy_engine_isa(&engine));
  print(":");
  for (i = 0; i < posy_class_count(&engine); ++i) {
    uint32_t bits;
    memcpy(&bits, scores + i, sizeof bits);
    print(" ");
    print_hex(bits);
  }
  print("\n");
}

/* What a loop of known length takes. Its two instructions are nearly all that happens between the clock's two readings.
 */
static uint64_t ticks_of_a_million(void) {
  uint32_t n = 500000;
  start_clock();
  __asm__ volatile(
      "1: subs %0, #1\n"
      "bne 1b\n"
      : "+r"(n)
      :
      : "cc");
  return clock_ticks();
}

/* Instructions, if all of them take as long: in qemu with -icount. Elsewhere ticks mean something else. */
static void print_instructions(uint64_t image_ticks, uint64_t run_ticks) {
  const uint64_t million = ticks_of_a_million(), again = ticks_of_a_million();
  const uint64_t apart = million > again ? million - again : again - million;
  if (apart > 2 || million < 1000) {
    print("instructions: not counted, which needs qemu -icount shift=0\n");
    return;
  }
  print_number("instructions of posy_set_image: ", (uint32_t)(image_ticks * 1000000 / million));
  print_number("instructions of posy_run: ", (uint32_t)(run_ticks * 1000000 / million));
}

static void print_memory(void) {
  print_number("flash .text: ", distance(text_begin, text_end));
  print_number("flash .model: ", posy_model_bytes);
  print_number("flash .frame: ", distance(frame_begin, frame_end));
  print_number("flash and RAM .data: ", distance(data_begin, data_end));
  print_number("RAM .bss: ", distance(bss_begin, bss_end));
  print_number("RAM .stack: ", distance(stack_limit, stack_top));
  print_number("  of these used: ", stack_high_water());
}

int main(void) {
  uint64_t image_ticks, run_ticks;
  print("Posy ");
  print(posy_version());
  print("\n");
  open_model();
  label(frame_begin, &image_ticks, &run_ticks);
  print_labels();
  print_bits();
  print_memory();
  print_instructions(image_ticks, run_ticks);
  return 0;
}
