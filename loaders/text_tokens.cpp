#include "loaders/text_tokens.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "loaders/graph.h"

namespace posy {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Of the digit c in any base up to 16; 16 when it is none.
unsigned digit_value(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return 16;
}

void append_utf8(uint32_t code, std::vector<uint8_t>& out) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<uint8_t>(byte)); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 63));
    }
    put(0x80 | (code >> 6 & 63));
  }
  put(0x80 | (code & 63));
}

// Reads up to max_digits digits at `at` and steps over them; how many there were is the difference.
uint32_t take_digits(std::string_view text, size_t& at, unsigned base, size_t max_digits) {
  uint32_t value = 0;
  const size_t end = std::min(text.size(), at + max_digits);
  for (; at < end && digit_value(text[at]) < base; ++at) value = value * base + digit_value(text[at]);
  return value;
}

// The character for a one-letter escape; 0 when there is none.
char simple_escape(char letter) {
  constexpr std::string_view kLetters = "abfnrtv?\\'\"";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v?\\'\"";
  const size_t found = kLetters.find(letter);
  return found == kLetters.npos ? '\0' : kMeanings[found];
}

// One escape: `at` stands behind its backslash, and is moved behind the escape. False: it is not one.
bool append_escape(std::string_view body, size_t& at, std::vector<uint8_t>& out) {
  const char letter = body[at];
  if (const char plain = simple_escape(letter)) {
    ++at;
    out.push_back(static_cast<uint8_t>(plain));
    return true;
  }
  if (digit_value(letter) < 8) {
    const uint32_t value = take_digits(body, at, 8, 3);
    out.push_back(static_cast<uint8_t>(value));
    return value < 256;
  }
  const size_t digits_at = ++at;
  if (letter == 'x' || letter == 'X') {
    out.push_back(static_cast<uint8_t>(take_digits(body, at, 16, 2)));
    return at > digits_at;
  }
  const size_t digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  const uint32_t code = take_digits(body, at, 16, digits);
  if (digits == 0 || at != digits_at + digits || code > 0x10ffff) return false;
  append_utf8(code, out);
  return true;
}

bool same_any_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::string TextToken::printable() const {
  return kind == Kind::kEnd ? "the end of the text" : "'" + printable_name(text) + "'";
}

int64_t TextToken::integer(bool negative, int64_t min, int64_t max) const {
  const bool is_hex = text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
  const bool is_octal = !is_hex && text.size() > 1 && text[0] == '0';
  const std::string_view digits = text.substr(is_hex ? 2 : 0);
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude,
                                            is_hex     ? 16
                                            : is_octal ? 8
                                                       : 10);
  if (kind != Kind::kNumber || end != digits.data() + digits.size()) {
    throw TextError(place, "a whole number is expected in place of " + printable());
  }
  const uint64_t limit = negative ? uint64_t{0} - static_cast<uint64_t>(min) : static_cast<uint64_t>(max);
  if (error != std::errc() || magnitude > limit) {
    throw TextError(place, std::string("the number ") + (negative ? "-" : "") + printable_name(text) + " is not from " +
                               std::to_string(min) + " to " + std::to_string(max));
  }
  return static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
}

double TextToken::number() const {
  if (kind == Kind::kName) {
    if (same_any_case(text, "inf") || same_any_case(text, "infinity")) return std::numeric_limits<double>::infinity();
    if (same_any_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  }
  std::string_view digits = text;
  const bool is_octal = text.size() > 1 && text[0] == '0' && is_digit(text[1]);
  if (kind == Kind::kNumber && !is_octal) {
    if ((digits.back() | 0x20) == 'f') digits.remove_suffix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (end == digits.data() + digits.size()) {
      // Too large or too small: strtod gives infinity or the nearest subnormal, as protobuf does.
      return error == std::errc() ? value : std::strtod(std::string(digits).c_str(), nullptr);
    }
  }
  throw TextError(place, "a number is expected in place of " + printable());
}

void TextToken::append_string(std::vector<uint8_t>& out) const {
  const std::string_view body = text.substr(1, text.size() - 2);
  for (size_t at = 0; at < body.size();) {
    if (body[at] != '\\') {
      out.push_back(static_cast<uint8_t>(body[at++]));
      continue;
    }
    const size_t backslash = at++;
    if (append_escape(body, at, out)) continue;
    throw TextError({place.line, place.column + 1 + backslash},
                    "the escape '" + printable_name(body.substr(backslash, at - backslash)) + "' means nothing");
  }
}

TextTokens::TextTokens(std::string_view text) : text_(text) {
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // byte order mark
  next();
}

void TextTokens::next() {
  skip_space();
  token_.place = {line_, at_ - line_start_ + 1};
  size_t end = at_ + 1;
  if (at_ == text_.size()) {
    token_.kind = TextToken::Kind::kEnd;
    end = at_;
  } else if (starts_name(text_[at_])) {
    token_.kind = TextToken::Kind::kName;
    end = name_end();
  } else if (is_digit(text_[at_]) || (text_[at_] == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
    token_.kind = TextToken::Kind::kNumber;
    end = number_end();
  } else if (text_[at_] == '"' || text_[at_] == '\'') {
    token_.kind = TextToken::Kind::kString;
    end = string_end();
  } else if (std::string_view("{}<>[]:;,-./").find(text_[at_]) != std::string_view::npos) {
    token_.kind = TextToken::Kind::kSymbol;
  } else {
    throw TextError(token_.place, "the character '" + printable_name(text_.substr(at_, 1)) + "' starts nothing");
  }
  token_.text = text_.substr(at_, end - at_);
  at_ = end;
}

void TextTokens::refuse_now(const std::string& expected) const {
  if (token_.kind != TextToken::Kind::kEnd) {
    throw TextError(token_.place, expected + " is expected in place of " + token_.printable());
  }
  throw TextError(token_.place,
                  "the text ends where " + expected + " is expected; it is cut short: copy or download it again");
}

void TextTokens::skip_space() {
  for (; at_ < text_.size(); ++at_) {
    if (text_[at_] == '\n') {
      ++line_;
      line_start_ = at_ + 1;
    } else if (text_[at_] == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size()) - 1;
    } else if (!is_space(text_[at_])) {
      return;
    }
  }
}

size_t TextTokens::name_end() const {
  size_t end = at_ + 1;
  while (end < text_.size() && (starts_name(text_[end]) || is_digit(text_[end]))) ++end;
  return end;
}

// Whatever is glued to a number belongs to it, so that 12ab is one bad number and not two good tokens.
size_t TextTokens::number_end() const {
  const bool is_hex = at_ + 1 < text_.size() && text_[at_] == '0' && (text_[at_ + 1] | 0x20) == 'x';
  size_t end = at_ + 1;
  for (; end < text_.size(); ++end) {
    const char c = text_[end];
    const bool is_exponent_sign = (c == '+' || c == '-') && !is_hex && (text_[end - 1] | 0x20) == 'e';
    if (!starts_name(c) && !is_digit(c) && c != '.' && !is_exponent_sign) break;
  }
  return end;
}

size_t TextTokens::string_end() const {
  for (size_t end = at_ + 1; end < text_.size() && text_[end] != '\n'; ++end) {
    if (text_[end] == text_[at_]) return end + 1;
    if (text_[end] == '\\' && ++end < text_.size() && text_[end] == '\n') break;
  }
  throw TextError(token_.place, "a string has no closing quote on its line");
}

}  // namespace posy
