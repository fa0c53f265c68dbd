// posy info --dump: the bytes of a .posy file with the name and the value of each field, as in loaders/FORMAT.md.
#include <cstdio>
#include <string>
#include <type_traits>

#include "apps/dump.h"
#include "apps/session.h"

namespace posy {
namespace {

// Of a section with many records, the first ones are shown.
constexpr uint32_t kShownRecords = 2;

class Dump {
 public:
  explicit Dump(const Model& model) : model_(model) {}

  void header() {
    const FileHeader& h = *model_.header;
    title("header");
    raw("magic", h.magic, sizeof h.magic, "\\x89 P O S Y CR LF ^Z");
    field("file_bytes", h.file_bytes);
    raw("checksum", &h.checksum, sizeof h.checksum, "of bytes 16 to the end");
    field("version_major", h.version_major);
    field("version_minor", h.version_minor);
    field("section_count", h.section_count);
    field("arena_bytes", h.arena_bytes);
    field("max_rows", h.max_rows);
    raw("zero", h.zero, sizeof h.zero, "");
  }

  void section_table() {
    const SectionEntry* table = (const SectionEntry*)(model_.bytes + sizeof(FileHeader));
    for (uint32_t i = 0; i < model_.header->section_count; ++i) {
      title("section " + std::to_string(i));
      field("kind", table[i].kind);
      field("offset", table[i].offset);
      field("bytes", table[i].bytes);
      field("count", table[i].count);
    }
  }

  void model_record() {
    const ModelRecord& r = *model_.record;
    title("model");
    field("input_tensor", r.input_tensor);
    field("output_tensor", r.output_tensor);
    string("input_name", r.input_name);
    string("output_name", r.output_name);
    for (int c = 0; c < 4; ++c) field("mean[" + std::to_string(c) + "]", r.mean[c]);
    for (int c = 0; c < 4; ++c) field("std[" + std::to_string(c) + "]", r.std[c]);
    field("resize", r.resize);
    field("normalize_first", r.normalize_first);
    raw("zero", r.zero, sizeof r.zero, "");
  }

  void tensor(uint32_t i) {
    const TensorRecord& t = model_.tensors[i];
    title("tensor " + std::to_string(i));
    field("arena_offset", t.arena_offset);
    field("h", t.h);
    field("w", t.w);
    field("c", t.c);
    field("pixel_stride", t.pixel_stride);
    field("ring_h", t.ring_h);
    string("name", t.name);
    raw("type", &t.type, 1, is_u8(t) ? "u8" : "f32");
    field("zero_point", t.zero_point);
    field("zero", t.zero);
    field("scale", t.scale);
  }

  void op(uint32_t i) {
    const OpRecord& op = model_.ops[i];
    title("op " + std::to_string(i));
    raw("kind", &op.kind, sizeof op.kind, op_name((OpKind)op.kind));
    field("weight_type", op.weight_type);
    const char* function = function_name(op);
    function ? raw("function", &op.function, 1, function) : field("function", op.function);
    string("name", op.name);
    field("in[0]", op.in[0]);
    op.in[1] == kNoIndex ? raw("in[1]", &op.in[1], 4, "none") : field("in[1]", op.in[1]);
    field("out", op.out);
    field("k_h", op.k_h);
    field("k_w", op.k_w);
    field("stride_h", op.stride_h);
    field("stride_w", op.stride_w);
    field("dilation_h", op.dilation_h);
    field("dilation_w", op.dilation_w);
    field("pad_top", op.pad_top);
    field("pad_left", op.pad_left);
    field("clamp_low", op.clamp_low);
    field("clamp_high", op.clamp_high);
    field("weights_offset", op.weights_offset);
    field("weights_bytes", op.weights_bytes);
    for (int n = 0; n < 4; ++n) field("param[" + std::to_string(n) + "]", op.param[n]);
    for (int n = 0; n < 4; ++n) field("dims[" + std::to_string(n) + "]", op.dims[n]);
    for (int n = 0; n < 4; ++n) field("order[" + std::to_string(n) + "]", op.order[n]);
  }

  void step(uint32_t i) {
    const StepRecord& s = model_.steps[i];
    title("step " + std::to_string(i));
    field("op", s.op);
    field("row_begin", s.row_begin);
    field("row_end", s.row_end);
    field("zero", s.zero);
  }

  void label(uint32_t i) {
    title("label " + std::to_string(i));
    string("string", model_.labels[i]);
  }

  template <class Show>
  void some(uint32_t count, Show show) {
    for (uint32_t i = 0; i < count && i < kShownRecords; ++i) show(i);
    if (count > kShownRecords) std::printf("\n... and %u more\n", count - kShownRecords);
  }

  void strings() {
    title("strings");
    const uint32_t shown = model_.strings_bytes < 16 ? model_.strings_bytes : 16;
    raw("", model_.strings, shown, "UTF-8, each ended by a zero byte");
  }

  // The first panel of the first op with weights.
  void weights() {
    for (uint32_t i = 0; i < model_.op_count; ++i) {
      const OpRecord& op = model_.ops[i];
      if (op.weights_bytes == 0) continue;
      title("weights of op " + std::to_string(i));
      const uint8_t* panel = model_.weights + op.weights_offset;
      if ((OpKind)op.kind == OpKind::int8_map) {
        raw("table", panel, 16, "256 codes; the first 16");
        return;
      }
      if ((WeightType)op.weight_type == WeightType::s8) {
        raw("start", panel, 16, "16 integers of 32 bits; the first four");
        raw("multiplier", panel + 64, 16, "16 floats; the first four");
        raw("sum", panel + 128, 16, "16 integers of 32 bits; the first four");
        raw("group 0", panel + kInt8HeaderBytes, 16, "four weights of 16 lanes; of the first four");
        return;
      }
      if ((WeightType)op.weight_type == WeightType::u8_table) {
        raw("table", panel, 16, "256 floats; the first four");
        panel += kTableBytes;
      }
      raw("bias", panel, 16, "16 floats; the first four");
      raw("scale", panel + 64, 16, "16 floats; the first four");
      raw(is_affine((WeightType)op.weight_type) ? "offset" : "center", panel + 128, 16, "16 floats; the first four");
      const uint32_t row = row_bytes((WeightType)op.weight_type);
      raw("row 0", panel + kHeaderVectors * 64, row < 16 ? row : 16,
          row < 16 ? "16 weights" : "16 weights; the first 16 bytes");
      return;
    }
  }

 private:
  static void title(const std::string& text) { std::printf("\n%s\n", text.c_str()); }

  void raw(const std::string& name, const void* data, size_t bytes, const std::string& value) {
    const uint8_t* p = (const uint8_t*)data;
    for (size_t at = 0; at < bytes; at += 8) {
      std::string hex;
      for (size_t i = at; i < bytes && i < at + 8; ++i) {
        char text[4];
        std::snprintf(text, sizeof text, "%02x ", p[i]);
        hex += text;
      }
      std::string line = "  " + offset_text(p + at) + "  " + hex;
      if (at == 0 && !name.empty()) line += std::string(26 - hex.size(), ' ') + name;
      if (at == 0 && !value.empty()) line += std::string(name.size() < 17 ? 17 - name.size() : 1, ' ') + value;
      while (line.back() == ' ') line.pop_back();
      std::puts(line.c_str());
    }
  }

  std::string offset_text(const void* part) const {
    char text[16];
    std::snprintf(text, sizeof text, "%08zx", model_.offset_of(part));
    return text;
  }

  template <class Number>
  void field(const std::string& name, const Number& number) {
    char text[32];
    if constexpr (std::is_floating_point_v<Number>) {
      std::snprintf(text, sizeof text, "%.9g", (double)number);
    } else {
      std::snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    }
    raw(name, &number, sizeof number, text);
  }

  void string(const std::string& name, const uint32_t& offset) {
    raw(name, &offset, sizeof offset, std::to_string(offset) + ": \"" + model_.string(offset) + "\"");
  }

  const Model& model_;
};

}  // namespace

void print_dump(const Model& model) {
  Dump dump(model);
  dump.header();
  dump.section_table();
  dump.model_record();
  dump.some(model.tensor_count, [&](uint32_t i) { dump.tensor(i); });
  dump.some(model.op_count, [&](uint32_t i) { dump.op(i); });
  dump.some(model.step_count, [&](uint32_t i) { dump.step(i); });
  dump.some(model.label_count, [&](uint32_t i) { dump.label(i); });
  dump.strings();
  dump.weights();
}

}  // namespace posy
