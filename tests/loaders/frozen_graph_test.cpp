#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "tests/loaders/graph_writer.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

std::vector<uint8_t> as_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

// The message with which the bytes are refused; "" when they are read.
std::string refusal(std::vector<uint8_t> bytes) {
  try {
    parse_frozen_graph(std::move(bytes), "g.pb");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string refusal_of(const TensorWriter& tensor) {
  GraphWriter g;
  g.constant("c", tensor);
  return refusal(g.bytes());
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

// What a constant holds after the way through the file.
std::vector<double> numbers_of(const TensorWriter& tensor) {
  GraphWriter g;
  g.constant("c", tensor);
  const Graph graph = parse_frozen_graph(g.bytes(), "g.pb");
  const GraphTensor& read = graph.nodes.at(0).attribute("value")->tensor;
  CHECK(read.type == tensor.type());
  CHECK(read.bytes.size() == read.element_count() * data_type_bytes(read.type));
  std::vector<double> numbers;
  for (size_t i = 0; i < read.element_count(); ++i) numbers.push_back(read.number(i));
  return numbers;
}

std::vector<std::string> strings_of(const TensorWriter& tensor) {
  GraphWriter g;
  g.constant("c", tensor);
  return parse_frozen_graph(g.bytes(), "g.pb").nodes.at(0).attribute("value")->tensor.strings;
}

using Numbers = std::vector<double>;

// One node of each kind, and constants in several encodings.
GraphWriter made_graph() {
  GraphWriter g;
  g.placeholder("input", {-1, 4, 4, 3});
  g.constant("w", {1, 1, 3, 2}, {1, 2, 3, 4, 5, 6});
  g.constant("b", TensorWriter(DataType::kFloat, {2}).floats({0.5f}));
  g.constant("names", TensorWriter(DataType::kString, {3}).strings({"daisy", "rose"}));
  g.constant("packed", TensorWriter(DataType::kQuint8, {4}).ints({1, 200}));
  g.node("conv", "Conv2D", {"input", "w"}).ints("strides", {1, 1, 1, 1}).text("padding", "SAME").device("/cpu:0");
  g.node("biased", "BiasAdd", {"conv:0", "b", "^names"})
      .type("T", DataType::kFloat)
      .flag("on", true)
      .number("alpha", 2);
  g.node("lrn", "LRN", {"biased"}).integer("depth", -5).numbers("scales", {1.5f}).texts("tags", {"a", "b"});
  g.node("call", "PartitionedCall", {"lrn"}).function("f", "inner").unknown_shape("s").shape("t", {});
  g.producer(26);
  return g;
}

}  // namespace

TEST_CASE("frozen graph: nodes, inputs and every kind of attribute are read") {
  using Kind = GraphAttribute::Kind;
  const Graph graph = parse_frozen_graph(made_graph().bytes(), "g.pb");
  CHECK(graph.file_name == "g.pb");
  CHECK(graph.file_bytes == graph.bytes.size());
  CHECK(graph.producer == 26);
  REQUIRE(graph.nodes.size() == 9);
  CHECK(graph.nodes[0].attribute("dtype")->kind == Kind::kType);
  CHECK(graph.nodes[0].attribute("dtype")->integer == 1);
  CHECK(graph.nodes[0].attribute("shape")->kind == Kind::kShape);
  CHECK(graph.nodes[0].attribute("shape")->shape.known_rank);
  CHECK(graph.nodes[0].attribute("shape")->shape.dims == std::vector<int64_t>{-1, 4, 4, 3});
  CHECK(graph.nodes[0].attribute("absent") == nullptr);
  CHECK(graph.nodes[0].place == 0);
  CHECK(graph.bytes[graph.nodes[5].place] == 0x0a);

  CHECK(graph.nodes[5].op == "Conv2D");
  CHECK(graph.nodes[5].inputs == std::vector<std::string>{"input", "w"});
  CHECK(graph.nodes[5].attribute("strides")->kind == Kind::kList);
  CHECK(graph.nodes[5].attribute("strides")->integers == std::vector<int64_t>{1, 1, 1, 1});
  CHECK(graph.nodes[5].attribute("padding")->kind == Kind::kString);
  CHECK(graph.nodes[5].attribute("padding")->text == "SAME");
  CHECK(graph.nodes[6].inputs == std::vector<std::string>{"conv:0", "b", "^names"});
  CHECK(graph.nodes[6].attribute("on")->kind == Kind::kBool);
  CHECK(graph.nodes[6].attribute("on")->integer == 1);
  CHECK(graph.nodes[6].attribute("alpha")->kind == Kind::kFloat);
  CHECK(graph.nodes[6].attribute("alpha")->number == 2.0f);
  CHECK(graph.nodes[7].attribute("depth")->kind == Kind::kInt);
  CHECK(graph.nodes[7].attribute("depth")->integer == -5);
  CHECK(graph.nodes[7].attribute("scales")->numbers == std::vector<float>{1.5f});
  CHECK(graph.nodes[7].attribute("tags")->texts == std::vector<std::string>{"a", "b"});
  CHECK(graph.nodes[8].attribute("f")->kind == Kind::kFunction);
  CHECK(graph.nodes[8].attribute("f")->text == "inner");
  CHECK(!graph.nodes[8].attribute("s")->shape.known_rank);
  CHECK(graph.nodes[8].attribute("t")->shape.known_rank);
  CHECK(graph.nodes[8].attribute("t")->shape.dims.empty());
}

TEST_CASE("frozen graph: tensor_content is not copied, and stays valid when the graph moves") {
  GraphWriter g;
  g.constant("w", {2}, {1.5f, -2});
  Graph first = parse_frozen_graph(g.bytes(), "g.pb");
  const Graph graph = std::move(first);
  const GraphTensor& tensor = graph.nodes[0].attribute("value")->tensor;
  CHECK(tensor.owned == nullptr);
  CHECK(tensor.bytes.data() > graph.bytes.data());
  CHECK(tensor.bytes.data() + tensor.bytes.size() <= graph.bytes.data() + graph.bytes.size());
  CHECK(tensor.number(0) == 1.5);
  CHECK(tensor.number(1) == -2);
}

TEST_CASE("frozen graph: values are read packed and value by value") {
  for (const auto form : {TensorWriter::kPacked, TensorWriter::kUnpacked}) {
    CHECK(numbers_of(TensorWriter(DataType::kFloat, {3}).floats({1, 0.5f, -3}, form)) == Numbers{1, 0.5, -3});
    CHECK(numbers_of(TensorWriter(DataType::kDouble, {2}).doubles({0.1, -1e300}, form)) == Numbers{0.1, -1e300});
    CHECK(numbers_of(TensorWriter(DataType::kInt32, {2}).ints({-7, 1 << 30}, form)) == Numbers{-7, 1 << 30});
    CHECK(numbers_of(TensorWriter(DataType::kQint32, {1}).ints({-7}, form)) == Numbers{-7});
    CHECK(numbers_of(TensorWriter(DataType::kInt16, {2}).ints({-300, 300}, form)) == Numbers{-300, 300});
    CHECK(numbers_of(TensorWriter(DataType::kInt8, {2}).ints({-128, 127}, form)) == Numbers{-128, 127});
    CHECK(numbers_of(TensorWriter(DataType::kQint8, {1}).ints({-1}, form)) == Numbers{-1});
    CHECK(numbers_of(TensorWriter(DataType::kUint8, {1}).ints({255}, form)) == Numbers{255});
    CHECK(numbers_of(TensorWriter(DataType::kQuint8, {1}).ints({128}, form)) == Numbers{128});
    CHECK(numbers_of(TensorWriter(DataType::kInt64, {2}).int64s({-1, 1ll << 40}, form)) == Numbers{-1, 1ll << 40});
    CHECK(numbers_of(TensorWriter(DataType::kBool, {3}).bools({1, 0, 7}, form)) == Numbers{1, 0, 1});
    CHECK(numbers_of(TensorWriter(DataType::kHalf, {2}).halves({0x3c00, 0xc500}, form)) == Numbers{1, -5});
    CHECK(numbers_of(TensorWriter(DataType::kBfloat16, {2}).halves({0x3f80, 0xc0a0}, form)) == Numbers{1, -5});
  }
  CHECK(numbers_of(TensorWriter(DataType::kFloat, {3}).floats({1}).floats({2}, TensorWriter::kUnpacked).floats({3})) ==
        Numbers{1, 2, 3});
}

TEST_CASE("frozen graph: tensor_content is read for every type") {
  CHECK(numbers_of(TensorWriter(DataType::kFloat, {}).content<float>({0.25f})) == Numbers{0.25});
  CHECK(numbers_of(TensorWriter(DataType::kDouble, {1, 1}).content<double>({0.1})) == Numbers{0.1});
  CHECK(numbers_of(TensorWriter(DataType::kInt32, {2}).content<int32_t>({-1, 2})) == Numbers{-1, 2});
  CHECK(numbers_of(TensorWriter(DataType::kInt64, {1}).content<int64_t>({-1})) == Numbers{-1});
  CHECK(numbers_of(TensorWriter(DataType::kInt16, {1}).content<int16_t>({-2})) == Numbers{-2});
  CHECK(numbers_of(TensorWriter(DataType::kUint8, {2}).content<uint8_t>({0, 255})) == Numbers{0, 255});
  CHECK(numbers_of(TensorWriter(DataType::kBool, {2}).content<uint8_t>({0, 1})) == Numbers{0, 1});
  CHECK(numbers_of(TensorWriter(DataType::kHalf, {1}).content<uint16_t>({0x3c00})) == Numbers{1});
}

TEST_CASE("frozen graph: a scalar float_val fills the whole tensor") {
  CHECK(numbers_of(TensorWriter(DataType::kFloat, {2, 3}).floats({0.5f})) == Numbers(6, 0.5));
}

TEST_CASE("frozen graph: the last of too few values repeats, and none at all are zeros") {
  CHECK(numbers_of(TensorWriter(DataType::kInt32, {5}).ints({3, 4})) == Numbers{3, 4, 4, 4, 4});
  CHECK(numbers_of(TensorWriter(DataType::kHalf, {3}).halves({0x3c00, 0x4000})) == Numbers{1, 2, 2});
  CHECK(numbers_of(TensorWriter(DataType::kFloat, {4})) == Numbers(4, 0));
  CHECK(numbers_of(TensorWriter(DataType::kFloat, {})) == Numbers{0});
  CHECK(numbers_of(TensorWriter(DataType::kFloat, {3, 0, 2})).empty());
}

TEST_CASE("frozen graph: strings are read from string_val and from tensor_content") {
  using Strings = std::vector<std::string>;
  CHECK(strings_of(TensorWriter(DataType::kString, {3}).strings({"a", "bc"})) == Strings{"a", "bc", "bc"});
  CHECK(strings_of(TensorWriter(DataType::kString, {2})) == Strings{"", ""});
  CHECK(strings_of(TensorWriter(DataType::kString, {2}).content<char>({1, 2, 'a', 'b', 'c'})) == Strings{"a", "bc"});
  contains(refusal_of(TensorWriter(DataType::kString, {2}).content<char>({1, 9, 'a'})), "does not fit");
  contains(refusal_of(TensorWriter(DataType::kString, {1}).strings({"a", "b"})),
           "lists more values than its 1 elements");
}

TEST_CASE("frozen graph: half and bfloat16 decode exactly, and floats round to integers toward zero") {
  const Numbers halves =
      numbers_of(TensorWriter(DataType::kHalf, {7}).halves({0x0001, 0x03ff, 0x0400, 0x7bff, 0x8000, 0x7c00, 0xfc00}));
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(halves ==
        Numbers{std::ldexp(1, -24), std::ldexp(1023, -24), std::ldexp(1, -14), 65504, 0, infinity, -infinity});
  CHECK(std::signbit(halves[4]));
  CHECK(std::isnan(numbers_of(TensorWriter(DataType::kHalf, {1}).halves({0x7e00}))[0]));
  CHECK(std::isnan(numbers_of(TensorWriter(DataType::kBfloat16, {1}).halves({0x7fc0}))[0]));

  GraphTensor tensor;
  const float floats[] = {2.9f, -2.9f, 1e30f, -1e30f, std::nanf("")};
  tensor.type = DataType::kFloat;
  tensor.dims = {5};
  tensor.bytes = {reinterpret_cast<const uint8_t*>(floats), sizeof(floats)};
  CHECK(tensor.integer(0) == 2);
  CHECK(tensor.integer(1) == -2);
  CHECK(tensor.integer(2) == std::numeric_limits<int64_t>::max());
  CHECK(tensor.integer(3) == std::numeric_limits<int64_t>::min());
  CHECK(tensor.integer(4) == 0);
}

TEST_CASE("frozen graph: a type without numbers keeps its name and refuses to be used") {
  CHECK(data_type_name(DataType::kQuint8) == "quint8");
  CHECK(data_type_name(static_cast<DataType>(20)) == "type 20");
  GraphWriter g;
  g.constant("c", TensorWriter(static_cast<DataType>(8), {2}).content<float>({1, 2, 3, 4}));
  const Graph graph = parse_frozen_graph(g.bytes(), "g.pb");
  CHECK_THROWS_WITH_AS(graph.nodes[0].attribute("value")->tensor.number(0),
                       "a constant of type type 8 cannot be used as numbers", InputError);
}

TEST_CASE("frozen graph: constants that do not fit their shape are refused with their place") {
  CHECK(refusal_of(TensorWriter(DataType::kFloat, {2, 2}).content<float>({1, 2, 3})) ==
        "g.pb: byte 36: node 1 (c): attribute 'value': a constant of shape [2,2] and type float needs 16 bytes but has "
        "12");
  contains(refusal_of(TensorWriter(DataType::kFloat, {2}).floats({1, 2, 3})), "lists more values than its 2 elements");
  contains(refusal_of(TensorWriter(DataType::kFloat, {0}).floats({1})), "lists more values than its 0 elements");
  contains(refusal_of(TensorWriter(DataType::kFloat, {-1})), "a constant of shape [-1]");
  contains(refusal_of(TensorWriter(DataType::kFloat, {-2})), "a dimension of -2");
  contains(refusal_of(TensorWriter(DataType::kFloat, std::vector<int64_t>(255, 1))), "more than 254 dimensions");
  contains(refusal_of(TensorWriter(DataType::kFloat, {2}).ints({1}).bools({1}).floats({1, 2, 3})), "lists more");
  TensorWriter unknown(DataType::kFloat, {});
  WireWriter shape;
  shape.varint(3, 1);
  unknown.proto().message(2, shape);
  contains(refusal_of(unknown), "a constant of unknown shape");
}

TEST_CASE("frozen graph: shapes that overflow or ask for gigabytes are refused") {
  const int64_t big = 1ll << 32;
  contains(refusal_of(TensorWriter(DataType::kFloat, {big, big})), "has more elements than any tensor");
  contains(refusal_of(TensorWriter(DataType::kFloat, {big, big, big, big, 0})), "has more elements than any tensor");
  contains(refusal_of(TensorWriter(DataType::kFloat, {INT64_MAX, 4})), "has more elements than any tensor");
  contains(refusal_of(TensorWriter(DataType::kFloat, {1 << 30}).floats({1})),
           "would fill 4294967296 bytes, more than a graph of this size may ask for");
  contains(refusal_of(TensorWriter(DataType::kString, {1 << 28}).strings({"x"})), "would fill");
  CHECK(refusal_of(TensorWriter(DataType::kFloat, {1, 300, 300, 3}).floats({127.5f})) == "");

  GraphWriter many;  // each is small enough, together they are not
  for (int i = 0; i < 100; ++i) many.constant("c" + std::to_string(i), TensorWriter(DataType::kFloat, {1 << 20}));
  contains(refusal(many.bytes()), "would fill");
}

TEST_CASE("frozen graph: fields that nobody knows are stepped over") {
  GraphWriter g;
  NodeWriter& node = g.node("a", "Add", {"x", "y"});
  node.proto().varint(100, 7);
  node.proto().float32(101, 1);
  node.proto().float64(102, 1);
  node.proto().text(5000, "later");
  node.attribute("odd", [](WireWriter& value) { value.varint(77, 1); });
  g.tail().text(2, "a library that is not looked at");
  g.tail().varint(3, 21);
  const Graph graph = parse_frozen_graph(g.bytes(), "g.pb");
  CHECK(graph.nodes[0].inputs.size() == 2);
  CHECK(graph.nodes[0].attribute("odd")->kind == GraphAttribute::Kind::kNone);
}

TEST_CASE("frozen graph: damage is refused with the node and the byte") {
  GraphWriter group;
  group.node("a", "Add").proto().tag(9, 3);
  CHECK(refusal(group.bytes()) ==
        "g.pb: byte 10: node 1 (a): wire type 3 (a group, or undefined) is not read; the file is damaged: copy or "
        "download it "
        "again");
  GraphWriter mistyped;
  mistyped.node("a", "Add").proto().varint(3, 1);
  contains(refusal(mistyped.bytes()),
           "byte 10: node 1 (a): field 3 has wire type 0 in place of 2; the file is damaged");
  GraphWriter too_long;
  too_long.node("a", "Add").proto().tag(3, 2);
  too_long.node("b", "Add");
  contains(refusal(too_long.bytes()),
           "node 1 (a): a value of 1 bytes does not fit into the 0 bytes that are left of its message");
  GraphWriter endless;
  endless.node("a", "Add").proto().tag(9, 0);
  endless.node("b", "Add").proto().raw(std::vector<uint8_t>(11, 0xff));
  contains(refusal(endless.bytes()), "node 1 (a): a value of 1 bytes does not fit into the 0 bytes");
  GraphWriter long_varint;
  long_varint.node("b", "Add").proto().raw(std::vector<uint8_t>(11, 0xff));
  contains(refusal(long_varint.bytes()), "node 1 (b): a varint is longer than 10 bytes");
  GraphWriter zero_field;
  zero_field.node("a", "Add").proto().varint(0, 1);
  contains(refusal(zero_field.bytes()), "no field of a protobuf message starts like this");
}

TEST_CASE("frozen graph: nodes without a name, without an op or with a name already taken are refused") {
  GraphWriter twice;
  twice.node("conv", "Conv2D");
  twice.node("conv", "Conv2D");
  CHECK(refusal(twice.bytes()) == "g.pb: byte 16: node 2 (conv): node 1 has the same name");
  GraphWriter nameless;
  nameless.node("", "Add");
  contains(refusal(nameless.bytes()), "node 1: it has no name");
  GraphWriter opless;
  opless.node("a", "");
  contains(refusal(opless.bytes()), "node 1 (a): it has no op");
  GraphWriter inputless;
  inputless.node("a", "Add", {""});
  contains(refusal(inputless.bytes()), "node 1 (a): an input has no name");
  GraphWriter keyless;
  keyless.node("a", "Add").integer("", 1);
  contains(refusal(keyless.bytes()), "an attribute has no name");
  GraphWriter control;
  control.node("a\n\x01" + std::string(200, 'x'), "");
  contains(refusal(control.bytes()), "node 1 (a??xxx");
  GraphWriter crowded;
  NodeWriter& node = crowded.node("a", "Add");
  for (int i = 0; i < 1001; ++i) node.integer(std::to_string(i), 1);
  contains(refusal(crowded.bytes()), "node 1 (a): more attributes than any graph has");
}

TEST_CASE("frozen graph: a graph without nodes is refused") {
  GraphWriter g;
  g.producer(26);
  CHECK(refusal(g.bytes()) ==
        "g.pb: not a frozen TensorFlow graph, nor any other kind of file that Posy knows: byte 0: there are no nodes "
        "in it");
}

TEST_CASE("frozen graph: a file that is cut short is refused, whatever its length") {
  const std::vector<uint8_t> whole = made_graph().bytes();
  const Graph graph = parse_frozen_graph(whole, "g.pb");
  const size_t third = graph.nodes[2].place;
  CHECK(refusal({whole.begin(), whole.begin() + third + 9}) ==
        "g.pb: ends inside node 3 at byte " + std::to_string(third + 9) +
            "; the file is cut short: copy or download it again");
  CHECK(refusal({whole.begin(), whole.end() - 1}) == "g.pb: ends behind node 9 at byte " +
                                                         std::to_string(whole.size() - 1) +
                                                         "; the file is cut short: copy or download it again");
  for (size_t length = 0; length < whole.size(); ++length) {
    // Behind a node is the only place where a cut cannot be seen.
    const bool at_boundary = std::any_of(graph.nodes.begin() + 1, graph.nodes.end(),
                                         [&](const auto& node) { return node.place == length; }) ||
                             length == whole.size() - 4;
    INFO(length);
    CHECK((refusal({whole.begin(), whole.begin() + length}) == "") == at_boundary);
  }
}

TEST_CASE("frozen graph: changed bytes are read or refused, never worse") {
  const std::vector<uint8_t> whole = made_graph().bytes();
  std::mt19937 random(1);
  int read = 0;
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint8_t> bytes = whole;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= static_cast<uint8_t>(1u << random() % 8);
    }
    read += refusal(bytes).empty();
  }
  CHECK(read > 100);
  CHECK(read < 19900);
}

TEST_CASE("frozen graph: bytes at random are refused or read, never worse") {
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint8_t> bytes(random() % 64);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % 4 ? random() % 40 : random());
    refusal(bytes);
  }
}

TEST_CASE("frozen graph: gzip is unpacked on the way") {
  const std::vector<uint8_t> plain = made_graph().bytes();
  const std::vector<uint8_t> packed = gzip_stored(plain);
  const Graph graph = parse_frozen_graph(packed, "g.pb.gz");
  CHECK(graph.nodes.size() == 9);
  CHECK(graph.bytes == plain);
  CHECK(graph.file_bytes == packed.size());
  CHECK(graph.notes == std::vector<std::string>{"gzip, " + std::to_string(plain.size()) + " bytes inside"});
}

TEST_CASE("frozen graph: other files are called by their name") {
  const struct {
    std::string_view bytes;
    const char* kind;
  } kFiles[] = {
      {"", "an empty file: copy or download it again"},
      {"node {\n  name: \"a\"\n", "a graph in text format"},
      {"\r\n# made by hand\nnode{ name: 'a' }", "a graph in text format"},
      {"versions {\n  producer: 22\n}\n", "a graph in text format"},
      {"\n<!DOCTYPE html><html>", "an HTML page: download the file itself, not the page that shows it"},
      {"<HTML><body>404", "an HTML page"},
      {"\x89PNG\r\n\x1a\n....", "a PNG picture: give the graph that was retrained"},
      {"\xff\xd8\xff\xe0....", "a JPEG picture"},
      {"GIF89a....", "a GIF picture"},
      {{"\x1c\0\0\0TFL3....", 12}, "a TFLite model"},
      {"\x89POSY\r\n\x1a....", "a .posy file: it is converted already"},
      {"\x89HDF\r\n\x1a\n....", "an HDF5 file (a Keras .h5 model)"},
      {"PK\x03\x04....", "a ZIP archive"},
      {{"\x08\x01\x12\xbb\xfa\x1f\x0a\x92", 8}, "a SavedModel (saved_model.pb)"},
      {"\x0a\x80\x01\x12\x10....", "the .meta file of a checkpoint"},
      {"\x08\x07\x12\x07pytorch", "an ONNX model"},
      {{"\0\0\0weights\x57\xfb\x80\x8b\x24\x75\x47\xdb", 18}, "a TensorFlow checkpoint"},
      {"model_checkpoint_path: \"model.ckpt-1\"\n", "the list of training checkpoints"},
      {"{\"format\": \"graph-model\", \"modelTopology\": {}}", "a TensorFlow.js model (model.json)"},
      {"[1, 2]", "JSON text"},
      {"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer: fetch the file itself with git lfs pull"},
      {"daisy\nl\xc3\xb6wenzahn\n", "plain text (the labels, perhaps)"},
  };
  for (const auto& file : kFiles) {
    const std::string kind = file.kind;
    const std::string message = refusal(as_bytes(file.bytes));
    CHECK(message.starts_with("g.pb: not a frozen TensorFlow graph but " + kind));
    CHECK(refusal(gzip_stored(as_bytes(file.bytes))) == message);
  }
  std::vector<uint8_t> tar(1024);
  std::copy_n("ustar", 5, tar.begin() + 257);
  contains(refusal(tar), "a tar archive: unpack it and give the .pb file in it");
  contains(refusal(gzip_stored(gzip_stored(tar))), "gzip data within gzip data");
  CHECK(refusal({0xf0, 0x00, 0xf2}) ==
        "g.pb: not a frozen TensorFlow graph, nor any other kind of file that Posy knows: byte 0: a value of 1 bytes "
        "does "
        "not fit into the 0 bytes that are left of the file");
}

TEST_CASE("frozen graph: a SavedModel folder is called by its name") {
  const fs::path folder = fs::temp_directory_path() / "posy_frozen_graph_test";
  fs::create_directories(folder);
  CHECK_THROWS_WITH_AS(read_frozen_graph(folder.string()), (folder.string() + ": is a folder, not a file").c_str(),
                       InputError);
  write_file((folder / "saved_model.pb").string(), as_bytes("x"));
  CHECK_THROWS_WITH_AS(
      read_frozen_graph(folder.string()),
      (folder.string() + ": a SavedModel folder, not a frozen graph: freeze it into one .pb file first "
                         "(tensorflow.python.tools.freeze_graph)")
          .c_str(),
      InputError);
  fs::remove_all(folder);
}

namespace {

void check_real_graph(const std::string& path) {
  INFO(path);
  const std::vector<uint8_t> bytes = read_file(path);
  if (file_kind(bytes).what == "a graph in text format") {  // text_format_test.cpp
    contains(refusal(bytes), "a graph in text format");
    return;
  }
  const Graph graph = read_frozen_graph(path);
  CHECK(!graph.nodes.empty());
  for (const GraphNode& node : graph.nodes) {
    if (node.op != "Const") continue;
    INFO(node.name);
    const GraphAttribute* value = node.attribute("value");
    REQUIRE(value);
    const GraphTensor& tensor = value->tensor;
    if (tensor.type == DataType::kString) {
      CHECK(tensor.strings.size() == tensor.element_count());
    } else {
      CHECK(data_type_bytes(tensor.type) > 0);
      CHECK(tensor.bytes.size() == tensor.element_count() * data_type_bytes(tensor.type));
    }
  }
}

}  // namespace

TEST_CASE("frozen graph: every real graph is read, with a value for every constant") {
  const fs::path data = fs::path(POSY_SOURCE_DIR) / ".." / "shared" / "data";
  if (!fs::exists(data)) {
    MESSAGE("skipped: the folder of real graphs (../shared/data) is absent");
    return;
  }
  int count = 0;
  for (const char* folder : {"pb", "odd", "made", "made_extra"}) {
    for (const auto& entry : fs::recursive_directory_iterator(data / folder)) {
      const std::string name = entry.path().filename().string();
      if (!name.ends_with(".pb") && !name.ends_with(".pb.gz")) continue;
      if (name == "saved_model.pb") {
        contains(refusal(read_file(entry.path().string())), "a SavedModel");
        continue;
      }
      check_real_graph(entry.path().string());
      ++count;
    }
  }
  CHECK(count > 0);
}
