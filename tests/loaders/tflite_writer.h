// Makes the bytes of a TFLite model, for tests: tensor by tensor, operator by operator.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "tests/loaders/flatbuffer_writer.h"

namespace posy {

using Bytes = std::vector<uint8_t>;

// Numbers of tensorflow/lite/schema/schema.fbs.
enum : int8_t { kFloat32 = 0, kFloat16 = 1, kInt32 = 2, kUint8 = 3, kInt8 = 9 };
enum : int32_t {
  kAdd = 0,
  kAveragePool = 1,
  kConcatenation = 2,
  kConv2d = 3,
  kDepthwise = 4,
  kDequantize = 6,
  kFullyConnected = 9,
  kL2Normalization = 11,
  kLogistic = 14,
  kLstm = 16,
  kMaxPool = 17,
  kSoftmax = 25,
  kCustom = 32,
  kPad = 34,
  kMean = 40,
  kSub = 41,
  kQuantize = 114,
  kGelu = 150
};

template <class T>
inline Bytes raw(const std::vector<T>& values) {
  Bytes out(values.size() * sizeof(T));
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

// A model of one graph, tensor by tensor.
class TfliteWriter {
 public:
  int32_t tensor(const std::string& name, const std::vector<int32_t>& dims, int8_t type = kFloat32,
                 const Bytes& data = {}) {
    FlatWriter tensor;
    tensor.numbers<int32_t>(0, dims).number<int8_t>(1, type).text(3, name);
    if (!data.empty()) {
      tensor.number<uint32_t>(2, (uint32_t)buffers_.size());
      buffers_.push_back(FlatWriter().numbers<uint8_t>(0, data));
    }
    tensors_.push_back(tensor);
    return (int32_t)tensors_.size() - 1;
  }
  int32_t quantized(const std::string& name, const std::vector<int32_t>& dims, int8_t type, const Bytes& data,
                    const std::vector<float>& scale, const std::vector<int64_t>& zero_point, int32_t dim = 0) {
    const int32_t index = tensor(name, dims, type, data);
    FlatWriter quantization;
    quantization.numbers<float>(2, scale).numbers<int64_t>(3, zero_point).number<int32_t>(6, dim);
    tensors_.back().table(4, quantization);
    return index;
  }
  void op(int32_t code, const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs,
          const FlatWriter& options = {}, const std::string& custom_code = "") {
    FlatWriter op_code;
    op_code.number<int8_t>(0, (int8_t)std::min(code, 127)).number<int32_t>(3, code);
    if (!custom_code.empty()) op_code.text(1, custom_code);
    FlatWriter op;
    op.number<uint32_t>(0, (uint32_t)codes_.size()).numbers<int32_t>(1, inputs).numbers<int32_t>(2, outputs);
    op.number<uint8_t>(3, 1).table(4, options);
    codes_.push_back(op_code);
    operators_.push_back(op);
  }
  void metadata(const Bytes& data) {
    metadata_.push_back(FlatWriter().text(0, "TFLITE_METADATA").number<uint32_t>(1, (uint32_t)buffers_.size()));
    buffers_.push_back(FlatWriter().numbers<uint8_t>(0, data));
  }
  Bytes bytes(const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs) const {
    FlatWriter graph, model;
    graph.tables(0, tensors_).numbers<int32_t>(1, inputs).numbers<int32_t>(2, outputs).tables(3, operators_);
    model.number<uint32_t>(0, 3).tables(1, codes_).tables(2, {graph}).tables(4, buffers_).tables(6, metadata_);
    return model.file("TFL3");
  }

 private:
  std::vector<FlatWriter> tensors_, operators_, codes_, buffers_ = {FlatWriter()}, metadata_;
};

// Options with padding VALID, strides 1 and a fused activation in the given field.
inline FlatWriter window(uint32_t activation_field, int8_t activation) {
  FlatWriter options;
  options.number<int8_t>(0, 1).number<int32_t>(1, 1).number<int32_t>(2, 1);
  options.number<int8_t>(activation_field, activation);
  return options;
}

}  // namespace posy
