/* What a program without an operating system says to the debugger, or to the emulator, that runs it: the three calls
 * of Arm's semihosting that this one needs. On a board of your own, print to a UART instead. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

void print(const char* text);
void print_unsigned(uint32_t number);
void print_hex(uint32_t number); /* 8 digits */
void print_score(float score);   /* five decimals, from 0 to 1 */

/* Ends the program; the emulator's exit code is `code`. */
#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void leave(int code);

#endif
