// Ops that move elements or change shapes: one lowering function per TensorFlow op.
#include <algorithm>
#include <numeric>

#include "loaders/lowering.h"

namespace posy {
namespace {

int64_t product(const std::vector<int64_t>& dims) {
  return std::accumulate(dims.begin(), dims.end(), (int64_t)1, std::multiplies<int64_t>());
}

// The same floats with other dims: nothing happens until an op needs them in that shape.
Fact with_dims(Lowering& lowering, const GraphNode& node, const Fact& in, std::vector<int64_t> dims) {
  const int64_t elements = product(in.dims);
  int64_t count = 1;
  for (const int64_t d : dims) {
    if (d < 1 || d > elements / count) count = elements + 1;  // too many, or none
    if (count > elements) break;
    count *= d;
  }
  if (count != elements)
    lowering.refuse(node, "its new shape " + shape_text(dims) + " does not hold its input's elements");
  Fact fact = in;
  fact.dims = std::move(dims);
  return lowering.same_value(node, std::move(fact));
}

// Its floats in the order of the graph's axes, which a change of shape keeps. A map of one pixel has that order
// already.
Fact in_order(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  return lowering.in_graph_order(node, in[0]);
}

Fact reshape(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const Fact value = in_order(lowering, node, in);
  std::vector<int64_t> dims = lowering.constant_input(node, in, 1)->integers;
  const int64_t elements = product(value.dims);
  int64_t known = 1, unknowns = 0;
  for (const int64_t d : dims) {
    if (d > 0) known = d > elements / known ? elements + 1 : known * d;
    unknowns += d < 0;
  }
  // The batch is 1 here, whether the graph says so, leaves it open (-1), or leaves another dimension open.
  for (int64_t& d : dims) {
    if (d < 0 && unknowns == 1) d = elements / known;
    if (d < 0 && unknowns > 1 && &d == &dims[0]) d = 1;
  }
  return with_dims(lowering, node, value, std::move(dims));
}

int64_t from_front(int64_t axis, size_t rank) {
  return axis < 0 ? axis + (int64_t)rank : axis;
}

Fact squeeze(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const Fact value = in_order(lowering, node, in);
  const std::vector<int64_t>& dims = value.dims;
  const GraphAttribute* list = node.attribute("squeeze_dims");
  std::vector<int64_t> axes = list ? list->integers : std::vector<int64_t>();
  if (axes.empty()) {
    for (size_t i = 1; i < dims.size(); ++i) {
      if (dims[i] == 1) axes.push_back((int64_t)i);
    }
  }
  std::vector<int64_t> out;
  for (size_t i = 0; i < dims.size(); ++i) {
    const bool cut =
        std::any_of(axes.begin(), axes.end(), [&](int64_t a) { return from_front(a, dims.size()) == (int64_t)i; });
    if (cut && dims[i] != 1) lowering.refuse(node, "it squeezes a dimension of " + std::to_string(dims[i]));
    if (!cut) out.push_back(dims[i]);
  }
  return with_dims(lowering, node, value, std::move(out));
}

Fact expand_dims(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const Fact value = in_order(lowering, node, in);
  const ArrayPtr axis = lowering.constant_input(node, in, 1);
  std::vector<int64_t> dims = value.dims;
  const int64_t at = axis->integers.empty() ? -9 : from_front(axis->integers[0], dims.size() + 1);
  if (at < 0 || at > (int64_t)dims.size()) lowering.refuse(node, "its axis is not one of its input's");
  dims.insert(dims.begin() + at, 1);
  return with_dims(lowering, node, value, std::move(dims));
}

// Shapes are known here, so what is computed from one is constant. The batch is 1.
Fact shape_of(Lowering&, const GraphNode&, const Facts& in) {
  if (in.empty() || !in[0].is_value()) return {};
  auto shape = std::make_shared<Array>();
  shape->is_float = false;
  shape->dims = {(int64_t)in[0].dims.size()};
  shape->integers = in[0].graph_dims();
  return Fact::of_constant(shape);
}

// A type that an activation is turned into: all of them are float32 here.
Fact cast(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  if (in[0].is_class) return lowering.same_value(node, in[0]);
  const GraphAttribute* type = node.attribute("DstT");
  const DataType to = type ? (DataType)type->integer : DataType::kFloat;
  if (to != DataType::kFloat && to != DataType::kHalf && to != DataType::kDouble && to != DataType::kBfloat16) {
    lowering.refuse(node, "an activation cannot become " + data_type_name(to));
  }
  return lowering.same_value(node, in[0]);
}

// ---- Joining and splitting channels ----

// Axis 1 of a map in the graph's order: its channels if it is NCHW, its rows if not. Either can be joined and split
// once that axis lies last in memory.
bool is_second_axis(const Array& axis, const Fact& value) {
  return value.dims.size() == 4 && !value.channels_first && axis.integers.size() == 1 &&
         from_front(axis.integers[0], 4) == 1;
}

Fact join(Lowering& lowering, const GraphNode& node, Facts parts, const Array& axis) {
  const bool channels_first =
      is_second_axis(axis, parts[0]) ||
      std::any_of(parts.begin(), parts.end(), [](const Fact& part) { return part.channels_first; });
  NetworkNode op = {NodeKind::kConcat, node.name, {}};
  Shape out = {0, 0, 0};
  for (Fact& part : parts) {
    if (!part.is_value()) lowering.refuse(node, "one of the tensors that it joins does not depend on the image");
    if (channels_first && part.dims.size() == 4) part = lowering.as_channels_first(node, part);
    const ValueId id = lowering.shaped(node, part);
    const Shape x = lowering.value(id).shape;
    if (!op.inputs.empty() && (x.h != out.h || x.w != out.w)) {
      lowering.refuse(node, "its inputs differ in height or width");
    }
    out = {x.h, x.w, out.c + x.c};
    op.inputs.push_back(id);
  }
  Fact like = parts[0];
  if (like.dims.empty() || axis.integers.size() != 1 ||
      like.axis_in_memory(axis.integers[0]) != (int64_t)like.dims.size() - 1) {
    lowering.refuse(node, "it joins along columns or the batch, not along the channels");
  }
  std::vector<int64_t> dims = like.dims;
  dims.back() = out.c;
  Fact fact = lowering.add_node(std::move(op), out, std::move(dims));
  fact.channels_first = like.channels_first;
  return fact;
}

Fact concat_v2(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.size() < 2) lowering.refuse(node, "it needs an axis and inputs");
  return join(lowering, node, {in.begin(), in.end() - 1}, *lowering.constant_input(node, in, in.size() - 1));
}
Fact concat(Lowering& lowering, const GraphNode& node, const Facts& in) {
  if (in.size() < 2) lowering.refuse(node, "it needs an axis and inputs");
  return join(lowering, node, {in.begin() + 1, in.end()}, *lowering.constant_input(node, in, 0));
}

Fact channels(Lowering& lowering, const GraphNode& node, const Fact& in, uint32_t first, uint32_t count) {
  const ValueId id = lowering.shaped(node, in);
  Shape shape = lowering.value(id).shape;
  if (first > 65535 || first + count > shape.c) lowering.refuse(node, "it takes channels that its input does not have");
  NetworkNode op = {NodeKind::kSlice, node.name, {id}};
  op.params.dims[0] = (uint16_t)first;
  shape.c = count;
  std::vector<int64_t> dims = in.dims;
  dims.back() = count;
  Fact fact = lowering.add_node(std::move(op), shape, std::move(dims));
  fact.channels_first = in.channels_first;
  return fact;
}

// Split: axis, input. SplitV: input, sizes, axis.
Fact split(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const bool is_v = node.op == "SplitV";
  const size_t value_at = is_v ? 0 : 1;
  lowering.value_input(node, in, value_at);
  const ArrayPtr axis = lowering.constant_input(node, in, is_v ? 2 : 0);
  Fact whole = in[value_at];
  if (is_second_axis(*axis, whole)) whole = lowering.as_channels_first(node, whole);
  const size_t rank = whole.dims.size();
  if (rank == 0 || axis->integers.size() != 1 || whole.axis_in_memory(axis->integers[0]) != (int64_t)rank - 1) {
    lowering.refuse(node, "it splits columns or the batch, not the channels");
  }
  const GraphAttribute* number = node.attribute("num_split");
  const int64_t parts = number ? number->integer : 0, all = whole.dims.back();
  if (parts < 1 || parts > all) lowering.refuse(node, "num_split is not from 1 to the number of channels");
  std::vector<int64_t> sizes =
      is_v ? lowering.constant_input(node, in, 1)->integers : std::vector<int64_t>((size_t)parts, all / parts);
  int64_t known = 0;
  for (const int64_t size : sizes) known += std::clamp<int64_t>(size, 0, all);
  for (int64_t& size : sizes) size = size < 0 ? all - known : size;
  Facts outputs;
  int64_t first = 0;
  for (const int64_t size : sizes) {
    if (size < 1 || size > all - first) lowering.refuse(node, "its parts are not its input");
    outputs.push_back(channels(lowering, node, whole, (uint32_t)first, (uint32_t)size));
    first += size;
  }
  if (first != all) lowering.refuse(node, "its parts are not its input");
  Fact result = outputs[0];
  result.outputs = std::move(outputs);
  return result;
}

// The class with the best score: what is kept are the scores.
Fact arg_max(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const ArrayPtr axis = lowering.constant_input(node, in, 1);
  if (axis->integers.size() != 1 || in[0].axis_in_memory(axis->integers[0]) != (int64_t)in[0].dims.size() - 1) {
    lowering.refuse(node, "it does not look for the best channel");
  }
  lowering.count("ArgMax at the end left out: the scores are the output");
  Fact fact = lowering.same_value(node, in[0]);
  fact.is_class = true;
  return fact;
}

Fact reverse_channels(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const ArrayPtr axis = lowering.constant_input(node, in, 1);
  const size_t rank = in[0].dims.size();
  if (rank == 0 || axis->integers.size() != 1 || in[0].axis_in_memory(axis->integers[0]) != (int64_t)rank - 1) {
    lowering.refuse(node, "it does not reverse the channels, which is the only axis supported");
  }
  Facts parts;
  for (int64_t c = in[0].dims.back(); c-- > 0;) parts.push_back(channels(lowering, node, in[0], (uint32_t)c, 1));
  return join(lowering, node, parts, *axis);
}

// ---- Windows of the map ----

// begin, end and stride along each axis in memory; the batch stays, and channels have no stride.
Fact crop(Lowering& lowering, const GraphNode& node, const Fact& in, const std::vector<int64_t>& begin,
          const std::vector<int64_t>& end, const std::vector<int64_t>& stride) {
  const size_t rank = in.dims.size();
  Fact part = in;
  if (rank == 0 || (rank > 1 && (begin[0] != 0 || end[0] != 1))) lowering.refuse(node, "it cuts the batch");
  if (stride[rank - 1] != 1) lowering.refuse(node, "steps along the channels are not supported");
  const int64_t first = begin[rank - 1], count = end[rank - 1] - first;
  if (count != in.dims[rank - 1]) part = channels(lowering, node, in, (uint32_t)first, (uint32_t)count);
  const auto is_whole = [&](size_t i) { return begin[i] == 0 && end[i] == in.dims[i] && stride[i] == 1; };
  if ((rank < 3 || is_whole(1)) && (rank < 4 || is_whole(2))) return lowering.same_value(node, part);
  if (rank != 4) lowering.refuse(node, "cutting a tensor of " + std::to_string(rank) + " dimensions is not supported");
  const ValueId id = lowering.shaped(node, part);
  const auto size = [&](size_t i) { return (uint32_t)(1 + (end[i] - begin[i] - 1) / stride[i]); };
  if (stride[1] > 4096 || stride[2] > 4096 || begin[1] > 65535 || begin[2] > 65535) {
    lowering.refuse(node, "it steps over more than 4096 rows or columns, or starts behind the 65535th");
  }
  const Shape out = {size(1), size(2), lowering.value(id).shape.c};
  NetworkNode op = {NodeKind::kPad, node.name, {id}};
  op.window = {0, 0, (uint32_t)stride[1], (uint32_t)stride[2], 0, 0, 0, 0};
  op.params.dims[0] = (uint16_t)begin[1];
  op.params.dims[1] = (uint16_t)begin[2];
  return add_map(lowering, std::move(op), out, in);
}

Fact slice(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const std::vector<int64_t> begin = in[0].axes_in_memory(lowering.constant_input(node, in, 1)->integers);
  std::vector<int64_t> end = in[0].axes_in_memory(lowering.constant_input(node, in, 2)->integers);
  const std::vector<int64_t>& dims = in[0].dims;
  if (begin.size() != dims.size() || end.size() != dims.size())
    lowering.refuse(node, "its begin or size has not one number per dimension");
  for (size_t i = 0; i < dims.size(); ++i) {
    if (begin[i] < 0 || begin[i] >= dims[i] || end[i] > dims[i] - begin[i])
      lowering.refuse(node, "it cuts outside of its input");
    end[i] = end[i] < 0 ? dims[i] : begin[i] + end[i];
    if (begin[i] >= end[i]) lowering.refuse(node, "it cuts outside of its input");
  }
  return crop(lowering, node, in[0], begin, end, std::vector<int64_t>(dims.size(), 1));
}

Fact strided_slice(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const Fact& value = in[0];
  const std::vector<int64_t> dims = value.graph_dims();
  std::vector<int64_t> begin = lowering.constant_input(node, in, 1)->integers;
  std::vector<int64_t> end = lowering.constant_input(node, in, 2)->integers;
  std::vector<int64_t> stride = lowering.constant_input(node, in, 3)->integers;
  std::vector<size_t> entry(begin.size());  // of the masks, for each of the value's axes
  std::iota(entry.begin(), entry.end(), 0);
  const auto mask = [&](const char* name, size_t axis) {
    const GraphAttribute* m = node.attribute(name);
    return m && axis < entry.size() && entry[axis] < 32 && (m->integer >> entry[axis] & 1);
  };
  // An ellipsis stands for the axes that no entry names.
  for (size_t i = 0; i < begin.size() && begin.size() == end.size() && begin.size() == stride.size(); ++i) {
    if (!mask("ellipsis_mask", i) || begin.size() > dims.size() + 1) continue;
    const size_t count = dims.size() + 1 - begin.size();
    const auto put = [&](std::vector<int64_t>& list) {
      list.erase(list.begin() + (std::ptrdiff_t)i);
      list.insert(list.begin() + (std::ptrdiff_t)i, count, 0);
    };
    put(begin);
    put(end);
    put(stride);
    std::fill_n(stride.begin() + (std::ptrdiff_t)i, count, 1);
    std::copy_n(dims.begin() + (std::ptrdiff_t)i, count, end.begin() + (std::ptrdiff_t)i);
    entry.erase(entry.begin() + (std::ptrdiff_t)i);
    entry.insert(entry.begin() + (std::ptrdiff_t)i, count, 32);  // no mask
    break;
  }
  const bool fits = begin.size() == end.size() && begin.size() == stride.size() && begin.size() <= dims.size();
  if (!fits) lowering.refuse(node, "its begin, end and strides do not fit its input");
  std::vector<int64_t> kept;  // dims of the result
  for (size_t i = 0; i < dims.size(); ++i) {
    if (mask("ellipsis_mask", i) || mask("new_axis_mask", i))
      lowering.refuse(node, "two ellipses or new axes are not supported");
    if (i >= begin.size()) {
      begin.push_back(0);
      end.push_back(dims[i]);
      stride.push_back(1);
    }
    const bool one = mask("shrink_axis_mask", i);
    begin[i] = mask("begin_mask", i) && !one ? 0 : from_front(begin[i], dims.size() ? (size_t)dims[i] : 0);
    end[i] = mask("end_mask", i) ? dims[i] : std::min(from_front(end[i], (size_t)dims[i]), dims[i]);
    if (one) end[i] = begin[i] + 1;
    if (stride[i] < 1 || begin[i] < 0 || begin[i] >= end[i] || end[i] > dims[i]) {
      lowering.refuse(node, "it cuts outside of its input, or steps backwards");
    }
    if (!one) kept.push_back(1 + (end[i] - begin[i] - 1) / stride[i]);
  }
  const Fact cut =
      crop(lowering, node, value, value.axes_in_memory(begin), value.axes_in_memory(end), value.axes_in_memory(stride));
  if (kept.size() == dims.size()) return cut;
  return with_dims(lowering, node, lowering.in_graph_order(node, cut), std::move(kept));
}

Fact pad(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const ValueId input = lowering.shaped_input(node, in, 0);
  const Shape shape = lowering.value(input).shape;
  const std::vector<int64_t>& amounts = lowering.constant_input(node, in, 1)->integers;
  const bool fits = in[0].dims.size() == 4 && amounts.size() == 8 &&
                    std::all_of(amounts.begin(), amounts.end(), [](int64_t x) { return x >= 0 && x <= 4096; });
  if (!fits) lowering.refuse(node, "only a map of height, width and channels can be padded, by at most 4096");
  std::vector<int64_t> before, after;
  for (size_t i = 0; i < 4; ++i) {
    before.push_back(amounts[2 * i]);
    after.push_back(amounts[2 * i + 1]);
  }
  before = in[0].axes_in_memory(before);
  after = in[0].axes_in_memory(after);
  if (before[0] || after[0] || before[3] || after[3])
    lowering.refuse(node, "it pads batch or channels, not height and width");
  NetworkNode op = {NodeKind::kPad, node.name, {input}};
  op.window = {0, 0, 1, 1, 0, 0, (uint32_t)before[1], (uint32_t)before[2]};
  if (node.op == "MirrorPad") {
    const GraphAttribute* mode = node.attribute("mode");
    const PadMode how = mode && mode->text == "SYMMETRIC" ? PadMode::symmetric : PadMode::reflect;
    const int64_t most = how == PadMode::symmetric ? 0 : 1;
    const auto mirrors = [&](size_t i, uint32_t size) { return std::max(before[i], after[i]) <= (int64_t)size - most; };
    if (!mirrors(1, shape.h) || !mirrors(2, shape.w)) lowering.refuse(node, "it mirrors more than its input has");
    op.params.function = (uint8_t)how;
  }
  if (node.op == "PadV2") {
    const ArrayPtr fill = lowering.constant_input(node, in, 2);
    if (!fill->is_float || fill->size() != 1) lowering.refuse(node, "its filling is not one float");
    op.params.param[0] = fill->floats[0];
  }
  const Shape out = {shape.h + (uint32_t)(before[1] + after[1]), shape.w + (uint32_t)(before[2] + after[2]), shape.c};
  return add_map(lowering, std::move(op), out, in[0]);
}

Fact resize(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const ValueId input = lowering.shaped(node, lowering.in_graph_order(node, in[0]));
  const ArrayPtr size = lowering.constant_input(node, in, 1);
  if (size->integers.size() != 2 || size->integers[0] < 1 || size->integers[1] < 1 || size->integers[0] > 4096 ||
      size->integers[1] > 4096) {
    lowering.refuse(node, "its size is not a height and a width from 1 to 4096");
  }
  if (flag(node, "align_corners") && flag(node, "half_pixel_centers")) {
    lowering.refuse(node, "it has both align_corners and half_pixel_centers, which TensorFlow refuses too");
  }
  NetworkNode op = {NodeKind::kResize, node.name, {input}};
  op.params.function = (uint8_t)((node.op == "ResizeNearestNeighbor" ? 1 : 0) | (flag(node, "align_corners") ? 2 : 0) |
                                 (flag(node, "half_pixel_centers") ? 4 : 0));
  const Shape out = {(uint32_t)size->integers[0], (uint32_t)size->integers[1], lowering.value(input).shape.c};
  return lowering.add_node(std::move(op), out, map_dims(out));
}

Fact space_to_batch(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  if (in[0].channels_first) lowering.refuse(node, "the order NCHW is not supported for this op");
  const std::vector<int64_t>& block = lowering.constant_input(node, in, 1)->integers;
  const std::vector<int64_t>& p = lowering.constant_input(node, in, 2)->integers;
  const auto small = [](const std::vector<int64_t>& v) {
    return std::all_of(v.begin(), v.end(), [](int64_t x) { return x >= 0 && x <= 4096; });
  };
  if (in[0].dims.size() != 4 || block.size() != 2 || p.size() != 4 || block[0] < 1 || block[1] < 1 || !small(block) ||
      !small(p)) {
    lowering.refuse(node, "only blocks of height and width are supported");
  }
  Fact fact = in[0];
  fact.space_to_batch = SpaceToBatch{(uint32_t)block[0], (uint32_t)block[1], p[0], p[1], p[2], p[3]};
  return fact;
}

// The end of a dilated convolution: what was padded too much is cut off again.
Fact batch_to_space(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const ValueId id = lowering.value_input(node, in, 0);
  const std::vector<int64_t>& block = lowering.constant_input(node, in, 1)->integers;
  const std::vector<int64_t>& crops = lowering.constant_input(node, in, 2)->integers;
  // Between the convolution and its end may be what is done to each element: a bias, an activation.
  std::vector<NetworkNode>& nodes = lowering.network().nodes;
  std::vector<ValueId> cut = {id};
  size_t at = nodes.size();
  while (at > 0 && nodes[at - 1].output == cut.back() &&
         (nodes[at - 1].kind == NodeKind::kAffine || nodes[at - 1].kind == NodeKind::kClamp)) {
    cut.push_back(nodes[--at].inputs[0]);
  }
  const bool is_conv = in[0].is_apart && at > 0 && nodes[at - 1].output == cut.back() &&
                       (nodes[at - 1].kind == NodeKind::kConv2d || nodes[at - 1].kind == NodeKind::kDepthwiseConv2d);
  const bool are_small =
      crops.size() == 4 && std::all_of(crops.begin(), crops.end(), [](int64_t x) { return x >= 0 && x <= kMaxSide; });
  if (!is_conv || !are_small) lowering.refuse(node, "it does not end a SpaceToBatchND and a convolution");
  NetworkNode& conv = nodes[at - 1];
  Window& w = conv.window;
  if (block != std::vector<int64_t>{w.dilation_h, w.dilation_w}) {
    lowering.refuse(node, "its block is not that of its SpaceToBatchND");
  }
  Shape shape = lowering.value(id).shape;
  const Shape from = lowering.value(conv.inputs[0]).shape;
  const auto crop_axis = [&](uint32_t* size, uint32_t* pad, int64_t before, int64_t after, uint32_t extent,
                             uint32_t in_size) {
    const int64_t left = (int64_t)*size - before - after, border = (int64_t)*pad - before;
    // Every window that is left has to reach into the map.
    if (left < 1 || border < 0 || border >= extent || left - 1 >= (int64_t)in_size + border) {
      lowering.refuse(node, "its crops do not fit the padding of its SpaceToBatchND");
    }
    *size = (uint32_t)left;
    *pad = (uint32_t)border;
  };
  crop_axis(&shape.h, &w.pad_top, crops[0], crops[1], (w.k_h - 1) * w.dilation_h + 1, from.h);
  crop_axis(&shape.w, &w.pad_left, crops[2], crops[3], (w.k_w - 1) * w.dilation_w + 1, from.w);
  for (const ValueId value : cut) {
    Shape& cropped = lowering.network().values[(size_t)value].shape;
    cropped.h = shape.h;
    cropped.w = shape.w;
  }
  lowering.count("SpaceToBatchND and BatchToSpaceND became a dilation");
  return lowering.same_value(node, Fact::of_value(id, map_dims(shape)));
}

// From the graph's order to NCHW and back nothing moves; any other order of the axes behind the batch is a
// transposition.
Fact transpose(Lowering& lowering, const GraphNode& node, const Facts& in) {
  lowering.value_input(node, in, 0);
  const Fact& value = in[0];
  const std::vector<int64_t> order = lowering.constant_input(node, in, 1)->integers;
  std::vector<int64_t> sorted = order, plain(value.dims.size());
  std::sort(sorted.begin(), sorted.end());
  std::iota(plain.begin(), plain.end(), 0);
  if (sorted != plain || (!order.empty() && order[0] != 0)) {
    lowering.refuse(node, "its order of axes is not one of its input's, or moves the batch");
  }
  const bool to_channels_first = order == std::vector<int64_t>{0, 3, 1, 2} && !value.channels_first;
  const bool to_channels_last = order == std::vector<int64_t>{0, 2, 3, 1} && value.channels_first;
  if (to_channels_first || to_channels_last) {
    Fact fact = value;
    fact.channels_first = to_channels_first;
    return lowering.same_value(node, std::move(fact));
  }
  std::vector<int64_t> in_memory;
  for (const int64_t axis : order) in_memory.push_back(value.axis_in_memory(axis));
  Fact from = value;
  from.channels_first = false;
  return lowering.transpose(node, from, in_memory);
}

// Blocks of block x block pixels become channels, or the other way round; TensorFlow's order: row, column, channel.
Fact space_and_depth(Lowering& lowering, const GraphNode& node, const Facts& in) {
  const Fact map = map_input(lowering, node, in);
  if (map.channels_first) lowering.refuse(node, "data_format NCHW is not supported for this op");
  const GraphAttribute* size = node.attribute("block_size");
  const int64_t b = size ? size->integer : 0, h = map.dims[1], w = map.dims[2], c = map.dims[3];
  const bool to_depth = node.op == "SpaceToDepth";
  if (b < 2 || b > 4096 || (to_depth ? h % b != 0 || w % b != 0 : c % (b * b) != 0)) {
    lowering.refuse(node, "its block does not divide its input");
  }
  Fact apart = map;
  if (to_depth) {
    apart.dims = {1, h / b, b, w / b, b, c};
    Fact moved = lowering.transpose(node, apart, {0, 1, 3, 2, 4, 5});
    return with_dims(lowering, node, moved, {1, h / b, w / b, b * b * c});
  }
  apart.dims = {1, h, w, b, b, c / (b * b)};
  Fact moved = lowering.transpose(node, apart, {0, 1, 3, 2, 4, 5});
  return with_dims(lowering, node, moved, {1, h * b, w * b, c / (b * b)});
}

}  // namespace

void add_shape_ops(LowerTable* table) {
  const LowerTable ops = {
      {"BatchToSpaceND", batch_to_space},
      {"ArgMax", arg_max},
      {"Cast", cast},
      {"Concat", concat},
      {"ConcatV2", concat_v2},
      {"DepthToSpace", space_and_depth},
      {"ExpandDims", expand_dims},
      {"MirrorPad", pad},
      {"Pad", pad},
      {"PadV2", pad},
      {"Reshape", reshape},
      {"ResizeBilinear", resize},
      {"ResizeNearestNeighbor", resize},
      {"ReverseV2", reverse_channels},
      {"Shape", shape_of},
      {"Slice", slice},
      {"SpaceToBatchND", space_to_batch},
      {"SpaceToDepth", space_and_depth},
      {"Split", split},
      {"SplitV", split},
      {"Squeeze", squeeze},
      {"StridedSlice", strided_slice},
      {"Transpose", transpose},
  };
  table->insert(ops.begin(), ops.end());
}

}  // namespace posy
