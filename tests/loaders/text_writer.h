// Prints the messages that graph_writer.h makes in protobuf's text format, as TensorFlow would.
#pragma once
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "loaders/protobuf.h"

namespace posy {

// What stands in a field: 'f' float, 'd' double, 'i' integer, 's' string or bytes, 'b' bool, or a message's name.
struct TextField {
  const char* name;
  std::string type;
};

inline const std::map<std::string, std::map<uint32_t, TextField>>& text_fields() {
  static const std::map<std::string, std::map<uint32_t, TextField>> kFields = {
      {"GraphDef", {{1, {"node", "NodeDef"}}, {2, {"library", "Library"}}, {4, {"versions", "Versions"}}}},
      {"Library", {}},
      {"Versions", {{1, {"producer", "i"}}}},
      {"NodeDef",
       {{1, {"name", "s"}}, {2, {"op", "s"}}, {3, {"input", "s"}}, {4, {"device", "s"}}, {5, {"attr", "Attr"}}}},
      {"Attr", {{1, {"key", "s"}}, {2, {"value", "AttrValue"}}}},
      {"AttrValue",
       {{1, {"list", "List"}},
        {2, {"s", "s"}},
        {3, {"i", "i"}},
        {4, {"f", "f"}},
        {5, {"b", "b"}},
        {6, {"type", "i"}},
        {7, {"shape", "Shape"}},
        {8, {"tensor", "Tensor"}},
        {10, {"func", "Function"}}}},
      {"Function", {{1, {"name", "s"}}}},
      {"List", {{2, {"s", "s"}}, {3, {"i", "i"}}, {4, {"f", "f"}}}},
      {"Shape", {{2, {"dim", "Dim"}}, {3, {"unknown_rank", "b"}}}},
      {"Dim", {{1, {"size", "i"}}}},
      {"Tensor",
       {{1, {"dtype", "i"}},
        {2, {"tensor_shape", "Shape"}},
        {4, {"tensor_content", "s"}},
        {5, {"float_val", "f"}},
        {6, {"double_val", "d"}},
        {7, {"int_val", "i"}},
        {8, {"string_val", "s"}},
        {10, {"int64_val", "i"}},
        {11, {"bool_val", "b"}},
        {13, {"half_val", "i"}}}},
      {"SavedModel", {{1, {"saved_model_schema_version", "i"}}, {2, {"meta_graphs", "MetaGraphDef"}}}},
      {"MetaGraphDef",
       {{1, {"meta_info_def", "MetaInfo"}}, {2, {"graph_def", "GraphDef"}}, {5, {"signature_def", "SignatureEntry"}}}},
      {"MetaInfo", {{4, {"tags", "s"}}}},
      {"SignatureEntry", {{1, {"key", "s"}}, {2, {"value", "Signature"}}}},
      {"Signature", {{1, {"inputs", "InfoEntry"}}, {2, {"outputs", "InfoEntry"}}}},
      {"InfoEntry", {{1, {"key", "s"}}, {2, {"value", "TensorInfo"}}}},
      {"TensorInfo", {{1, {"name", "s"}}, {2, {"dtype", "i"}}}},
  };
  return kFields;
}

// Everything that is not a plain ASCII letter is escaped, as TensorFlow does with bytes.
inline std::string quoted(std::string_view bytes) {
  std::string out = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    char escape[8];
    std::snprintf(escape, sizeof escape, "\\%03o", byte);
    out += byte < 0x20 || byte > 0x7e || c == '"' || c == '\\' ? std::string(escape) : std::string(1, c);
  }
  return out + '"';
}

inline std::string number_text(char type, uint64_t bits) {
  char text[40];
  if (type == 'f') std::snprintf(text, sizeof text, "%.9g", std::bit_cast<float>(static_cast<uint32_t>(bits)));
  if (type == 'd') std::snprintf(text, sizeof text, "%.17g", std::bit_cast<double>(bits));
  if (type == 'i') std::snprintf(text, sizeof text, "%lld", static_cast<long long>(bits));
  if (type == 'b') std::snprintf(text, sizeof text, "%s", bits ? "true" : "false");
  return text;
}

inline std::string text_of(WireReader message, const std::string& type, const std::string& indent = "") {
  std::string out;
  while (message.next()) {
    const auto field = text_fields().at(type).find(message.field());
    if (field == text_fields().at(type).end()) continue;
    const std::string start = indent + field->second.name;
    const std::string& kind = field->second.type;
    if (kind == "s") {
      out += start + ": " + quoted(message.text()) + "\n";
    } else if (kind.size() > 1) {
      out += start + " {\n" + text_of(message.message(), kind, indent + "  ") + indent + "}\n";
    } else {
      const Wire wire = kind == "f" ? Wire::kFixed32 : kind == "d" ? Wire::kFixed64 : Wire::kVarint;
      message.each_number(wire, [&](uint64_t bits) { out += start + ": " + number_text(kind[0], bits) + "\n"; });
    }
  }
  return out;
}

}  // namespace posy
