#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "loaders/error.h"
#include "loaders/tfjs.h"

namespace fs = std::filesystem;
using namespace posy;

namespace {

// A folder that is gone when the test ends.
class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("posy_tfjs_test_" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string path(const std::string& name = "") const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }

 private:
  fs::path path_;
};

template <class T>
std::string raw(const std::vector<T>& values) {
  std::string out(values.size() * sizeof(T), '\0');
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

// {"class_name": kind, "config": {"name": name, settings}, inbound}.
std::string layer(const std::string& kind, const std::string& name, const std::string& settings = "",
                  const std::string& inbound = "") {
  std::string out = R"({"class_name":")" + kind + R"(","name":")" + name + R"(","config":{"name":")" + name + '"';
  if (!settings.empty()) out += "," + settings;
  return out + "}" + (inbound.empty() ? "" : R"(,"inbound_nodes":[)" + inbound + "]") + "}";
}
std::string from(const std::string& name) {
  return R"([[")" + name + R"(",0,0,{}]])";
}
std::string sequential(const std::string& layers) {
  return R"({"class_name":"Sequential","config":{"name":"s","layers":[)" + layers + "]}}";
}
std::string weight(const std::string& name, const std::string& shape,
                   const std::string& more = R"("dtype":"float32")") {
  return R"({"name":")" + name + R"(","shape":[)" + shape + "]," + more + "}";
}
std::string model(const std::string& topology, const std::string& weights, const std::string& paths = R"("w.bin")") {
  return R"({"modelTopology":)" + topology + R"(,"weightsManifest":[{"paths":[)" + paths + R"(],"weights":[)" +
         weights + "]}]}";
}

const std::string kInput = R"("batch_input_shape":[null,4,4,1])";
const std::string kConvSettings =
    R"("filters":2,"kernel_size":[1,1],"strides":[2,2],"padding":"same","activation":"relu6","use_bias":true)";

std::string small_model() {
  return model(sequential(layer("Conv2D", "c", kInput + "," + kConvSettings) + "," + layer("Flatten", "f") + "," +
                          layer("Dense", "d", R"("units":2,"activation":"softmax","use_bias":false)")),
               weight("c/kernel", "1,1,1,2") + "," + weight("c/bias", "2") + "," + weight("d/kernel", "8,2"));
}
std::string small_weights() {
  std::vector<float> values = {2, -2, 0.5f, 1};
  for (int i = 0; i < 16; ++i) values.push_back((float)i);
  return raw(values);
}

const GraphNode& node(const Graph& graph, const std::string& name) {
  for (const GraphNode& node : graph.nodes) {
    if (node.name == name) return node;
  }
  INFO(name);
  REQUIRE(false);
  return graph.nodes[0];
}
std::vector<double> values(const Graph& graph, const std::string& name) {
  const GraphTensor& tensor = node(graph, name).attribute("value")->tensor;
  std::vector<double> out;
  for (size_t i = 0; i < tensor.element_count(); ++i) out.push_back(tensor.number(i));
  return out;
}
std::string ops(const Graph& graph) {
  std::string out;
  for (const GraphNode& node : graph.nodes) {
    if (node.op != "Const") out += (out.empty() ? "" : " ") + node.op;
  }
  return out;
}

std::string refusal(const std::string& path) {
  try {
    read_tfjs(path);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}
bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("tfjs: a sequential model becomes TensorFlow's ops") {
  const Folder folder;
  folder.write("model.json", small_model());
  folder.write("w.bin", small_weights());
  for (const std::string& path : {folder.path(), folder.path("model.json")}) {
    const Graph graph = read_tfjs(path);
    CHECK(ops(graph) == "Placeholder Conv2D BiasAdd Relu6 Reshape MatMul Softmax");
    CHECK(graph.suggested_input == "c_input");
    CHECK(graph.suggested_output == "d");
    CHECK(node(graph, "c_input").attribute("shape")->shape.dims == std::vector<int64_t>{-1, 4, 4, 1});
    CHECK(node(graph, "c/Conv2D").attribute("strides")->integers == std::vector<int64_t>{1, 2, 2, 1});
    CHECK(node(graph, "c/Conv2D").attribute("padding")->text == "SAME");
    CHECK(values(graph, "c/kernel") == std::vector<double>{2, -2});
    CHECK(values(graph, "d/kernel").back() == 15);
    CHECK(!graph.suggested_mean);
  }
}

TEST_CASE("tfjs: quantized shards are min + scale * q, halves and several shards are read") {
  const Folder folder;
  const std::string uint8 = R"("dtype":"float32","quantization":{"dtype":"uint8","scale":0.5,"min":-1})";
  const std::string uint16 = R"("dtype":"float32","quantization":{"dtype":"uint16","scale":2,"min":0.5})";
  const std::string half = R"("dtype":"float32","quantization":{"dtype":"float16"})";
  folder.write("model.json", model(sequential(layer("Conv2D", "c", kInput + "," + kConvSettings) + "," +
                                              layer("Flatten", "f") + "," + layer("Dense", "d", R"("units":1)")),
                                   weight("c/kernel", "1,1,1,2", uint8) + "," + weight("c/bias", "2", uint16) + "," +
                                       weight("d/kernel", "8,1", half) + "," + weight("d/bias", "1"),
                                   R"("a.bin","sub/b.bin")"));
  fs::create_directories(folder.path("sub"));
  const std::string all =
      raw<uint8_t>({0, 255}) + raw<uint16_t>({0, 65535}) + raw(std::vector<uint16_t>(8, 0x3c00)) + raw<float>({7});
  folder.write("a.bin", all.substr(0, 5));
  folder.write("sub/b.bin", all.substr(5));
  const Graph graph = read_tfjs(folder.path());
  CHECK(values(graph, "c/kernel") == std::vector<double>{-1, 126.5});
  CHECK(values(graph, "c/bias") == std::vector<double>{0.5, 131070.5});
  CHECK(values(graph, "d/kernel") == std::vector<double>(8, 1));
  CHECK(values(graph, "d/bias") == std::vector<double>{7});
}

TEST_CASE("tfjs: functional models are joined by name, in any order, and hold each other") {
  const Folder folder;
  const std::string inner = R"({"class_name":"Model","name":"m","config":{"name":"m","layers":[)" +
                            layer("Add", "sum", "", R"([["a",0,0,{}],["b",0,0,{}]])") + "," +
                            layer("ReLU", "b", R"("max_value":null)", from("in")) + "," +
                            layer("Activation", "a", R"("activation":"hard_sigmoid")", from("in")) + "," +
                            layer("InputLayer", "in", kInput) +
                            R"(],"input_layers":[["in",0,0]],"output_layers":[["sum",0,0]]}})";
  folder.write(
      "model.json",
      model(sequential(inner + "," + layer("GlobalAveragePooling2D", "g") + "," + layer("Dropout", "drop") + "," +
                       layer("BatchNormalization", "n", R"("scale":false,"epsilon":0.5)")),
            weight("n/beta", "1") + "," + weight("n/moving_mean", "1") + "," + weight("n/moving_variance", "1")));
  folder.write("w.bin", raw<float>({1, 2, 3.5f}));
  const Graph graph = read_tfjs(folder.path());
  CHECK(ops(graph) == "Placeholder Relu Mul AddV2 Maximum Minimum AddV2 Mean Identity Mul AddV2");
  CHECK(node(graph, "sum").inputs == std::vector<std::string>{"a", "b"});
  CHECK(values(graph, "n/scale") == std::vector<double>{0.5});
  CHECK(values(graph, "n/offset") == std::vector<double>{0});
}

TEST_CASE("tfjs: layers that cut, widen and turn a map, and those that only training needs") {
  const Folder folder;
  folder.write("w.bin", raw<float>({3}));
  const auto read = [&](const std::string& kind, const std::string& settings) {
    const std::string all = settings.empty() ? kInput : kInput + "," + settings;
    folder.write("model.json", model(sequential(layer(kind, "l", all)), weight("l/alpha", "1,1,1")));
    return read_tfjs(folder.path());
  };
  const Graph cropped = read("Cropping2D", R"("cropping":[[1,2],[0,0]])");
  CHECK(ops(cropped) == "Placeholder StridedSlice");
  CHECK(values(cropped, "l/begin") == std::vector<double>{0, 1, 0, 0});
  CHECK(values(cropped, "l/end") == std::vector<double>{0, -2, 0, 0});
  CHECK(node(cropped, "l").attribute("begin_mask")->integer == 0b1001);
  CHECK(node(cropped, "l").attribute("end_mask")->integer == 0b1101);

  const Graph widened = read("UpSampling2D", R"("size":[2,3])");
  CHECK(ops(widened) == "Placeholder Shape StridedSlice Mul ResizeNearestNeighbor");
  CHECK(values(widened, "l/size") == std::vector<double>{2, 3});
  const Graph turned = read("Permute", R"("dims":[2,1,3])");
  CHECK(ops(turned) == "Placeholder Transpose");
  CHECK(values(turned, "l/order") == std::vector<double>{0, 2, 1, 3});
  const Graph prelu = read("PReLU", R"("shared_axes":[1,2])");
  CHECK(ops(prelu) == "Placeholder Neg Relu Mul Relu Sub");
  CHECK(values(prelu, "l/alpha") == std::vector<double>{3});
  CHECK(ops(read("ELU", R"("alpha":0.5)")) == "Placeholder Minimum Elu Mul Relu AddV2");
  CHECK(ops(read("Activation", R"("activation":"gelu")")) == "Placeholder Mul Erf Mul AddV2 Mul");
  CHECK(ops(read("RandomFlip", R"("mode":"horizontal")")) == "Placeholder Identity");
}

TEST_CASE("tfjs: a layer that is used twice is two nodes with the same weights") {
  const Folder folder;
  const std::string topology = R"({"class_name":"Model","config":{"name":"m","layers":[)" +
                               layer("InputLayer", "in", kInput) + "," +
                               layer("Conv2D", "c", R"("use_bias":false)", R"([["in",0,0,{}]],[["c",0,0,{}]])") +
                               R"(],"input_layers":[["in",0,0]],"output_layers":[["c",1,0]]}})";
  folder.write("model.json", model(topology, weight("c/kernel", "1,1,1,1")));
  folder.write("w.bin", raw<float>({3}));
  const Graph graph = read_tfjs(folder.path());
  CHECK(ops(graph) == "Placeholder Conv2D Conv2D");
  CHECK(graph.suggested_output == "c_1");
  CHECK(node(graph, "c_1").inputs[0] == "c");
}

TEST_CASE("tfjs: fused ops of a graph model are taken apart") {
  const Folder folder;
  // U0FNRQ== is SAME, Qmlhc0FkZA== BiasAdd, UmVsdTY= Relu6.
  folder.write("model.json", R"({"format":"graph-model","modelTopology":{"node":[
    {"name":"x","op":"Placeholder","attr":{"dtype":{"type":"DT_FLOAT"},
      "shape":{"shape":{"dim":[{"size":"-1"},{"size":"4"},{"size":"4"},{"size":"1"}]}}}},
    {"name":"w","op":"Const","attr":{"dtype":{"type":"DT_FLOAT"},"value":{"tensor":{"dtype":"DT_FLOAT"}}}},
    {"name":"b","op":"Const"},
    {"name":"y","op":"_FusedConv2D","input":["x","w","b"],"attr":{"padding":{"s":"U0FNRQ=="},
      "strides":{"list":{"i":["1","2","2","1"]}},"fused_ops":{"list":{"s":["Qmlhc0FkZA==","UmVsdTY="]}},
      "epsilon":{"f":0}}}]},
    "weightsManifest":[{"paths":["w.bin"],"weights":[)" +
                                 weight("w", "1,1,1,1") + "," + weight("b", "1") + "]}]}");
  folder.write("w.bin", raw<float>({3, 4}));
  const Graph graph = read_tfjs(folder.path());
  CHECK(ops(graph) == "Placeholder Conv2D BiasAdd Relu6");
  CHECK(node(graph, "y").op == "Relu6");
  CHECK(node(graph, "y/Conv2D").inputs == std::vector<std::string>{"x", "w"});
  CHECK(node(graph, "y/Conv2D").attribute("padding")->text == "SAME");
  CHECK(node(graph, "y/Conv2D").attribute("strides")->integers == std::vector<int64_t>{1, 2, 2, 1});
  CHECK(node(graph, "y/BiasAdd").inputs == std::vector<std::string>{"y/Conv2D", "b"});
  CHECK(node(graph, "x").attribute("shape")->shape.dims == std::vector<int64_t>{-1, 4, 4, 1});
}

TEST_CASE("tfjs: labels come from metadata.json, and the pixels of Teachable Machine") {
  const Folder folder;
  folder.write("model.json", small_model());
  folder.write("w.bin", small_weights());
  folder.write("metadata.json", R"({"tmVersion":"2.4","packageName":"@teachablemachine/image","labels":["a","b"]})");
  Graph graph = read_tfjs(folder.path());
  CHECK(graph.suggested_labels == std::vector<std::string>{"a", "b"});
  CHECK(*graph.suggested_mean == 127.5f);
  CHECK(*graph.suggested_std == 127.5f);
  folder.write("metadata.json", "{");
  graph = read_tfjs(folder.path());
  CHECK(graph.suggested_labels.empty());
  CHECK(contains(graph.notes.at(0), "metadata.json holds no labels"));
}

TEST_CASE("tfjs: what is wrong is named") {
  const Folder folder;
  folder.write("w.bin", small_weights());
  const auto message = [&](const std::string& json) {
    folder.write("model.json", json);
    return refusal(folder.path());
  };
  CHECK(contains(message("<!DOCTYPE html><html>"), "not a model.json of TensorFlow.js but an HTML page"));
  CHECK(contains(message(R"({"a":1})"), "without a modelTopology"));
  CHECK(contains(message(small_model().substr(0, 200)), "not complete JSON"));
  CHECK(contains(message(model(sequential(layer("LSTM", "memory", kInput)), weight("a", "20"))),
                 "layer 'memory' (LSTM): this kind of layer cannot be converted"));
  CHECK(contains(message(model(sequential(layer("Dense", "d", kInput)), weight("a", "20"))),
                 "layer 'd' (Dense): its weight 'kernel' is not in weightsManifest"));
  CHECK(contains(message(model(sequential(layer("Flatten", "f")), weight("a", "20"))),
                 "layer 'f' (Flatten): it comes first and does not say the shape of its input"));
  CHECK(contains(message(model(sequential(layer("Flatten", "f", kInput)), weight("a", "21"))),
                 "w.bin: 80 bytes of weights where weightsManifest asks for 84"));
  CHECK(contains(message(model(sequential(""), weight("a", "1", R"("dtype":"string")"))),
                 "weight 'a': its type string is not supported"));
  CHECK(contains(message(model(sequential(layer("UpSampling2D", "u", kInput + R"(,"interpolation":"bilinear")")),
                               weight("a", "20"))),
                 "layer 'u' (UpSampling2D): only the interpolation 'nearest' is supported"));
  CHECK(contains(
      message(model(sequential(layer("Cropping2D", "c", kInput + R"(,"cropping":[[-1,0],[0,0]])")), weight("a", "20"))),
      "layer 'c' (Cropping2D): its cropping is negative"));
  for (const std::string path :
       {"../w.bin", "/etc/passwd", "sub/../../w.bin", "http://host/w.bin", "..\\\\w.bin", ""}) {
    INFO(path);
    CHECK(
        contains(message(model(sequential(""), "", "\"" + path + "\"")), "is not a path below the model's own folder"));
  }
  CHECK(contains(message(model(sequential(""), "", R"("none.bin")")), "none.bin"));
  folder.write("w.bin", "<html>404</html>");
  CHECK(contains(message(small_model()), "w.bin: not weights but an HTML page"));
}

TEST_CASE("tfjs: truncated and damaged files are refused or read, never more") {
  const Folder folder;
  const std::string json = small_model();
  folder.write("w.bin", small_weights());
  for (size_t size = 0; size < json.size(); ++size) {
    folder.write("model.json", json.substr(0, size));
    CHECK(refusal(folder.path()).starts_with(folder.path()));
  }
  folder.write("model.json", json);
  for (size_t size = 0; size < small_weights().size(); ++size) {
    folder.write("w.bin", small_weights().substr(0, size));
    CHECK(refusal(folder.path()).starts_with(folder.path()));
  }
  folder.write("w.bin", small_weights());
  std::mt19937 random(11);
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = json;
    const char digits[] = "0123456789-[]{},\"nulltrue.e";
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) {
      damaged[random() % damaged.size()] = digits[random() % (sizeof(digits) - 1)];
    }
    folder.write("model.json", damaged);
    refusal(folder.path());
  }
}

TEST_CASE("tfjs: an export of Teachable Machine") {
  const std::string path = std::string(POSY_SOURCE_DIR) + "/../shared/data/tfjs/tm_recycle";
  if (!fs::exists(path)) {
    std::printf("skipped: %s is not there\n", path.c_str());
    return;
  }
  const Graph graph = read_tfjs(path);
  CHECK(graph.suggested_labels == std::vector<std::string>{"Glass", "Trash", "Recyclable plastic"});
  CHECK(*graph.suggested_mean == 127.5f);
  CHECK(graph.suggested_input == "input_1");
  CHECK(graph.suggested_output == "dense_Dense2");
  CHECK(node(graph, "dense_Dense2").op == "Softmax");
}
