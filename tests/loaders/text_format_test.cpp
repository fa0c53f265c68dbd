#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "loaders/error.h"
#include "loaders/file.h"
#include "loaders/graph.h"
#include "loaders/text_format.h"
#include "tests/loaders/graph_compare.h"
#include "tests/loaders/graph_writer.h"
#include "tests/loaders/text_writer.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

std::vector<uint8_t> as_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

Graph parsed(std::string_view text) {
  return parse_graph(as_bytes(text), "g.pbtxt");
}

// The message with which the text is refused; "" when it is read.
std::string refusal(std::string_view text) {
  try {
    parsed(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

// A node with one attribute "v", whose value is `value`.
GraphAttribute attribute_of(const std::string& value) {
  Graph graph = parsed("node { name: 'a' op: 'A' attr { key: 'v' value { " + value + " } } }");
  return graph.nodes.at(0).attributes.at("v");
}

// In refusals of attributes: line 2, from column 1.
std::string refusal_of_value(const std::string& value) {
  return refusal("node { name: 'a' op: 'A' attr { key: 'v' value {\n" + value + " } } }");
}

std::vector<double> numbers_of(const std::string& tensor) {
  const Graph graph = parsed("node { name: 'a' op: 'A' attr { key: 'v' value { tensor { " + tensor + " } } } }");
  const GraphTensor& read = graph.nodes[0].attribute("v")->tensor;
  std::vector<double> numbers;
  for (size_t i = 0; i < read.element_count(); ++i) numbers.push_back(read.number(i));
  return numbers;
}

using Numbers = std::vector<double>;

// Every kind of attribute, every list of values.
GraphWriter made_graph() {
  GraphWriter g;
  g.placeholder("input", {-1, 4, 4, 3});
  g.constant("w", {1, 1, 3, 2}, {1, -2.5f, 3e-20f, 4e30f, 0.1f, 1.0f / 3});
  g.constant("f", TensorWriter(DataType::kFloat, {3}).floats({0.1f, 1.0f / 3}));
  g.constant("d", TensorWriter(DataType::kDouble, {2}).doubles({0.1, 1e-300}));
  g.constant("i", TensorWriter(DataType::kInt32, {2}).ints({-7, 1 << 30}));
  g.constant("q", TensorWriter(DataType::kQuint8, {4}).ints({1, 200}));
  g.constant("l", TensorWriter(DataType::kInt64, {2}).int64s({INT64_MIN, INT64_MAX}));
  g.constant("b", TensorWriter(DataType::kBool, {2}).bools({1, 0}));
  g.constant("h", TensorWriter(DataType::kHalf, {2}).halves({0x3c00, 0xc500}));
  g.constant("s", TensorWriter(DataType::kString, {2}).strings({"a\"\\\n\x01\xff", ""}));
  g.node("conv", "Conv2D", {"input", "w:0", "^b"})
      .ints("strides", {1, 1, -1, 1})
      .text("padding", "SAME")
      .device("/cpu:0");
  g.node("lrn", "LRN", {"conv"}).integer("depth", -5).numbers("scales", {1.5f}).texts("tags", {"a", "b"});
  g.node("call", "Call", {"lrn"}).function("f", "inner").unknown_shape("s").shape("t", {}).flag("on", true);
  g.node("end", "Relu", {"call"}).type("T", DataType::kFloat).number("alpha", -0.0f);
  g.producer(26);
  return g;
}

std::string made_text() {
  return text_of(WireReader(made_graph().bytes()), "GraphDef");
}

}  // namespace

TEST_CASE("text format: a graph in text and the same in binary give the same graph") {
  const std::vector<uint8_t> binary = made_graph().bytes();
  const std::string text = text_of(WireReader(binary), "GraphDef");
  const Graph from_text = parsed(text);
  CHECK(same_graph(from_text, parse_graph(binary, "g.pb")));
  CHECK(from_text.file_bytes == text.size());
  CHECK(from_text.file_name == "g.pbtxt");
  CHECK(from_text.notes == std::vector<std::string>{"text format"});
  const std::vector<uint8_t> packed = gzip_stored(as_bytes(text));
  const Graph unpacked = parse_graph(packed, "g.pbtxt.gz");
  CHECK(same_graph(unpacked, from_text));
  CHECK(unpacked.file_bytes == packed.size());
  CHECK(unpacked.notes.size() == 2);
}

TEST_CASE("text format: a node's place is its line") {
  const Graph graph =
      parsed("# one\nnode { name: 'a' op: 'A' }\n\nnode {\n name: 'b' op: 'B' }  node { name: 'c' op: 'C' }");
  REQUIRE(graph.nodes.size() == 3);
  CHECK(graph.nodes[0].place == 2);
  CHECK(graph.nodes[1].place == 4);
  CHECK(graph.nodes[2].place == 5);
}

TEST_CASE("text format: brackets, colons, separators, lists and comments come in all their spellings") {
  const Graph plain = parsed("node { name: \"a\" op: \"A\" input: \"x\" input: \"y\" } node { name: \"b\" op: \"B\" }");
  for (const char* text : {
           "node<name:'a'op:'A'input:'x'input:'y'>node<name:'b'op:'B'>",
           "node: { name: 'a', op: 'A'; input: ['x', 'y'] }; node: < name: 'b' op: 'B' >,",
           "node: [{ name: 'a' op: 'A' input: 'x' input: ['y'] input: [] }, < name: 'b' op: 'B' >]",
           "\xef\xbb\xbf# comment { [ \"\r\nnode { # comment }\n name: 'a' op\t:\f'A' input:['x'] input: 'y' "
           "}\vnode{name:'b' op:'B'}#",
           "node [ { name: 'a' op: 'A' input: ['x','y'] } ] node { name: '' 'b' \"\" op: 'B' }",
       }) {
    INFO(std::string(text));
    CHECK(same_graph(parsed(text), plain));
  }
}

TEST_CASE("text format: strings take every escape, both quotes, and stand in rows") {
  CHECK(attribute_of(R"(s: "a\a\b\f\n\r\t\v\?\\\'\"z")").text == "a\a\b\f\n\r\t\v?\\'\"z");
  CHECK(attribute_of(R"(s: '"\0\18\377\x4\x41g\XfF')").text == std::string("\"\0\1"
                                                                           "8\xff\x04"
                                                                           "Ag\xff",
                                                                           9));
  CHECK(attribute_of(R"(s: "\u00e9\u20AC\U0001F33c$")").text == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\xbc$");
  CHECK(attribute_of("s: 'l\xc3\xb6w' # comment\n \"en\" 'zahn'").text == "l\xc3\xb6wenzahn");
  CHECK(attribute_of("s: ''").text.empty());
  CHECK(attribute_of("list { s: ['a' 'b', 'c'] }").texts == std::vector<std::string>{"ab", "c"});
}

TEST_CASE("text format: whole numbers are decimal, hexadecimal or octal, and keep to their range") {
  CHECK(attribute_of("i: 0").integer == 0);
  CHECK(attribute_of("i: -12").integer == -12);
  CHECK(attribute_of("i: - 0x1F").integer == -31);
  CHECK(attribute_of("i: 0X7fffffffffffffff").integer == INT64_MAX);
  CHECK(attribute_of("i: -9223372036854775808").integer == INT64_MIN);
  CHECK(attribute_of("i: 017").integer == 15);
  CHECK(attribute_of("list { i: [1, -2, 0x3] i: 4 i: [] }").integers == std::vector<int64_t>{1, -2, 3, 4});
  CHECK(numbers_of("dtype: DT_INT32 int_val: -2147483648") == Numbers{-2147483648.0});
  CHECK(refusal_of_value("i: 9223372036854775808") ==
        "g.pbtxt: line 2, column 4: the number 9223372036854775808 is not from -9223372036854775808 to "
        "9223372036854775807");
  CHECK(refusal_of_value("i: -99999999999999999999").find("the number -99999999999999999999 is not") !=
        std::string::npos);
  CHECK(refusal_of_value("tensor { int_val: 2147483648 }").find("not from -2147483648 to 2147483647") !=
        std::string::npos);
  for (const char* bad : {"1.5", "08", "0x", "12ab", "1e3", "true", "1f"}) {
    CHECK(refusal_of_value(std::string("i: ") + bad) ==
          "g.pbtxt: line 2, column 4: a whole number is expected in place of '" + std::string(bad) + "'");
  }
}

TEST_CASE("text format: floats are decimal, with fraction, exponent, suffix, inf and nan") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(attribute_of("f: 1").number == 1);
  CHECK(attribute_of("f: -.5").number == -0.5f);
  CHECK(attribute_of("f: 1.").number == 1);
  CHECK(attribute_of("f: 1.5e+3").number == 1500);
  CHECK(attribute_of("f: 25E-2F").number == 0.25f);
  CHECK(attribute_of("f: 3f").number == 3);
  CHECK(std::signbit(attribute_of("f: -0").number));
  CHECK(attribute_of("f: inf").number == infinity);
  CHECK(attribute_of("f: -Infinity").number == -infinity);
  CHECK(std::isnan(attribute_of("f: nan").number));
  CHECK(attribute_of("f: 1e39").number == infinity);
  CHECK(attribute_of("f: 1e999").number == infinity);
  CHECK(attribute_of("f: 1e-999").number == 0);
  CHECK(attribute_of("f: 1e-45").number == std::numeric_limits<float>::denorm_min());
  CHECK(attribute_of("f: 99999999999999999999999").number == 1e23f);
  CHECK(attribute_of("list { f: [0.5, -inf] f: 2 }").numbers == std::vector<float>{0.5f, -infinity, 2});
  CHECK(numbers_of("dtype: DT_DOUBLE double_val: 0.1") == Numbers{0.1});
  for (const char* bad : {"0x10", "010", "1.5.2", "infinit", "1e", "ff"}) {
    CHECK(refusal_of_value(std::string("f: ") + bad) ==
          "g.pbtxt: line 2, column 4: a number is expected in place of '" + std::string(bad) + "'");
  }
}

TEST_CASE("text format: bools and types are names or numbers") {
  for (const char* yes : {"true", "True", "t", "1", "0x1"}) CHECK(attribute_of(std::string("b: ") + yes).integer == 1);
  for (const char* no : {"false", "False", "f", "0"}) CHECK(attribute_of(std::string("b: ") + no).integer == 0);
  CHECK(attribute_of("type: DT_FLOAT").integer == 1);
  CHECK(attribute_of("type: DT_HALF").integer == 19);
  CHECK(attribute_of("type: DT_FLOAT8_E5M2").integer == 24);
  CHECK(attribute_of("type: DT_FLOAT_REF").integer == 101);
  CHECK(attribute_of("type: 3").integer == 3);
  CHECK(attribute_of("list { type: [DT_INT32, DT_QUINT8] }").integers == std::vector<int64_t>{3, 12});
  CHECK(refusal_of_value("type: DT_FLOTA") == "g.pbtxt: line 2, column 7: 'DT_FLOTA' is no type of TensorFlow");
  CHECK(refusal_of_value("type: FLOAT") == "g.pbtxt: line 2, column 7: 'FLOAT' is no type of TensorFlow");
  CHECK(refusal_of_value("b: yes") == "g.pbtxt: line 2, column 4: true or false is expected in place of 'yes'");
  CHECK(refusal_of_value("b: 2") == "g.pbtxt: line 2, column 4: the number 2 is not from 0 to 1");
}

TEST_CASE("text format: a list of values, a run of values and a filler give the same tensor") {
  const std::string shape = "dtype: DT_FLOAT tensor_shape { dim { size: 4 } } ";
  CHECK(numbers_of(shape + "float_val: [1, 2, 2, 2]") == Numbers{1, 2, 2, 2});
  CHECK(numbers_of(shape + "float_val: 1 float_val: 2") == Numbers{1, 2, 2, 2});
  CHECK(numbers_of("float_val: [1, 2]" + shape) == Numbers{1, 2, 2, 2});
  CHECK(numbers_of(shape + R"(tensor_content: "\000\000\200?\000\000\000@" "\000\000\000@\000\000\000@")") ==
        Numbers{1, 2, 2, 2});
  CHECK(numbers_of("dtype: DT_BOOL tensor_shape { dim: [{ size: 2 }] } bool_val: [true, f]") == Numbers{1, 0});
}

TEST_CASE("text format: fields that nobody knows are stepped over with everything in them") {
  const Graph graph = parsed(R"(
      library { function { signature { name: "}" 'x' } node_def < a: [1, { b: -inf }] > } }
      node { name: "a" op: "A" device: "/cpu:0" 77: 0xff later: -3 text: "a" 'b' list: ["x", "y"]
             experimental_debug_info { original_node_names: "a" } [ext.name/of.it]: 5 [ext] { x: 1 }
             attr { key: "v" value { placeholder: "p" } } }
      version: 22)");
  REQUIRE(graph.nodes.size() == 1);
  CHECK(graph.nodes[0].attribute("v")->kind == GraphAttribute::Kind::kNone);
}

TEST_CASE("text format: what breaks the format is refused with line and column") {
  CHECK(refusal("node {\n  name \"a\" }") == "g.pbtxt: line 2, column 8: ':' is expected in place of '\"a\"'");
  CHECK(refusal("node {\n  name: a }") == "g.pbtxt: line 2, column 9: a string is expected in place of 'a'");
  CHECK(refusal("node {\n  name: 5 }") == "g.pbtxt: line 2, column 9: a string is expected in place of '5'");
  CHECK(refusal("node: 5") == "g.pbtxt: line 1, column 7: '{' is expected in place of '5'");
  CHECK(refusal("node { name: 'a' op: 'A' >") ==
        "g.pbtxt: line 1, column 26: a field or '}' is expected in place of '>'");
  CHECK(refusal("node { name: 'a' op: 'A' } }") == "g.pbtxt: line 1, column 28: a field is expected in place of '}'");
  CHECK(refusal("node { name: 'a'\n name: 'b' }") == "g.pbtxt: line 2, column 2: the field 'name' is given twice");
  CHECK(refusal("node { name: ['a'] }") == "g.pbtxt: line 1, column 14: a string is expected in place of '['");
  CHECK(refusal("node { input: ['a' 5] }") == "g.pbtxt: line 1, column 20: ',' or ']' is expected in place of '5'");
  CHECK(refusal("node { input: ['a',] }") == "g.pbtxt: line 1, column 20: a string is expected in place of ']'");
  CHECK(refusal("node { name: 'a\n' }") == "g.pbtxt: line 1, column 14: a string has no closing quote on its line");
  CHECK(refusal("node { name: 'a\\\n' }") == "g.pbtxt: line 1, column 14: a string has no closing quote on its line");
  CHECK(refusal("node { name: 'a\\q' }") == "g.pbtxt: line 1, column 16: the escape '\\q' means nothing");
  CHECK(refusal("node { name: '\\400' }") == "g.pbtxt: line 1, column 15: the escape '\\400' means nothing");
  CHECK(refusal("node { name: '\\xg' }") == "g.pbtxt: line 1, column 15: the escape '\\x' means nothing");
  CHECK(refusal("node { name: '\\u12g' }") == "g.pbtxt: line 1, column 15: the escape '\\u12' means nothing");
  CHECK(refusal("node { name: '\\U00110000' }") ==
        "g.pbtxt: line 1, column 15: the escape '\\U00110000' means nothing");
  CHECK(refusal("node { name: @ }") == "g.pbtxt: line 1, column 14: the character '@' starts nothing");
  CHECK(refusal("node { x: { y: [ } }") == "g.pbtxt: line 1, column 18: ']' is expected in place of '}'");
  CHECK(refusal("node { x 5 }") == "g.pbtxt: line 1, column 10: ':' is expected in place of '5'");
  CHECK(refusal("node { x: }") == "g.pbtxt: line 1, column 11: a value is expected in place of '}'");
  CHECK(refusal_of_value("i: -'5'") == "g.pbtxt: line 2, column 5: a value is expected in place of ''5''");
  CHECK(
      refusal("node { name: 'a' op: 'A'\n") ==
      "g.pbtxt: line 2, column 1: the text ends where a field or '}' is expected; it is cut short: copy or download it "
      "again");
}

TEST_CASE("text format: nesting is bounded, known or not") {
  std::string deep = "node { x: ";
  for (int i = 0; i < 64; ++i) deep += "{ a: ";
  CHECK(refusal(deep + "{") == "g.pbtxt: line 1, column 331: messages are nested more than 64 deep");
  CHECK(refusal("node { x: " + std::string(1 << 20, '[')).find("more than 64 deep") != std::string::npos);
  const std::string known = "node{attr{value{list{func{attr{value{list{func{attr{value{";
  CHECK(refusal(known).find("the text ends where") != std::string::npos);
}

TEST_CASE("text format: what is wrong in the graph is said by the reader of binary graphs, with line and column") {
  CHECK(refusal("node { name: 'a' op: 'A' }\n node { name: 'a' op: 'A' }") ==
        "g.pbtxt: line 2, column 2: node 2 (a): node 1 has the same name");
  CHECK(refusal("\nnode { name: 'a' }") == "g.pbtxt: line 2, column 1: node 1 (a): it has no op");
  CHECK(refusal("node { op: 'a' }") == "g.pbtxt: line 1, column 1: node 1: it has no name");
  CHECK(refusal("node { name: 'a' op: 'A'\n input: ['x', ''] }") ==
        "g.pbtxt: line 2, column 15: node 1 (a): an input has no name");
  CHECK(refusal_of_value("tensor { dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: [1, 2, 3] }") ==
        "g.pbtxt: line 2, column 59: node 1 (a): attribute 'v': a constant of shape [2] lists more values than its 2 "
        "elements");
  CHECK(
      refusal_of_value(" tensor { dtype: DT_FLOAT tensor_shape { dim { size: 2 } } tensor_content: 'abc' }") ==
      "g.pbtxt: line 2, column 2: node 1 (a): attribute 'v': a constant of shape [2] and type float needs 8 bytes but "
      "has 3");
  CHECK(refusal_of_value("tensor { dtype: DT_FLOAT tensor_shape { dim { size: 4000000000 } } float_val: 1 }")
            .find("would fill 16000000000 bytes, more than a graph of this size may ask for") != std::string::npos);
  CHECK(refusal("versions { producer: 22 }") == "g.pbtxt: line 1, column 1: there are no nodes in it");
  std::string many = "node { name: 'a' op: 'A'\n";
  for (int i = 0; i < 1001; ++i) many += "attr { key: '" + std::to_string(i) + "' }\n";
  CHECK(refusal(many + "}") == "g.pbtxt: line 1002, column 1: node 1 (a): more attributes than any graph has");
}

TEST_CASE("text format: a text cut short is refused, whatever its length") {
  const std::string whole = made_text();
  for (size_t length = 0; length < whole.size(); ++length) {
    // Behind the } of a node is the only place where a cut cannot be seen.
    const std::string text = whole.substr(0, length);
    const bool at_boundary = text.ends_with("\n}") || text.ends_with("\n}\n") || length == whole.size() - 1;
    INFO(length);
    CHECK((refusal(text) == "") == at_boundary);
  }
}

TEST_CASE("text format: changed texts are read or refused, never worse") {
  const std::string whole = made_text();
  const std::string_view kPieces[] = {"{",  "}",    "<",   ">",       "[",        "]",   ":",     "-",    "'",
                                      "\"", "\\",   "0",   "9",       "e",        "x",   ".",     "#",    "\n",
                                      " ",  "node", "inf", "value {", "tensor {", "\\x", "1e999", "\xff", ","};
  std::mt19937 random(3);
  int read = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string text = whole;
    for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
      const size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text.insert(at, kPieces[random() % std::size(kPieces)]);
          break;
        case 1:
          text.erase(at, 1 + random() % 20);
          break;
        default:
          text[at] = static_cast<char>(random());
      }
    }
    read += refusal(text).empty();
  }
  CHECK(read > 100);
  CHECK(read < 3900);
}

TEST_CASE("text format: tokens at random are read or refused, never worse") {
  const std::string_view kTokens[] = {"node", "{",     "}",      "<",     ">",        "[",         "]",  ":",
                                      ",",    ";",     "-",      ".",     "/",        "name",      "op", "attr",
                                      "key",  "value", "tensor", "dtype", "DT_FLOAT", "float_val", "1",  "0x",
                                      "'a'",  "\"\\",  "inf",    "#",     "\n"};
  std::mt19937 random(4);
  for (int round = 0; round < 20000; ++round) {
    std::string text = "node {";
    for (unsigned count = random() % 24; count > 0; --count)
      text += std::string(kTokens[random() % std::size(kTokens)]) + " ";
    refusal(text);
  }
}

TEST_CASE("text format: the text of other messages is told by its first field") {
  const auto container = [](std::string_view text) { return text_container(as_bytes(text)); };
  CHECK(container("node {") == Container::kGraphDef);
  CHECK(container("# c\n\nnode: <") == Container::kGraphDef);
  CHECK(container("version: 1") == Container::kGraphDef);
  CHECK(container("meta_info_def {") == Container::kMetaGraphDef);
  CHECK(container("saved_model_schema_version: 1") == Container::kSavedModel);
  CHECK(container("nodes {") == Container::kNone);
  CHECK(container("node") == Container::kNone);
  CHECK(container("node js") == Container::kNone);
  CHECK(container("{\"node\": 1}") == Container::kNone);
  CHECK(container("") == Container::kNone);
  CHECK(container("daisy\nrose\n") == Container::kNone);
}

TEST_CASE("text format: the real texts are read, with a value for every constant") {
  const fs::path data = fs::path(POSY_SOURCE_DIR) / ".." / "shared" / "data";
  if (!fs::exists(data)) {
    MESSAGE("skipped: the folder of real graphs (../shared/data) is absent");
    return;
  }
  const struct {
    const char* path;
    size_t nodes;
  } kTexts[] = {{"odd/nonhalal/frozen_graph.pb", 2205},
                {"made/text_mobilenet_v1.pbtxt", 95},
                {"odd/opencv_face/opencv_face_detector.pbtxt", 145}};
  for (const auto& text : kTexts) {
    INFO(std::string(text.path));
    const Graph graph = read_graph((data / text.path).string());
    CHECK(graph.nodes.size() == text.nodes);
    for (const GraphNode& node : graph.nodes) {
      if (node.op != "Const") continue;
      const GraphAttribute* value = node.attribute("value");
      REQUIRE(value);
      CHECK(value->tensor.bytes.size() == value->tensor.element_count() * data_type_bytes(value->tensor.type));
    }
  }
}
