// A TFLite file taken apart, and what makes a Graph of it: shared by tflite.cpp (the file), tflite_ops.cpp (one
// function per operator) and tflite_metadata.cpp. Private to this room. Numbers of fields, types and operators are
// those of tensorflow/lite/schema/schema.fbs.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loaders/flatbuffer.h"
#include "loaders/graph.h"
#include "loaders/graph_builder.h"

namespace posy {

enum class TfliteType : int8_t {
  kFloat32 = 0,
  kFloat16 = 1,
  kInt32 = 2,
  kUint8 = 3,
  kInt64 = 4,
  kBool = 6,
  kInt16 = 7,
  kInt8 = 9,
  kFloat64 = 10,
  kInt4 = 17,
};

struct TfliteTensor {
  std::string_view name;
  TfliteType type = TfliteType::kFloat32;
  std::vector<int64_t> dims;
  std::span<const uint8_t> data;  // of a constant, as many bytes as dims and type ask for; else empty
  FlatVector<float> scale;        // empty: not quantized; one, or one for each index of quantized_dim
  FlatVector<int64_t> zero_point;
  int64_t quantized_dim = 0;

  bool is_constant() const { return !data.empty(); }
  bool is_quantized() const { return !scale.empty() && type != TfliteType::kFloat32; }
  size_t element_count() const;
  // Element i as it stands in the file, without its scale.
  double stored(size_t i) const;
  int64_t zero_point_at(size_t channel) const;
  // Those of int8 are counted from -128: here from 0. None for tensors of other types.
  std::optional<CodeScale> codes() const;
  // The numbers that it stands for.
  std::vector<float> numbers() const;
};

struct TfliteOperator {
  int32_t code = 0;                      // BuiltinOperator
  std::string_view custom_code;          // of a custom operator
  std::vector<int32_t> inputs, outputs;  // tensors; an input of -1 is left out
  FlatTable options;
  size_t place = 0;
};

struct TfliteModel {
  std::vector<TfliteTensor> tensors;
  std::vector<TfliteOperator> operators;
  std::vector<int32_t> inputs, outputs;
};

// The name of a tensor in messages and of the node that makes it: the first of those that the converter joined.
std::string_view first_name(const TfliteTensor& tensor);

// "CONV_2D"; "custom operator TFLite_Detection_PostProcess".
std::string tflite_operator_name(const TfliteOperator& op);

// Adds to the graph what the model computes, an operator at a time.
class TfliteEmitter {
 public:
  TfliteEmitter(const TfliteModel& model, Graph* graph);
  void run();

 private:
  friend struct TfliteOps;
  using Attributes = GraphBuilder::Attributes;

  void run_operator(const TfliteOperator& op);
  [[noreturn]] void refuse(const std::string& why) const;

  const TfliteTensor& input(size_t i) const;
  const TfliteTensor& output() const { return model_.tensors[(size_t)op_->outputs[0]]; }
  bool has_input(size_t i) const { return i < op_->inputs.size() && op_->inputs[i] >= 0; }
  // The constant behind input i, through a DEQUANTIZE where there is one; null if it is none.
  const TfliteTensor* constant_input(size_t i) const;

  // The node that makes input i: a constant's own, with the numbers it stands for or, for sizes and axes, as stored.
  std::string value(size_t i);
  std::string stored(size_t i);
  // Adds a node on the way to the operator's output.
  std::string node(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {});
  std::string floats(const std::string& what, std::vector<int64_t> dims, const std::vector<float>& values);
  std::string scalar(const std::string& what, float value) { return floats(what, {}, {value}); }
  void take_budget(uint64_t bytes);

  const TfliteModel& model_;
  Graph& graph_;
  GraphBuilder build_;
  std::vector<std::string> made_;   // by tensor: the node that makes it, "" so far none
  std::vector<int32_t> constants_;  // by tensor: the tensor that holds its numbers, -1 if it is no constant
  const TfliteOperator* op_ = nullptr;
  std::string out_name_;
  uint64_t bytes_left_;  // that constants may still take: many operators can ask for the same tensor
};

// (x - mean) / std as the metadata has it: one value, or one per channel; empty where it says nothing.
struct TfliteNormalization {
  std::vector<float> mean, std;
};

// Returns the input's normalisation and fills graph->suggested_labels, from the buffer of metadata and from the ZIP
// archive behind the model. What cannot be read is said in graph->notes: the model itself needs none of it.
TfliteNormalization read_tflite_metadata(std::span<const uint8_t> metadata, Graph* graph);

}  // namespace posy
