// The tokens of protobuf's text format (protobuf.dev/reference/protobuf/textformat-spec), one at a time, nothing
// copied.
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace posy {

// Counted from 1; a column is a byte.
struct TextPlace {
  size_t line = 1;
  size_t column = 1;
};

// The text breaks a rule of the format, or of the message that the caller expects in it.
class TextError : public std::runtime_error {
 public:
  TextError(TextPlace place, const std::string& message) : std::runtime_error(message), place_(place) {}
  TextPlace place() const { return place_; }

 private:
  TextPlace place_;
};

struct TextToken {
  enum class Kind {
    kEnd,     // of the text
    kName,    // of a field or of an enumerator; also true, inf, nan
    kNumber,  // unsigned: the sign is a symbol
    kString,  // with its quotes and escapes
    kSymbol,  // one of {}<>[]:;,-./
  };
  Kind kind = Kind::kEnd;
  std::string_view text;
  TextPlace place;

  bool is(char symbol) const { return kind == Kind::kSymbol && text[0] == symbol; }
  // For messages: "'name'", cut to a sane length; "the end of the text".
  std::string printable() const;
  // A number in decimal, hexadecimal or octal; throws TextError when it does not fit between the limits.
  int64_t integer(bool negative, int64_t min, int64_t max) const;
  // A decimal number, with or without fraction, exponent and the suffix f; inf and nan.
  double number() const;
  // What the string stands for, appended to `out`.
  void append_string(std::vector<uint8_t>& out) const;
};

class TextTokens {
 public:
  explicit TextTokens(std::string_view text);

  const TextToken& now() const { return token_; }
  void next();
  bool skip(char symbol) {
    if (!token_.is(symbol)) return false;
    next();
    return true;
  }
  // Throws: `expected` should stand where now() does.
  [[noreturn]] void refuse_now(const std::string& expected) const;

 private:
  void skip_space();
  size_t name_end() const;
  size_t number_end() const;
  size_t string_end() const;

  std::string_view text_;
  size_t at_ = 0;  // of the token after now()
  size_t line_ = 1;
  size_t line_start_ = 0;  // of the line that at_ is in
  TextToken token_;
};

}  // namespace posy
