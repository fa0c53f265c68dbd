// The protobuf wire format (protobuf.dev/programming-guides/encoding): a reader that trusts no tag and no length.
//
//   WireReader graph(file);
//   while (graph.next())
//     if (graph.field() == 1) read_node(graph.message());
//
// A message is a row of fields, each a tag (field number, wire type) and a value; a message inside a message is a value
// of kind "bytes". The reader steps over fields it is not asked about, and never recurses: depth is the caller's.
#pragma once
#include <bit>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace posy {

// The bytes break a rule of the wire format, or of the message that the caller expects in them.
class WireError : public std::runtime_error {
 public:
  enum class Cause {
    kCutShort,   // the outermost message runs past the end of the file
    kMalformed,  // the bytes are no protobuf message of this kind
    kRefused,    // well written, but the caller does not take it
  };
  WireError(size_t place, const std::string& message, Cause cause = Cause::kRefused)
      : std::runtime_error(message), place_(place), cause_(cause) {}
  // The same error with what the caller knows about its surroundings.
  WireError(const std::string& context, const WireError& inner)
      : WireError(inner.place_, context + ": " + inner.what(), inner.cause_) {}

  size_t place() const { return place_; }  // byte offset in the whole file
  Cause cause() const { return cause_; }

 private:
  size_t place_;
  Cause cause_;
};

enum class Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class WireReader {
 public:
  explicit WireReader(std::span<const uint8_t> file)
      : file_(file.data()), tag_(file_), at_(file_), end_(file_ + file.size()), nested_(false) {}

  // Steps to the next field; false at the end of the message.
  bool next() {
    tag_ = at_;
    if (at_ == end_) return false;
    const uint64_t key = read_varint();
    field_ = static_cast<uint32_t>(key >> 3);
    wire_ = static_cast<Wire>(key & 7);
    if (key > UINT32_MAX || field_ == 0) malformed("no field of a protobuf message starts like this");
    if (wire_ == Wire::kBytes) {
      payload_ = take(read_varint());
    } else {
      number_ = read_number(wire_);
    }
    return true;
  }

  uint32_t field() const { return field_; }
  // Where the field's tag stands in the file; of the message, before the first next().
  size_t place() const { return static_cast<size_t>(tag_ - file_); }

  uint64_t varint() const { return expect(Wire::kVarint), number_; }
  // Negative int32 and int64 are both written as 64 bits.
  int64_t int64() const { return static_cast<int64_t>(varint()); }
  int32_t int32() const { return static_cast<int32_t>(varint()); }
  float float32() const { return expect(Wire::kFixed32), std::bit_cast<float>(static_cast<uint32_t>(number_)); }
  std::span<const uint8_t> bytes() const { return expect(Wire::kBytes), payload_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes().data()), bytes().size()}; }

  WireReader message() const {
    WireReader inner = *this;
    inner.end_ = bytes().data() + bytes().size();
    inner.tag_ = inner.at_ = bytes().data();
    inner.nested_ = true;
    return inner;
  }

  // The numbers of a repeated field: one if it is written alone, all of the run if it is packed. Every reader of the
  // format has to take both. each(uint64_t) gets the varint, or the bits of the fixed32 or fixed64.
  template <class Each>
  void each_number(Wire wire, Each&& each) const {
    if (wire_ == wire) return each(number_);
    WireReader run = message();
    while (run.at_ != run.end_) each(run.read_number(wire));
  }

  // For bytes that hold no message: the next varint, the next `count` bytes.
  std::span<const uint8_t> take(uint64_t count) {
    const auto left = static_cast<uint64_t>(end_ - at_);
    if (count > left) {
      throw WireError(place(),
                      "a value of " + std::to_string(count) + " bytes does not fit into the " + std::to_string(left) +
                          " bytes that are left of " + (nested_ ? "its message" : "the file"),
                      nested_ ? WireError::Cause::kMalformed : WireError::Cause::kCutShort);
    }
    const std::span<const uint8_t> taken(at_, static_cast<size_t>(count));
    at_ += count;
    return taken;
  }

  uint64_t read_varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      const uint8_t byte = take(1)[0];
      if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    malformed("a varint is longer than 10 bytes");
  }

  // Throws: the caller does not take the current field.
  [[noreturn]] void refuse(const std::string& message) const { throw WireError(place(), message); }

 private:
  [[noreturn]] void malformed(const std::string& message) const {
    throw WireError(place(), message, WireError::Cause::kMalformed);
  }

  void expect(Wire wire) const {
    if (wire_ == wire) return;
    malformed("field " + std::to_string(field_) + " has wire type " + std::to_string(static_cast<int>(wire_)) +
              " in place of " + std::to_string(static_cast<int>(wire)));
  }

  uint64_t read_number(Wire wire) {
    if (wire == Wire::kVarint) return read_varint();
    if (wire != Wire::kFixed32 && wire != Wire::kFixed64) {
      malformed("wire type " + std::to_string(static_cast<int>(wire)) + " (a group, or undefined) is not read");
    }
    uint64_t value = 0;
    unsigned shift = 0;
    for (const uint8_t byte : take(wire == Wire::kFixed32 ? 4 : 8)) {
      value |= static_cast<uint64_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }

  const uint8_t* file_;  // start of the whole file: places count from here
  const uint8_t* tag_;   // the current field
  const uint8_t* at_;    // the next field
  const uint8_t* end_;   // end of this message
  bool nested_;
  uint32_t field_ = 0;
  Wire wire_ = Wire::kVarint;
  uint64_t number_ = 0;
  std::span<const uint8_t> payload_;
};

}  // namespace posy
