// From a graph's file to a .posy file's bytes, with everything that may be given by hand.
#include "loaders/convert.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "loaders/file.h"
#include "tests/loaders/engine_runner.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

// A folder of its own with a small graph in it, gone after the test.
class Folder {
 public:
  Folder() : path_(fs::path(POSY_BINARY_DIR) / "convert_test_files") {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() { fs::remove_all(path_); }

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string file(const std::string& name, const std::vector<uint8_t>& bytes) const {
    write_file(path(name), bytes);
    return path(name);
  }
  std::string text(const std::string& name, const std::string& text) const {
    return file(name, {text.begin(), text.end()});
  }

 private:
  fs::path path_;
};

// A retrained MobileNet in small: 1,001-wide bottleneck, a head of 3 classes.
GraphWriter small_graph(std::vector<int64_t> input = {1, 64, 64, 3}) {
  GraphWriter g;
  if (input.empty()) {
    g.node("input", "Placeholder").type("dtype", DataType::kFloat);
  } else {
    g.placeholder("input", input);
  }
  g.constant("w", {3, 3, 3, 8}, random_floats(216, 1));
  g.node("MobilenetV1/Conv2d_0", "Conv2D", {"input", "w"}).text("padding", "SAME").ints("strides", {1, 16, 16, 1});
  g.node("MobilenetV1/Relu6", "Relu6", {"MobilenetV1/Conv2d_0"});
  g.constant_ints("axes", {2}, {1, 2});
  g.node("features", "Mean", {"MobilenetV1/Relu6", "axes"});
  g.constant("bottleneck/w", {8, 1001}, random_floats(8008, 2));
  g.node("bottleneck", "MatMul", {"features", "bottleneck/w"});
  g.constant("head/w", {1001, 3}, random_floats(3003, 3, -0.01f, 0.01f));
  g.node("logits", "MatMul", {"bottleneck", "head/w"});
  g.node("final_result", "Softmax", {"logits"});
  return g;
}

EngineRunner opened(const Conversion& conversion) {
  return EngineRunner(conversion.posy);
}

const ModelRecord& record(const EngineRunner& runner) {
  return *runner.model().record;
}

}  // namespace

TEST_CASE("a graph with its labels beside it converts without a flag, and the report says what was found") {
  const Folder folder;
  const std::string graph = folder.file("flowers.pb", small_graph().bytes());
  const std::string labels = folder.text("retrained_labels.txt", "daisy\nroses\ntulips\n");
  const Conversion conversion = convert_graph(graph, {});
  const ConvertReport& report = conversion.report;
  CHECK(report.graph == graph);
  CHECK(report.graph_bytes == fs::file_size(graph));
  CHECK(report.graph_nodes == 11);
  CHECK(report.input_node == "input");
  CHECK(report.output_node == "final_result");
  CHECK(report.input == Shape{64, 64, 3});
  CHECK(report.labels_file == labels);
  CHECK(report.classes == 3);
  CHECK(report.preprocessing.mean[0] == 127.5f);
  CHECK(report.rewrites.at("activation (Relu, Relu6) fused into the op before it") == 1);

  EngineRunner runner = opened(conversion);
  CHECK(std::string(posy_label(runner.engine(), 2)) == "tulips");
  CHECK(record(runner).std[1] == 127.5f);
  const std::vector<float> scores = runner.run(random_floats(64 * 64 * 3, 5));
  CHECK(scores[0] + scores[1] + scores[2] == doctest::Approx(1));
}

TEST_CASE("the same graph gives the same bytes, wherever it lies and also gzipped") {
  const Folder folder;
  const std::vector<uint8_t> bytes = small_graph().bytes();
  const Conversion plain = convert_graph(folder.file("a.pb", bytes), {});
  const Conversion packed = convert_graph(folder.file("b.pb.gz", gzip_stored(bytes)), {});
  CHECK(plain.posy == packed.posy);
  CHECK(packed.report.graph_bytes > bytes.size());
}

TEST_CASE("mean and std may be given, one or both") {
  const Folder folder;
  const std::string graph = folder.file("g.pb", small_graph().bytes());
  ConvertOptions options;
  options.lower.mean = 128.0f;
  const EngineRunner one = opened(convert_graph(graph, options));
  CHECK(record(one).mean[0] == 128);
  CHECK(record(one).std[0] == 127.5f);
  options.lower.std = 1.0f;
  const Conversion both = convert_graph(graph, options);
  CHECK(record(opened(both)).std[2] == 1);
  CHECK(both.report.preprocessing.reason == "given");
}

TEST_CASE("the input's size may be given") {
  const Folder folder;
  const std::string graph = folder.file("g.pb", small_graph({}).bytes());
  ConvertOptions options;
  options.lower.input_h = 48;
  options.lower.input_w = 80;
  const Conversion conversion = convert_graph(graph, options);
  CHECK(conversion.report.input == Shape{48, 80, 3});
  EngineRunner runner = opened(conversion);
  const posy_shape shape = posy_input_shape(runner.engine());
  CHECK(shape.h == 48);
  CHECK(shape.w == 80);
}

TEST_CASE("input and output nodes may be given; the classes are those of the output") {
  const Folder folder;
  const std::string graph = folder.file("g.pb", small_graph().bytes());
  ConvertOptions options;
  options.lower.output_node = "bottleneck";
  options.lower.input_node = "input";
  const Conversion conversion = convert_graph(graph, options);
  CHECK(conversion.report.classes == 1001);
  CHECK(conversion.report.labels_file == "");
  options.lower.output_node = "nowhere";
  CHECK(contains(refusal([&] { convert_graph(graph, options); }), "'nowhere'"));
  options.lower.output_node = "";
  options.lower.input_node = "nowhere";
  CHECK(contains(refusal([&] { convert_graph(graph, options); }), "'nowhere'"));
}

TEST_CASE("a labels file that is named wins over the one beside the graph") {
  const Folder folder;
  const std::string graph = folder.file("g.pb", small_graph().bytes());
  folder.text("retrained_labels.txt", "a\nb\nc\n");
  ConvertOptions options;
  options.labels = folder.text("other.txt", "x\ny\nz\n");
  EngineRunner runner = opened(convert_graph(graph, options));
  CHECK(std::string(posy_label(runner.engine(), 0)) == "x");
  options.labels = folder.path("missing.txt");
  CHECK(contains(refusal([&] { convert_graph(graph, options); }), "missing.txt"));
}

TEST_CASE("labels that do not fit the classes are refused with both numbers and both files") {
  const Folder folder;
  const std::string graph = folder.file("g.pb", small_graph().bytes());
  const std::string labels = folder.text("retrained_labels.txt", "daisy\nroses\ntulips\nsunflowers\n");
  const std::string message = refusal([&] { convert_graph(graph, {}); });
  CHECK(contains(message, labels));
  CHECK(contains(message, graph));
  CHECK(contains(message, "4 labels"));
  CHECK(contains(message, "3 classes"));
  CHECK(contains(message, "'final_result'"));
}

TEST_CASE("without labels a graph converts too") {
  const Folder folder;
  const Conversion conversion = convert_graph(folder.file("g.pb", small_graph().bytes()), {});
  CHECK(conversion.report.labels_file == "");
  EngineRunner runner = opened(conversion);
  CHECK(posy_class_count(runner.engine()) == 3);
  CHECK(posy_label(runner.engine(), 0) == nullptr);
}

TEST_CASE("keep_bottleneck keeps the layer that is joined away otherwise") {
  const Folder folder;
  const std::string graph = folder.file("g.pb", small_graph().bytes());
  ConvertOptions options;
  const Conversion joined = convert_graph(graph, options);
  options.keep_bottleneck = true;
  const Conversion kept = convert_graph(graph, options);
  CHECK(joined.posy.size() * 5 < kept.posy.size());
  EngineRunner a(joined.posy), b(kept.posy);
  const std::vector<float> x = random_floats(64 * 64 * 3, 9);
  CHECK(relative_difference(a.run(x), b.run(x)) < 1e-6);
}

TEST_CASE("the choice of weights is passed on") {
  const Folder folder;
  const std::string graph = folder.file("g.pb", small_graph().bytes());
  ConvertOptions options;
  options.keep_bottleneck = true;
  const Conversion f32 = convert_graph(graph, options);
  options.bits.weights = WeightChoice::kU8;
  const Conversion u8 = convert_graph(graph, options);
  CHECK(u8.posy.size() < f32.posy.size() * 0.8);
  CHECK(opened(u8).model().ops[2].weight_type == (uint8_t)WeightType::u8_affine);
  size_t bytes = u8.posy.size();
  for (const auto& [choice, type] : {std::pair{WeightChoice::kU7, WeightType::u7},
                                     {WeightChoice::kU6, WeightType::u6},
                                     {WeightChoice::kU5, WeightType::u5},
                                     {WeightChoice::kU4, WeightType::u4}}) {
    options.bits.weights = choice;
    const Conversion fewer = convert_graph(graph, options);
    CHECK(fewer.posy.size() < bytes);
    const EngineRunner runner(fewer.posy);
    const Model& model = runner.model();
    CHECK(std::any_of(model.ops, model.ops + model.op_count,
                      [type = (uint8_t)type](const OpRecord& op) { return op.weight_type == type; }));
    bytes = fewer.posy.size();
  }
}

TEST_CASE("a .posy file loads as it is, whatever its name; a graph is converted") {
  const Folder folder;
  const std::string graph = folder.file("g.pb", small_graph().bytes());
  const Conversion conversion = convert_graph(graph, {});
  const LoadedModel as_is = load_model(folder.file("model.dat", conversion.posy), {});
  CHECK(std::equal(as_is.posy.begin(), as_is.posy.end(), conversion.posy.begin(), conversion.posy.end()));
  CHECK(as_is.report.graph == "");
  const LoadedModel converted = load_model(graph, {});
  CHECK(std::equal(converted.posy.begin(), converted.posy.end(), conversion.posy.begin(), conversion.posy.end()));
  CHECK(converted.report.graph == graph);
}

TEST_CASE("what is neither is refused by name") {
  const Folder folder;
  CHECK(contains(refusal([&] { load_model(folder.path("nowhere.pb"), {}); }), "nowhere.pb"));
  CHECK(contains(refusal([&] { load_model(folder.path(""), {}); }), "convert_test_files"));
  for (const char* bytes : {"", "hello", "<!DOCTYPE html><html></html>", "\x89POSY\r\n"}) {
    const std::string file = folder.text("what.pb", bytes);
    INFO("'", bytes, "'");
    CHECK(contains(refusal([&] { load_model(file, {}); }), "what.pb"));
  }
}

TEST_CASE("whatever convert writes can be opened: a graph that would give more is refused") {
  const Folder folder;
  // More features than a .posy file's tensor may have channels.
  GraphWriter g;
  g.placeholder("x", {1, 1024, 1024, 3});
  g.constant_ints("shape", {2}, {-1, 1024 * 1024 * 3});
  g.node("flat", "Reshape", {"x", "shape"});
  g.node("out", "Softmax", {"flat"});
  const std::string wide = folder.file("wide.pb", g.bytes());
  // An identity: no op is left.
  GraphWriter none;
  none.placeholder("x", {1, 1, 1, 3});
  none.node("out", "Identity", {"x"});
  const std::string empty = folder.file("empty.pb", none.bytes());
  for (const std::string& graph : {wide, empty}) {
    INFO(graph);
    Conversion conversion;
    if (refusal([&] { conversion = convert_graph(graph, {}); }) != "") continue;
    Model model;
    CHECK_FALSE(open_model(conversion.posy.data(), conversion.posy.size(), false, &model));
  }
}
