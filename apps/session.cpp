#include "apps/session.h"

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "apps/commands.h"

namespace posy {
namespace {

// The number of an op or section that the engine does not know.
std::string unknown_number(const Failure& failure, std::span<const uint8_t> bytes) {
  const size_t size = failure.status == POSY_UNKNOWN_OP        ? sizeof(OpRecord::kind)
                      : failure.status == POSY_UNKNOWN_SECTION ? sizeof(SectionEntry::kind)
                                                               : 0;
  uint32_t number = 0;
  if (size == 0 || failure.byte + size > bytes.size()) return "";
  std::memcpy(&number, bytes.data() + failure.byte, size);
  return ": number " + std::to_string(number);
}

std::string usable_isas() {
  std::string names;
  for (uint32_t i = 0; posy_isa_name(i); ++i) names += std::string(i ? ", " : "") + posy_isa_name(i);
  return names;
}

}  // namespace

const char* weight_type_name(WeightType type) {
  switch (type) {
    case WeightType::f32:
      return "f32";
    case WeightType::u8_table:
      return "u8 table";
    case WeightType::u8_affine:
      return "u8";
    case WeightType::u7:
      return "u7";
    case WeightType::u6:
      return "u6";
    case WeightType::u5:
      return "u5";
    case WeightType::s8:
      return "s8";
    case WeightType::u4:
      return "u4";
  }
  return "";
}

const char* function_name(const OpRecord& op) {
  switch ((OpKind)op.kind) {
    case OpKind::unary:
      return unary_name(op.function);
    case OpKind::binary:
    case OpKind::int8_binary:
      return binary_name(op.function);
    default:
      return nullptr;
  }
}

const char* wanted_isa() {
  const char* isa = std::getenv("POSY_ISA");
  return isa && *isa ? isa : nullptr;
}

InputError unknown_isa(const std::string& isa) {
  return InputError("POSY_ISA=" + isa + ": not available here; available are " + usable_isas());
}

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Model checked_model(const std::string& path, std::span<const uint8_t> bytes) {
  Model model;
  const Failure failure = open_model(bytes.data(), bytes.size(), false, &model);
  if (failure) {
    throw InputError(path + ": " + posy_status_text(failure.status) + unknown_number(failure, bytes) + " (at byte " +
                     std::to_string(failure.byte) + ")");
  }
  return model;
}

SessionOptions session_options(const Args& args) {
  SessionOptions options;
  options.convert = convert_options(args);
  options.threads = args.number("threads", 1, POSY_MAX_THREADS).value_or(0);
  return options;
}

ImageLimits image_limits(const Args& args) {
  ImageLimits limits;
  if (const auto megapixels = args.number("max-megapixels", 1, 4000)) limits.max_pixels = *megapixels * 1000000ull;
  return limits;
}

Session::Session(const std::string& path, const SessionOptions& options)
    : loaded_(load_model(path, options.convert)), team_(options.threads ? options.threads : default_threads()) {
  options_.threads = team_.size();
  options_.isa = wanted_isa();
  if (team_.pool()) {
    options_.parallel_for = posy_pool_run;
    options_.parallel_context = team_.pool();
  }
  posy_needs needs;
  if (const posy_status status = posy_need(loaded_.posy.data(), loaded_.posy.size(), &options_, &needs))
    fail(path, status);
  memory_ = std::make_unique<uint8_t[]>(needs.memory_bytes);
  const double start = now_ms();
  if (const posy_status status =
          posy_open(&engine_, loaded_.posy.data(), loaded_.posy.size(), memory_.get(), needs.memory_bytes, &options_)) {
    fail(path, status);
  }
  open_ms_ = now_ms() - start;
  open_model(loaded_.posy.data(), loaded_.posy.size(), true, &model_);
}

void Session::fail(const std::string& path, posy_status status) const {
  if (status == POSY_UNKNOWN_ISA) throw unknown_isa(options_.isa);
  checked_model(path, loaded_.posy);  // says the byte, if the model is at fault
  throw InputError(path + ": " + posy_status_text(status));
}

void Session::set_image(const Image& image, const std::string& name) {
  const posy_image pixels = pixels_of(image);
  if (const posy_status status = posy_set_image(&engine_, &pixels))
    throw InputError(name + ": " + posy_status_text(status));
}

void Session::set_image(const Image& image, const std::string& name, const PreprocessVariant& variant) {
  put_input(&engine_, preprocess(image, model_, variant, name));
}

double Session::run() {
  const double start = now_ms();
  if (const posy_status status = posy_run(&engine_)) throw InputError(posy_status_text(status));
  return now_ms() - start;
}

std::string Session::label(uint32_t class_index) const {
  const char* label = posy_label(&engine_, class_index);
  return label ? label : std::to_string(class_index);
}

}  // namespace posy
