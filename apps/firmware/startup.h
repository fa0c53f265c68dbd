#ifndef STARTUP_H
#define STARTUP_H

#include <stdint.h>

/* Places of board.ld. */
extern uint32_t stack_limit[], stack_top[], data_begin[], data_end[], data_in_flash[], bss_begin[], bss_end[];
extern uint8_t memory_begin[], memory_end[]; /* RAM that nothing else has */
extern const uint8_t text_begin[], text_end[], frame_begin[], frame_end[];

/* The most bytes of the stack that were ever in use. */
uint32_t stack_high_water(void);

/* Ticks of the processor's clock since start_clock(). In qemu with -icount each instruction takes the same time. */
void start_clock(void);
uint64_t clock_ticks(void);

#endif
