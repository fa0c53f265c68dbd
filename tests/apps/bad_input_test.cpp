// Bad input: exit code 1, one sentence on standard error that names the file, nothing but JSON on standard output.
#include <doctest/doctest.h>

#include "tests/apps/run_posy.h"

using namespace posy_test;

namespace {

// Everything that `words` may print is one sentence about `name`, which has each of `parts` in it.
void check_refused(const std::vector<std::string>& words, const std::string& name,
                   const std::vector<std::string>& parts = {}) {
  const Outcome outcome = run_posy(words);
  CAPTURE(outcome.err);
  CHECK(outcome.code == 1);
  CHECK(outcome.out == "");
  CHECK(is_one_sentence_about(outcome.err, name));
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(contains(outcome.err, part));
  }
  // Neither what C++ nor what the compiler says is for users.
  for (const std::string word : {"internal error", "std::", "what()", "basic_string"})
    CHECK_FALSE(contains(outcome.err, word));
}

// Every command refuses this model.
void check_model_refused(const std::string& model, const std::vector<std::string>& parts = {}) {
  CAPTURE(model);
  check_refused({"convert", model, "-o", "out.posy"}, model, parts);
  check_refused({"label", model, "red.png"}, model, parts);
  check_refused({"label", model, "red.png", "--json"}, model, parts);
  check_refused({"info", model, "--json"}, model, parts);
  check_refused({"bench", model, "--json"}, model, parts);
  CHECK_FALSE(std::filesystem::exists("out.posy"));
}

// A graph that does not convert: every command but info refuses it, info shows it and says why.
void check_graph_refused(const std::string& graph, const std::vector<std::string>& parts) {
  CAPTURE(graph);
  check_refused({"convert", graph, "-o", "out.posy"}, graph, parts);
  check_refused({"label", graph, "red.png", "--json"}, graph, parts);
  check_refused({"bench", graph}, graph, parts);
  CHECK_FALSE(std::filesystem::exists("out.posy"));
  const Outcome info = run_posy({"info", graph, "--json"});
  CAPTURE(info.err);
  CHECK(info.code == 0);
  CHECK(info.err == "");
  REQUIRE(info.json().size() == 1);
  CHECK(info.json()[0]["convertible"] == false);
  const std::string reason = info.json()[0]["reason"];
  CAPTURE(reason);
  CHECK(contains(reason, graph));
  for (const std::string& part : parts) CHECK(contains(reason, part));
}

// The graph that is made in `g`, refused in a sentence with `parts` in it.
void check_kind_refused(const posy::GraphWriter& g, const std::vector<std::string>& parts) {
  Workplace here;
  write_colour_files();
  write("kind.pb", g.bytes());
  check_graph_refused("kind.pb", parts);
}

// A photo on its way: `last` gets pixels.
posy::GraphWriter photo_graph() {
  posy::GraphWriter g;
  g.placeholder("photo", {1, 8, 8, 3});
  return g;
}

void check_image_refused(const std::string& image, const std::vector<std::string>& parts = {}) {
  CAPTURE(image);
  check_refused({"label", "graph.pb", image}, image, parts);
  const Outcome outcome = run_posy({"label", "graph.pb", image, "--json"});
  CHECK(outcome.code == 1);
  CHECK(is_one_sentence_about(outcome.err, image));
  REQUIRE(outcome.json().size() == 1);
  CHECK(outcome.json()[0]["image"] == image);
  CHECK(contains(outcome.json()[0]["error"], image));
}

}  // namespace

TEST_CASE("bad model: missing, empty, a folder") {
  Workplace here;
  write_colour_files();
  write("empty.pb", {});
  std::filesystem::create_directory("folder");
  check_model_refused("lost.pb", {"No such file"});
  check_model_refused("lost.posy", {"No such file"});
  check_model_refused("empty.pb", {"empty"});
  check_model_refused("folder", {"folder"});
}

TEST_CASE("bad model: a graph that was cut anywhere, or has bytes changed, never crashes") {
  Workplace here;
  write_colour_files();
  const Bytes whole = colour_graph().bytes();
  for (size_t bytes = 1; bytes < whole.size(); bytes += bytes < 40 ? 3 : 61) {
    CAPTURE(bytes);
    write("cut.pb", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes)));
    const Outcome outcome = run_posy({"convert", "cut.pb", "-o", "out.posy"});
    CHECK(outcome.code == 1);
    CHECK(outcome.out == "");
    CHECK(is_one_sentence_about(outcome.err, "cut.pb"));
    CHECK_FALSE(contains(outcome.err, "internal error"));
    CHECK_FALSE(std::filesystem::exists("out.posy"));
  }
  for (size_t at = 0; at < whole.size(); at += 29) {
    CAPTURE(at);
    Bytes changed = whole;
    changed[at] ^= 0xff;
    write("changed.pb", changed);
    const Outcome outcome = run_posy({"label", "changed.pb", "red.png"});
    CHECK((outcome.code == 0 || outcome.code == 1));
    CHECK_FALSE(contains(outcome.err, "internal error"));
  }
}

TEST_CASE("bad model: files that are no graph are called what they are") {
  Workplace here;
  write_colour_files();
  write("notes.txt", bytes_of("daisy\nrose\n"));
  write("page.pb", bytes_of("<!DOCTYPE html><html><body>404</body></html>"));
  check_model_refused("notes.txt", {"text"});
  check_model_refused("page.pb", {"HTML"});
  check_model_refused("red.png", {"PNG"});
}

TEST_CASE("bad model: a .posy file that was cut or changed is refused with its reason") {
  Workplace here;
  write_colour_files();
  REQUIRE(run_posy({"convert", "graph.pb"}).code == 0);
  const std::string whole = read("graph.posy");
  for (const size_t bytes : {size_t{8}, size_t{63}, size_t{64}, whole.size() / 2, whole.size() - 1}) {
    CAPTURE(bytes);
    write("cut.posy", bytes_of(std::string_view(whole).substr(0, bytes)));
    check_refused({"label", "cut.posy", "red.png"}, "cut.posy");
    check_refused({"info", "cut.posy"}, "cut.posy");
  }
  std::string changed = whole;
  changed[whole.size() - 1] = static_cast<char>(changed[whole.size() - 1] ^ 1);
  write("changed.posy", bytes_of(changed));
  check_refused({"label", "changed.posy", "red.png"}, "changed.posy", {"damaged"});
  write("longer.posy", bytes_of(whole + "x"));
  check_refused({"label", "longer.posy", "red.png"}, "longer.posy");
  check_refused({"convert", "graph.posy", "-o", "out.posy"}, "graph.posy", {"converted already"});
}

TEST_CASE("bad model: an unsupported op is named with its node and what feeds it") {
  Workplace here;
  write_colour_files();
  write("odd.pb", colour_graph("Cosh").bytes());
  check_graph_refused("odd.pb", {"'odd_one' (Cosh)", "cannot be converted", "'input' (Placeholder)"});
}

TEST_CASE("refused by name: object detectors") {
  posy::GraphWriter chosen = photo_graph();
  chosen.node("boxes", "Squeeze", {"photo"});
  chosen.node("keep", "NonMaxSuppressionV3", {"boxes"});
  chosen.node("final", "Identity", {"keep"});
  check_kind_refused(chosen, {"object detector", "'keep' (NonMaxSuppressionV3)", "Posy runs classifiers"});
  posy::GraphWriter raw = photo_graph();
  raw.node("mbox_loc", "ConcatV2", {"photo"});
  raw.node("mbox_conf_flatten", "Softmax", {"photo"});
  check_kind_refused(raw, {"object detector", "'mbox_loc' (ConcatV2)", "--output-node"});
  posy::GraphWriter api = photo_graph();
  for (const char* name : {"detection_boxes", "detection_scores", "detection_classes", "num_detections"}) {
    api.node(name, "Identity", {"photo"});
  }
  check_kind_refused(api, {"object detector", "'detection_boxes' (Identity)"});
}

TEST_CASE("refused by name: what takes sound, words or strings, and recurrent networks") {
  posy::GraphWriter sound;
  sound.placeholder("wav_data", {}, posy::DataType::kString);
  sound.node("decoded", "DecodeWav", {"wav_data"});
  sound.node("labels_softmax", "Softmax", {"decoded"});
  check_kind_refused(sound, {"'decoded' (DecodeWav) takes sound", "image classifiers"});
  posy::GraphWriter words;
  words.placeholder("word_ids", {-1, 40}, posy::DataType::kInt32);
  words.constant("table", {2, 2}, {1, 2, 3, 4});
  words.node("embedding", "Gather", {"table", "word_ids"});
  words.node("scores", "Softmax", {"embedding"});
  check_kind_refused(words, {"'word_ids' (Placeholder)", "words", "image classifiers"});
  posy::GraphWriter strings;
  strings.placeholder("tf_example", {-1}, posy::DataType::kString);
  strings.node("scores", "Softmax", {"tf_example"});
  check_kind_refused(strings, {"'tf_example' (Placeholder) takes strings"});
  posy::GraphWriter rnn = photo_graph();
  rnn.node("rnn/basic_lstm_cell/Mul", "BlockLSTM", {"photo"});
  rnn.node("scores", "Softmax", {"rnn/basic_lstm_cell/Mul"});
  check_kind_refused(rnn, {"recurrent", "'rnn/basic_lstm_cell/Mul' (BlockLSTM)"});
}

TEST_CASE("refused by name: training graphs, with the command that freezes them") {
  posy::GraphWriter g = photo_graph();
  g.node("weights", "VariableV2");
  g.node("weights/read", "Identity", {"weights"});
  g.node("product", "Conv2D", {"photo", "weights/read"}).text("padding", "SAME").ints("strides", {1, 1, 1, 1});
  g.node("scores", "Softmax", {"product"});
  check_kind_refused(g, {"not a frozen graph", "'weights' (VariableV2)", "freeze_graph --input_graph=kind.pb",
                         "--output_node_names=scores", "convert_variables_to_constants"});
  g.node("gradients/product_grad", "Conv2DBackpropFilter", {"photo", "scores"});
  g.node("train/update", "ApplyGradientDescent", {"weights", "gradients/product_grad"});
  check_kind_refused(g, {"a training graph", "'weights' (VariableV2)", "freeze_graph"});
  posy::GraphWriter handles = photo_graph();
  handles.node("w", "VarHandleOp");
  handles.node("w/Read", "ReadVariableOp", {"w"});
  handles.node("product", "MatMul", {"photo", "w/Read"});
  handles.node("scores", "Softmax", {"product"});
  check_kind_refused(handles, {"'w' (VarHandleOp) and 1 more", "freeze_graph"});
  posy::GraphWriter norm = photo_graph();
  norm.constant("c", {3}, {1, 1, 1});
  norm.node("bn", "FusedBatchNorm", {"photo", "c", "c", "c", "c"}).flag("is_training", true);
  norm.node("scores", "Softmax", {"bn"});
  check_kind_refused(norm, {"a training graph", "'bn' (FusedBatchNorm)", "is_training", "--output_node_names=scores"});
}

TEST_CASE("refused by name: a training graph in which several nodes may be the output") {
  posy::GraphWriter g = photo_graph();
  g.node("left", "Softmax", {"photo"});
  g.node("right", "Softmax", {"photo"});
  check_kind_refused(g, {"several nodes may be the output: 'left' (Softmax) and 'right' (Softmax)", "--output-node"});
  g.scalar("rate", 1);
  g.node("train", "ApplyAdam", {"rate"});
  check_kind_refused(g, {"a training graph", "'left' (Softmax) and 'right' (Softmax)", "freeze", "--output-node"});
}

TEST_CASE("a training graph whose classifier is frozen converts: its leftovers do no harm") {
  Workplace here;
  write_colour_files();
  posy::GraphWriter g = colour_graph();
  g.node("truth", "Placeholder").type("dtype", posy::DataType::kFloat);
  g.node("loss", "SoftmaxCrossEntropyWithLogits", {"final/add", "truth"});
  g.node("step", "VariableV2");
  g.node("gradients/final", "MatMul", {"bottleneck", "loss:1"});
  g.node("train", "ApplyGradientDescent", {"step", "gradients/final"});
  write("graph.pb", g.bytes());
  CHECK(run_posy({"label", "graph.pb", "red.png", "--top=1"}).out == "red (score=0.57612)\n");
  const Json info = run_posy({"info", "graph.pb", "--json"}).json().at(0);
  CHECK(info["convertible"] == true);
  for (const Json& op : info["graph"]["ops"]) CHECK(op["supported"] == true);
}

TEST_CASE("refused by name: control flow and calls of functions") {
  posy::GraphWriter loop = photo_graph();
  loop.node("map/while/Enter", "Enter", {"photo"});
  loop.node("map/while/Merge", "Merge", {"map/while/Enter", "map/while/NextIteration"});
  loop.node("map/while/NextIteration", "NextIteration", {"map/while/Merge"});
  loop.node("map/while/Exit", "Exit", {"map/while/Merge"});
  loop.node("scores", "Softmax", {"map/while/Exit"});
  check_kind_refused(loop, {"is part of a loop", "control flow", "'map/while/Enter' (Enter)", "--input-node"});
  for (const std::string op : {"While", "StatelessWhile"}) {
    posy::GraphWriter g = photo_graph();
    g.node("loop", op, {"photo"});
    g.node("scores", "Softmax", {"loop"});
    check_kind_refused(g, {"is part of a loop", "control flow", "'loop' (" + op + ")"});
  }
  for (const std::string op : {"If", "StatelessIf"}) {
    posy::GraphWriter g = photo_graph();
    g.node("cond", op, {"photo", "photo"});
    g.node("scores", "Softmax", {"cond"});
    check_kind_refused(g, {"control flow", "'cond' (" + op + ")", "freeze the graph for inference"});
  }
  posy::GraphWriter branch = photo_graph();
  branch.node("is_bright", "Greater", {"photo", "photo"});
  branch.node("switch", "Switch", {"photo", "is_bright"});
  branch.node("scores", "Softmax", {"switch"});
  check_kind_refused(branch, {"control flow"});
  for (const std::string op : {"PartitionedCall", "StatefulPartitionedCall"}) {
    posy::GraphWriter g = photo_graph();
    g.node("call", op, {"photo"}).function("f", "__inference_call_12");
    g.node("scores", "Identity", {"call"});
    check_kind_refused(g, {"'call' (" + op + ")", "TensorFlow 2", "convert_variables_to_constants_v2"});
  }
}

TEST_CASE("refused by name: several inputs, and images from a pipeline") {
  posy::GraphWriter two = photo_graph();
  two.placeholder("second", {1, 8, 8, 3});
  two.node("sum", "Add", {"photo", "second"});
  two.node("scores", "Softmax", {"sum"});
  check_kind_refused(two, {"'photo' (Placeholder) and 'second' (Placeholder)", "one image", "--input-node"});
  Workplace here;
  write("two.pb", two.bytes());
  check_refused({"convert", "two.pb", "--input-node", "photo"}, "two.pb",
                {"needs 'second' (Placeholder)", "'photo' (Placeholder)", "fixed values"});
  posy::GraphWriter pipeline;
  pipeline.node("IteratorGetNext", "IteratorGetNext");
  pipeline.node("scores", "Softmax", {"IteratorGetNext"});
  check_kind_refused(pipeline, {"'IteratorGetNext' (IteratorGetNext)", "--input-node", "--output-node"});
}

TEST_CASE("a file's bytes that a decoder takes are no second input") {
  posy::GraphWriter g;
  g.placeholder("contents", {}, posy::DataType::kString);
  g.node("decode", "DecodeJpeg", {"contents"});
  g.node("scores", "Softmax", {"decode"});
  check_kind_refused(g, {"after 'decode' no ResizeBilinear to a constant size was found", "--input-node"});
}

TEST_CASE("what the user names wrongly is said before what the graph is") {
  Workplace here;
  posy::GraphWriter g = photo_graph();
  g.node("loop", "While", {"photo"});
  g.node("scores", "Softmax", {"loop"});
  write("loop.pb", g.bytes());
  check_refused({"convert", "loop.pb", "--output-node", "score"}, "loop.pb", {"no node 'score'", "'scores' (Softmax)"});
  check_refused({"convert", "loop.pb", "--input-node", "phot"}, "loop.pb", {"no node 'phot'"});
}

TEST_CASE("bad labels: the wrong count, missing, empty, no text") {
  Workplace here;
  write_colour_files();
  write("four.txt", bytes_of("red\ngreen\nblue\nyellow\n"));
  write("empty.txt", {});
  write("gap.txt", bytes_of("red\n\nblue\n"));
  write("zero.txt", Bytes{'r', 0, 'g', '\n'});
  const auto with = [](const char* labels) {
    return std::vector<std::string>{"convert", "graph.pb", "-o", "out.posy", "--labels", labels};
  };
  check_refused(with("four.txt"), "four.txt", {"4 labels", "3 classes", "--labels"});
  check_refused(with("lost.txt"), "lost.txt", {"No such file"});
  check_refused(with("empty.txt"), "empty.txt");
  check_refused(with("gap.txt"), "gap.txt", {"line 2"});
  check_refused(with("zero.txt"), "zero.txt");
  check_refused({"label", "graph.pb", "red.png", "--labels", "four.txt"}, "four.txt", {"4 labels", "3 classes"});
  CHECK_FALSE(std::filesystem::exists("out.posy"));
}

TEST_CASE("bad nodes: a name that is not in the graph") {
  Workplace here;
  write_colour_files();
  check_refused({"convert", "graph.pb", "--output-node", "final"}, "graph.pb", {"'final'", "final_result"});
  check_refused({"convert", "graph.pb", "--input-node", "inptu"}, "graph.pb", {"'inptu'"});
  check_refused({"convert", "graph.pb", "--input-size", "4"}, "graph.pb");
}

TEST_CASE("bad output: a path that cannot be written, and the old file stays") {
  Workplace here;
  write_colour_files();
  std::filesystem::create_directory("folder");
  check_refused({"convert", "graph.pb", "-o", "nowhere/out.posy"}, "nowhere/out.posy", {"cannot be written"});
  check_refused({"convert", "graph.pb", "-o", "red.png/out.posy"}, "red.png/out.posy", {"cannot be written"});
  check_refused({"convert", "graph.pb", "-o", "folder"}, "folder", {"folder"});
  if (std::filesystem::exists("/dev/full")) {
    check_refused({"convert", "graph.pb", "-o", "/dev/full"}, "/dev/full", {"cannot be written"});
    CHECK(std::filesystem::is_character_file("/dev/full"));
  }
  CHECK(here.files() ==
        std::vector<std::string>{"blue.png", "folder", "graph.pb", "green.png", "labels.txt", "red.png"});
}

TEST_CASE("bad image: missing, empty, a folder, another kind of file") {
  Workplace here;
  write_colour_files();
  write("empty.jpg", {});
  std::filesystem::create_directory("folder.jpg");
  write("page.jpg", bytes_of("<!DOCTYPE html>\n<html><head><title>Not found</title></head></html>\n"));
  write("text.png", bytes_of("not a picture"));
  check_image_refused("lost.jpg", {"No such file"});
  check_image_refused("empty.jpg", {"empty"});
  check_image_refused("folder.jpg", {"folder"});
  check_image_refused("page.jpg", {"HTML"});
  check_image_refused("text.png");
  check_image_refused("graph.pb");
}

TEST_CASE("bad image: a header that claims more pixels than anyone has") {
  Workplace here;
  write_colour_files();
  PngOptions huge;
  huge.width = huge.height = 60000;
  huge.rows = Bytes(100);
  write("huge.png", make_png(huge));
  check_image_refused("huge.png", {"60000"});
  write("huge.bmp", make_bmp(60000, 60000, 24, {}, Bytes(100)));
  check_image_refused("huge.bmp", {"60000"});
}

TEST_CASE("bad image: cut anywhere, it never crashes") {
  Workplace here;
  write_colour_files();
  const Bytes kinds[] = {flat_png(255, 0, 0), make_bmp(2, 2, 24, {}, Bytes(16)), make_jpeg(),
                         make_gif(2, 2, Bytes(768, 9), Bytes(4, 1))};
  for (const Bytes& whole : kinds) {
    for (size_t bytes = 1; bytes < whole.size(); bytes += 17) {
      CAPTURE(bytes);
      write("cut.img", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(bytes)));
      const Outcome outcome = run_posy({"label", "graph.pb", "cut.img", "--json"});
      CHECK((outcome.code == 0 || outcome.code == 1));
      CHECK(outcome.json().size() == 1);
      CHECK_FALSE(contains(outcome.err, "internal error"));
    }
  }
}
