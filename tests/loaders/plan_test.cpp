// The plan is checked by following it with tags in place of numbers, and by running it.
#include "loaders/plan.h"

#include <doctest/doctest.h>

#include <functional>

#include "tests/loaders/engine_runner.h"

using namespace posy;

namespace {

// Networks by hand: every function adds one node and returns its output.
struct Builder {
  Network network;

  explicit Builder(Shape input) {
    network.input = network.add_value({input, {"input"}});
    network.input_name = "input";
  }
  Shape shape(ValueId id) const { return network.values[(size_t)id].shape; }

  ValueId add(NodeKind kind, std::vector<ValueId> inputs, Shape out, ConvWeights weights = {}) {
    NetworkNode node = {kind, "n" + std::to_string(network.nodes.size()), std::move(inputs)};
    node.output = network.add_value({out, {node.name}});
    node.weights = std::move(weights);
    network.nodes.push_back(std::move(node));
    return network.nodes.back().output;
  }
  ValueId conv(ValueId x, uint32_t out_c, uint32_t stride = 1) {
    const Shape in = shape(x);
    ConvWeights w;
    w.values = std::make_shared<Array>(
        float_array({in.c, out_c}, random_floats((size_t)in.c * out_c, (uint32_t)network.nodes.size())));
    w.line = ChannelLine::added(std::vector<float>(out_c, 0.25f));
    const ValueId out = add(NodeKind::kConv2d, {x}, {(in.h - 1) / stride + 1, (in.w - 1) / stride + 1, out_c}, w);
    network.nodes.back().window.stride_h = network.nodes.back().window.stride_w = stride;
    return out;
  }
  // A window of k x k, padded as SAME does where the input allows it.
  ValueId depthwise(ValueId x, uint32_t k, uint32_t stride = 1) {
    const Shape in = shape(x), size = {(in.h - 1) / stride + 1, (in.w - 1) / stride + 1, in.c};
    ConvWeights w;
    w.values = std::make_shared<Array>(float_array({k * k, in.c}, random_floats((size_t)k * k * in.c, k)));
    w.line = ChannelLine::added(std::vector<float>(in.c, 0.25f));
    const ValueId out = add(NodeKind::kDepthwiseConv2d, {x}, size, w);
    network.nodes.back().window = {k, k, stride, stride, 1, 1, (k - 1) / 2, (k - 1) / 2};
    return out;
  }
  ValueId relu(ValueId x) {
    const ValueId out = add(NodeKind::kClamp, {x}, shape(x));
    network.nodes.back().clamp = {0, 6};
    return out;
  }
  ValueId sum(ValueId a, ValueId b) {
    const ValueId out = add(NodeKind::kBinary, {a, b}, shape(a));
    network.nodes.back().params.function = (uint8_t)BinaryFunction::add;
    return out;
  }
  ValueId concat(std::vector<ValueId> parts) {
    Shape out = shape(parts[0]);
    out.c = 0;
    for (const ValueId part : parts) out.c += shape(part).c;
    return add(NodeKind::kConcat, std::move(parts), out);
  }
  ValueId flatten(ValueId x) { return add(NodeKind::kReshape, {x}, {1, 1, (uint32_t)shape(x).elements()}); }
  ValueId slice(ValueId x, uint32_t first, uint32_t count) {
    const ValueId out = add(NodeKind::kSlice, {x}, {shape(x).h, shape(x).w, count});
    network.nodes.back().params.dims[0] = (uint16_t)first;
    return out;
  }
  // [h, w, c] to [c, h * w], flat.
  ValueId transpose(ValueId x) {
    const ValueId out = add(NodeKind::kTranspose, {x}, {1, 1, (uint32_t)shape(x).elements()});
    network.nodes.back().params.dims[0] = network.nodes.back().params.dims[1] = 1;
    network.nodes.back().params.dims[2] = (uint16_t)(shape(x).h * shape(x).w);
    network.nodes.back().params.dims[3] = (uint16_t)shape(x).c;
    const uint8_t order[4] = {0, 1, 3, 2};
    std::copy(order, order + 4, network.nodes.back().params.order);
    return out;
  }
  ValueId reshape(ValueId x, Shape to) { return add(NodeKind::kReshape, {x}, to); }
  ValueId mean(ValueId x) {
    const Shape in = shape(x);
    const ValueId out = add(NodeKind::kAveragePool, {x}, {1, 1, in.c});
    network.nodes.back().window = {in.h, in.w, 1, 1, 1, 1, 0, 0};
    return out;
  }
  Network finish(ValueId output) {
    network.output = output;
    network.output_name = network.values[(size_t)output].names[0];
    return network;
  }
};

// Nodes that only move elements.
bool is_movement(NodeKind kind) {
  return kind == NodeKind::kConcat || kind == NodeKind::kReshape || kind == NodeKind::kSlice;
}

// Calls visit(part, part's element, element) for every element of what such a node makes.
void for_each_source(const Network& network, const NetworkNode& node,
                     const std::function<void(size_t, size_t, size_t)>& visit) {
  const size_t out_c = network.values[(size_t)node.output].shape.c;
  size_t channel = 0;
  if (node.kind == NodeKind::kSlice) {
    const size_t in_c = network.values[(size_t)node.inputs[0]].shape.c;
    const size_t elements = (size_t)network.values[(size_t)node.output].shape.elements();
    for (size_t e = 0; e < elements; ++e) visit(0, e / out_c * in_c + node.params.dims[0] + e % out_c, e);
    return;
  }
  for (size_t part = 0; part < node.inputs.size(); ++part) {
    const Shape s = network.values[(size_t)node.inputs[part]].shape;
    for (size_t e = 0; e < s.elements(); ++e) {
      visit(part, e, node.kind == NodeKind::kReshape ? e : e / s.c * out_c + channel + e % s.c);
    }
    channel += s.c;
  }
}

// What every element of every value is, told from the network alone: a number of its own for what an op computes, the
// number of its source for what is only moved.
using Tags = std::vector<uint64_t>;
std::vector<Tags> tags_of(const Network& network) {
  std::vector<Tags> tags(network.values.size());
  for (size_t id = 0; id < tags.size(); ++id) {
    for (size_t e = 0; e < network.values[id].shape.elements(); ++e) tags[id].push_back((uint64_t)(id + 1) << 32 | e);
  }
  for (const NetworkNode& node : network.nodes) {
    if (!is_movement(node.kind)) continue;
    for_each_source(network, node, [&](size_t part, size_t from, size_t to) {
      tags[(size_t)node.output][to] = tags[(size_t)node.inputs[part]][from];
    });
  }
  return tags;
}

// Follows the plan with one tag for each float of the arena.
struct Simulation {
  const Network& network;  // as planned, with the planner's own values
  const Plan& plan;
  Tags arena;

  Shape shape(ValueId id) const { return network.values[(size_t)id].shape; }
  size_t address(ValueId id, size_t element) const {
    const Placement& p = plan.placements[(size_t)id];
    const Shape s = shape(id);
    const size_t pixel = element / s.c, y = pixel / s.w;
    return p.offset / sizeof(float) + (y % p.ring_h * s.w + pixel % s.w) * p.pixel_stride + element % s.c;
  }
  // The elements of some rows.
  Range elements(ValueId id, Range rows) const {
    const uint32_t row = shape(id).w * shape(id).c;
    return {rows.begin * row, rows.end * row};
  }
  Range all(ValueId id) const { return {0, shape(id).h}; }

  bool holds(ValueId id, Range rows, const Tags& expected) const {
    const Range range = elements(id, rows);
    for (size_t e = range.begin; e < range.end; ++e) {
      if (arena.at(address(id, e)) != expected[e]) return false;
    }
    return true;
  }
  Tags read(ValueId id, Range rows) const {
    Tags tags;
    const Range range = elements(id, rows);
    for (size_t e = range.begin; e < range.end; ++e) tags.push_back(arena.at(address(id, e)));
    return tags;
  }
  // `tags` are those of the rows.
  void write(ValueId id, Range rows, const Tags& tags) {
    const Range range = elements(id, rows);
    for (size_t e = range.begin; e < range.end; ++e) arena.at(address(id, e)) = tags[e - range.begin];
  }
};

// The rows of an input that the windows of rows `out` look at.
Range rows_seen(const PlannedOp& op, Shape in, Shape of, Range out) {
  if (op.kind == OpKind::binary || op.kind == OpKind::unary || op.kind == OpKind::copy) {
    return in.h == of.h ? out : Range{0, in.h};
  }
  if (!op.has_window) return {0, in.h};
  Range seen = {in.h, 0};
  for (uint32_t y = out.begin; y < out.end; ++y) {
    for (uint32_t i = 0; i < op.window.k_h; ++i) {
      const int64_t row = (int64_t)y * op.window.stride_h + (int64_t)i * op.window.dilation_h - op.window.pad_top;
      if (row < 0 || row >= (int64_t)in.h) continue;
      seen = {std::min(seen.begin, (uint32_t)row), std::max(seen.end, (uint32_t)row + 1)};
    }
  }
  return seen;
}

bool only_moves(const Network& network, ValueId output) {
  for (const NetworkNode& node : network.nodes) {
    if (node.output == output) return is_movement(node.kind);
  }
  return true;  // a value of the planner's own
}

// Every op finds what the network says its inputs are, writes nowhere that it reads, and the scores are there at the
// end.
Plan check_plan(Network network) {
  const std::vector<Tags> expected = tags_of(network);
  const Plan plan = make_plan(&network);
  CHECK(plan.arena_bytes % 64 == 0);
  Simulation simulation = {network, plan, Tags(plan.arena_bytes / sizeof(float))};
  simulation.write(network.input, simulation.all(network.input), expected[(size_t)network.input]);
  std::vector<uint32_t> made(plan.ops.size(), 0);
  for (const StepRecord& step : plan.steps) {
    const PlannedOp& op = plan.ops.at(step.op);
    const Range rows = {step.row_begin, step.row_end};
    INFO("op '", op.name, "' ", (int)op.kind, " rows ", rows.begin, " to ", rows.end);
    CHECK(rows.begin == made[step.op]);  // each row once, in order
    made[step.op] = rows.end;
    std::vector<Range> seen;
    std::vector<Tags> before;
    for (const ValueId input : op.inputs) {
      seen.push_back(rows_seen(op, simulation.shape(input), simulation.shape(op.output), rows));
      before.push_back(simulation.read(input, seen.back()));
      if ((size_t)input < expected.size()) CHECK(simulation.holds(input, seen.back(), expected[(size_t)input]));
    }
    const bool moves = op.kind == OpKind::copy && only_moves(network, op.output);
    Tags result = before[0];
    if (!moves) {
      const Range elements = simulation.elements(op.output, rows);
      const Tags& all = expected.at((size_t)op.output);
      result.assign(all.begin() + elements.begin, all.begin() + elements.end);
    }
    simulation.write(op.output, rows, result);
    for (size_t i = 0; i < op.inputs.size(); ++i) CHECK(simulation.read(op.inputs[i], seen[i]) == before[i]);
    CHECK(simulation.read(op.output, rows) == result);
  }
  for (size_t i = 0; i < made.size(); ++i) CHECK(made[i] == simulation.shape(plan.ops[i].output).h);
  CHECK(simulation.holds(network.output, simulation.all(network.output), expected[(size_t)network.output]));
  return plan;
}

// The network's scores by plain loops.
std::vector<float> evaluate(const Network& network, const std::vector<float>& input) {
  std::vector<std::vector<double>> values(network.values.size());
  values[(size_t)network.input].assign(input.begin(), input.end());
  for (const NetworkNode& node : network.nodes) {
    const Shape in = network.values[(size_t)node.inputs[0]].shape, out = network.values[(size_t)node.output].shape;
    const std::vector<double>& x = values[(size_t)node.inputs[0]];
    std::vector<double> y(out.elements());
    for (size_t e = 0; e < y.size(); ++e) {
      const size_t c = e % out.c, column = e / out.c % out.w, row = e / out.c / out.w;
      if (node.kind == NodeKind::kDepthwiseConv2d) {
        const Window& w = node.window;
        y[e] = node.weights.line.bias[c];
        for (size_t tap = 0; tap < (size_t)w.k_h * w.k_w; ++tap) {
          const size_t in_y = row * w.stride_h + tap / w.k_w - w.pad_top;  // wraps around to a large number
          const size_t in_x = column * w.stride_w + tap % w.k_w - w.pad_left;
          if (in_y < in.h && in_x < in.w) y[e] += x[(in_y * in.w + in_x) * in.c + c] * node.weights.weight(tap, c);
        }
      } else if (node.kind == NodeKind::kConv2d) {
        y[e] = node.weights.line.bias[c];
        const double* pixel = &x[(row * node.window.stride_h * in.w + column * node.window.stride_w) * in.c];
        for (size_t i = 0; i < in.c; ++i) y[e] += pixel[i] * node.weights.weight(i, c);
      } else if (node.kind == NodeKind::kClamp) {
        y[e] = std::clamp(x[e], 0.0, 6.0);
      } else if (node.kind == NodeKind::kBinary) {
        y[e] = x[e] + values[(size_t)node.inputs[1]][e];
      } else if (node.kind == NodeKind::kTranspose) {
        const size_t pixels = (size_t)in.h * in.w;
        y[e] = x[e % pixels * in.c + e / pixels];
      } else if (node.kind == NodeKind::kAveragePool) {
        for (size_t p = 0; p < in.h * in.w; ++p) y[e] += x[p * in.c + c] / (in.h * in.w);
      }
    }
    if (is_movement(node.kind)) {
      for_each_source(network, node,
                      [&](size_t part, size_t from, size_t to) { y[to] = values[(size_t)node.inputs[part]][from]; });
    }
    values[(size_t)node.output] = std::move(y);
  }
  const std::vector<double>& scores = values[(size_t)network.output];
  return {scores.begin(), scores.end()};
}

size_t copies(const Plan& plan) {
  return (size_t)std::count_if(plan.ops.begin(), plan.ops.end(),
                               [](const PlannedOp& op) { return op.kind == OpKind::copy; });
}

// Plans, follows the plan, runs it twice (a run may leave nothing behind that the next one sees).
Plan check_network(const Network& network) {
  const Plan plan = check_plan(network);
  EngineRunner runner(posy_bytes(network));
  for (uint32_t seed = 0; seed < 2; ++seed) {
    const std::vector<float> x =
        random_floats((size_t)network.values[(size_t)network.input].shape.elements(), seed, -2, 2);
    CHECK(relative_difference(runner.run(x), evaluate(network, x)) < 1e-5);
  }
  return plan;
}

}  // namespace

TEST_CASE("a concatenation costs nothing: its parts are written where they belong") {
  Builder b({5, 4, 3});
  const ValueId left = b.conv(b.network.input, 7), right = b.conv(b.network.input, 9), joined = b.concat({left, right});
  const Network network = b.finish(b.mean(joined));
  const Plan plan = check_network(network);
  CHECK(copies(plan) == 0);
  const auto at = [&](ValueId id) { return plan.placements[(size_t)id]; };
  CHECK(at(left).pixel_stride == 16);
  CHECK(at(left).offset == at(joined).offset);
  CHECK(at(right).offset == at(joined).offset + 7 * sizeof(float));
}

TEST_CASE("a tensor that is concatenated twice is copied once") {
  Builder b({3, 3, 3});
  const ValueId x = b.conv(b.network.input, 5);
  CHECK(copies(check_network(b.finish(b.mean(b.concat({x, x}))))) == 1);
  Builder two({3, 3, 3});
  const ValueId y = two.conv(two.network.input, 5), z = two.conv(two.network.input, 4);
  const ValueId first = two.mean(two.concat({y, z})), second = two.mean(two.concat({z, y}));
  CHECK(copies(check_network(two.finish(two.sum(first, second)))) == 2);
}

TEST_CASE("the network's input keeps its own memory when it is concatenated") {
  Builder b({3, 4, 3});
  const ValueId x = b.conv(b.network.input, 5);
  const Plan plan = check_network(b.finish(b.mean(b.concat({b.network.input, x, b.network.input}))));
  CHECK(copies(plan) == 2);
  CHECK(plan.placements[(size_t)b.network.input].pixel_stride == 3);
}

TEST_CASE("the output may be a concatenation, and may be a part of one") {
  Builder b({3, 3, 3});
  const ValueId x = b.mean(b.conv(b.network.input, 5)), y = b.mean(b.network.input);
  CHECK(copies(check_network(b.finish(b.concat({x, y})))) == 0);
  Builder part({1, 1, 3});
  const ValueId scores = part.conv(part.network.input, 4);
  part.conv(part.concat({scores, part.network.input}), 2);
  check_network(part.finish(scores));
}

TEST_CASE("nested concatenations as in DenseNet: every layer reads all before it") {
  Builder b({6, 6, 3});
  ValueId all = b.conv(b.network.input, 8);
  for (int layer = 0; layer < 5; ++layer) {
    const ValueId narrow = b.relu(b.conv(b.relu(all), 12)), more = b.conv(narrow, 4);
    all = b.concat({all, more});
  }
  const Plan plan = check_network(b.finish(b.mean(all)));
  CHECK(copies(plan) == 10);  // the activations, none for the concatenations
}

TEST_CASE("a flatten is a view, but a slice has to be copied to become one") {
  Builder b({2, 3, 3});
  const ValueId x = b.conv(b.network.input, 5);
  CHECK(copies(check_network(b.finish(b.conv(b.flatten(x), 4)))) == 0);

  Builder slice({2, 3, 3});
  const ValueId y = slice.conv(slice.network.input, 5), z = slice.conv(slice.network.input, 2);
  const ValueId joined = slice.mean(slice.concat({y, z}));
  CHECK(copies(check_network(slice.finish(slice.concat({slice.flatten(y), joined})))) == 2);

  Builder both({2, 3, 3});
  const ValueId w = both.conv(both.network.input, 5), flat = both.conv(both.flatten(w), 4);
  const ValueId mean = both.mean(both.concat({w, both.network.input}));
  check_network(both.finish(both.concat({flat, mean})));
}

TEST_CASE("a flatten of the input, to the output, or of a flatten") {
  Builder b({2, 3, 3});
  check_network(b.finish(b.flatten(b.network.input)));
  Builder twice({2, 3, 1});
  check_network(twice.finish(twice.relu(twice.flatten(twice.flatten(twice.network.input)))));
  Builder output({2, 2, 3});
  check_network(output.finish(output.flatten(output.conv(output.network.input, 5))));
  Builder joined({2, 2, 3});
  const ValueId x = joined.conv(joined.network.input, 2), y = joined.conv(joined.network.input, 3);
  check_network(joined.finish(joined.flatten(joined.concat({x, y}))));
}

TEST_CASE("a part of the channels is a view: of an op's output, of the input, of another part, of a concatenation") {
  Builder b({3, 4, 3});
  const ValueId x = b.conv(b.network.input, 8), part = b.slice(x, 3, 4);
  const Plan plan = check_network(b.finish(b.mean(b.conv(b.slice(part, 1, 2), 5))));
  CHECK(copies(plan) == 0);
  CHECK(plan.placements[(size_t)b.network.nodes[2].output].pixel_stride == 8);
  Builder input({3, 4, 3});
  CHECK(copies(check_network(input.finish(input.mean(input.conv(input.slice(input.network.input, 1, 2), 5))))) == 0);
  Builder joined({3, 4, 3});
  const ValueId y = joined.conv(joined.network.input, 5), z = joined.conv(joined.network.input, 6);
  CHECK(copies(check_network(joined.finish(joined.mean(joined.conv(joined.slice(joined.concat({y, z}), 3, 4), 2))))) ==
        0);
}

TEST_CASE("a part of the channels is copied where a tensor without gaps is needed, or memory of its own") {
  Builder out({1, 1, 3});
  CHECK(copies(check_network(out.finish(out.slice(out.conv(out.network.input, 6), 2, 3)))) == 1);
  Builder flat({3, 4, 3});
  const ValueId part = flat.slice(flat.conv(flat.network.input, 6), 2, 3);
  CHECK(copies(check_network(flat.finish(flat.conv(flat.flatten(part), 2)))) == 1);
  Builder turned({3, 4, 3});
  const ValueId some = turned.slice(turned.conv(turned.network.input, 6), 2, 3);
  CHECK(copies(check_network(turned.finish(turned.conv(turned.transpose(some), 2)))) == 1);
  Builder joined({3, 4, 3});
  const ValueId x = joined.conv(joined.network.input, 6);
  const ValueId both = joined.concat({joined.slice(x, 3, 3), joined.slice(x, 0, 3)});
  CHECK(copies(check_network(joined.finish(joined.mean(both)))) == 2);
}

TEST_CASE("a transposition reads and writes tensors without gaps") {
  Builder b({3, 4, 3});
  const ValueId x = b.conv(b.network.input, 5), map = b.reshape(b.transpose(x), {5, 4, 3});
  CHECK(copies(check_network(b.finish(b.mean(b.conv(map, 4))))) == 0);
  Builder ends({3, 4, 3});
  check_network(ends.finish(ends.transpose(ends.network.input)));
  Builder joined({3, 4, 3});
  const ValueId y = joined.conv(joined.network.input, 5);
  const ValueId turned = joined.reshape(joined.transpose(y), {3, 4, 5});
  check_network(joined.finish(joined.mean(joined.concat({y, turned, joined.network.input}))));
  Builder twice({3, 4, 3});
  const ValueId once = twice.reshape(twice.transpose(twice.network.input), {3, 4, 3});
  check_network(twice.finish(twice.transpose(once)));
}

TEST_CASE("a residual keeps its tensor until the addition") {
  Builder b({4, 4, 3});
  const ValueId x = b.conv(b.network.input, 8);
  const ValueId y = b.sum(x, b.conv(b.relu(b.conv(x, 20)), 8));
  check_network(b.finish(b.mean(b.sum(y, y))));
}

TEST_CASE("values that nothing uses do no harm") {
  Builder b({4, 4, 3});
  const ValueId x = b.conv(b.network.input, 8);
  b.relu(x);
  b.network.add_value({{9, 9, 9}, {"never made"}});
  check_network(b.finish(b.mean(x)));
}

TEST_CASE("a chain runs in bands: its arena is far below the largest input and output that live together") {
  Builder b({192, 192, 3});
  ValueId x = b.conv(b.network.input, 16, 2);
  uint32_t channels = 16;
  for (const uint32_t stride : {1, 1, 2, 1, 2, 1, 1, 1, 2, 1}) {
    channels *= stride;
    x = b.depthwise(x, 3, stride);
    x = b.conv(x, channels);
  }
  const Network network = b.finish(b.mean(x));
  uint64_t bound = 0;
  for (const NetworkNode& node : network.nodes) {
    bound = std::max(bound, b.shape(node.inputs[0]).elements() + b.shape(node.output).elements());
  }
  CHECK(check_network(network).arena_bytes <= bound * sizeof(float) * 3 / 4);
}

TEST_CASE("wide maps of every kind of window in bands") {
  for (const uint32_t k : {1u, 2u, 3u, 5u, 7u}) {
    for (const uint32_t stride : {1u, 2u, 3u}) {
      INFO("k ", k, " stride ", stride);
      Builder b({90, 60, 3});
      ValueId x = b.conv(b.network.input, 24);
      x = b.relu(b.depthwise(x, k, stride));
      x = b.conv(b.depthwise(b.conv(x, 20), k), 16);
      x = b.depthwise(b.sum(x, b.relu(x)), k, stride);
      const Plan plan = check_network(b.finish(b.mean(x)));
      CHECK(plan.steps.size() > plan.ops.size());
    }
  }
}

TEST_CASE("a residual block in bands: what enters it is kept until the addition has used it") {
  Builder b({64, 48, 3});
  ValueId x = b.conv(b.network.input, 16);
  for (int block = 0; block < 3; ++block) x = b.sum(x, b.conv(b.depthwise(b.conv(x, 64), 3), 16));
  const Plan plan = check_network(b.finish(b.mean(x)));
  CHECK(plan.arena_bytes < 64 * 48 * 64 * sizeof(float));  // less than one of the wide maps
}

TEST_CASE("what needs more memory than a file may ask for is refused") {
  Builder b({4096, 4096, 3});
  Network network = b.finish(b.mean(b.conv(b.network.input, 32)));
  CHECK(contains(refusal([&] { make_plan(&network); }), "MiB"));
}

TEST_CASE("random networks: plans hold together and give the scores of plain loops") {
  std::minstd_rand random(2026);
  for (int round = 0; round < 150; ++round) {
    INFO("round ", round);
    Builder b({1 + (uint32_t)random() % 4, 1 + (uint32_t)random() % 4, 3});
    std::vector<ValueId> maps = {b.network.input}, lists;
    const auto any = [&](const std::vector<ValueId>& from) { return from[random() % from.size()]; };
    for (int i = 0; i < 12; ++i) {
      const ValueId x = any(maps);
      switch (random() % 10) {
        case 0:
        case 1:
          maps.push_back(b.conv(x, 1 + (uint32_t)random() % 9));
          break;
        case 2:
          maps.push_back(b.relu(x));
          break;
        case 3:
          maps.push_back(b.sum(x, b.conv(any(maps), b.shape(x).c)));
          break;
        case 4:
          maps.push_back(b.concat({x, any(maps)}));
          break;
        case 5: {
          const uint32_t first = (uint32_t)random() % b.shape(x).c;
          maps.push_back(b.slice(x, first, 1 + (uint32_t)random() % (b.shape(x).c - first)));
          break;
        }
        case 6:
          maps.push_back(b.reshape(b.transpose(x), b.shape(x)));
          break;
        case 7:
          maps.push_back(b.reshape(b.flatten(x), b.shape(x)));
          break;
        case 8:
          lists.push_back(random() % 2 ? b.flatten(x) : b.mean(x));
          break;
        default:
          lists.push_back(b.conv(b.flatten(x), 3));
          break;
      }
    }
    lists.push_back(b.mean(maps.back()));
    lists.push_back(random() % 2 ? b.concat(lists) : b.relu(any(lists)));
    check_network(b.finish(random() % 4 ? lists.back() : any(lists)));
  }
}
