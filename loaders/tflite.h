// TFLite models (.tflite, file identifier TFL3) as a Graph of TensorFlow's ops.
//
// Fused activations become nodes, filters lie as TensorFlow has them, and quantized tensors are floats: weights are
// scale * (q - zero_point), activations are not rounded. Where a filter is quantized per channel, the constant holds
// q - zero_point and a Mul behind the convolution the channels' scales, so that a byte per weight still tells them all.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "loaders/graph.h"

namespace posy {

// Labels and normalisation are taken from the file's metadata where it has some, the normalisation otherwise from the
// quantization of the input. Throws InputError that names the file, the tensor or operator and what to do.
Graph read_tflite(const std::string& path);
Graph parse_tflite(std::vector<uint8_t> bytes, const std::string& file_name);

}  // namespace posy
