// The FlatBuffers binary format (flatbuffers.dev, "internals"): a reader that trusts no offset and no length.
//
//   const FlatTable model = FlatTable::root(file);
//   for (size_t i = 0; i < model.tables(2).size(); ++i) read_subgraph(model.tables(2)[i]);
//
// A table is a row of fields, found through its vtable; a field holds a number, or an offset to a table, a text or a
// vector. A field that the file leaves out has its default, and a table that is left out has only fields that are left
// out. The reader never recurses and copies nothing: depth and memory are the caller's. Offsets may lead several fields
// to the same bytes, so what the caller makes of them needs a bound of its own.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace posy {

// The bytes break a rule of the format, or of the schema that the caller expects in them.
class FlatError : public std::runtime_error {
 public:
  FlatError(size_t place, const std::string& message) : std::runtime_error(message), place_(place) {}
  // The same error with what the caller knows about its surroundings.
  FlatError(const std::string& context, const FlatError& inner)
      : FlatError(inner.place_, context + ": " + inner.what()) {}

  size_t place() const { return place_; }  // byte offset in the file

 private:
  size_t place_;
};

// The number at `at`, little-endian, wherever it lies.
template <class T>
T flat_number(std::span<const uint8_t> file, uint64_t at) {
  if (at > file.size() || file.size() - at < sizeof(T)) {
    throw FlatError((size_t)at, "an offset leads outside of the file's " + std::to_string(file.size()) + " bytes");
  }
  T value;
  std::memcpy(&value, file.data() + at, sizeof(T));
  return value;
}

// `count` elements of `element_bytes` behind a count of 32 bits.
struct FlatRun {
  size_t place = 0;  // of the first element
  size_t count = 0;
  std::span<const uint8_t> bytes;
};

inline FlatRun flat_run(std::span<const uint8_t> file, uint64_t at, size_t element_bytes) {
  const uint64_t count = flat_number<uint32_t>(file, at);
  if (count > (file.size() - (size_t)at - 4) / element_bytes) {
    throw FlatError((size_t)at, "a vector of " + std::to_string(count) + " elements does not fit into the file");
  }
  return {(size_t)at + 4, (size_t)count, file.subspan((size_t)at + 4, (size_t)count * element_bytes)};
}

template <class T>
class FlatVector {
 public:
  FlatVector() = default;
  explicit FlatVector(const FlatRun& run) : run_(run) {}

  size_t size() const { return run_.count; }
  bool empty() const { return size() == 0; }
  std::span<const uint8_t> bytes() const { return run_.bytes; }
  T operator[](size_t i) const { return flat_number<T>(run_.bytes, (uint64_t)i * sizeof(T)); }

 private:
  FlatRun run_;
};

class FlatTables;

class FlatTable {
 public:
  FlatTable() = default;
  FlatTable(std::span<const uint8_t> file, uint64_t at) : file_(file), at_((size_t)at) {
    const int64_t vtable = (int64_t)at - flat_number<int32_t>(file, at);
    if (vtable < 0) throw FlatError(at_, "a table's description lies in front of the file");
    vtable_ = (size_t)vtable;
    const uint16_t vtable_bytes = flat_number<uint16_t>(file, vtable_);
    table_bytes_ = flat_number<uint16_t>(file, vtable_ + 2);
    if (vtable_bytes < 4 || file.size() - vtable_ < vtable_bytes || file.size() - at_ < table_bytes_) {
      throw FlatError(at_, "a table or its description does not fit into the file");
    }
    fields_ = (vtable_bytes - 4u) / 2;
  }

  static FlatTable root(std::span<const uint8_t> file) { return {file, flat_number<uint32_t>(file, 0)}; }

  explicit operator bool() const { return at_ != 0; }
  size_t place() const { return at_; }
  bool has(uint32_t field) const { return field_place(field, 1) != 0; }

  template <class T>
  T number(uint32_t field, T fallback = 0) const {
    const size_t place = field_place(field, sizeof(T));
    return place ? flat_number<T>(file_, place) : fallback;
  }
  FlatTable table(uint32_t field) const {
    const uint64_t target = target_of(field);
    return target ? FlatTable(file_, target) : FlatTable();
  }
  std::string_view text(uint32_t field) const {
    const std::span<const uint8_t> bytes = numbers<uint8_t>(field).bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  template <class T>
  FlatVector<T> numbers(uint32_t field) const {
    const uint64_t target = target_of(field);
    return target ? FlatVector<T>(flat_run(file_, target, sizeof(T))) : FlatVector<T>();
  }
  FlatTables tables(uint32_t field) const;

 private:
  // Where the field's value stands; 0 if the file leaves it out.
  size_t field_place(uint32_t field, size_t bytes) const {
    if (field >= fields_) return 0;
    const size_t offset = flat_number<uint16_t>(file_, vtable_ + 4 + 2 * (size_t)field);
    if (offset == 0) return 0;
    if (offset + bytes > table_bytes_) throw FlatError(at_, "a field lies outside of its table");
    return at_ + offset;
  }
  uint64_t target_of(uint32_t field) const {
    const size_t place = field_place(field, 4);
    return place ? (uint64_t)place + flat_number<uint32_t>(file_, place) : 0;
  }

  std::span<const uint8_t> file_;
  size_t at_ = 0;  // no table stands at 0: the root's offset does
  size_t vtable_ = 0;
  size_t table_bytes_ = 0;
  uint32_t fields_ = 0;
};

class FlatTables {
 public:
  FlatTables() = default;
  FlatTables(std::span<const uint8_t> file, const FlatRun& run) : file_(file), run_(run) {}

  size_t size() const { return run_.count; }
  FlatTable operator[](size_t i) const {
    return {file_, run_.place + 4 * (uint64_t)i + flat_number<uint32_t>(run_.bytes, 4 * (uint64_t)i)};
  }

 private:
  std::span<const uint8_t> file_;
  FlatRun run_;
};

inline FlatTables FlatTable::tables(uint32_t field) const {
  const uint64_t target = target_of(field);
  return target ? FlatTables(file_, flat_run(file_, target, 4)) : FlatTables();
}

}  // namespace posy
