// Field numbers are those of tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape,versions}.proto;
// fields not named here are stepped over. The depth of what is read is fixed (graph, node, attribute, value, tensor,
// shape, dimension), so nothing recurses.
#include "loaders/graph_def.h"

#include <algorithm>
#include <cstring>

namespace posy {
namespace {

// Nodes in use have up to 30 attributes; one in memory takes 70 times its smallest size in the file.
constexpr size_t kMaxAttributesOfNode = 1000;
constexpr size_t kMaxAttributes = 2 * kMaxNodes;
constexpr size_t kMaxRank = 254;  // TensorFlow's own limit
constexpr uint64_t kMaxElements = 1ull << 40;

// How many attributes are still taken, and how many bytes constants may still take beyond the file's own: one value can
// stand for a whole tensor, so that the size of the file alone is no limit. 16 is the most by which an honest list of
// values grows (1-byte varints to int64 is 8), 64 MiB is for fills in small graphs.
struct ExpandBudget {
  uint64_t bytes_left;
  size_t attributes_left = kMaxAttributes;
  explicit ExpandBudget(uint64_t file_bytes)
      : bytes_left(std::min<uint64_t>(1ull << 30, (64ull << 20) + 16 * file_bytes)) {}

  bool take(uint64_t bytes) {
    if (bytes > bytes_left) return false;
    bytes_left -= bytes;
    return true;
  }
};

// Where a TensorProto keeps the values of a type: the number of its *_val field and how that is written.
struct ValueField {
  uint32_t number;
  Wire wire;
};

ValueField value_field(DataType type) {
  switch (type) {
    case DataType::kFloat:
      return {5, Wire::kFixed32};
    case DataType::kDouble:
      return {6, Wire::kFixed64};
    case DataType::kInt64:
      return {10, Wire::kVarint};
    case DataType::kBool:
      return {11, Wire::kVarint};
    case DataType::kHalf:
    case DataType::kBfloat16:
      return {13, Wire::kVarint};
    default:
      return {7, Wire::kVarint};  // all integers of up to 32 bits, quantized or not
  }
}

constexpr uint32_t kContentField = 4;
constexpr uint32_t kStringField = 8;

[[noreturn]] void refuse_too_many(const WireReader& place, const GraphTensor& tensor, uint64_t count) {
  place.refuse("a constant of shape " + shape_text(tensor.dims) + " lists more values than its " +
               std::to_string(count) + " elements");
}

void take_budget(const WireReader& place, const GraphTensor& tensor, uint64_t bytes, ExpandBudget& budget) {
  if (budget.take(bytes)) return;
  place.refuse("a constant of shape " + shape_text(tensor.dims) + " and type " + data_type_name(tensor.type) +
               " would fill " + std::to_string(bytes) + " bytes, more than a graph of this size may ask for");
}

// tensor_content of strings: the length of each as a varint, then all their bytes.
void read_string_content(WireReader content, uint64_t count, GraphTensor& tensor) {
  std::vector<uint64_t> lengths;
  while (lengths.size() < count) lengths.push_back(content.read_varint());
  for (const uint64_t length : lengths) {
    const auto text = content.take(length);
    tensor.strings.emplace_back(text.begin(), text.end());
  }
}

void read_strings(WireReader proto, const WireReader& place, uint64_t count, ExpandBudget& budget,
                  GraphTensor& tensor) {
  while (proto.next()) {
    if (proto.field() == kContentField && !proto.bytes().empty()) {
      return read_string_content(proto.message(), count, tensor);
    }
    if (proto.field() != kStringField) continue;
    if (tensor.strings.size() == count) refuse_too_many(proto, tensor, count);
    tensor.strings.emplace_back(proto.text());
  }
  if (tensor.strings.size() == count) return;
  const std::string last = tensor.strings.empty() ? "" : tensor.strings.back();
  const uint64_t missing = count - tensor.strings.size();
  take_budget(place, tensor, missing, budget);  // alone first: it bounds the product
  take_budget(place, tensor, missing * (sizeof(std::string) + last.size()), budget);
  tensor.strings.resize(count, last);
}

// The values of a *_val field, low bytes first. Fewer than elements: the last one repeats; none: zeros.
void read_values(WireReader proto, const WireReader& place, uint64_t count, ExpandBudget& budget, GraphTensor& tensor) {
  const ValueField values = value_field(tensor.type);
  const size_t element_bytes = data_type_bytes(tensor.type);
  take_budget(place, tensor, count * element_bytes, budget);
  tensor.owned = std::make_shared<std::vector<uint8_t>>(count * element_bytes);
  uint8_t* const out = tensor.owned->data();
  uint64_t filled = 0;
  while (proto.next()) {
    if (proto.field() != values.number) continue;
    proto.each_number(values.wire, [&](uint64_t value) {
      if (filled == count) refuse_too_many(proto, tensor, count);
      if (tensor.type == DataType::kBool) value = value != 0;
      std::memcpy(out + filled++ * element_bytes, &value, element_bytes);
    });
  }
  if (filled > 0) {
    const uint8_t* last = out + (filled - 1) * element_bytes;
    for (; filled < count; ++filled) std::memcpy(out + filled * element_bytes, last, element_bytes);
  }
  tensor.bytes = *tensor.owned;
}

GraphTensor read_tensor(const WireReader& attribute, ExpandBudget& budget) {
  GraphTensor tensor;
  GraphShape shape;
  shape.known_rank = true;  // no shape at all is a scalar
  std::span<const uint8_t> content;
  WireReader proto = attribute.message();
  while (proto.next()) {
    switch (proto.field()) {
      case 1:
        tensor.type = static_cast<DataType>(proto.int32());
        break;
      case 2:
        shape = read_shape(proto.message());
        break;
      case kContentField:
        content = proto.bytes();
        break;
    }
  }
  tensor.dims = shape.dims;
  const uint64_t count = element_count(attribute, shape);
  const size_t element_bytes = data_type_bytes(tensor.type);
  if (tensor.type == DataType::kString) {
    read_strings(attribute.message(), attribute, count, budget, tensor);
  } else if (element_bytes == 0) {
    // A type that no classifier computes with: kept by name, refused only where something needs its values.
  } else if (content.empty()) {
    read_values(attribute.message(), attribute, count, budget, tensor);
  } else if (content.size() == count * element_bytes) {
    tensor.bytes = content;
  } else {
    attribute.refuse("a constant of shape " + shape_text(tensor.dims) + " and type " + data_type_name(tensor.type) +
                     " needs " + std::to_string(count * element_bytes) + " bytes but has " +
                     std::to_string(content.size()));
  }
  return tensor;
}

void read_list(WireReader list, GraphAttribute& out) {
  while (list.next()) {
    switch (list.field()) {
      case 2:
        out.texts.emplace_back(list.text());
        break;
      case 3:  // int
      case 5:  // bool
      case 6:  // type
        list.each_number(Wire::kVarint, [&](uint64_t value) { out.integers.push_back(static_cast<int64_t>(value)); });
        break;
      case 4:
        list.each_number(Wire::kFixed32, [&](uint64_t bits) {
          out.numbers.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
        });
        break;
    }
  }
}

// NameAttrList: only the function's name is kept.
std::string read_function_name(WireReader function) {
  std::string name;
  while (function.next()) {
    if (function.field() == 1) name = function.text();
  }
  return name;
}

GraphAttribute read_attribute(WireReader value, ExpandBudget& budget) {
  using Kind = GraphAttribute::Kind;
  constexpr Kind kKindOfField[] = {Kind::kNone, Kind::kList,  Kind::kString, Kind::kInt,  Kind::kFloat,   Kind::kBool,
                                   Kind::kType, Kind::kShape, Kind::kTensor, Kind::kNone, Kind::kFunction};
  GraphAttribute out;
  while (value.next()) {
    if (value.field() < std::size(kKindOfField)) out.kind = kKindOfField[value.field()];
    switch (value.field()) {
      case 1:
        read_list(value.message(), out);
        break;
      case 2:
        out.text = value.text();
        break;
      case 3:
        out.integer = value.int64();
        break;
      case 4:
        out.number = value.float32();
        break;
      case 5:
        out.integer = value.varint() != 0;
        break;
      case 6:
        out.integer = value.int32();
        break;
      case 7:
        out.shape = read_shape(value.message());
        break;
      case 8:
        out.tensor = read_tensor(value, budget);
        break;
      case 10:
        out.text = read_function_name(value.message());
        break;
    }
  }
  return out;
}

// One entry of the map: key = 1, value = 2.
void read_attribute_entry(WireReader entry, ExpandBudget& budget, GraphNode& node) {
  std::string key;
  GraphAttribute value;
  const WireReader start = entry;
  try {
    while (entry.next()) {
      if (entry.field() == 1) key = entry.text();
      if (entry.field() == 2) value = read_attribute(entry.message(), budget);
    }
  } catch (const WireError& error) {
    throw WireError("attribute '" + printable_name(key) + "'", error);
  }
  if (key.empty()) start.refuse("an attribute has no name");
  node.attributes.insert_or_assign(std::move(key), std::move(value));
}

void read_node(WireReader field, ExpandBudget& budget, GraphNode& node) {
  while (field.next()) {
    switch (field.field()) {
      case 1:
        node.name = field.text();
        break;
      case 2:
        node.op = field.text();
        break;
      case 3:
        if (field.bytes().empty()) field.refuse("an input has no name");
        node.inputs.emplace_back(field.text());
        break;
      case 5:
        read_attribute_entry(field.message(), budget, node);
        if (node.attributes.size() > kMaxAttributesOfNode || budget.attributes_left-- == 0) {
          field.refuse("more attributes than any graph has");
        }
        break;
    }
  }
  if (node.name.empty()) throw WireError(node.place, "it has no name");
  if (node.op.empty()) throw WireError(node.place, "it has no op");
}

int read_producer(WireReader versions) {
  int producer = 0;
  while (versions.next()) {
    if (versions.field() == 1) producer = versions.int32();
  }
  return producer;
}

// "node 3 (conv1)": counted from 1, as people count.
std::string node_label(const Graph& graph, const GraphNode& node) {
  const std::string number = std::to_string(&node - graph.nodes.data() + 1);
  return "node " + number + (node.name.empty() ? "" : " (" + printable_name(node.name) + ")");
}

}  // namespace

GraphShape read_shape(WireReader shape) {
  GraphShape out;
  out.known_rank = true;
  while (shape.next()) {
    if (shape.field() == 3) out.known_rank = shape.varint() == 0;
    if (shape.field() != 2) continue;
    int64_t size = 0;
    WireReader dim = shape.message();
    while (dim.next()) {
      if (dim.field() == 1) size = dim.int64();
    }
    if (size < -1) shape.refuse("a dimension of " + std::to_string(size));
    if (out.dims.size() == kMaxRank) shape.refuse("a shape of more than " + std::to_string(kMaxRank) + " dimensions");
    out.dims.push_back(size);
  }
  return out;
}

uint64_t element_count(const WireReader& place, const GraphShape& shape) {
  if (!shape.known_rank) place.refuse("a constant of unknown shape");
  uint64_t product = 1;  // without the zeros, so that the product of any of the dimensions is in range
  bool is_empty = false;
  for (const int64_t dim : shape.dims) {
    if (dim < 0) place.refuse("a constant of shape " + shape_text(shape.dims));
    if (static_cast<uint64_t>(dim) > kMaxElements / product) {
      place.refuse("a constant of shape " + shape_text(shape.dims) + " has more elements than any tensor");
    }
    is_empty |= dim == 0;
    product *= std::max<uint64_t>(1, static_cast<uint64_t>(dim));
  }
  return is_empty ? 0 : product;
}

void read_graph_def(WireReader field, Graph& graph) {
  ExpandBudget budget(graph.bytes.size());
  std::unordered_map<std::string, size_t> number_of_name;
  while (field.next()) {
    if (field.field() == 4) graph.producer = read_producer(field.message());
    if (field.field() != 1) continue;
    if (graph.nodes.size() == kMaxNodes) field.refuse("more than " + std::to_string(kMaxNodes) + " nodes");
    const WireReader message = field.message();
    GraphNode& node = graph.nodes.emplace_back();
    node.place = field.place();
    try {
      read_node(message, budget, node);
      const auto [other, is_new] = number_of_name.emplace(node.name, graph.nodes.size());
      if (!is_new) field.refuse("node " + std::to_string(other->second) + " has the same name");
    } catch (const WireError& error) {
      throw WireError(node_label(graph, node), error);
    }
  }
  if (graph.nodes.empty()) throw WireError(0, "there are no nodes in it");
}

}  // namespace posy
