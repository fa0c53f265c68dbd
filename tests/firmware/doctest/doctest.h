// As much of doctest as the tests of the kernels use, for boards without an operating system: no threads, signals,
// exceptions or streams. A check that fails ends the program.
#pragma once
#include <sstream>

namespace board {

struct TestCase {
  const char* name;
  void (*run)();
  const TestCase* next;

  TestCase(const char* test_name, void (*test)());
};

void check(bool passed, const char* what, const char* file, int line);

}  // namespace board

#define BOARD_TEST(name, number)                                        \
  static void test_##number();                                          \
  static const board::TestCase test_case_##number(name, test_##number); \
  static void test_##number()
#define BOARD_NUMBERED_TEST(name, number) BOARD_TEST(name, number)
#define TEST_CASE(name) BOARD_NUMBERED_TEST(name, __COUNTER__)

#define CHECK(...) board::check((bool)(__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)
#define REQUIRE(...) CHECK(__VA_ARGS__)
#define INFO(...)              \
  do {                         \
    if (false) {               \
      std::ostringstream info; \
      info << __VA_ARGS__;     \
    }                          \
  } while (false)
#define MESSAGE(...) INFO(__VA_ARGS__)
