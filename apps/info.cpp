// posy info: what is in a .posy file, or what a graph becomes.
#include <cstdio>

#include "apps/commands.h"
#include "apps/dump.h"
#include "apps/json.h"
#include "apps/session.h"
#include "loaders/error.h"

namespace posy {
namespace {

bool has_weights(const OpRecord& op) {
  return op.weights_bytes > 0;
}

const char* weight_type_text(const OpRecord& op) {
  switch ((WeightType)op.weight_type) {
    case WeightType::f32:
      return "f32";
    case WeightType::u8_table:
      return "u8 table";
    case WeightType::u8_affine:
      return "u8";
  }
  return "";
}

uint64_t total_macs(const Model& model) {
  uint64_t macs = 0;
  for (uint32_t i = 0; i < model.op_count; ++i) macs += op_macs(model, model.ops[i], model.tensors[model.ops[i].out].h);
  return macs;
}

std::string shape_text(const TensorRecord& t) {
  return std::to_string(t.h) + "x" + std::to_string(t.w) + "x" + std::to_string(t.c);
}

Json json_op(const Model& model, const OpRecord& op) {
  const TensorRecord& out = model.tensors[op.out];
  Json json = {{"kind", op_name((OpKind)op.kind)}, {"name", model.string(op.name)}, {"out", {out.h, out.w, out.c}}};
  json["macs"] = op_macs(model, op, out.h);
  json["weight_bytes"] = op.weights_bytes;
  json["weights"] = !has_weights(op) ? "" : (WeightType)op.weight_type == WeightType::f32 ? "f32" : "u8";
  return json;
}

Json json_info(const Model& model) {
  const ModelRecord& r = *model.record;
  const TensorRecord& in = model.input();
  Json json;
  json["format_version"] =
      std::to_string(model.header->version_major) + "." + std::to_string(model.header->version_minor);
  json["input"] = {
      {"node", model.string(r.input_name)}, {"h", in.h}, {"w", in.w}, {"c", in.c}, {"mean", json_float(r.mean[0])},
      {"std", json_float(r.std[0])}};
  json["output"] = {{"node", model.string(r.output_name)}, {"classes", model.output().c}};
  json["labels"] = Json::array();
  for (uint32_t i = 0; i < model.label_count; ++i) json["labels"].push_back(model.string(model.labels[i]));
  json["file_bytes"] = model.header->file_bytes;
  json["weight_bytes"] = model.weights_bytes;
  json["arena_bytes"] = model.header->arena_bytes;
  json["macs"] = total_macs(model);
  json["ops"] = Json::array();
  for (uint32_t i = 0; i < model.op_count; ++i) json["ops"].push_back(json_op(model, model.ops[i]));
  return json;
}

std::string window_text(const OpRecord& op) {
  if (op.k_h == 0) return "";
  std::string text = std::to_string(op.k_h) + "x" + std::to_string(op.k_w);
  if (op.stride_h != 1 || op.stride_w != 1) text += " /" + std::to_string(op.stride_h);
  return text;
}

std::string clamp_text(const OpRecord& op) {
  const float infinity = __builtin_inff();
  if (op.clamp_low == -infinity && op.clamp_high == infinity) return "";
  if (op.clamp_low == 0 && op.clamp_high == 6) return "relu6";
  if (op.clamp_low == 0 && op.clamp_high == infinity) return "relu";
  return "clamp";
}

void print_ops(const Model& model) {
  std::printf("\n  %-18s %-9s %-6s %-13s %9s %10s %-8s  %s\n", "op", "window", "then", "output", "MACs", "bytes",
              "weights", "node");
  for (uint32_t i = 0; i < model.op_count; ++i) {
    const OpRecord& op = model.ops[i];
    const TensorRecord& out = model.tensors[op.out];
    std::printf("  %-18s %-9s %-6s %-13s %8.2fM %10u %-8s  %s\n", op_name((OpKind)op.kind), window_text(op).c_str(),
                clamp_text(op).c_str(), shape_text(out).c_str(), (double)op_macs(model, op, out.h) / 1e6,
                op.weights_bytes, has_weights(op) ? weight_type_text(op) : "", model.string(op.name));
  }
}

void print_labels(const Model& model) {
  if (model.label_count == 0) {
    std::printf("labels   none\n");
    return;
  }
  const uint32_t shown = model.label_count > 12 ? 10 : model.label_count;
  std::printf("labels   %u:", model.label_count);
  for (uint32_t i = 0; i < shown; ++i) std::printf("%s %s", i ? "," : "", model.string(model.labels[i]));
  std::printf(shown < model.label_count ? ", ...\n" : "\n");
}

void print_info(const std::string& path, const Model& model) {
  const ModelRecord& r = *model.record;
  const FileHeader& h = *model.header;
  std::printf("file     %s, %u bytes, format %u.%u\n", path.c_str(), h.file_bytes, h.version_major, h.version_minor);
  std::printf("input    %s, %s, (pixel - %g) / %g, legacy bilinear resize%s\n", model.string(r.input_name),
              shape_text(model.input()).c_str(), (double)r.mean[0], (double)r.std[0],
              r.normalize_first ? " after normalising" : "");
  std::printf("output   %s, %u classes\n", model.string(r.output_name), model.output().c);
  print_labels(model);
  std::printf("weights  %u bytes\n", model.weights_bytes);
  std::printf("arena    %u bytes of activations\n", h.arena_bytes);
  std::printf("work     %.2f million multiply-adds in %u ops, %u steps\n", (double)total_macs(model) / 1e6,
              model.op_count, model.step_count);
  print_ops(model);
}

int run(const Args& args) {
  if (args.words().size() != 1) throw UsageError("info takes one model");
  const std::string& path = args.words()[0];
  const LoadedModel loaded = load_model(path, convert_options(args));
  const Model model = checked_model(path, loaded.posy);
  if (args.has("json")) {
    print_json(json_info(model));
  } else if (args.has("dump")) {
    print_dump(model);
  } else {
    print_info(path, model);
  }
  return 0;
}

}  // namespace

const Command& info_command() {
  static const Command command = {
      "info",
      "posy info MODEL [flags]",
      "what is in a .posy file, or what a graph becomes",
      with_convert_flags({
          {"json", nullptr, "as JSON"},
          {"dump", nullptr, "the file's bytes, field by field"},
      }),
      run,
  };
  return command;
}

}  // namespace posy
