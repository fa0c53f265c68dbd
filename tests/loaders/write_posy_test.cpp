#include "loaders/write_posy.h"

#include <doctest/doctest.h>

#include <map>

#include "engine/checksum.h"
#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

// conv + relu -> mean -> head -> softmax, with names that repeat.
Network small_network() {
  GraphWriter g;
  g.placeholder("input", {1, 8, 8, 3});
  g.constant("w", {3, 3, 3, 20}, random_floats(540, 1));
  g.node("conv", "Conv2D", {"input", "w"}).text("padding", "SAME").ints("strides", {1, 2, 2, 1});
  g.node("relu", "Relu", {"conv"});
  g.node("also_relu", "Identity", {"relu"});
  g.constant_ints("axes", {2}, {1, 2});
  g.node("mean", "Mean", {"also_relu", "axes"});
  g.constant("head", {20, 2}, random_floats(40, 2));
  g.node("logits", "MatMul", {"mean", "head"});
  g.node("final_result", "Softmax", {"logits"});
  Network network = simplified(lowered(g));
  network.labels = {"daisy", "relu"};  // a label that is spelled like a node
  return network;
}

struct Written {
  std::vector<uint8_t> bytes;
  FileHeader header;
  std::vector<SectionEntry> sections;

  explicit Written(const Network& network) : bytes(posy_bytes(network)) {
    std::memcpy(&header, bytes.data(), sizeof header);
    sections.resize(header.section_count);
    std::memcpy(sections.data(), bytes.data() + sizeof header, sections.size() * sizeof(SectionEntry));
  }
  const SectionEntry& section(SectionKind kind) const {
    for (const SectionEntry& entry : sections) {
      if (entry.kind == (uint32_t)kind) return entry;
    }
    FAIL("no section ", (uint32_t)kind);
    return sections[0];
  }
  template <class Record>
  std::vector<Record> records(SectionKind kind) const {
    const SectionEntry& entry = section(kind);
    REQUIRE(entry.bytes == entry.count * sizeof(Record));
    std::vector<Record> out(entry.count);
    if (!out.empty()) std::memcpy(out.data(), bytes.data() + entry.offset, entry.bytes);
    return out;
  }
  std::string string(uint32_t offset) const {
    REQUIRE(offset < section(SectionKind::kStrings).bytes);
    return (const char*)bytes.data() + section(SectionKind::kStrings).offset + offset;
  }
};

bool all_zero(const std::vector<uint8_t>& bytes, size_t from, size_t until) {
  return std::all_of(bytes.begin() + (std::ptrdiff_t)from, bytes.begin() + (std::ptrdiff_t)until,
                     [](uint8_t b) { return b == 0; });
}

}  // namespace

TEST_CASE("the same network gives the same bytes") {
  const std::vector<uint8_t> once = posy_bytes(small_network());
  CHECK(once == posy_bytes(small_network()));
  Network other = small_network();
  other.labels[0] = "tulips";
  CHECK(once != posy_bytes(other));
}

TEST_CASE("the header says what the file is") {
  const Written file(small_network());
  CHECK(std::memcmp(file.header.magic, kMagic, sizeof kMagic) == 0);
  CHECK(file.header.file_bytes == file.bytes.size());
  CHECK(file.header.version_major == kVersionMajor);
  CHECK(file.header.version_minor == kVersionMinor);
  CHECK(file.header.arena_bytes % 64 == 0);
  CHECK(file.header.arena_bytes >= (8 * 8 * 3 + 4 * 4 * 20) * sizeof(float));
  CHECK(file.header.max_rows == 3 * 3 * 3);
  CHECK(all_zero(file.bytes, offsetof(FileHeader, zero), sizeof(FileHeader)));
}

TEST_CASE("the checksum covers everything behind it") {
  Written file(small_network());
  CHECK(file.header.checksum == checksum(file.bytes.data() + 16, file.bytes.size() - 16));
  Model model;
  for (const size_t at : {size_t{16}, size_t{20}, file.bytes.size() / 2, file.bytes.size() - 1}) {
    file.bytes[at] ^= 1;
    CHECK(open_model(file.bytes.data(), file.bytes.size(), false, &model));
    file.bytes[at] ^= 1;
  }
  CHECK_FALSE(open_model(file.bytes.data(), file.bytes.size(), false, &model));
}

TEST_CASE("sections ascend, begin at multiples of 64 with zeros in between, and the last one ends the file") {
  const Written file(small_network());
  REQUIRE(file.sections.size() == kRequiredSections + 1);
  size_t end = sizeof(FileHeader) + file.sections.size() * sizeof(SectionEntry);
  uint32_t last_kind = 0;
  for (const SectionEntry& entry : file.sections) {
    CHECK(entry.kind > last_kind);
    last_kind = entry.kind;
    CHECK(entry.offset == (end + 63) / 64 * 64);
    CHECK(all_zero(file.bytes, end, entry.offset));
    end = (size_t)entry.offset + entry.bytes;
  }
  CHECK(end == file.bytes.size());
}

TEST_CASE("a string that is used often is there once, and every one ends with a zero byte") {
  const Written file(small_network());
  const SectionEntry& strings = file.section(SectionKind::kStrings);
  std::map<std::string, int> seen;
  for (size_t at = 0; at < strings.bytes;) {
    const std::string text = file.string((uint32_t)at);
    ++seen[text];
    at += text.size() + 1;
    REQUIRE(at <= strings.bytes);
  }
  for (const auto& [text, times] : seen) {
    INFO(text);
    CHECK(times == 1);
  }
  for (const char* name : {"input", "conv", "relu", "mean", "final_result", "daisy"}) CHECK(seen.count(name) == 1);
}

TEST_CASE("the model record names input, output and preprocessing") {
  Network network = small_network();
  network.preprocessing.mean[1] = 127.5f;
  network.preprocessing.std[2] = 128;
  const Written file(network);
  const std::vector<ModelRecord> record = file.records<ModelRecord>(SectionKind::kModel);
  REQUIRE(record.size() == 1);
  CHECK(file.string(record[0].input_name) == "input");
  CHECK(file.string(record[0].output_name) == "final_result");
  CHECK(record[0].mean[1] == 127.5f);
  CHECK(record[0].std[2] == 128);
  CHECK(record[0].normalize_first == 0);
  const std::vector<TensorRecord> tensors = file.records<TensorRecord>(SectionKind::kTensors);
  const TensorRecord in = tensors.at(record[0].input_tensor), out = tensors.at(record[0].output_tensor);
  CHECK(in.h == 8);
  CHECK(in.w == 8);
  CHECK(in.c == 3);
  CHECK(in.pixel_stride == 3);
  CHECK(out.c == 2);
  CHECK(file.string(out.name) == "final_result");
}

TEST_CASE("ops stand in their order with what they need, and one step each") {
  const Written file(small_network());
  const std::vector<OpRecord> ops = file.records<OpRecord>(SectionKind::kOps);
  const std::vector<StepRecord> steps = file.records<StepRecord>(SectionKind::kSteps);
  const std::vector<TensorRecord> tensors = file.records<TensorRecord>(SectionKind::kTensors);
  REQUIRE(ops.size() == 4);
  const OpKind kinds[] = {OpKind::conv_2d, OpKind::average_pool, OpKind::conv_2d, OpKind::softmax};
  uint32_t weights_end = 0;
  for (size_t i = 0; i < ops.size(); ++i) {
    CHECK(ops[i].kind == (uint16_t)kinds[i]);
    CHECK(ops[i].in[1] == kNoIndex);
    CHECK(tensors.at(ops[i].out).ring_h == tensors.at(ops[i].out).h);
    if (kinds[i] != OpKind::conv_2d) continue;
    CHECK(ops[i].weights_offset == weights_end);
    CHECK(ops[i].weights_offset % 64 == 0);
    weights_end += ops[i].weights_bytes;
  }
  CHECK(weights_end == file.section(SectionKind::kWeights).bytes);
  CHECK(file.string(ops[0].name) == "conv");
  CHECK(ops[0].stride_h == 2);
  CHECK(ops[0].clamp_low == 0);
  CHECK(ops[0].pad_top == 0);  // 8 -> 4 by stride 2 and a window of 3: SAME pads 1, at the bottom
  REQUIRE(steps.size() == ops.size());
  for (uint32_t i = 0; i < steps.size(); ++i) {
    CHECK(steps[i].op == i);
    CHECK(steps[i].row_begin == 0);
    CHECK(steps[i].row_end == tensors.at(ops[i].out).h);
  }
}

TEST_CASE("labels are strings in class order; a model may have none") {
  const Written file(small_network());
  const std::vector<uint32_t> labels = file.records<uint32_t>(SectionKind::kLabels);
  REQUIRE(labels.size() == 2);
  CHECK(file.string(labels[0]) == "daisy");
  CHECK(file.string(labels[1]) == "relu");
  Network network = small_network();
  network.labels.clear();
  CHECK(Written(network).section(SectionKind::kLabels).count == 0);
  EngineRunner runner(posy_bytes(network));
  CHECK(posy_label(runner.engine(), 0) == nullptr);
}

TEST_CASE("further names of a tensor are in a section of their own, which is left out when there are none") {
  const Written file(small_network());
  const std::vector<TensorRecord> tensors = file.records<TensorRecord>(SectionKind::kTensors);
  const std::vector<NodeNameRecord> names = file.records<NodeNameRecord>(SectionKind::kNodeNames);
  REQUIRE(names.size() == 1);
  CHECK(file.string(names[0].name) == "also_relu");
  CHECK(file.string(tensors.at(names[0].tensor).name) == "relu");
  Network network = small_network();
  for (Value& value : network.values) value.names.resize(1);
  CHECK(Written(network).sections.size() == kRequiredSections);
}

TEST_CASE("a name with a zero byte inside ends there") {
  Network network = small_network();
  network.labels[0] = std::string("da\0isy", 6);
  EngineRunner runner(posy_bytes(network));
  CHECK(std::string(posy_label(runner.engine(), 0)) == "da");
  CHECK(std::string(posy_label(runner.engine(), 1)) == "relu");
}

TEST_CASE("a network without weights has an empty weights section and runs") {
  GraphWriter g;
  g.placeholder("x", {1, 2, 2, 1});
  g.constant_ints("axes", {2}, {1, 2});
  g.node("out", "Mean", {"x", "axes"});
  const Written file(lowered(g));
  CHECK(file.section(SectionKind::kWeights).bytes == 0);
  CHECK(EngineRunner(file.bytes).run({1, 2, 3, 6}) == std::vector<float>{3});
}

TEST_CASE("a window that the format has no room for is refused") {
  Network network = small_network();
  network.nodes[0].window.stride_h = 5000;
  CHECK(contains(refusal([&] { posy_bytes(network); }), "'conv'"));
}
