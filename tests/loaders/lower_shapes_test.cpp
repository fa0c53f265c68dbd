// Ops that move elements, change shapes or look through windows: each alone in a graph, run in the engine and compared
// with plain loops.
#include <doctest/doctest.h>

#include <functional>
#include <map>

#include "tests/loaders/lower_case.h"

using namespace posy;

namespace {

const Map kMap = random_map(5, 6, 4);

using Strings = std::vector<std::string>;

Map channels(const Map& x, int64_t first, int64_t count) {
  return make_map(x.h, x.w, count,
                  [&](int64_t row, int64_t column, int64_t c) { return x.at(row, column, first + c); });
}

std::vector<float> strided(const Map& x, std::vector<int32_t> begin, std::vector<int32_t> end,
                           std::vector<int32_t> strides, std::map<std::string, int64_t> masks = {}) {
  GraphWriter g = with_image(x);
  g.constant_ints("begin", {(int64_t)begin.size()}, begin);
  g.constant_ints("end", {(int64_t)end.size()}, end);
  g.constant_ints("strides", {(int64_t)strides.size()}, strides);
  NodeWriter& node = g.node("op", "StridedSlice", {"x", "begin", "end", "strides"});
  for (const auto& [name, bits] : masks) node.integer(name, bits);
  return run_to(g, "op", x);
}

// Where a row or column of a resized map comes from.
struct Source {
  int64_t low, high;
  double fraction;
};
Source source_of(int64_t out, int64_t in_size, int64_t out_size, bool aligned, bool half_pixel) {
  const double scale =
      aligned && out_size > 1 ? (double)(in_size - 1) / (double)(out_size - 1) : (double)in_size / (double)out_size;
  const double at = half_pixel ? ((double)out + 0.5) * scale - 0.5 : (double)out * scale;
  const double low = std::floor(at);
  return {std::max<int64_t>((int64_t)low, 0), std::min((int64_t)std::ceil(at), in_size - 1), at - low};
}
int64_t nearest_of(int64_t out, int64_t in_size, int64_t out_size, bool aligned, bool half_pixel) {
  const double scale =
      aligned && out_size > 1 ? (double)(in_size - 1) / (double)(out_size - 1) : (double)in_size / (double)out_size;
  const double at = half_pixel ? ((double)out + 0.5) * scale : (double)out * scale;
  return std::min((int64_t)(aligned ? std::round(at) : std::floor(at)), in_size - 1);
}

}  // namespace

// ---- Shapes ----

TEST_CASE("ExpandDims and Squeeze put in and take out axes of one") {
  for (const int32_t axis : {0, 1, 2, -1, -2}) {
    GraphWriter g = with_image(kMap);
    g.constant_ints("axes", {2}, {1, 2});
    g.constant_ints("axis", {}, {axis});
    g.node("max", "Max", {"x", "axes"});  // [1, 4]
    g.node("wide", "ExpandDims", {"max", "axis"});
    g.node("squeezed", "Squeeze", {"wide"}).ints("squeeze_dims", {axis});
    g.node("op", "Sub", {"wide", "squeezed"});
    INFO(axis);
    std::vector<float> most(4, -9), expected;
    for (size_t i = 0; i < kMap.v.size(); ++i) most[i % 4] = std::max(most[i % 4], kMap.v[i]);
    const bool is_column = axis == 2 || axis == -1;  // [1, 4, 1] minus [1, 4]: every one minus every other
    for (size_t i = 0; i < (is_column ? 16 : 4); ++i) expected.push_back(is_column ? most[i / 4] - most[i % 4] : 0);
    CHECK(run_to(g, "op", kMap) == expected);
  }
}

TEST_CASE("a Reshape to a shape that is worked out from the input's Shape: Flatten as ops") {
  GraphWriter g = with_image(kMap);
  for (const auto& [name, value] : {std::pair<const char*, int32_t>{"zero", 0}, {"one", 1}}) {
    g.constant_ints(name, {1}, {value});
  }
  g.constant_ints("all", {}, {-1});
  g.node("relu", "Relu", {"x"});
  g.node("shape", "Shape", {"relu"});
  g.node("batch", "StridedSlice", {"shape", "zero", "one", "one"}).integer("shrink_axis_mask", 1);
  g.node("list", "Pack", {"batch", "all"}).integer("N", 2);
  g.node("op", "Reshape", {"relu", "list"});
  CHECK(run_to(g, "op", kMap) == each(kMap, [](float x) { return std::max(x, 0.0f); }).v);
}

TEST_CASE("a Cast to another float type is nothing; to an integer it is refused") {
  for (const DataType type : {DataType::kFloat, DataType::kHalf, DataType::kDouble, DataType::kBfloat16}) {
    GraphWriter g = with_image(kMap);
    g.node("op", "Cast", {"x"}).type("DstT", type);
    CHECK(run_to(g, "op", kMap) == kMap.v);
  }
  GraphWriter g = with_image(kMap);
  g.node("op", "Cast", {"x"}).type("DstT", DataType::kInt32);
  CHECK(contains(refusal([&] { run_to(g, "op", kMap); }), "cannot become int32"));
}

TEST_CASE("ArgMax at the end is left out, whatever names the class after it") {
  GraphWriter g = with_image(random_map(1, 1, 3));
  g.constant_ints("axis", {}, {1});
  g.node("logits", "Squeeze", {"x"}).ints("squeeze_dims", {1, 2});
  g.node("prob", "Softmax", {"logits"});
  g.node("class", "ArgMax", {"prob", "axis"});
  const Network network = lowered(g);
  CHECK(network.rewrites.at("ArgMax at the end left out: the scores are the output") == 1);
  const std::vector<float> scores = run_network(network, {0, std::log(2.0f), 0});
  CHECK(near(scores, std::vector<float>{0.25f, 0.5f, 0.25f}));
}

// ---- Channels ----

TEST_CASE("Concat with its axis in front") {
  GraphWriter g = with_image(kMap);
  g.constant_ints("axis", {}, {3});
  g.node("square", "Square", {"x"});
  g.node("op", "Concat", {"axis", "square", "x"});
  const Map expected = make_map(5, 6, 8, [](int64_t row, int64_t column, int64_t c) {
    const float x = kMap.at(row, column, c % 4);
    return c < 4 ? x * x : x;
  });
  CHECK(near(run_to(g, "op", kMap), expected));
}

TEST_CASE("vectors are joined too") {
  GraphWriter g = with_image(kMap);
  g.constant_ints("axes", {2}, {1, 2});
  g.constant_ints("axis", {}, {1});
  g.node("max", "Max", {"x", "axes"});
  g.node("min", "Min", {"x", "axes"});
  g.node("op", "ConcatV2", {"max", "min", "max", "axis"});
  const std::vector<float> got = run_to(g, "op", kMap);
  REQUIRE(got.size() == 12);
  for (size_t c = 0; c < 4; ++c) {
    float most = -9, least = 9;
    for (size_t i = c; i < kMap.v.size(); i += 4) {
      most = std::max(most, kMap.v[i]);
      least = std::min(least, kMap.v[i]);
    }
    CHECK(got[c] == most);
    CHECK(got[4 + c] == least);
    CHECK(got[8 + c] == most);
  }
}

TEST_CASE("rows are joined and split as well: a graph that has not shown its order may have channels there") {
  GraphWriter joined = with_image(kMap);
  joined.constant_ints("axis", {}, {1});
  joined.node("square", "Square", {"x"});
  joined.node("op", "ConcatV2", {"x", "square", "axis"});
  std::vector<float> expected = kMap.v;
  for (const float x : kMap.v) expected.push_back(x * x);
  CHECK(near(run_to(joined, "op", kMap), expected));

  GraphWriter split = with_image(kMap);
  split.constant_ints("axis", {}, {1});
  split.node("parts", "Split", {"axis", "x"}).integer("num_split", 5);
  split.node("op", "Square", {"parts:2"});
  expected.assign(kMap.v.begin() + 2 * 24, kMap.v.begin() + 3 * 24);
  for (float& x : expected) x *= x;
  CHECK(near(run_to(split, "op", kMap), expected));
}

TEST_CASE("refused: a concatenation of columns, or of a batch") {
  for (const int32_t axis : {0, 2, -2}) {
    GraphWriter g = with_image(kMap);
    g.constant_ints("axis", {}, {axis});
    g.node("op", "ConcatV2", {"x", "x", "axis"});
    CHECK(contains(refusal([&] { run_to(g, "op", kMap); }), "along the channels"));
  }
}

TEST_CASE("Split and SplitV: every part, the axis from either end, and a size left open") {
  for (const int32_t axis : {3, -1}) {
    for (const char* op : {"Split", "SplitV"}) {
      for (int part = 0; part < 2; ++part) {
        GraphWriter g = with_image(kMap);
        g.constant_ints("axis", {}, {axis});
        const bool is_v = std::string(op) == "SplitV";
        g.constant_ints("sizes", {2}, {-1, 3});
        g.node("split", op, is_v ? Strings{"x", "sizes", "axis"} : Strings{"axis", "x"}).integer("num_split", 2);
        g.node("op", "Square", {"split:" + std::to_string(part)});
        const Map taken = is_v ? (part ? channels(kMap, 1, 3) : channels(kMap, 0, 1)) : channels(kMap, 2 * part, 2);
        INFO(std::string(op), " ", part);
        CHECK(near(run_to(g, "op", kMap), each(taken, [](float x) { return x * x; })));
      }
    }
  }
}

TEST_CASE("a part of the channels may feed any op, and may be the output") {
  const Map part = channels(kMap, 1, 2);
  const auto run = [](const std::string& op, const std::function<void(GraphWriter&)>& add) {
    GraphWriter g = with_image(kMap);
    g.constant_ints("begin", {4}, {0, 0, 0, 1});
    g.constant_ints("size", {4}, {1, -1, -1, 2});
    g.node("part", "Slice", {"x", "begin", "size"});
    add(g);
    INFO(op);
    return run_to(g, op, kMap);
  };
  const std::vector<float> w = random_floats(3 * 3 * 2 * 3, 4);
  CHECK(run("part", [](GraphWriter&) {}) == part.v);
  CHECK(near(run("conv",
                 [&](GraphWriter& g) {
                   g.constant("w", {3, 3, 2, 3}, w);
                   g.node("conv", "Conv2D", {"part", "w"}).text("padding", "VALID");
                 }),
             convolved(part, w, 3, 3, {0, 0, 0, 0})));
  CHECK(near(run("scaled",
                 [&](GraphWriter& g) {
                   g.constant("c", {2}, {3, -2});
                   g.node("scaled", "Mul", {"part", "c"});
                 }),
             each_channel(part, [](float x, int64_t c) { return c ? -2 * x : 3 * x; })));
  CHECK(near(run("tanh", [](GraphWriter& g) { g.node("tanh", "Tanh", {"part"}); }),
             each(part, [](float x) { return std::tanh(x); })));
  CHECK(near(run("relu", [](GraphWriter& g) { g.node("relu", "Relu", {"part"}); }),
             each(part, [](float x) { return std::max(x, 0.0f); })));
  CHECK(near(run("sum",
                 [](GraphWriter& g) {
                   g.node("sum", "Add", {"part", "part"});
                 }),
             each(part, [](float x) { return 2 * x; })));
  CHECK(near(run("softmax", [](GraphWriter& g) { g.node("softmax", "Softmax", {"part"}); }),
             make_map(5, 6, 2, [&](int64_t row, int64_t column, int64_t c) {
               return 1 / (1 + std::exp((double)part.at(row, column, 1 - c) - part.at(row, column, c)));
             })));
  const auto with_axis = [](const char* op, int32_t axis) {
    return [=](GraphWriter& g) {
      g.constant_ints("axis", {1}, {axis});
      g.node("reduced", op, {"part", "axis"}).flag("keep_dims", true);
    };
  };
  CHECK(near(run("reduced", with_axis("Sum", 3)), make_map(5, 6, 1, [&](int64_t row, int64_t column, int64_t) {
               return part.at(row, column, 0) + part.at(row, column, 1);
             })));
  CHECK(near(run("reduced", with_axis("Max", 1)), make_map(1, 6, 2, [&](int64_t, int64_t column, int64_t c) {
               float most = -9;
               for (int64_t row = 0; row < 5; ++row) most = std::max(most, part.at(row, column, c));
               return most;
             })));
  CHECK(near(run("pooled",
                 [](GraphWriter& g) {
                   g.node("pooled", "MaxPool", {"part"})
                       .text("padding", "VALID")
                       .ints("ksize", {1, 5, 1, 1})
                       .ints("strides", {1, 1, 1, 1});
                 }),
             make_map(1, 6, 2, [&](int64_t, int64_t column, int64_t c) {
               float most = -9;
               for (int64_t row = 0; row < 5; ++row) most = std::max(most, part.at(row, column, c));
               return most;
             })));
  CHECK(run("padded", [](GraphWriter& g) {
          g.constant_ints("paddings", {4, 2}, {0, 0, 1, 0, 0, 2, 0, 0});
          g.node("padded", "Pad", {"part", "paddings"});
        }) == make_map(6, 8, 2, [&](int64_t row, int64_t column, int64_t c) {
                return part.padded(row - 1, column, c);
              }).v);
  CHECK(run("turned", [](GraphWriter& g) {
          g.constant_ints("order", {4}, {0, 2, 1, 3});
          g.node("turned", "Transpose", {"part", "order"});
        }) == make_map(6, 5, 2, [&](int64_t row, int64_t column, int64_t c) { return part.at(column, row, c); }).v);
  CHECK(run("resized", [](GraphWriter& g) {
          g.constant_ints("to", {2}, {10, 12});
          g.node("resized", "ResizeNearestNeighbor", {"part", "to"});
        }) == make_map(10, 12, 2, [&](int64_t row, int64_t column, int64_t c) {
                return part.at(row / 2, column / 2, c);
              }).v);
  CHECK(
      near(run("normed",
               [](GraphWriter& g) { g.node("normed", "LRN", {"part"}).integer("depth_radius", 0).number("beta", 1); }),
           each(part, [](float x) { return x / (1 + (double)x * x); })));
  CHECK(near(run("product",
                 [](GraphWriter& g) {
                   g.constant_ints("tokens/shape", {3}, {1, 30, 2});
                   g.node("tokens", "Reshape", {"part", "tokens/shape"});
                   g.node("product", "BatchMatMulV2", {"tokens", "tokens"}).flag("adj_y", true);
                 }),
             make_map(1, 30, 30, [&](int64_t, int64_t row, int64_t column) {
               const float *a = &part.v[(size_t)row * 2], *b = &part.v[(size_t)column * 2];
               return (double)a[0] * b[0] + (double)a[1] * b[1];
             })));
  CHECK(run("again", [](GraphWriter& g) {
          g.constant_ints("last", {}, {3});
          g.node("joined", "ConcatV2", {"part", "x", "part", "last"});
          g.constant_ints("from", {4}, {0, 0, 0, 1});
          g.constant_ints("count", {4}, {-1, -1, -1, 3});
          g.node("again", "Slice", {"joined", "from", "count"});
        }) == make_map(5, 6, 3, [](int64_t row, int64_t column, int64_t c) {
                return kMap.at(row, column, c == 0 ? 2 : c - 1);
              }).v);
}

TEST_CASE("ReverseV2 of the channels") {
  const Map x = random_map(4, 2, 3);
  GraphWriter g = with_image(x);
  g.constant_ints("axis", {1}, {3});
  g.node("op", "ReverseV2", {"x", "axis"});
  CHECK(run_to(g, "op", x) ==
        make_map(4, 2, 3, [&](int64_t row, int64_t column, int64_t c) { return x.at(row, column, 2 - c); }).v);
}

// ---- Windows of the map ----

TEST_CASE("Slice cuts height, width and channels; a size of -1 is the rest") {
  GraphWriter g = with_image(kMap);
  g.constant_ints("begin", {4}, {0, 1, 2, 1});
  g.constant_ints("size", {4}, {1, 3, -1, 2});
  g.node("op", "Slice", {"x", "begin", "size"});
  CHECK(run_to(g, "op", kMap) == make_map(3, 4, 2, [](int64_t row, int64_t column, int64_t c) {
                                   return kMap.at(row + 1, column + 2, c + 1);
                                 }).v);
}

TEST_CASE("StridedSlice: begins, ends, steps, masks, and numbers from the end") {
  const auto taken = [](int64_t h, int64_t w, int64_t c, int64_t y0, int64_t x0, int64_t c0, int64_t dy = 1,
                        int64_t dx = 1) {
    return make_map(h, w, c,
                    [=](int64_t row, int64_t column, int64_t channel) {
                      return kMap.at(y0 + row * dy, x0 + column * dx, c0 + channel);
                    })
        .v;
  };
  CHECK(strided(kMap, {0, 1, 2, 1}, {1, 4, 6, 3}, {1, 1, 1, 1}) == taken(3, 4, 2, 1, 2, 1));
  CHECK(strided(kMap, {0, 1, 0, 0}, {1, 5, 6, 4}, {1, 2, 3, 1}) == taken(2, 2, 4, 1, 0, 0, 2, 3));
  CHECK(strided(kMap, {0, -3, -6, -2}, {1, -1, 99, 4}, {1, 1, 1, 1}) == taken(2, 6, 2, 2, 0, 2));
  CHECK(strided(kMap, {7, 7, 2, 1}, {7, 3, 7, 7}, {1, 1, 1, 1}, {{"begin_mask", 0b11}, {"end_mask", 0b1101}}) ==
        taken(3, 4, 3, 0, 2, 1));
  // Fewer numbers than axes: the rest is whole.
  CHECK(strided(kMap, {0, 2}, {1, 4}, {1, 1}) == taken(2, 6, 4, 2, 0, 0));
  // One row, one column, one channel, without their axes.
  CHECK(strided(kMap, {0, 3, 0, 0}, {1, 0, 6, 4}, {1, 1, 1, 1}, {{"shrink_axis_mask", 0b10}}) ==
        taken(1, 6, 4, 3, 0, 0));
  CHECK(strided(kMap, {0, -1, 0, 0}, {1, 0, 6, 4}, {1, 1, 1, 1}, {{"shrink_axis_mask", 0b10}}) ==
        taken(1, 6, 4, 4, 0, 0));
  CHECK(strided(kMap, {0, 0, 4, 0}, {1, 5, 5, 4}, {1, 1, 1, 1}, {{"shrink_axis_mask", 0b100}}) ==
        taken(5, 1, 4, 0, 4, 0));
  CHECK(strided(kMap, {0, 0, 0, 2}, {1, 5, 6, 3}, {1, 1, 1, 1}, {{"shrink_axis_mask", 0b1000}}) ==
        taken(5, 6, 1, 0, 0, 2));
  // Without the batch, as code that takes the first image does.
  CHECK(strided(kMap, {0}, {1}, {1}, {{"shrink_axis_mask", 1}}) == kMap.v);
}

TEST_CASE("an ellipsis of a StridedSlice stands for the axes that are not named") {
  const std::vector<float> middle = channels(kMap, 1, 2).v;
  CHECK(strided(kMap, {0, 1}, {0, 3}, {1, 1}, {{"ellipsis_mask", 1}}) == middle);
  CHECK(strided(kMap, {0, 0, 1}, {1, 0, 3}, {1, 1, 1}, {{"ellipsis_mask", 2}}) == middle);
  const std::vector<float> rows(kMap.v.begin() + 24, kMap.v.begin() + 4 * 24);
  CHECK(strided(kMap, {0, 1, 0}, {1, 4, 0}, {1, 1, 1}, {{"ellipsis_mask", 4}}) == rows);
}

TEST_CASE("refused: a StridedSlice backwards, with steps along the channels, or with a new axis") {
  const std::string cases[] = {
      refusal([] {
        strided(kMap, {0, 4, 0, 0}, {1, 0, 6, 4}, {1, -1, 1, 1});
      }),
      refusal([] {
        strided(kMap, {0, 0, 0, 0}, {1, 5, 6, 4}, {1, 1, 1, 2});
      }),
      refusal([] {
        strided(kMap, {0, 0}, {1, 2}, {1, 1}, {{"new_axis_mask", 1}});
      }),
      refusal([] {
        strided(kMap, {0, 3}, {1, 3}, {1, 1});
      }),
  };
  for (const std::string& message : cases) CHECK(contains(message, "'op' (StridedSlice)"));
}

TEST_CASE("Pad, PadV2 and MirrorPad") {
  const int64_t top = 2, left = 1;
  const auto padded = [&](const std::string& op, const char* mode) {
    GraphWriter g = with_image(kMap);
    g.constant_ints("paddings", {4, 2}, {0, 0, 2, 1, 1, 3, 0, 0});
    g.scalar("fill", 7);
    NodeWriter& node = g.node("op", op, op == "PadV2" ? Strings{"x", "paddings", "fill"} : Strings{"x", "paddings"});
    if (mode) node.text("mode", mode);
    return run_to(g, "op", kMap);
  };
  const auto expected = [&](auto at) { return make_map(8, 10, 4, at).v; };
  const auto is_inside = [&](int64_t y, int64_t x) { return y >= top && y < top + 5 && x >= left && x < left + 6; };
  CHECK(padded("Pad", nullptr) ==
        expected([&](int64_t y, int64_t x, int64_t c) { return kMap.padded(y - top, x - left, c); }));
  CHECK(padded("PadV2", nullptr) == expected([&](int64_t y, int64_t x, int64_t c) {
          return is_inside(y, x) ? kMap.at(y - top, x - left, c) : 7.0f;
        }));
  for (const int64_t edge : {0, 1}) {  // how often the outermost element is left out
    const auto mirrored = [&](int64_t i, int64_t size) {
      return i < 0 ? edge - 1 - i : i < size ? i : 2 * size - 1 - edge - i;
    };
    CHECK(padded("MirrorPad", edge ? "REFLECT" : "SYMMETRIC") == expected([&](int64_t y, int64_t x, int64_t c) {
            return kMap.at(mirrored(y - top, 5), mirrored(x - left, 6), c);
          }));
  }
}

TEST_CASE("a Pad in front of a pool or of an activation keeps its zeros") {
  const Map x = random_map(4, 4, 3, -3, -1);
  GraphWriter g = with_image(x);
  g.constant_ints("paddings", {4, 2}, {0, 0, 1, 1, 1, 1, 0, 0});
  g.node("padded", "Pad", {"x", "paddings"});
  g.node("op", "MaxPool", {"padded"})
      .text("padding", "VALID")
      .ints("ksize", {1, 3, 3, 1})
      .ints("strides", {1, 3, 3, 1});
  CHECK(run_to(g, "op", x) == std::vector<float>(2 * 2 * 3, 0));
}

TEST_CASE("refused: a Pad of batch or channels, and a MirrorPad of more than there is") {
  const auto refused = [](const char* op, std::vector<int32_t> paddings) {
    GraphWriter g = with_image(kMap);
    g.constant_ints("paddings", {4, 2}, paddings);
    g.node("op", op, {"x", "paddings"}).text("mode", "REFLECT");
    return refusal([&] { run_to(g, "op", kMap); });
  };
  CHECK(contains(refused("Pad", {0, 0, 0, 0, 0, 0, 0, 1}), "pads batch or channels"));
  CHECK(contains(refused("Pad", {1, 0, 0, 0, 0, 0, 0, 0}), "pads batch or channels"));
  CHECK(contains(refused("Pad", {0, 0, -1, 0, 0, 0, 0, 0}), "padded"));
  CHECK(contains(refused("MirrorPad", {0, 0, 5, 0, 0, 0, 0, 0}), "mirrors more"));
}

TEST_CASE("ResizeBilinear and ResizeNearestNeighbor, larger and smaller, in TensorFlow's three ways") {
  for (const auto& [h, w] : {std::pair<int64_t, int64_t>{9, 11}, {3, 4}, {5, 6}, {1, 13}}) {
    for (const char* way : {"", "align_corners", "half_pixel_centers"}) {
      const bool aligned = std::string(way) == "align_corners", half = std::string(way) == "half_pixel_centers";
      for (const bool nearest : {false, true}) {
        GraphWriter g = with_image(kMap);
        g.constant_ints("size", {2}, {(int32_t)h, (int32_t)w});
        NodeWriter& node = g.node("op", nearest ? "ResizeNearestNeighbor" : "ResizeBilinear", {"x", "size"});
        if (*way) node.flag(way, true);
        const auto at = [&, h = h, w = w](int64_t row, int64_t column, int64_t c) -> double {
          if (nearest) {
            return kMap.at(nearest_of(row, 5, h, aligned, half), nearest_of(column, 6, w, aligned, half), c);
          }
          const Source y = source_of(row, 5, h, aligned, half), x = source_of(column, 6, w, aligned, half);
          const double top = kMap.at(y.low, x.low, c) * (1 - x.fraction) + kMap.at(y.low, x.high, c) * x.fraction;
          const double bottom = kMap.at(y.high, x.low, c) * (1 - x.fraction) + kMap.at(y.high, x.high, c) * x.fraction;
          return top * (1 - y.fraction) + bottom * y.fraction;
        };
        INFO("nearest: ", nearest, " ", std::string(way), " to ", h, " x ", w);
        CHECK(near(run_to(g, "op", kMap), make_map(h, w, 4, at)));
      }
    }
  }
}

TEST_CASE("Transpose to any order of the axes behind the batch") {
  std::vector<int32_t> order = {1, 2, 3};
  do {
    GraphWriter g = with_image(kMap);
    g.constant_ints("order", {4}, {0, order[0], order[1], order[2]});
    g.node("op", "Transpose", {"x", "order"});
    const int64_t size[] = {0, kMap.h, kMap.w, kMap.c};
    const Map expected = make_map(size[order[0]], size[order[1]], size[order[2]], [&](int64_t a, int64_t b, int64_t c) {
      int64_t at[4] = {};
      at[order[0]] = a;
      at[order[1]] = b;
      at[order[2]] = c;
      return kMap.at(at[1], at[2], at[3]);
    });
    INFO(order[0], order[1], order[2]);
    CHECK(run_to(g, "op", kMap) == expected.v);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("channel shuffle: a Reshape to five axes, a Transpose, a Reshape back") {
  GraphWriter g = with_image(kMap);
  g.constant_ints("apart", {5}, {-1, 5, 6, 2, 2});
  g.constant_ints("order", {5}, {0, 1, 2, 4, 3});
  g.constant_ints("together", {4}, {-1, 5, 6, 4});
  g.node("groups", "Reshape", {"x", "apart"});
  g.node("swapped", "Transpose", {"groups", "order"});
  g.node("op", "Reshape", {"swapped", "together"});
  CHECK(run_to(g, "op", kMap) == make_map(5, 6, 4, [](int64_t row, int64_t column, int64_t c) {
                                   return kMap.at(row, column, c % 2 * 2 + c / 2);
                                 }).v);
}

TEST_CASE("SpaceToDepth and DepthToSpace are each other's inverse, and in TensorFlow's order") {
  const Map x = random_map(4, 6, 3);
  const Map deep = make_map(2, 3, 12, [&](int64_t row, int64_t column, int64_t c) {
    return x.at(row * 2 + c / 6, column * 2 + c / 3 % 2, c % 3);
  });
  GraphWriter to_depth = with_image(x);
  to_depth.node("op", "SpaceToDepth", {"x"}).integer("block_size", 2);
  CHECK(run_to(to_depth, "op", x) == deep.v);
  GraphWriter to_space = with_image(deep);
  to_space.node("op", "DepthToSpace", {"x"}).integer("block_size", 2);
  CHECK(run_to(to_space, "op", deep) == x.v);
  GraphWriter odd = with_image(random_map(5, 6, 3));
  odd.node("op", "SpaceToDepth", {"x"}).integer("block_size", 2);
  CHECK(contains(refusal([&] { run_to(odd, "op", random_map(5, 6, 3)); }), "does not divide"));
}
