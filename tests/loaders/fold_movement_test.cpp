// Constant folding of shapes and of what moves elements.
#include <doctest/doctest.h>

#include "loaders/fold.h"
#include "tests/loaders/fold_case.h"

using namespace posy;

TEST_CASE("Reshape, also with an open dimension") {
  const ArrayPtr six = floats({6}, {1, 2, 3, 4, 5, 6});
  CHECK(fold("Reshape", {six, integers({2}, {2, 3})})->dims == std::vector<int64_t>{2, 3});
  CHECK(fold("Reshape", {six, integers({2}, {-1, 2})})->dims == std::vector<int64_t>{3, 2});
  CHECK(fold("Reshape", {six, integers({4}, {1, 1, 1, -1})})->floats == six->floats);
  CHECK(fold("Reshape", {floats({1}, {4}), integers({0}, {})})->dims.empty());
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{4}, {-1, 4}, {-1, -1}, {0, -1}, {0}, {6, 2}}) {
    INFO(shape_text(dims));
    CHECK(refusal([&] { fold("Reshape", {six, integers({(int64_t)dims.size()}, dims)}); }) != "");
  }
}

TEST_CASE("a Reshape to more elements than can be counted is refused") {
  const ArrayPtr six = floats({6}, {1, 2, 3, 4, 5, 6});
  CHECK(refusal([&] { fold("Reshape", {six, integers({3}, {int64_t{1} << 40, int64_t{1} << 40, 3})}); }) != "");
  CHECK(refusal([&] { fold("Reshape", {six, integers({3}, {int64_t{1} << 62, 4, -1})}); }) != "");
}

TEST_CASE("what only passes its input on gives the same array") {
  const ArrayPtr a = floats({2}, {1, 2});
  for (const char* op : {"Identity", "StopGradient", "CheckNumerics", "Snapshot"}) CHECK(fold(op, {a}) == a);
  CHECK(folded_floats("BiasAdd", {floats({2, 2}, {1, 2, 3, 4}), a}) == std::vector<float>{2, 4, 4, 6});
}

TEST_CASE("Reshape of nothing") {
  const ArrayPtr none = floats({0, 3}, {});  // as TensorFlow 2.21
  CHECK(fold("Reshape", {none, list({0, -1})})->dims == Dims{0, 3});
  CHECK(fold("Reshape", {none, list({-1, 3})})->dims == Dims{0, 3});
  CHECK(fold("Reshape", {none, list({-1})})->dims == Dims{0});
  CHECK(refused("Reshape", {none, list({1})}) != "");
  CHECK(refused("Reshape", {none, list({-2, 0})}) != "");
  CHECK(refused("Reshape", {floats({1}, {1}), list({1, 1, 1, 1, 1, 1, 1, 1, 1})}) != "");
}

TEST_CASE("questions about an array") {
  const ArrayPtr a = counting({2, 3});
  CHECK(moved("Identity", 0, {a}) == "[2,3] 0 1 2 3 4 5");
  CHECK(folded("Shape", {a}) == "[2] 2 3");
  CHECK(folded("Shape", {floats({}, {1})}) == "[0]");
  CHECK(folded("Size", {a}) == "[] 6");
  CHECK(folded("Rank", {a}) == "[] 2");
  CHECK(text(fold_constant(node_of("IdentityN"), {a, scalar(7)})) == "[2,3] 0 1 2 3 4 5; [] 7");
}

TEST_CASE("axes of size 1 come and go") {
  const ArrayPtr a = counting({1, 2, 1});
  CHECK(moved("Squeeze", 0, {a}) == "[2] 0 1");
  GraphNode node = node_of("Squeeze");
  node.attributes["squeeze_dims"].integers = {-1};
  CHECK(text(fold_constant(node, {a})) == "[1,2] 0 1");
  node.attributes["squeeze_dims"].integers = {1};
  CHECK(contains(refusal([&] { fold_constant(node, {a}); }), "(Squeeze)"));
  CHECK(moved("ExpandDims", 0, {list({5, 6}), scalar(0)}) == "[1,2] 5 6");
  CHECK(moved("ExpandDims", 0, {list({5, 6}), scalar(-1)}) == "[2,1] 5 6");
  CHECK(refused("ExpandDims", {list({5, 6}), scalar(2)}) != "");
  CHECK(refused("ExpandDims", {list({5, 6}), scalar(kMin64)}) != "");
}

TEST_CASE("arrays from shapes, none of them too large") {
  CHECK(folded("Fill", {list({2, 2}), scalar(7)}) == "[2,2] 7 7 7 7");
  CHECK(fold("Fill", {list({}), floats({}, {0.5f})})->floats == std::vector<float>{0.5f});
  CHECK(moved("ZerosLike", 0, {list({1, 2})}) == "[2] 0 0");
  CHECK(moved("OnesLike", 0, {list({1, 2})}) == "[2] 1 1");
  CHECK(contains(refused("Fill", {list({1 << 14, (1 << 14) + 1}), scalar(7)}), "2^28"));
  CHECK(refused("Fill", {list({kMax64, kMax64}), scalar(7)}) != "");
  CHECK(refused("Fill", {list({0, kMax64, kMax64}), scalar(7)}) != "");
  CHECK(refused("Fill", {list({-1}), scalar(7)}) != "");
  CHECK(refused("Fill", {list({1, 1, 1, 1, 1, 1, 1, 1, 1}), scalar(7)}) != "");
  CHECK(refused("Add", {floats({1 << 15, 1}, std::vector<float>(1 << 15)),
                        floats({1 << 14}, std::vector<float>(1 << 14))}) != "");
}

TEST_CASE("Range counts up and down, and arrives") {
  const auto range = [](int64_t start, int64_t limit, int64_t delta) {
    return std::vector<ArrayPtr>{scalar(start), scalar(limit), scalar(delta)};
  };
  CHECK(folded("Range", range(0, 5, 2)) == "[3] 0 2 4");
  CHECK(folded("Range", range(5, 0, -2)) == "[3] 5 3 1");
  CHECK(folded("Range", range(5, 5, 1)) == "[0]");
  CHECK(fold("Range", range(kMin64, kMax64, kMax64))->integers == Dims{kMin64, -1, kMax64 - 1});
  CHECK(fold("Range", range(kMax64, kMin64, kMin64))->integers == Dims{kMax64, -1});
  CHECK(refused("Range", range(5, 0, 1)) != "");
  CHECK(refused("Range", range(0, 5, 0)) != "");
  CHECK(refused("Range", range(kMin64, kMax64, 1)) != "");
  const auto float_range = [](float start, float limit, float delta) {
    return std::vector<ArrayPtr>{floats({}, {start}), floats({}, {limit}), floats({}, {delta})};
  };
  // TensorFlow multiplies: 0.1 added seven times would be 0.700000048.
  CHECK(folded("Range", float_range(0, 0.8f, 0.1f)) ==
        "[8] 0 0.100000001 0.200000003 0.300000012 0.400000006 0.5 0.600000024 0.699999988");
  CHECK(refused("Range", float_range(0, 1, 0)) != "");
  CHECK(refused("Range", float_range(0, kNan, 1)) != "");
  CHECK(refused("Range", float_range(0, 1, 1e-30f)) != "");
}

TEST_CASE("Pack and Unpack along any axis") {
  const ArrayPtr a = list({1, 2}), b = list({3, 4});
  CHECK(folded("Pack", {scalar(3), scalar(4)}) == "[2] 3 4");
  CHECK(folded("Pack", {a, b}) == "[2,2] 1 2 3 4");
  CHECK(folded("Pack", {a, b}, {{"axis", 1}}) == "[2,2] 1 3 2 4");
  CHECK(folded("Pack", {as_floats(a), as_floats(b)}, {{"axis", -1}}) == "[2,2] 1 3 2 4");
  CHECK(refused("Pack", {a, list({1})}) != "");
  CHECK(refused("Pack", {a, as_floats(a)}) != "");
  CHECK(refused("Pack", {a, b}, {{"axis", 2}}) != "");
  CHECK(refused("Pack", {}) != "");
  const ArrayPtr c = counting({2, 3});
  CHECK(moved("Unpack", 0, {c}, {{"num", 2}}) == "[3] 0 1 2; [3] 3 4 5");
  CHECK(moved("Unpack", 0, {c}, {{"num", 3}, {"axis", 1}}) == "[2] 0 3; [2] 1 4; [2] 2 5");
  CHECK(refused("Unpack", {c}, {{"num", 3}}) != "");
  CHECK(refused("Unpack", {scalar(1)}) != "");
  CHECK(refused("Unpack", {integers({int64_t{1} << 32, 0}, {})}) != "");
}

TEST_CASE("Concat and ConcatV2 along any axis") {
  const ArrayPtr a = integers({2, 1}, {1, 2}), b = integers({2, 2}, {3, 4, 5, 6});
  CHECK(folded("ConcatV2", {a, b, scalar(1)}) == "[2,3] 1 3 4 2 5 6");
  CHECK(folded("Concat", {scalar(-1), a, b}) == "[2,3] 1 3 4 2 5 6");
  CHECK(folded("ConcatV2", {as_floats(a), as_floats(a), scalar(0)}) == "[4,1] 1 2 1 2");
  CHECK(folded("ConcatV2", {list({}), list({7}), scalar(0)}) == "[1] 7");
  CHECK(refused("ConcatV2", {a, b, scalar(0)}) != "");
  CHECK(refused("ConcatV2", {a, list({1}), scalar(0)}) != "");
  CHECK(refused("ConcatV2", {a, as_floats(a), scalar(0)}) != "");
  CHECK(refused("ConcatV2", {a, b, scalar(2)}) != "");
  CHECK(refused("ConcatV2", {scalar(1), scalar(2), scalar(0)}) != "");
  CHECK(refused("ConcatV2", {scalar(0)}) != "");
}

TEST_CASE("Split in equal parts, SplitV in given ones") {
  const ArrayPtr a = counting({2, 4});
  CHECK(moved("Split", 1, {scalar(1), a}, {{"num_split", 2}}) == "[2,2] 0 1 4 5; [2,2] 2 3 6 7");
  CHECK(refused("Split", {scalar(1), a}, {{"num_split", 3}}) != "");
  CHECK(refused("Split", {scalar(1), a}) != "");
  CHECK(refused("Split", {scalar(0), integers({0}, {})}, {{"num_split", kMax64}}) != "");
  CHECK(moved("SplitV", 0, {a, list({1, -1}), scalar(1)}) == "[2,1] 0 4; [2,3] 1 2 3 5 6 7");
  CHECK(moved("SplitV", 0, {a, list({2, 0}), scalar(0)}) == "[2,4] 0 1 2 3 4 5 6 7; [0,4]");
  CHECK(refused("SplitV", {a, list({1, 2}), scalar(1)}) != "");
  CHECK(refused("SplitV", {a, list({-1, -1}), scalar(1)}) != "");
  CHECK(refused("SplitV", {a, list({kMax64, kMax64}), scalar(1)}) != "");
}

TEST_CASE("Slice cuts a block") {
  const ArrayPtr a = counting({3, 4});
  CHECK(moved("Slice", 0, {a, list({1, 1}), list({2, 2})}) == "[2,2] 5 6 9 10");
  CHECK(moved("Slice", 0, {a, list({2, 0}), list({-1, 1})}) == "[1,1] 8");
  CHECK(moved("Slice", 0, {list({1, 2, 3}), list({3}), list({-1})}) == "[0]");
  CHECK(refused("Slice", {a, list({1, 1}), list({3, 1})}) != "");
  CHECK(refused("Slice", {a, list({-1, 0}), list({1, 1})}) != "");
  CHECK(refused("Slice", {a, list({1, 1}), list({kMax64, -2})}) != "");
  CHECK(refused("Slice", {a, list({1}), list({1})}) != "");
}

TEST_CASE("StridedSlice with every mask") {
  const ArrayPtr x = counting({2, 3, 4});
  const auto sliced = [&](Dims begin, Dims end, Dims step, const Attributes& masks = {}) {
    return moved("StridedSlice", 0, {x, list(begin), list(end), list(step)}, masks);
  };
  CHECK(sliced({1, 0, 1}, {2, 2, 3}, {1, 1, 1}) == "[1,2,2] 13 14 17 18");
  CHECK(sliced({1}, {2}, {1}, {{"shrink_axis_mask", 1}}) == "[3,4] 12 13 14 15 16 17 18 19 20 21 22 23");
  // x[1, ..., None, ::-2]
  CHECK(
      sliced(
          {1, 0, 0, 0}, {2, 0, 0, 0}, {1, 1, 1, -2},
          {{"shrink_axis_mask", 1}, {"ellipsis_mask", 2}, {"new_axis_mask", 4}, {"begin_mask", 8}, {"end_mask", 8}}) ==
      "[3,1,2] 15 13 19 17 23 21");
  // x[:, -1:-4:-2, 0]
  CHECK(sliced({0, -1, 0}, {0, -4, 1}, {1, -2, 1}, {{"begin_mask", 1}, {"end_mask", 1}, {"shrink_axis_mask", 4}}) ==
        "[2,2] 8 0 20 12");
  // x[None, ..., 0:0, 1:3]
  CHECK(sliced({0, 0, 0, 1}, {0, 0, 0, 3}, {1, 1, 1, 1}, {{"ellipsis_mask", 2}, {"new_axis_mask", 1}}) == "[1,2,0,2]");
  // An index counts although the bit of begin_mask is set.
  CHECK(sliced({1, 0, 0}, {0, 1, 1}, {1, 1, 1}, {{"begin_mask", 1}, {"shrink_axis_mask", 7}}) == "[] 12");
  CHECK(sliced({-100, 2, 1}, {100, kMax64, kMin64}, {1, kMax64, kMin64}) == "[2,1,1] 9 21");
  CHECK(sliced({0, 0, 3}, {1, 1, kMin64}, {1, 1, -1}) == "[1,1,4] 3 2 1 0");
}

TEST_CASE("StridedSlice refuses what lies outside or makes no sense") {
  const ArrayPtr x = counting({3});
  const Attributes shrink = {{"shrink_axis_mask", 1}};
  CHECK(moved("StridedSlice", 0, {x, list({-1}), list({0}), list({1})}, shrink) == "[] 2");
  CHECK(contains(refused("StridedSlice", {x, list({3}), list({4}), list({1})}, shrink), "outside"));
  CHECK(refused("StridedSlice", {x, list({kMin64}), list({4}), list({1})}, shrink) != "");
  CHECK(refused("StridedSlice", {x, list({0}), list({1}), list({-1})}, shrink) != "");
  CHECK(refused("StridedSlice", {x, list({0}), list({1}), list({0})}) != "");
  CHECK(refused("StridedSlice", {x, list({0, 0}), list({1, 1}), list({1, 1})}) != "");
  CHECK(refused("StridedSlice", {x, list({0, 0}), list({1, 1}), list({1})}) != "");
  CHECK(refused("StridedSlice", {x, list({0, 0}), list({1, 1}), list({1, 1})}, {{"ellipsis_mask", 3}}) != "");
  const ArrayPtr many = list(Dims(9, 1));
  CHECK(refused("StridedSlice", {x, many, many, many}, {{"new_axis_mask", 511}}) != "");
}

TEST_CASE("Transpose, ReverseV2, Tile and BroadcastTo") {
  const ArrayPtr a = counting({2, 3});
  CHECK(moved("Transpose", 0, {a, list({1, 0})}) == "[3,2] 0 3 1 4 2 5");
  CHECK(moved("Transpose", 0, {counting({2, 1, 2}), list({2, 0, 1})}) == "[2,2,1] 0 2 1 3");
  CHECK(refused("Transpose", {a, list({1, 1})}) != "");
  CHECK(refused("Transpose", {a, list({0})}) != "");
  CHECK(refused("Transpose", {a, list({0, 2})}) != "");
  CHECK(moved("ReverseV2", 0, {a, list({1})}) == "[2,3] 2 1 0 5 4 3");
  CHECK(moved("ReverseV2", 0, {a, list({-2, 1})}) == "[2,3] 5 4 3 2 1 0");
  CHECK(refused("ReverseV2", {a, list({0, -2})}) != "");
  CHECK(moved("Tile", 0, {counting({2, 2}), list({2, 2})}) == "[4,4] 0 1 0 1 2 3 2 3 0 1 0 1 2 3 2 3");
  CHECK(moved("Tile", 0, {a, list({0, 1})}) == "[0,3]");
  CHECK(refused("Tile", {a, list({1})}) != "");
  CHECK(refused("Tile", {a, list({-1, 1})}) != "");
  CHECK(refused("Tile", {a, list({1 << 14, 1 << 14})}) != "");
  CHECK(refused("Tile", {a, list({kMax64, kMax64})}) != "");
  CHECK(moved("BroadcastTo", 0, {integers({2, 1}, {1, 2}), list({2, 2, 2})}) == "[2,2,2] 1 1 2 2 1 1 2 2");
  CHECK(refused("BroadcastTo", {a, list({3})}) != "");
  CHECK(refused("BroadcastTo", {a, list({1, 3})}) != "");
  CHECK(refused("BroadcastTo", {scalar(1), list({kMax64, 2})}) != "");
}

TEST_CASE("Gather and GatherV2 take elements by their place") {
  const ArrayPtr a = counting({3, 4});
  CHECK(moved("Gather", 0, {a, list({2, 0})}) == "[2,4] 8 9 10 11 0 1 2 3");
  CHECK(moved("GatherV2", 0, {a, integers({1, 2}, {3, 0}), scalar(1)}) == "[3,1,2] 3 0 7 4 11 8");
  CHECK(moved("GatherV2", 0, {list({5, 6}), scalar(1), scalar(0)}) == "[] 6");
  CHECK(moved("GatherV2", 0, {a, list({}), scalar(-1)}) == "[3,0]");
  CHECK(refused("Gather", {a, list({3})}) != "");
  CHECK(refused("Gather", {a, list({-1})}) != "");
  CHECK(refused("Gather", {scalar(1), scalar(0)}) != "");
  CHECK_FALSE(fold("GatherV2", {a, list({0}), scalar(1)}, {{"batch_dims", 1}}));
}

TEST_CASE("Pad and PadV2 surround") {
  const ArrayPtr a = counting({1, 2}), around = integers({2, 2}, {1, 0, 0, 2});
  CHECK(moved("Pad", 0, {a, around}) == "[2,4] 0 0 0 0 0 1 0 0");
  CHECK(folded("PadV2", {a, around, scalar(9)}) == "[2,4] 9 9 9 9 0 1 9 9");
  CHECK(folded("PadV2", {as_floats(a), around, floats({}, {0.5f})}) == "[2,4] 0.5 0.5 0.5 0.5 0 1 0.5 0.5");
  CHECK(refused("Pad", {a, integers({2, 2}, {1, 0, 0, -1})}) != "");
  CHECK(refused("Pad", {a, integers({2, 2}, {kMax64, kMax64, 0, 0})}) != "");
  CHECK(refused("Pad", {a, integers({1, 2}, {1, 1})}) != "");
}
