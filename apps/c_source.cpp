#include "apps/c_source.h"

#include <cctype>
#include <filesystem>

#include "engine/posy.h"

namespace posy {
namespace {

std::string upper_case(std::string text) {
  for (char& c : text) c = (char)std::toupper((unsigned char)c);
  return text;
}

std::string define(const std::string& name, uint64_t value, const std::string& remark = "") {
  return "#define " + name + " " + std::to_string(value) + "u" + (remark.empty() ? "" : " /* " + remark + " */") + "\n";
}

}  // namespace

TargetNeeds target_needs(const Model& model) {
  return {model.header->file_bytes, memory_bytes(*model.header, 1, 0), memory_bytes(*model.header, 1, 1)};
}

std::string c_name(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string();
  for (char& c : name) {
    if (!std::isalnum((unsigned char)c) || (unsigned char)c >= 128) c = '_';
  }
  if (name.empty() || std::isdigit((unsigned char)name[0])) name = "model_" + name;
  return name;
}

std::string c_header(const std::string& name, const Model& model) {
  const std::string macro = upper_case(name);
  const TargetNeeds needs = target_needs(model);
  const TensorRecord& in = model.input();
  return "/* Made by posy " POSY_VERSION " from a model. posy_need() says the same at run time. */\n#ifndef " + macro +
         "_MODEL_H\n#define " + macro + "_MODEL_H\n\n" + define(macro + "_MODEL_BYTES", needs.flash_bytes) +
         define(macro + "_MEMORY_BYTES", needs.ram_bytes, "for posy_open(): scalar and dsp kernels, one thread") +
         define(macro + "_SIMD_MEMORY_BYTES", needs.simd_ram_bytes, "mve, neon, simd128 and avx2 kernels, one thread") +
         define(macro + "_ARENA_BYTES", model.header->arena_bytes, "of these, for activations") +
         define(macro + "_INPUT_H", in.h) + define(macro + "_INPUT_W", in.w) + define(macro + "_INPUT_C", in.c) +
         define(macro + "_CLASSES", model.output().c) + "\n#ifdef __cplusplus\nextern \"C\"\n#else\nextern\n#endif\n" +
         "const unsigned char " + name + "_model[" + macro + "_MODEL_BYTES];\n\n#endif\n";
}

std::string c_array(const std::string& name, std::span<const uint8_t> posy) {
  std::string text = "/* Made by posy " POSY_VERSION
                     ". Aligned to a line of most caches; posy_open() wants 4. */\n#include \"" +
                     name + ".h\"\n\n__attribute__((aligned(64))) const unsigned char " + name + "_model[" +
                     upper_case(name) + "_MODEL_BYTES] = {";
  for (size_t i = 0; i < posy.size(); ++i) text += (i % 24 == 0 ? "\n" : "") + std::to_string(posy[i]) + ",";
  return text + "\n};\n";
}

}  // namespace posy
