// GraphDefs, written: nodes with attributes (tensorflow/core/framework: graph.proto, node_def.proto, attr_value.proto,
// tensor.proto, tensor_shape.proto).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loaders/protobuf_writer.h"

namespace posy {

// Field numbers.
namespace graph_def {
constexpr uint32_t kNode = 1, kVersions = 4;
}
namespace node_def {
constexpr uint32_t kName = 1, kOp = 2, kInput = 3, kAttr = 5;
}
namespace attr_value {
constexpr uint32_t kList = 1, kString = 2, kInt = 3, kFloat = 4, kBool = 5, kType = 6, kShape = 7, kTensor = 8,
                   kFunction = 10;
}
namespace tensor_proto {
constexpr uint32_t kType = 1, kShape = 2, kContent = 4, kStrings = 8;
}

// TensorShapeProto; -1 is an unknown dimension.
inline WireWriter shape_message(const std::vector<int64_t>& dims) {
  WireWriter shape;
  for (const int64_t size : dims) {
    WireWriter dim;
    dim.varint(1, size);
    shape.message(2, dim);
  }
  return shape;
}

// A NodeDef under construction: name, op and inputs come before the attributes.
class NodeDefWriter {
 public:
  NodeDefWriter(const std::string& name, const std::string& op, const std::vector<std::string>& inputs = {}) {
    proto_.text(node_def::kName, name);
    proto_.text(node_def::kOp, op);
    for (const std::string& input : inputs) this->input(input);
  }

  void input(const std::string& name) { proto_.text(node_def::kInput, name); }

  // `value` is an AttrValue.
  NodeDefWriter& attribute(const std::string& key, const WireWriter& value) {
    WireWriter entry;
    entry.text(1, key);
    entry.message(2, value);
    proto_.message(node_def::kAttr, entry);
    return *this;
  }
  NodeDefWriter& text(const std::string& key, const std::string& text) {
    WireWriter value;
    value.text(attr_value::kString, text);
    return attribute(key, value);
  }
  // kInt, kBool or kType.
  NodeDefWriter& integer(const std::string& key, uint32_t kind, int64_t number) {
    WireWriter value;
    value.varint(kind, number);
    return attribute(key, value);
  }
  NodeDefWriter& shape(const std::string& key, const std::vector<int64_t>& dims) {
    WireWriter value;
    value.message(attr_value::kShape, shape_message(dims));
    return attribute(key, value);
  }

  const WireWriter& proto() const { return proto_; }

 private:
  WireWriter proto_;
};

}  // namespace posy
