// The walk over a TFLite model's operators, and its constants as TensorFlow's.
#include <algorithm>

#include "loaders/error.h"
#include "loaders/tflite_model.h"

namespace posy {
namespace {

constexpr int32_t kDequantizeCode = 6, kDensifyCode = 124;

bool is_integer(TfliteType type) {
  return type == TfliteType::kInt32 || type == TfliteType::kInt64;
}

// Where the elements of one index of `dim` lie: index(i) = i / stride % count.
size_t stride_of(const TfliteTensor& tensor, int64_t dim) {
  size_t stride = 1;
  for (size_t d = (size_t)dim + 1; d < tensor.dims.size(); ++d) stride *= (size_t)tensor.dims[d];
  return stride;
}

}  // namespace

std::vector<float> TfliteTensor::numbers() const {
  std::vector<float> out(element_count());
  const size_t stride = scale.size() > 1 ? stride_of(*this, quantized_dim) : 1;
  for (size_t i = 0; i < out.size(); ++i) {
    if (!is_quantized()) {
      out[i] = (float)stored(i);
      continue;
    }
    const size_t channel = scale.size() > 1 ? i / stride % scale.size() : 0;
    out[i] = (float)((double)scale[channel] * (stored(i) - (double)zero_point_at(channel)));
  }
  return out;
}

TfliteEmitter::TfliteEmitter(const TfliteModel& model, Graph* graph)
    : model_(model),
      graph_(*graph),
      build_(graph),
      made_(model.tensors.size()),
      constants_(model.tensors.size(), -1),
      bytes_left_(std::min<uint64_t>(4ull << 30, (64ull << 20) + 16 * (uint64_t)graph->bytes.size())) {}

void TfliteEmitter::run() {
  for (size_t i = 0; i < model_.tensors.size(); ++i) {
    if (model_.tensors[i].is_constant()) constants_[i] = (int32_t)i;
  }
  for (const int32_t i : model_.inputs) {
    const TfliteTensor& tensor = model_.tensors[(size_t)i];
    constants_[(size_t)i] = -1;
    made_[(size_t)i] = build_.placeholder(first_name(tensor), tensor.dims);
    graph_.nodes.back().codes = tensor.codes();
  }
  for (const TfliteOperator& op : model_.operators) {
    op_ = &op;
    build_.set_place(op.place);
    if (op.outputs.empty() || op.outputs[0] < 0) refuse("it has no output");
    out_name_ = first_name(output());
    // Weights stored as halves or bytes: the convolution takes them as they are stored.
    if (op.code == kDequantizeCode && has_input(0) && constant_input(0)) {
      constants_[(size_t)op.outputs[0]] = constants_[(size_t)op.inputs[0]];
      continue;
    }
    if (op.code == kDensifyCode) refuse("sparse weights are not supported: convert without sparsity");
    run_operator(op);
  }
  if (model_.inputs.size() == 1) graph_.suggested_input = made_[(size_t)model_.inputs[0]];
  if (model_.outputs.size() == 1 && model_.outputs[0] >= 0) {
    graph_.suggested_output = made_[(size_t)model_.outputs[0]];
  }
}

void TfliteEmitter::refuse(const std::string& why) const {
  std::string label = "operator " + std::to_string(op_ - model_.operators.data()) + " (" + tflite_operator_name(*op_);
  if (!out_name_.empty()) label += ", '" + printable_name(out_name_) + "'";
  throw InputError(graph_.file_name + ": " + label + "): " + why);
}

const TfliteTensor& TfliteEmitter::input(size_t i) const {
  if (!has_input(i)) refuse("its input " + std::to_string(i) + " is missing");
  return model_.tensors[(size_t)op_->inputs[i]];
}

const TfliteTensor* TfliteEmitter::constant_input(size_t i) const {
  input(i);
  const int32_t source = constants_[(size_t)op_->inputs[i]];
  return source < 0 ? nullptr : &model_.tensors[(size_t)source];
}

void TfliteEmitter::take_budget(uint64_t bytes) {
  if (bytes > bytes_left_) refuse("the graph's constants together are larger than a file of this size may ask for");
  bytes_left_ -= bytes;
}

std::string TfliteEmitter::value(size_t i) {
  const TfliteTensor* constant = constant_input(i);
  std::string& made = made_[(size_t)op_->inputs[i]];
  if (!made.empty()) return made;
  if (!constant)
    refuse("nothing before it makes its input " + std::to_string(i) + " ('" + printable_name(first_name(input(i))) +
           "')");
  if (is_integer(constant->type) && !constant->is_quantized()) return made = stored(i);
  take_budget(constant->element_count() * sizeof(float));
  return made = floats("constant", constant->dims, constant->numbers());
}

std::string TfliteEmitter::stored(size_t i) {
  const TfliteTensor* constant = constant_input(i);
  if (!constant) return value(i);
  if (!is_integer(constant->type)) refuse("its input " + std::to_string(i) + " is not made of whole numbers");
  GraphTensor tensor;
  tensor.type = constant->type == TfliteType::kInt32 ? DataType::kInt32 : DataType::kInt64;
  tensor.dims = constant->dims;
  tensor.bytes = constant->data;
  return build_.constant(out_name_ + "/constant", std::move(tensor));
}

std::string TfliteEmitter::node(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
  return build_.add(out_name_ + "/" + op, op, std::move(inputs), std::move(attributes));
}

std::string TfliteEmitter::floats(const std::string& what, std::vector<int64_t> dims,
                                  const std::vector<float>& values) {
  return build_.floats(out_name_ + "/" + what, std::move(dims), values);
}

}  // namespace posy
