// JSON as the command line prints it: one object per line, keys in a fixed order.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace posy {

using Json = nlohmann::ordered_json;

// By default six significant digits: what a clock, or a share of photos, is good for. NaN and infinities have no JSON
// number: null.
inline Json json_number(double x, int digits = 6) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*g", digits, x);
  return std::strtod(text, nullptr);
}

// A float32 in 9 significant digits, which tell any two apart.
inline Json json_float(float x) {
  return json_number((double)x, 9);
}

// Milliseconds to the microsecond.
inline Json json_ms(double ms) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", ms);
  return std::strtod(text, nullptr);
}

// Of posy_label(): the class's number where the model has no labels.
inline Json json_label(const char* label, uint32_t class_index) {
  return label ? Json(label) : Json(class_index);
}

// Bytes that are no UTF-8 (file names may be anything) become U+FFFD.
inline void print_json(const Json& json) {
  std::puts(json.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace posy
