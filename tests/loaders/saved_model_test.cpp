#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "loaders/checkpoint.h"
#include "loaders/error.h"
#include "loaders/graph.h"
#include "tests/loaders/graph_compare.h"
#include "tests/loaders/saved_model_writer.h"
#include "tests/loaders/text_writer.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

// A new empty folder, gone with everything in it at the end of the test.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("posy_saved_model_test_" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_ / "variables");
  }
  ~Folder() { fs::remove_all(path_); }
  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

// Unlike write_file() it does not wait for the disk.
void write_bytes(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string refusal(const std::vector<uint8_t>& bytes) {
  return message_of([&] { parse_graph(bytes, "m"); });
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

std::vector<uint8_t> as_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

GraphWriter frozen_graph() {
  GraphWriter g;
  g.placeholder("image", {-1, 4});
  g.constant("w", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  g.node("logits", "MatMul", {"image", "w"});
  g.node("scores", "Softmax", {"logits"});
  return g;
}

// The same with its weights in variables, one of each kind, and one variable that only training needs.
GraphWriter variable_graph() {
  GraphWriter g;
  g.placeholder("image", {-1, 4});
  g.node("w", "VariableV2").type("dtype", DataType::kFloat).shape("shape", {4, 2}).text("shared_name", "");
  g.node("w/read", "Identity", {"w"}).type("T", DataType::kFloat);
  g.node("b", "VarHandleOp").type("dtype", DataType::kFloat).shape("shape", {2}).text("shared_name", "old/b");
  g.node("b/Read", "ReadVariableOp", {"b:0"}).type("dtype", DataType::kFloat);
  g.node("momentum", "VariableV2").type("dtype", DataType::kFloat).shape("shape", {4, 2});
  g.node("logits", "MatMul", {"image", "w/read"});
  g.node("biased", "BiasAdd", {"logits", "b/Read"});
  g.node("scores", "Softmax", {"biased"});
  return g;
}

MetaGraphWriter serving(const GraphWriter& graph) {
  return MetaGraphWriter({"serve"}, graph.bytes())
      .signature("serving_default", {{"image", "image:0"}}, {{"prediction", "scores:0"}});
}

CheckpointWriter weights() {
  CheckpointWriter checkpoint;
  checkpoint.variable("w", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8})
      .variable("old/b", {2}, {0.5f, -0.5f})
      .variable("w2", {}, {9});
  return checkpoint;
}

void write_checkpoint(const std::string& prefix, const CheckpointWriter& checkpoint) {
  write_bytes(prefix + ".index", checkpoint.index());
  write_bytes(prefix + ".data-00000-of-00001", checkpoint.data());
}

const GraphNode& node_named(const Graph& graph, const std::string& name) {
  for (const GraphNode& node : graph.nodes) {
    if (node.name == name) return node;
  }
  throw InputError("no node " + name);
}

// With which sentence the checkpoint's variable "w" is refused.
std::string refusal_of(const CheckpointWriter& checkpoint) {
  Folder folder;
  write_checkpoint(folder / "c", checkpoint);
  const std::string message = message_of([&] { Checkpoint(folder / "c").read("w"); });
  const std::string start = folder / "c.index: ";
  return message.starts_with(start) ? message.substr(start.size()) : message;
}

}  // namespace

TEST_CASE("saved model: the graph tagged serve is read, and its signature names input and output") {
  GraphWriter training;
  training.node("train", "NoOp");
  const Graph plain = parse_graph(frozen_graph().bytes(), "g.pb");
  const std::vector<uint8_t> bytes =
      saved_model({MetaGraphWriter({"train"}, training.bytes()), MetaGraphWriter({"serve", "tpu"}, training.bytes()),
                   serving(frozen_graph())});
  const Graph graph = parse_graph(bytes, "saved_model.pb");
  CHECK(graph.nodes.size() == 4);
  CHECK(graph.suggested_input == "image");
  CHECK(graph.suggested_output == "scores");
  CHECK(same_node(graph.nodes[1], plain.nodes[1]));
  CHECK(graph.file_bytes == bytes.size());
  CHECK(graph.bytes[graph.nodes[1].place] == 0x0a);
  CHECK(same_graph(parse_graph(gzip_stored(bytes), "saved_model.pb.gz"), graph));
}

TEST_CASE("saved model: in text it gives the same graph") {
  const std::vector<uint8_t> saved = saved_model({serving(frozen_graph())});
  const Graph graph = parse_graph(saved, "saved_model.pb");
  CHECK(same_graph(parse_graph(as_bytes(text_of(WireReader(saved), "SavedModel")), "saved_model.pbtxt"), graph));
  const std::vector<uint8_t> meta = serving(frozen_graph()).bytes();
  CHECK(same_graph(parse_graph(meta, "m.meta"), graph));
  CHECK(same_graph(parse_graph(as_bytes(text_of(WireReader(meta), "MetaGraphDef")), "m.meta"), graph));
}

TEST_CASE("saved model: without the tag serve the only graph is taken, and of several none") {
  CHECK(parse_graph(saved_model({MetaGraphWriter({}, frozen_graph().bytes())}), "m").nodes.size() == 4);
  const std::vector<uint8_t> graph = frozen_graph().bytes();
  contains(refusal(saved_model({MetaGraphWriter({"train", "gpu"}, graph), MetaGraphWriter({"eval"}, graph)})),
           "m: byte 0: none of its graphs is tagged 'serve', only [train,gpu], [eval]");
}

TEST_CASE("saved model: what the signature does not say clearly is not suggested") {
  const auto graph_with = [](const std::vector<MetaGraphWriter::End>& inputs,
                             const std::vector<MetaGraphWriter::End>& outputs, const char* key = "serving_default") {
    return parse_graph(
        saved_model({MetaGraphWriter({"serve"}, frozen_graph().bytes()).signature(key, inputs, outputs)}), "m");
  };
  const Graph two = graph_with({{"a", "image:0"}, {"b", "w:0"}}, {{"x", "scores:0"}, {"y", "logits:0"}});
  CHECK(two.suggested_input.empty());
  CHECK(two.suggested_output.empty());
  CHECK(graph_with({}, {{"logits", "logits:0"}, {"probabilities", "scores:0"}}).suggested_output == "scores");
  CHECK(graph_with({}, {{"classes", "image:0", DataType::kString}, {"y", "logits:0"}}).suggested_output == "logits");
  CHECK(graph_with({{"a", "absent:0"}}, {{"y", "scores:1"}}).suggested_input.empty());
  CHECK(graph_with({{"a", "absent:0"}}, {{"y", "scores:1"}}).suggested_output.empty());
  CHECK(graph_with({{"a", "image"}}, {}).suggested_input == "image");
  CHECK(graph_with({{"a", "image:0"}}, {}, "the_only_one").suggested_input == "image");
  CHECK(graph_with({{"a", "image:0"}}, {}, "__saved_model_init_op").suggested_input.empty());
}

TEST_CASE("saved model: damage is refused with the byte") {
  const std::vector<uint8_t> whole = saved_model({serving(frozen_graph())});
  CHECK(refusal({whole.begin(), whole.end() - 1}).starts_with("m: byte 2: a value of "));
  contains(refusal({whole.begin(), whole.end() - 1}), "left of the file; it is cut short: copy or download it again");
  WireWriter no_graph, empty_meta;
  no_graph.varint(1, 1);
  no_graph.message(2, empty_meta);
  CHECK(refusal(no_graph.bytes()) == "m: byte 4: there is no graph in it");
  CHECK(
      refusal({8, 1, 0x12, 3, 0x12, 9, 0}) ==
      "m: byte 4: a value of 9 bytes does not fit into the 1 bytes that are left of its message; the file is damaged: "
      "copy or download it again");
  contains(refusal(std::vector<uint8_t>(saved_model(std::vector<MetaGraphWriter>(65, serving(frozen_graph()))))),
           "more than 64 graphs");
  for (size_t length = 0; length < whole.size(); ++length) {
    INFO(length);
    CHECK(refusal({whole.begin(), whole.begin() + length}) != "");
  }
}

TEST_CASE("saved model: changed bytes are read or refused, never worse") {
  for (const std::vector<uint8_t>& whole :
       {saved_model({serving(frozen_graph())}), serving(variable_graph()).bytes()}) {
    std::mt19937 random(5);
    int read = 0;
    for (int round = 0; round < 10000; ++round) {
      std::vector<uint8_t> bytes = whole;
      for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
        bytes[random() % bytes.size()] ^= static_cast<uint8_t>(1u << random() % 8);
      }
      read += refusal(bytes).empty();
    }
    CHECK(read > 100);
    CHECK(read < 9900);
  }
}

TEST_CASE("saved model: the folder and its file give the same graph") {
  Folder folder;
  write_bytes(folder / "saved_model.pb", saved_model({serving(frozen_graph())}));
  const Graph graph = read_graph(folder.path());
  CHECK(graph.file_name == folder.path());
  CHECK(graph.suggested_output == "scores");
  CHECK(same_graph(read_graph(folder / "saved_model.pb"), graph));
  CHECK(same_graph(read_graph(folder.path() + "/"), graph));
  CHECK(message_of([&] { read_graph(folder / "variables"); }) ==
        folder / "variables: a folder with neither saved_model.pb nor model.json in it: give the file of the graph");
  contains(message_of([&] { read_graph(folder / "absent"); }), "cannot be read: No such file");
}

TEST_CASE("saved model: variables become the constants of the checkpoint") {
  Folder folder;
  write_bytes(folder / "saved_model.pb", saved_model({serving(variable_graph())}));
  write_checkpoint(folder / "variables/variables", weights());
  const Graph graph = read_graph(folder.path());
  CHECK(graph.notes == std::vector<std::string>{"2 variables read from " + folder / "variables/variables.index"});
  const GraphNode& w = node_named(graph, "w");
  CHECK(w.op == "Const");
  CHECK(w.attribute("dtype")->integer == 1);
  CHECK(w.attribute("value")->kind == GraphAttribute::Kind::kTensor);
  CHECK(w.attribute("value")->tensor.dims == std::vector<int64_t>{4, 2});
  CHECK(w.attribute("value")->tensor.number(7) == 8);
  CHECK(node_named(graph, "b").attribute("value")->tensor.number(1) == -0.5);
  CHECK(node_named(graph, "b/Read").op == "Identity");
  CHECK(node_named(graph, "b/Read").inputs == std::vector<std::string>{"b:0"});
  CHECK(node_named(graph, "b/Read").attribute("T")->integer == 1);
  CHECK(node_named(graph, "momentum").op == "VariableV2");  // nothing that the scores need
}

TEST_CASE("saved model: variables without a checkpoint are refused with the command that freezes") {
  Folder folder;
  write_bytes(folder / "saved_model.pb", saved_model({serving(variable_graph())}));
  CHECK(
      message_of([&] { read_graph(folder.path()); }) ==
      folder.path() + ": the value of the variable 'w' is missing, as there is no " + folder.path() +
          "/variables/variables.index: copy the folder with everything in it, or freeze it where it is whole: python3 "
          "-m tensorflow.python.tools.freeze_graph --input_saved_model_dir=" +
          folder.path() + " --output_node_names=scores --output_graph=frozen.pb");
  CheckpointWriter half;
  half.variable("w", {4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  write_checkpoint(folder / "variables/variables", half);
  contains(
      message_of([&] { read_graph(folder.path()); }),
      ": the value of the variable 'b' is not in " + folder.path() + "/variables/variables.index: copy the folder");
  CHECK(parse_graph(saved_model({serving(variable_graph())}), "m").nodes.size() == 9);
}

TEST_CASE("saved model: a graph inside functions is refused with the command that freezes") {
  GraphWriter g;
  g.placeholder("image", {-1, 4});
  g.node("StatefulPartitionedCall", "StatefulPartitionedCall", {"image"})
      .function("f", "__inference_signature_wrapper");
  g.node("saver", "StatefulPartitionedCall", {"saver_filename"});
  Folder folder;
  write_bytes(folder / "saved_model.pb", saved_model({MetaGraphWriter({"serve"}, g.bytes())
                                                          .signature("serving_default", {{"image", "image:0"}},
                                                                     {{"output_0", "StatefulPartitionedCall:0"}})}));
  CHECK(
      message_of([&] { read_graph(folder.path()); }) ==
      folder.path() +
          ": a SavedModel of TensorFlow 2, whose graph is inside functions ('StatefulPartitionedCall' calls one): "
          "freeze it into one graph first: python3 -c \"import tensorflow as tf; from "
          "tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2 as freeze; model "
          "= tf.saved_model.load('" +
          folder.path() +
          "'); tf.io.write_graph(freeze(model.signatures['serving_default']).graph, '.', 'frozen.pb', "
          "as_text=False)\"");
  // A saver beside a graph of plain ops is none of its business.
  GraphWriter plain = frozen_graph();
  plain.node("saver", "StatefulPartitionedCall", {"saver_filename"});
  write_bytes(folder / "saved_model.pb", saved_model({serving(plain)}));
  CHECK(read_graph(folder.path()).nodes.size() == 5);
}

TEST_CASE("meta graph: variables come from the checkpoint beside it, or the freeze command is said") {
  Folder folder;
  const std::string meta = folder / "model.ckpt-7.meta";
  write_bytes(meta, MetaGraphWriter({}, variable_graph().bytes()).bytes());
  CHECK(message_of([&] { read_graph(meta); }) ==
        meta + ": the value of the variable 'w' is missing, as there is no " + folder.path() +
            "/model.ckpt-7.index: copy the checkpoint's other files beside it, or freeze it where they are: python3 -m "
            "tensorflow.python.tools.freeze_graph --input_meta_graph=" +
            meta + " --input_binary --input_checkpoint=" + folder.path() +
            "/model.ckpt-7 --output_node_names=OUTPUT_NODE --output_graph=frozen.pb");
  write_checkpoint(folder / "model.ckpt-7", weights());
  const Graph graph = read_graph(meta);
  CHECK(node_named(graph, "w").op == "Const");
  CHECK(node_named(graph, "b").op == "Const");
  CHECK(node_named(graph, "momentum").op == "VariableV2");
}

TEST_CASE("checkpoint: every variable is found, whatever its neighbours are called") {
  Folder folder;
  CheckpointWriter checkpoint = weights();
  for (int i = 0; i < 100; ++i) checkpoint.variable("layer/w" + std::to_string(i), {1}, {static_cast<float>(i)});
  write_checkpoint(folder / "c", checkpoint);
  CHECK(Checkpoint::exists(folder / "c"));
  CHECK(!Checkpoint::exists(folder / "d"));
  Checkpoint read(folder / "c");
  CHECK(!read.has("layer/w"));
  for (int i = 0; i < 100; ++i) CHECK(read.read("layer/w" + std::to_string(i)).number(0) == i);
  CHECK(read.read("w2").dims.empty());
  CHECK(read.read("w2").number(0) == 9);
}

TEST_CASE("checkpoint: variables that it does not hold whole are refused") {
  CheckpointWriter sliced = weights();
  sliced.entry("w").message(7, WireWriter());
  CHECK(refusal_of(sliced) == "the variable 'w' is kept in slices, which are not read");
  CheckpointWriter longer = weights();
  longer.entry("w").varint(5, 36);
  CHECK(refusal_of(longer) == "the variable 'w' has the shape [4,2] but 36 bytes");
  CheckpointWriter moved = weights();
  moved.entry("w").varint(4, 4);
  CHECK(refusal_of(moved) == "the variable 'w' does not match its checksum: copy or download the checkpoint again");
  for (const int64_t offset : {int64_t{20}, int64_t{1} << 40, INT64_MAX, int64_t{-1}}) {
    CheckpointWriter behind = weights();
    behind.entry("w").varint(4, offset);
    CHECK(refusal_of(behind) ==
          "the variable 'w' lies behind the end of its data file, which is cut short: copy or download it again");
  }
  CheckpointWriter text = weights();
  text.entry("w").varint(1, static_cast<int32_t>(DataType::kString));
  CHECK(refusal_of(text) == "the variable 'w' is of string, not of numbers");
  CheckpointWriter huge = weights();
  huge.entry("w").message(2, shape_message({INT64_MAX, 4}));
  contains(refusal_of(huge), "the variable 'w' is described wrongly: a constant of shape [9223372036854775807,4] has");
  CheckpointWriter elsewhere = weights();
  elsewhere.entry("w").varint(3, 5);
  contains(refusal_of(elsewhere), ".data-00005-of-00001: No such file");
}

TEST_CASE("checkpoint: an index that is none, or not ours, is refused with the byte") {
  Folder folder;
  const auto index_refusal = [&](const std::vector<uint8_t>& bytes) {
    write_bytes(folder / "c.index", bytes);
    const std::string message = message_of([&] { Checkpoint checkpoint(folder / "c"); });
    return message.empty() ? "" : message.substr((folder / "c.index: ").size());
  };
  const std::vector<uint8_t> whole = weights().index();
  CHECK(index_refusal(whole) == "");
  CHECK(index_refusal({1, 2, 3}) ==
        "byte 3: it does not end as the index of a checkpoint does; the file is damaged: copy or download it again");
  CHECK(index_refusal(weights().index(1)) == "byte 0: a block is compressed, which checkpoints are not");
  std::vector<uint8_t> flipped = whole;
  flipped[20] ^= 1;
  CHECK(index_refusal(flipped) ==
        "byte 0: a block does not match its checksum; the file is damaged: copy or download it again");
  CheckpointWriter big_endian = weights();
  big_endian.entry("").varint(2, 1);
  contains(index_refusal(big_endian.index()), "its numbers are big-endian");
  for (size_t cut = 1; cut <= whole.size(); ++cut) {
    CHECK(index_refusal({whole.begin() + cut, whole.end()}) != "");
    CHECK(index_refusal({whole.begin(), whole.end() - cut}) != "");
  }
}

TEST_CASE("checkpoint: changed entries are read or refused, never worse") {
  Folder folder;
  std::mt19937 random(6);
  for (int round = 0; round < 1000; ++round) {
    CheckpointWriter checkpoint = weights();
    std::vector<uint8_t> entry(random() % 24);
    for (uint8_t& byte : entry) byte = static_cast<uint8_t>(random() % 4 ? random() % 48 : random());
    checkpoint.entry(random() % 2 ? "w" : "").raw(entry);
    std::vector<uint8_t> index = checkpoint.index();
    if (random() % 2) index[index.size() - 1 - random() % 48] ^= static_cast<uint8_t>(1u << random() % 8);
    write_bytes(folder / "c.index", index);
    write_bytes(folder / "c.data-00000-of-00001", checkpoint.data());
    message_of([&] { Checkpoint(folder / "c").read("w"); });
  }
}

TEST_CASE("saved model: the real one equals the frozen graph of the same network") {
  const fs::path made = fs::path(POSY_SOURCE_DIR) / ".." / "shared" / "data" / "made";
  if (!fs::exists(made)) {
    MESSAGE("skipped: the folder of real graphs (../shared/data) is absent");
    return;
  }
  const Graph saved = read_graph((made / "hub_mobilenet_v2_retrain_saved_model").string());
  CHECK(saved.suggested_input == "Placeholder");
  CHECK(saved.suggested_output == "final_result");
  const Graph frozen = read_graph((made / "hub_mobilenet_v2_retrain.pb").string());
  REQUIRE(saved.nodes.size() == frozen.nodes.size());
  for (const GraphNode& node : frozen.nodes) {  // in another order, and with more attributes
    const GraphNode& other = node_named(saved, node.name);
    CHECK(other.op == node.op);
    CHECK(other.inputs == node.inputs);
    if (node.op == "Const") CHECK(same_attribute(*other.attribute("value"), *node.attribute("value")));
  }
  CHECK(same_graph(read_graph((made / "hub_mobilenet_v2_retrain.pb.gz").string()), frozen));
}
