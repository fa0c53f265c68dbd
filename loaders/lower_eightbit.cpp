// Graphs of quantize_graph --mode=eightbit: every op between QuantizeV2 and Dequantize works on 8-bit codes and carries
// the range of its tensor beside it, as two more outputs. Here a tensor of codes is the floats that the codes stand
// for. A range is known by the tensor that it was measured over, and measured again by the op that needs it (quantize),
// so that ranges need no tensors of their own.
#include <algorithm>

#include "loaders/fold.h"
#include "loaders/lowering.h"

namespace posy {
namespace {

// The codes, and their range as two outputs that are looked at only as part of the first.
Fact with_range(Fact fact, std::optional<ValueId> range_of) {
  fact.outputs.clear();
  fact.range_of = range_of;
  const Fact codes = fact;
  fact.outputs = {codes, Fact{}, Fact{}};
  return fact;
}

// Operand `i`, 8-bit codes in a constant with their range in operands `low` and `high`, as the floats they stand for. A
// constant that the graph itself quantizes is floats already.
Fact dequantized(Lowering& lowering, const GraphNode& node, const Facts& in, size_t i, size_t low, size_t high) {
  if (lowering.constant_input(node, in, i)->is_float) return in[i];
  GraphNode dequantize = {node.name, "Dequantize", {}, {}, node.place};
  GraphAttribute type, mode;
  type.kind = GraphAttribute::Kind::kType;
  type.integer = (int64_t)DataType::kQuint8;
  mode.kind = GraphAttribute::Kind::kString;
  mode.text = "MIN_FIRST";
  dequantize.attributes = {{"T", type}, {"mode", mode}};
  const std::vector<ArrayPtr> folded =
      fold_constant(dequantize, {lowering.constant_input(node, in, i), lowering.constant_input(node, in, low),
                                 lowering.constant_input(node, in, high)});
  if (folded.empty()) lowering.refuse(node, "its 8-bit constant cannot be read");
  return Fact::of_constant(folded[0]);
}

Fact to_codes(Lowering& lowering, const GraphNode& node, const Fact& in, ValueId range_of, QuantizeFunction function) {
  NetworkNode op = {NodeKind::kQuantize, node.name, {lowering.shaped(node, in), range_of}};
  op.params.function = (uint8_t)function;
  return with_range(lowering.add_node_like(std::move(op), in), range_of);
}

// To 8 bits of the range of all of the operand, measured at run time.
Fact to_measured_codes(Lowering& lowering, const GraphNode& node, const Facts& in, QuantizeFunction function) {
  lowering.value_input(node, in, 0);
  return to_codes(lowering, node, in[0], lowering.shaped(node, in[0]), function);
}

bool is_one_float(const Facts& in, size_t i) {
  return i < in.size() && in[i].kind == Fact::Kind::kConstant && in[i].constant->is_float &&
         in[i].constant->size() == 1;
}

// An op on codes as its sibling on floats.
Fact on_floats(Lowering& lowering, const GraphNode& node, const char* op, const Facts& in) {
  GraphNode plain = node;
  plain.op = op;
  return lowering.lower_node(plain, in);
}

// To the codes of a range that the graph states: what fake quantization does, to constants (a bias) too.
Fact to_known_codes(Lowering& lowering, const GraphNode& node, const Fact& in, const Fact& low, const Fact& high) {
  return with_range(on_floats(lowering, node, "FakeQuantWithMinMaxVars", {in, low, high}), {});
}

Fact quantize_v2(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (is_one_float(in, 1) && is_one_float(in, 2)) return to_known_codes(lowering, node, in[0], in[1], in[2]);
  return to_measured_codes(lowering, node, in, QuantizeFunction::quantize_v2);
}

// Requantize: codes, their range, the new range, which RequantizationRange measured or somebody wrote into the graph.
Fact requantize(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (is_one_float(in, 3) && is_one_float(in, 4)) return to_known_codes(lowering, node, in[0], in[3], in[4]);
  return to_measured_codes(lowering, node, in, QuantizeFunction::requantize);
}

Fact no_range(Lowering&, const GraphNode&, const Facts&) {
  Fact fact;
  fact.outputs = {Fact{}, Fact{}};
  return fact;
}

constexpr char kAdd[] = "Add", kBiasAdd[] = "BiasAdd", kConv2d[] = "Conv2D", kMatMul[] = "MatMul", kMul[] = "Mul";
constexpr char kMaxPool[] = "MaxPool", kRelu[] = "Relu", kRelu6[] = "Relu6";

// Sums of products: numbers of 32 bits, whose range the next Requantize measures.
template <const char* kOp>
Fact with_weights(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.size() < 6) lowering.refuse(node, "it needs six inputs");
  const bool is_constant = in[1].kind == Fact::Kind::kConstant;
  const Fact other = is_constant ? dequantized(lowering, node, in, 1, 4, 5) : in[1];
  return with_range(on_floats(lowering, node, kOp, {in[0], other}), {});
}

// Ops whose codes keep the range of their operand.
template <const char* kOp>
Fact in_same_range(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  return with_range(on_floats(lowering, node, kOp, {in[0]}), in[0].range_of);
}

// The float of a constant of one number; 0 otherwise.
float number_of(const Facts& in, size_t i) {
  return is_one_float(in, i) ? in[i].constant->floats[0] : 0;
}

Fact bias_add(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const Fact sum = with_weights<kBiasAdd>(lowering, node, in);
  if (!in[0].range_of) return sum;
  NetworkNode op = {NodeKind::kQuantize, node.name, {lowering.shaped(node, sum), *in[0].range_of}};
  op.params.function = (uint8_t)QuantizeFunction::bias_add;
  op.params.param[0] = std::max(number_of(in, 5), -number_of(in, 4));
  return with_range(lowering.add_node_like(std::move(op), sum), {});
}

Fact reshape(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  lowering.constant_input(node, in, 1);
  return with_range(on_floats(lowering, node, "Reshape", {in[0], in[1]}), in[0].range_of);
}

// The average of codes is a code, rounded down.
Fact average_pool(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const Fact average = on_floats(lowering, node, "AvgPool", {in[0]});
  if (!in[0].range_of) return with_range(average, {});
  return to_codes(lowering, node, average, *in[0].range_of, QuantizeFunction::average);
}

// Axis, parts, their minima, their maxima. The parts get the codes of the range over all of them.
Fact concat(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.size() < 4 || in.size() % 3 != 1) lowering.refuse(node, "it needs an axis, and a range for every part");
  const Facts parts = {in.begin() + 1, in.begin() + 1 + (std::ptrdiff_t)(in.size() - 1) / 3};
  const auto join = [&](Facts facts) {
    facts.insert(facts.begin(), in[0]);
    return on_floats(lowering, node, "Concat", facts);
  };
  const Fact joined = join(parts);
  Facts sources;
  for (const Fact& part : parts) {
    if (!part.range_of) return with_range(joined, {});
    // Minimum and maximum do not depend on how the sources are put together: flat, as their sizes may differ.
    const int64_t elements = (int64_t)lowering.value(*part.range_of).shape.elements();
    sources.push_back(Fact::of_value(*part.range_of, {1, elements}));
  }
  auto last_axis = std::make_shared<Array>();
  last_axis->is_float = false;
  last_axis->integers = {1};
  Facts flat = {Fact::of_constant(last_axis)};
  flat.insert(flat.end(), sources.begin(), sources.end());
  const ValueId range_of = lowering.shaped(node, on_floats(lowering, node, "Concat", flat));
  return to_codes(lowering, node, joined, range_of, QuantizeFunction::concat);
}

Fact dequantize(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  lowering.count("ops on 8-bit codes run on the floats they stand for");
  return lowering.same_value(node, in[0]);
}

}  // namespace

void add_eightbit_ops(LowerTable* table) {
  const LowerTable ops = {
      {"Dequantize", dequantize},
      {"QuantizeDownAndShrinkRange", requantize},
      {"QuantizeV2", quantize_v2},
      {"QuantizedAdd", with_weights<kAdd>},
      {"QuantizedAvgPool", average_pool},
      {"QuantizedBiasAdd", bias_add},
      {"QuantizedConcat", concat},
      {"QuantizedConv2D", with_weights<kConv2d>},
      {"QuantizedMatMul", with_weights<kMatMul>},
      {"QuantizedMaxPool", in_same_range<kMaxPool>},
      {"QuantizedMul", with_weights<kMul>},
      {"QuantizedRelu", in_same_range<kRelu>},
      {"QuantizedRelu6", in_same_range<kRelu6>},
      {"QuantizedReshape", reshape},
      {"RequantizationRange", no_range},
      {"Requantize", requantize},
  };
  table->insert(ops.begin(), ops.end());
}

}  // namespace posy
