// Field numbers are those of tensorflow/core/protobuf/{meta_graph,saved_model}.proto.
#include "loaders/container.h"

#include <algorithm>
#include <optional>

#include "loaders/graph_def.h"
#include "loaders/protobuf.h"

namespace posy {
namespace {

constexpr uint8_t kTagOfField1 = 0x0a, kTagOfField2 = 0x12;  // both of kind "bytes"

// A tensor that a signature names: "final_result:0" under the key "prediction".
struct SignatureEnd {
  std::string key;
  std::string tensor;
  DataType type = DataType::kInvalid;
};

struct Signature {
  std::string key;
  std::vector<SignatureEnd> inputs, outputs;
};

struct MetaGraph {
  WireReader message;
  std::vector<std::string> tags;

  bool has_tag(std::string_view tag) const { return std::find(tags.begin(), tags.end(), tag) != tags.end(); }
};

SignatureEnd read_signature_end(WireReader entry) {
  SignatureEnd end;
  while (entry.next()) {
    if (entry.field() == 1) end.key = entry.text();
    if (entry.field() != 2) continue;
    WireReader info = entry.message();
    while (info.next()) {
      if (info.field() == 1) end.tensor = info.text();
      if (info.field() == 2) end.type = static_cast<DataType>(info.int32());
    }
  }
  return end;
}

Signature read_signature(WireReader entry) {
  Signature signature;
  while (entry.next()) {
    if (entry.field() == 1) signature.key = entry.text();
    if (entry.field() != 2) continue;
    WireReader message = entry.message();
    while (message.next()) {
      if (message.field() == 1) signature.inputs.push_back(read_signature_end(message.message()));
      if (message.field() == 2) signature.outputs.push_back(read_signature_end(message.message()));
    }
  }
  return signature;
}

// The one that TensorFlow Serving would call, or the only one.
const Signature* choose_signature(const std::vector<Signature>& signatures) {
  const Signature* only = nullptr;
  size_t count = 0;
  for (const Signature& signature : signatures) {
    if (signature.key == "serving_default") return &signature;
    if (signature.key.starts_with("__saved_model_")) continue;  // TensorFlow's own, to initialise and to train
    only = &signature;
    ++count;
  }
  return count == 1 ? only : nullptr;
}

// Estimators export the class names and the logits beside the scores.
const SignatureEnd* choose_output(const std::vector<SignatureEnd>& outputs) {
  std::vector<const SignatureEnd*> floats;
  for (const SignatureEnd& output : outputs) {
    if (output.type == DataType::kFloat) floats.push_back(&output);
  }
  if (floats.size() == 1) return floats[0];
  for (const char* key : {"prediction", "predictions", "probabilities", "scores"}) {
    for (const SignatureEnd* output : floats) {
      if (output->key == key) return output;
    }
  }
  return nullptr;
}

// "conv:0" is the node conv; empty when there is no such node, or it is not its first output.
std::string node_of(const Graph& graph, std::string tensor) {
  if (tensor.ends_with(":0")) tensor.resize(tensor.size() - 2);
  const auto is_it = [&](const GraphNode& node) { return node.name == tensor; };
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), is_it) ? tensor : "";
}

void read_meta_graph(WireReader meta, Graph& graph) {
  const WireReader start = meta;
  std::optional<WireReader> graph_def;
  std::vector<Signature> signatures;
  while (meta.next()) {
    if (meta.field() == 2) graph_def = meta.message();
    if (meta.field() == 5) signatures.push_back(read_signature(meta.message()));
  }
  if (!graph_def) start.refuse("there is no graph in it");
  read_graph_def(*graph_def, graph);
  const Signature* signature = choose_signature(signatures);
  if (!signature) return;
  if (signature->inputs.size() == 1) graph.suggested_input = node_of(graph, signature->inputs[0].tensor);
  if (const SignatureEnd* output = choose_output(signature->outputs)) {
    graph.suggested_output = node_of(graph, output->tensor);
  }
}

MetaGraph read_tags(const WireReader& message) {
  MetaGraph meta{message, {}};
  WireReader field = message;
  while (field.next()) {
    if (field.field() != 1) continue;
    WireReader info = field.message();
    while (info.next()) {
      if (info.field() == 4) meta.tags.emplace_back(info.text());
    }
  }
  return meta;
}

// "[serve], [train,gpu]"
std::string tags_text(const std::vector<MetaGraph>& metas) {
  std::string out;
  for (const MetaGraph& meta : metas) {
    out += out.empty() ? "[" : ", [";
    for (const std::string& tag : meta.tags) out += (&tag == &meta.tags[0] ? "" : ",") + printable_name(tag);
    out += "]";
  }
  return out;
}

const MetaGraph* choose_meta_graph(const std::vector<MetaGraph>& metas) {
  for (const MetaGraph& meta : metas) {
    if (meta.tags.size() == 1 && meta.has_tag("serve")) return &meta;
  }
  for (const MetaGraph& meta : metas) {
    if (meta.has_tag("serve")) return &meta;
  }
  return metas.size() == 1 ? &metas[0] : nullptr;
}

void read_saved_model(WireReader saved, Graph& graph) {
  constexpr size_t kMaxMetaGraphs = 64;
  const WireReader start = saved;
  std::vector<MetaGraph> metas;
  while (saved.next()) {
    if (saved.field() != 2) continue;
    if (metas.size() == kMaxMetaGraphs) saved.refuse("more than " + std::to_string(kMaxMetaGraphs) + " graphs");
    metas.push_back(read_tags(saved.message()));
  }
  if (metas.empty()) start.refuse("there is no graph in it");
  const MetaGraph* meta = choose_meta_graph(metas);
  if (!meta) start.refuse("none of its graphs is tagged 'serve', only " + tags_text(metas));
  read_meta_graph(meta->message, graph);
}

}  // namespace

Container wire_container(std::span<const uint8_t> bytes) {
  if (bytes.size() < 3) return Container::kNone;
  // saved_model_schema_version is 1, then come the graphs.
  if (bytes[0] == 0x08 && bytes[1] == 1 && bytes[2] == kTagOfField2) return Container::kSavedModel;
  // meta_info_def, then graph_def. A GraphDef has a second node there, or its versions.
  if (bytes[0] != kTagOfField1) return Container::kNone;
  try {
    WireReader message(bytes);
    message.next();
    const size_t second = static_cast<size_t>(message.bytes().data() + message.bytes().size() - bytes.data());
    if (second < bytes.size() && bytes[second] == kTagOfField2) return Container::kMetaGraphDef;
  } catch (const WireError&) {
  }
  return Container::kNone;
}

void read_container(Container container, Graph& graph) {
  const WireReader message(graph.bytes);
  if (container == Container::kSavedModel) return read_saved_model(message, graph);
  if (container == Container::kMetaGraphDef) return read_meta_graph(message, graph);
  read_graph_def(message, graph);
}

}  // namespace posy
