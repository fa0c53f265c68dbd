// Makes the bytes of a FlatBuffer, for tests: whatever a writer may have written, and what it would not.
//
//   FlatWriter model;
//   model.number<uint32_t>(0, 3).text(3, "made").tables(2, {subgraph});
//   std::vector<uint8_t> bytes = model.file("TFL3");
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace posy {

// A table under construction, with all that hangs on it.
class FlatWriter {
 public:
  using Bytes = std::vector<uint8_t>;

  template <class T>
  FlatWriter& number(uint32_t field, T value) {
    fields_[field].inline_bytes = as_bytes(std::vector<T>{value});
    return *this;
  }
  template <class T>
  FlatWriter& numbers(uint32_t field, const std::vector<T>& values) {
    fields_[field].run = as_bytes(values);
    fields_[field].count = (uint32_t)values.size();
    return *this;
  }
  FlatWriter& text(uint32_t field, std::string_view value) { return numbers(field, Bytes(value.begin(), value.end())); }
  FlatWriter& table(uint32_t field, const FlatWriter& value) {
    fields_[field].children = {value};
    return *this;
  }
  FlatWriter& tables(uint32_t field, const std::vector<FlatWriter>& values) {
    fields_[field].children = values;
    fields_[field].is_list = true;
    return *this;
  }

  Bytes file(std::string_view identifier) const {
    Bytes out(4 + identifier.size());
    std::memcpy(&out[4], identifier.data(), identifier.size());
    patch(out, 0, write(out));
    return out;
  }

 private:
  struct Field {
    Bytes inline_bytes;  // a number; otherwise four bytes of offset to one of the following
    Bytes run;
    uint32_t count = 0;
    std::vector<FlatWriter> children;
    bool is_list = false;
  };

  template <class T>
  static Bytes as_bytes(const std::vector<T>& values) {
    Bytes out(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
    return out;
  }
  template <class T>
  static void append(Bytes& out, T value) {
    const size_t at = out.size();
    out.resize(at + sizeof(T));
    std::memcpy(&out[at], &value, sizeof(T));
  }
  static void patch(Bytes& out, size_t at, size_t target) {
    const auto offset = (uint32_t)(target - at);
    std::memcpy(&out[at], &offset, 4);
  }

  // Returns where the table stands.
  size_t write(Bytes& out) const {
    const uint32_t slots = fields_.empty() ? 0 : fields_.rbegin()->first + 1;
    const size_t vtable = out.size();
    uint16_t table_bytes = 4;
    append(out, (uint16_t)(4 + 2 * slots));
    append(out, (uint16_t)0);
    for (uint32_t i = 0; i < slots; ++i) {
      const auto field = fields_.find(i);
      append(out, field == fields_.end() ? (uint16_t)0 : table_bytes);
      if (field != fields_.end()) table_bytes = (uint16_t)(table_bytes + inline_size(field->second));
    }
    std::memcpy(&out[vtable + 2], &table_bytes, 2);
    const size_t table = out.size();
    append(out, (int32_t)(table - vtable));
    out.resize(table + table_bytes);
    size_t at = table + 4;
    for (const auto& [number, field] : fields_) {
      write_field(out, at, field);
      at += inline_size(field);
    }
    return table;
  }
  static size_t inline_size(const Field& field) { return field.inline_bytes.empty() ? 4 : field.inline_bytes.size(); }

  static void write_field(Bytes& out, size_t at, const Field& field) {
    if (!field.inline_bytes.empty()) {
      std::memcpy(&out[at], field.inline_bytes.data(), field.inline_bytes.size());
    } else if (!field.is_list && !field.children.empty()) {
      patch(out, at, field.children[0].write(out));
    } else if (field.is_list) {
      patch(out, at, out.size());
      append(out, (uint32_t)field.children.size());
      const size_t offsets = out.size();
      out.resize(offsets + 4 * field.children.size());
      for (size_t i = 0; i < field.children.size(); ++i) {
        const size_t child = field.children[i].write(out);
        patch(out, offsets + 4 * i, child);
      }
    } else {
      patch(out, at, out.size());
      append(out, field.count);
      out.insert(out.end(), field.run.begin(), field.run.end());
    }
  }

  std::map<uint32_t, Field> fields_;
};

}  // namespace posy
