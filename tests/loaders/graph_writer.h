// Makes the bytes of a GraphDef, for tests: whatever TensorFlow may have written, and what it would not.
//
//   GraphWriter g;
//   g.placeholder("input", {1, 4, 4, 3});
//   g.constant("w", {3, 3, 3, 8}, floats);
//   g.node("conv", "Conv2D", {"input", "w"}).ints("strides", {1, 1, 1, 1}).text("padding", "SAME");
//   Graph graph = parse_frozen_graph(g.bytes(), "made");
//
// A constant in one of the other encodings is a TensorWriter:
//
//   g.constant("b", TensorWriter(DataType::kFloat, {8}).floats({0.5f}));
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/graph.h"
#include "loaders/graph_def_writer.h"

namespace posy {

// TensorProto. Each list of values goes into the *_val field of its kind, as one packed run or value by value; calling
// again appends. Nothing checks that they fit the type or the shape.
class TensorWriter {
 public:
  enum Form { kPacked, kUnpacked };

  TensorWriter(DataType type, const std::vector<int64_t>& dims) : type_(type) {
    proto_.varint(1, static_cast<int32_t>(type));
    proto_.message(2, shape_message(dims));
  }

  template <class T>
  TensorWriter& content(const std::vector<T>& values) {
    proto_.bytes(4, {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(T)});
    return *this;
  }
  TensorWriter& floats(const std::vector<float>& values, Form form = kPacked) {
    return list(5, 5, values, form, [](WireWriter& out, float value) { out.raw_fixed(value); });
  }
  TensorWriter& doubles(const std::vector<double>& values, Form form = kPacked) {
    return list(6, 1, values, form, [](WireWriter& out, double value) { out.raw_fixed(value); });
  }
  // int_val: int32, int16, int8, uint8 and the quantized types.
  TensorWriter& ints(const std::vector<int64_t>& values, Form form = kPacked) { return varints(7, values, form); }
  TensorWriter& int64s(const std::vector<int64_t>& values, Form form = kPacked) { return varints(10, values, form); }
  TensorWriter& bools(const std::vector<int64_t>& values, Form form = kPacked) { return varints(11, values, form); }
  // half_val: the 16 bits of each half or bfloat16.
  TensorWriter& halves(const std::vector<int64_t>& bits, Form form = kPacked) { return varints(13, bits, form); }
  TensorWriter& strings(const std::vector<std::string>& values) {
    for (const std::string& value : values) proto_.text(8, value);
    return *this;
  }

  DataType type() const { return type_; }
  // For fields that the functions above do not write.
  WireWriter& proto() { return proto_; }
  const WireWriter& proto() const { return proto_; }

 private:
  template <class T, class Put>
  TensorWriter& list(uint32_t field, uint32_t wire_type, const std::vector<T>& values, Form form, Put put) {
    WireWriter run;
    for (const T value : values) {
      if (form == kUnpacked) proto_.tag(field, wire_type);
      put(form == kUnpacked ? proto_ : run, value);
    }
    if (form == kPacked) proto_.message(field, run);
    return *this;
  }
  TensorWriter& varints(uint32_t field, const std::vector<int64_t>& values, Form form) {
    return list(field, 0, values, form,
                [](WireWriter& out, int64_t value) { out.raw_varint(static_cast<uint64_t>(value)); });
  }

  DataType type_;
  WireWriter proto_;
};

// NodeDef. Every function adds one attribute and returns the node, so that calls chain.
class NodeWriter {
 public:
  NodeWriter(const std::string& name, const std::string& op, const std::vector<std::string>& inputs) {
    proto_.text(1, name);
    proto_.text(2, op);
    for (const std::string& input : inputs) proto_.text(3, input);
  }

  NodeWriter& device(const std::string& name) {
    proto_.text(4, name);
    return *this;
  }
  NodeWriter& text(const std::string& key, const std::string& text) {
    return attribute(key, [&](WireWriter& value) { value.text(2, text); });
  }
  NodeWriter& integer(const std::string& key, int64_t number) {
    return attribute(key, [&](WireWriter& value) { value.varint(3, number); });
  }
  NodeWriter& number(const std::string& key, float number) {
    return attribute(key, [&](WireWriter& value) { value.float32(4, number); });
  }
  NodeWriter& flag(const std::string& key, bool on) {
    return attribute(key, [&](WireWriter& value) { value.varint(5, on); });
  }
  NodeWriter& type(const std::string& key, DataType type) {
    return attribute(key, [&](WireWriter& value) { value.varint(6, static_cast<int32_t>(type)); });
  }
  NodeWriter& shape(const std::string& key, const std::vector<int64_t>& dims) {
    return attribute(key, [&](WireWriter& value) { value.message(7, shape_message(dims)); });
  }
  NodeWriter& unknown_shape(const std::string& key) {
    WireWriter shape;
    shape.varint(3, 1);
    return attribute(key, [&](WireWriter& value) { value.message(7, shape); });
  }
  NodeWriter& tensor(const std::string& key, const TensorWriter& tensor) {
    return attribute(key, [&](WireWriter& value) { value.message(8, tensor.proto()); });
  }
  NodeWriter& ints(const std::string& key, const std::vector<int64_t>& values) {
    WireWriter run, list;
    for (const int64_t value : values) run.raw_varint(static_cast<uint64_t>(value));
    list.message(3, run);
    return attribute(key, [&](WireWriter& value) { value.message(1, list); });
  }
  NodeWriter& numbers(const std::string& key, const std::vector<float>& values) {
    WireWriter run, list;
    for (const float value : values) run.raw_fixed(value);
    list.message(4, run);
    return attribute(key, [&](WireWriter& value) { value.message(1, list); });
  }
  NodeWriter& texts(const std::string& key, const std::vector<std::string>& values) {
    WireWriter list;
    for (const std::string& value : values) list.text(2, value);
    return attribute(key, [&](WireWriter& value) { value.message(1, list); });
  }
  NodeWriter& function(const std::string& key, const std::string& name) {
    WireWriter function;
    function.text(1, name);
    return attribute(key, [&](WireWriter& value) { value.message(10, function); });
  }

  // Whatever put(value) writes into the AttrValue.
  template <class Put>
  NodeWriter& attribute(const std::string& key, Put put) {
    WireWriter value, entry;
    put(value);
    entry.text(1, key);
    entry.message(2, value);
    proto_.message(5, entry);
    return *this;
  }

  WireWriter& proto() { return proto_; }
  const WireWriter& proto() const { return proto_; }

 private:
  WireWriter proto_;
};

// GraphDef. The nodes stay where they are: a reference to one remains valid.
class GraphWriter {
 public:
  NodeWriter& node(const std::string& name, const std::string& op, const std::vector<std::string>& inputs = {}) {
    return nodes_.emplace_back(name, op, inputs);
  }
  NodeWriter& placeholder(const std::string& name, const std::vector<int64_t>& dims, DataType type = DataType::kFloat) {
    return node(name, "Placeholder").type("dtype", type).shape("shape", dims);
  }
  NodeWriter& constant(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& values) {
    return constant(name, TensorWriter(DataType::kFloat, dims).content(values));
  }
  NodeWriter& constant_ints(const std::string& name, const std::vector<int64_t>& dims,
                            const std::vector<int32_t>& values) {
    return constant(name, TensorWriter(DataType::kInt32, dims).content(values));
  }
  NodeWriter& scalar(const std::string& name, float value) { return constant(name, {}, {value}); }
  NodeWriter& constant(const std::string& name, const TensorWriter& tensor) {
    return node(name, "Const").type("dtype", tensor.type()).tensor("value", tensor);
  }

  GraphWriter& producer(int version) {
    WireWriter versions;
    versions.varint(1, version);
    tail_.message(4, versions);
    return *this;
  }
  // Fields of the graph behind the nodes, as they are.
  WireWriter& tail() { return tail_; }

  std::vector<uint8_t> bytes() const {
    WireWriter graph;
    for (const NodeWriter& node : nodes_) graph.message(1, node.proto());
    graph.raw(tail_.bytes());
    return graph.bytes();
  }

 private:
  std::deque<NodeWriter> nodes_;
  WireWriter tail_;
};

// What gzip makes of the bytes when it stores them (deflate's blocks of type 0), with any header flags and their
// fields.
inline std::vector<uint8_t> gzip_stored(std::span<const uint8_t> bytes, uint8_t flags = 0,
                                        std::span<const uint8_t> header_fields = {}) {
  constexpr size_t kMaxBlockBytes = 65535;
  WireWriter out;
  out.raw(std::vector<uint8_t>{0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255});
  out.raw(header_fields);
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
  }
  const auto total_bytes = static_cast<uint32_t>(bytes.size());
  do {
    const auto block = bytes.first(std::min(bytes.size(), kMaxBlockBytes));
    bytes = bytes.subspan(block.size());
    out.raw_fixed(static_cast<uint8_t>(bytes.empty()));  // is it the last one
    out.raw_fixed(static_cast<uint16_t>(block.size()));
    out.raw_fixed(static_cast<uint16_t>(~block.size()));
    out.raw(block);
  } while (!bytes.empty());
  out.raw_fixed(~crc);
  out.raw_fixed(total_bytes);
  return out.bytes();
}

}  // namespace posy
