// The tests of the kernels on a board: calls each test case whose name begins with TEST_PREFIX, and is the little of an
// operating system that the standard library needs.
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "doctest/doctest.h"

extern "C" {
#include "apps/firmware/semihosting.h"
#include "apps/firmware/startup.h"

void __libc_init_array();
extern uint8_t heap_begin[], heap_end[];
}

namespace {

const board::TestCase* first = nullptr;
uint32_t checks = 0;

}  // namespace

board::TestCase::TestCase(const char* test_name, void (*test)()) : name(test_name), run(test), next(first) {
  first = this;
}

void board::check(bool passed, const char* what, const char* file, int line) {
  ++checks;
  if (passed) return;
  print(file);
  print(":");
  print_unsigned((uint32_t)line);
  print(": ");
  print(what);
  print("\n");
  leave(1);
}

extern "C" {

void _init() {}
void _fini() {}
void* __dso_handle = nullptr;

void* _sbrk(ptrdiff_t bytes) {
  static uint8_t* end = heap_begin;
  if (bytes > heap_end - end) {
    errno = ENOMEM;
    return (void*)-1;
  }
  uint8_t* const start = end;
  end += bytes;
  return start;
}
void _exit(int code) {
  print("exit\n");
  leave(code == 0 ? 1 : code);
}
int _kill(int, int) {
  print("abort\n");
  leave(1);
}
int _getpid() {
  return 1;
}
int _write(int, const char*, int bytes) {
  return bytes;
}
int _read(int, char*, int) {
  return 0;
}
int _lseek(int, int, int) {
  return 0;
}
int _close(int) {
  return 0;
}
int _isatty(int) {
  return 1;
}
int _fstat(int, struct stat* status) {
  status->st_mode = S_IFCHR;
  return 0;
}
}

int main() {
  __libc_init_array();
  uint32_t cases = 0;
  for (const board::TestCase* test = first; test; test = test->next) {
    if (strncmp(test->name, TEST_PREFIX, strlen(TEST_PREFIX)) != 0) continue;
    test->run();
    ++cases;
  }
  print_unsigned(cases);
  print(" test cases, ");
  print_unsigned(checks);
  print(" checks passed\n");
  return cases > 0 ? 0 : 1;
}
