#include "loaders/text_format.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>

#include "loaders/graph_def.h"

namespace posy {
namespace {

enum class Type : uint8_t { kMessage, kString, kFloat, kDouble, kInt32, kInt64, kBool, kDataType };

struct Message;

struct Field {
  std::string_view name;
  uint32_t number;
  Type type;
  bool repeated = false;
  const Message* message = nullptr;  // of kMessage
};

struct Message {
  std::span<const Field> fields;

  const Field* find(std::string_view name) const {
    for (const Field& field : fields) {
      if (field.name == name) return &field;
    }
    return nullptr;
  }
};

constexpr bool kRepeated = true;

// The fields of tensorflow/core/{framework,protobuf}/*.proto that the readers look at. A map is a repeated entry.
constexpr Field kDimFields[] = {{"size", 1, Type::kInt64}};
constexpr Message kDim{kDimFields};
constexpr Field kShapeFields[] = {{"dim", 2, Type::kMessage, kRepeated, &kDim}, {"unknown_rank", 3, Type::kBool}};
constexpr Message kShape{kShapeFields};
constexpr Field kTensorFields[] = {{"dtype", 1, Type::kDataType},
                                   {"tensor_shape", 2, Type::kMessage, false, &kShape},
                                   {"tensor_content", 4, Type::kString},
                                   {"float_val", 5, Type::kFloat, kRepeated},
                                   {"double_val", 6, Type::kDouble, kRepeated},
                                   {"int_val", 7, Type::kInt32, kRepeated},
                                   {"string_val", 8, Type::kString, kRepeated},
                                   {"int64_val", 10, Type::kInt64, kRepeated},
                                   {"bool_val", 11, Type::kBool, kRepeated},
                                   {"half_val", 13, Type::kInt32, kRepeated}};
constexpr Message kTensor{kTensorFields};
constexpr Field kListFields[] = {{"s", 2, Type::kString, kRepeated},
                                 {"i", 3, Type::kInt64, kRepeated},
                                 {"f", 4, Type::kFloat, kRepeated},
                                 {"b", 5, Type::kBool, kRepeated},
                                 {"type", 6, Type::kDataType, kRepeated}};
constexpr Message kList{kListFields};
constexpr Field kFunctionFields[] = {{"name", 1, Type::kString}};
constexpr Message kFunction{kFunctionFields};
constexpr Field kValueFields[] = {{"list", 1, Type::kMessage, false, &kList},
                                  {"s", 2, Type::kString},
                                  {"i", 3, Type::kInt64},
                                  {"f", 4, Type::kFloat},
                                  {"b", 5, Type::kBool},
                                  {"type", 6, Type::kDataType},
                                  {"shape", 7, Type::kMessage, false, &kShape},
                                  {"tensor", 8, Type::kMessage, false, &kTensor},
                                  {"func", 10, Type::kMessage, false, &kFunction}};
constexpr Message kValue{kValueFields};
constexpr Field kAttributeFields[] = {{"key", 1, Type::kString}, {"value", 2, Type::kMessage, false, &kValue}};
constexpr Message kAttribute{kAttributeFields};
constexpr Field kNodeFields[] = {{"name", 1, Type::kString},
                                 {"op", 2, Type::kString},
                                 {"input", 3, Type::kString, kRepeated},
                                 {"attr", 5, Type::kMessage, kRepeated, &kAttribute}};
constexpr Message kNode{kNodeFields};
constexpr Field kVersionsFields[] = {{"producer", 1, Type::kInt32}};
constexpr Message kVersions{kVersionsFields};
constexpr Field kGraphFields[] = {{"node", 1, Type::kMessage, kRepeated, &kNode},
                                  {"versions", 4, Type::kMessage, false, &kVersions}};
constexpr Message kGraph{kGraphFields};
constexpr Field kTensorInfoFields[] = {{"name", 1, Type::kString}, {"dtype", 2, Type::kDataType}};
constexpr Message kTensorInfo{kTensorInfoFields};
constexpr Field kEndFields[] = {{"key", 1, Type::kString}, {"value", 2, Type::kMessage, false, &kTensorInfo}};
constexpr Message kEnd{kEndFields};
constexpr Field kSignatureFields[] = {{"inputs", 1, Type::kMessage, kRepeated, &kEnd},
                                      {"outputs", 2, Type::kMessage, kRepeated, &kEnd}};
constexpr Message kSignature{kSignatureFields};
constexpr Field kSignatureEntryFields[] = {{"key", 1, Type::kString}, {"value", 2, Type::kMessage, false, &kSignature}};
constexpr Message kSignatureEntry{kSignatureEntryFields};
constexpr Field kMetaInfoFields[] = {{"tags", 4, Type::kString, kRepeated}};
constexpr Message kMetaInfo{kMetaInfoFields};
constexpr Field kMetaGraphFields[] = {{"meta_info_def", 1, Type::kMessage, false, &kMetaInfo},
                                      {"graph_def", 2, Type::kMessage, false, &kGraph},
                                      {"signature_def", 5, Type::kMessage, kRepeated, &kSignatureEntry}};
constexpr Message kMetaGraph{kMetaGraphFields};
constexpr Field kSavedModelFields[] = {{"saved_model_schema_version", 1, Type::kInt64},
                                       {"meta_graphs", 2, Type::kMessage, kRepeated, &kMetaGraph}};
constexpr Message kSavedModel{kSavedModelFields};

struct Root {
  Container container;
  const Message* message;
  std::span<const std::string_view> first_fields;  // one of these starts the text
};

constexpr std::string_view kGraphStarts[] = {"node", "versions", "version", "library"};
constexpr std::string_view kMetaGraphStarts[] = {"meta_info_def", "graph_def", "saver_def", "collection_def",
                                                 "signature_def"};
constexpr std::string_view kSavedModelStarts[] = {"saved_model_schema_version", "meta_graphs"};
constexpr Root kRoots[] = {{Container::kGraphDef, &kGraph, kGraphStarts},
                           {Container::kMetaGraphDef, &kMetaGraph, kMetaGraphStarts},
                           {Container::kSavedModel, &kSavedModel, kSavedModelStarts}};

// tensorflow/core/framework/types.proto: DT_ and the name at its number; DT_<name>_REF is 100 more.
constexpr std::string_view kDataTypes[] = {"INVALID",
                                           "FLOAT",
                                           "DOUBLE",
                                           "INT32",
                                           "UINT8",
                                           "INT16",
                                           "INT8",
                                           "STRING",
                                           "COMPLEX64",
                                           "INT64",
                                           "BOOL",
                                           "QINT8",
                                           "QUINT8",
                                           "QINT32",
                                           "BFLOAT16",
                                           "QINT16",
                                           "QUINT16",
                                           "UINT16",
                                           "COMPLEX128",
                                           "HALF",
                                           "RESOURCE",
                                           "VARIANT",
                                           "UINT32",
                                           "UINT64",
                                           "FLOAT8_E5M2",
                                           "FLOAT8_E4M3FN",
                                           "FLOAT8_E4M3FNUZ",
                                           "FLOAT8_E4M3B11FNUZ",
                                           "FLOAT8_E5M2FNUZ",
                                           "INT4",
                                           "UINT4",
                                           "INT2",
                                           "UINT2",
                                           "FLOAT4_E2M1FN"};

int64_t data_type_number(const TextToken& token) {
  std::string_view name = token.text;
  const bool is_reference = name.ends_with("_REF");
  if (is_reference) name.remove_suffix(4);
  const auto* found = name.starts_with("DT_") ? std::find(std::begin(kDataTypes), std::end(kDataTypes), name.substr(3))
                                              : std::end(kDataTypes);
  if (found == std::end(kDataTypes)) throw TextError(token.place, token.printable() + " is no type of TensorFlow");
  return found - std::begin(kDataTypes) + (is_reference ? 100 : 0);
}

bool bool_value(const TextToken& token) {
  if (token.kind == TextToken::Kind::kNumber) return token.integer(false, 0, 1) != 0;
  for (const std::string_view yes : {"true", "True", "t"}) {
    if (token.text == yes) return true;
  }
  for (const std::string_view no : {"false", "False", "f"}) {
    if (token.text == no) return false;
  }
  throw TextError(token.place, "true or false is expected in place of " + token.printable());
}

constexpr size_t kNowhere = std::numeric_limits<size_t>::max();

class Rewriter {
 public:
  // With a place to watch, watched() is where the text stands that went there.
  explicit Rewriter(std::string_view text, size_t watched_wire_place = kNowhere)
      : tokens_(text), watched_wire_place_(watched_wire_place) {}

  void rewrite(const Message& root) { fields(root, '\0'); }
  WireText& out() { return out_; }
  TextPlace watched() const { return watched_; }

 private:
  // A message's fields up to its closing bracket, or to the end of the text. The depth is that of kRoots.
  void fields(const Message& message, char closer) {
    uint64_t seen = 0;
    while (!(closer ? tokens_.skip(closer) : tokens_.now().kind == TextToken::Kind::kEnd)) {
      const TextToken name = tokens_.now();
      const Field* field = name.kind == TextToken::Kind::kName ? message.find(name.text) : nullptr;
      if (field) {
        const uint64_t bit = uint64_t{1} << (field - message.fields.data());
        if (!field->repeated && seen & bit)
          throw TextError(name.place, "the field " + name.printable() + " is given twice");
        seen |= bit;
        tokens_.next();
        known_field(*field, name.place);
      } else {
        unknown_field(closer);
      }
      if (!tokens_.skip(',')) tokens_.skip(';');
    }
  }

  void known_field(const Field& field, TextPlace place) {
    const bool has_colon = tokens_.skip(':');
    const bool is_list = field.repeated && tokens_.now().is('[');
    if (!has_colon && field.type != Type::kMessage) tokens_.refuse_now("':'");
    if (!is_list) return one_value(field, place);
    tokens_.next();
    if (tokens_.skip(']')) return;
    const bool is_packed = field.type != Type::kMessage && field.type != Type::kString;
    const size_t run = is_packed ? open(field, place) : 0;
    do {
      is_packed ? scalar(field.type) : one_value(field, tokens_.now().place);
    } while (tokens_.skip(','));
    if (!tokens_.skip(']')) tokens_.refuse_now("',' or ']'");
    if (is_packed) close(run);
  }

  void one_value(const Field& field, TextPlace place) {
    if (field.type == Type::kMessage) {
      const char closer = tokens_.now().is('{') ? '}' : '>';
      if (closer == '>' && !tokens_.now().is('<')) tokens_.refuse_now("'{'");
      tokens_.next();
      const size_t inner = open(field, place);
      fields(*field.message, closer);
      return close(inner);
    }
    if (field.type == Type::kString) {
      if (tokens_.now().kind != TextToken::Kind::kString) tokens_.refuse_now("a string");
      const size_t inner = open(field, place);
      for (; tokens_.now().kind == TextToken::Kind::kString; tokens_.next()) tokens_.now().append_string(out_.bytes);
      return close(inner);
    }
    tag(field, place,
        field.type == Type::kFloat    ? Wire::kFixed32
        : field.type == Type::kDouble ? Wire::kFixed64
                                      : Wire::kVarint);
    scalar(field.type);
  }

  // A number's value, without its tag.
  void scalar(Type type) {
    const bool negative = tokens_.skip('-');
    const TextToken& token = tokens_.now();
    const bool is_name = token.kind == TextToken::Kind::kName;
    if (!is_name && token.kind != TextToken::Kind::kNumber) tokens_.refuse_now("a value");
    if (type == Type::kFloat || type == Type::kDouble) {
      const double value = negative ? -token.number() : token.number();
      if (type == Type::kFloat) {
        fixed(std::bit_cast<uint32_t>(static_cast<float>(value)), 4);
      } else {
        fixed(std::bit_cast<uint64_t>(value), 8);
      }
    } else {
      varint(static_cast<uint64_t>(integer(type, negative)));
    }
    tokens_.next();
  }

  int64_t integer(Type type, bool negative) const {
    const TextToken& token = tokens_.now();
    if (type == Type::kBool && !negative) return bool_value(token);
    if (type == Type::kDataType && token.kind == TextToken::Kind::kName && !negative) return data_type_number(token);
    if (type == Type::kInt64) {
      return token.integer(negative, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
    }
    return token.integer(negative, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
  }

  // Its name may be a number or, in brackets, that of an extension.
  void unknown_field(char closer) {
    const TextToken& token = tokens_.now();
    if (token.is('[')) {
      skip_brackets();
    } else if (token.kind == TextToken::Kind::kName || token.kind == TextToken::Kind::kNumber) {
      tokens_.next();
    } else {
      tokens_.refuse_now(std::string("a field") + (closer ? std::string(" or '") + closer + "'" : ""));
    }
    const bool has_colon = tokens_.skip(':');
    if (token.is('{') || token.is('<') || (has_colon && token.is('['))) return skip_brackets();
    if (!has_colon) tokens_.refuse_now("':'");
    tokens_.skip('-');
    if (token.kind == TextToken::Kind::kEnd || token.kind == TextToken::Kind::kSymbol) tokens_.refuse_now("a value");
    const bool is_string = token.kind == TextToken::Kind::kString;
    do tokens_.next();
    while (is_string && token.kind == TextToken::Kind::kString);
  }

  // From an opening bracket to behind the one that closes it, whatever is between.
  void skip_brackets() {
    constexpr size_t kMaxDepth = 64;
    std::string closers;
    do {
      const TextToken& token = tokens_.now();
      if (token.is('{') || token.is('<') || token.is('[')) {
        if (closers.size() == kMaxDepth) {
          throw TextError(token.place, "messages are nested more than " + std::to_string(kMaxDepth) + " deep");
        }
        closers += token.is('{') ? '}' : token.is('<') ? '>' : ']';
      } else if (token.is(closers.back())) {
        closers.pop_back();
      } else if (token.kind == TextToken::Kind::kEnd || token.is('}') || token.is('>') || token.is(']')) {
        tokens_.refuse_now(std::string("'") + closers.back() + "'");
      }
      tokens_.next();
    } while (!closers.empty());
  }

  void tag(const Field& field, TextPlace place, Wire wire) {
    if (out_.bytes.size() <= watched_wire_place_) watched_ = place;
    if (field.message == &kNode && out_.nodes.size() <= kMaxNodes)
      out_.nodes.push_back({out_.bytes.size(), place.line});
    varint(uint64_t{field.number} << 3 | static_cast<uint64_t>(wire));
  }

  // Something with a length before it: 5 bytes are kept for that, since it is known only at close(). A varint may have
  // more bytes than it needs.
  static constexpr size_t kLengthBytes = 5;
  size_t open(const Field& field, TextPlace place) {
    tag(field, place, Wire::kBytes);
    out_.bytes.resize(out_.bytes.size() + kLengthBytes);
    return out_.bytes.size();
  }
  void close(size_t start) {
    uint64_t length = out_.bytes.size() - start;
    for (size_t i = 0; i < kLengthBytes; ++i, length >>= 7) {
      out_.bytes[start - kLengthBytes + i] = static_cast<uint8_t>((length & 0x7f) | (i + 1 < kLengthBytes ? 0x80 : 0));
    }
  }

  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_.bytes.push_back(static_cast<uint8_t>(value | 0x80));
    out_.bytes.push_back(static_cast<uint8_t>(value));
  }
  void fixed(uint64_t bits, int byte_count) {
    for (; byte_count > 0; --byte_count, bits >>= 8) out_.bytes.push_back(static_cast<uint8_t>(bits));
  }

  TextTokens tokens_;
  size_t watched_wire_place_;
  TextPlace watched_;
  WireText out_;
};

const Message& root_message(Container container) {
  for (const Root& root : kRoots) {
    if (root.container == container) return *root.message;
  }
  throw std::logic_error("no such container");
}

}  // namespace

Container text_container(std::span<const uint8_t> text) {
  try {
    TextTokens tokens({reinterpret_cast<const char*>(text.data()), text.size()});
    const TextToken name = tokens.now();
    if (name.kind != TextToken::Kind::kName) return Container::kNone;
    tokens.next();
    const TextToken& then = tokens.now();
    if (!then.is(':') && !then.is('{') && !then.is('<') && !then.is('[')) return Container::kNone;
    for (const Root& root : kRoots) {
      if (std::find(root.first_fields.begin(), root.first_fields.end(), name.text) != root.first_fields.end()) {
        return root.container;
      }
    }
  } catch (const TextError&) {
  }
  return Container::kNone;
}

WireText text_to_wire(std::string_view text, Container container) {
  Rewriter rewriter(text);
  rewriter.rewrite(root_message(container));
  return std::move(rewriter.out());
}

TextPlace text_place(std::string_view text, Container container, size_t wire_place) {
  Rewriter rewriter(text, wire_place);
  rewriter.rewrite(root_message(container));
  return rewriter.watched();
}

}  // namespace posy
