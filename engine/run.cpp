// posy_run(): the steps of the plan, one after the other.
#include "engine/engine.h"

namespace posy {
namespace {

// Steps below this many multiply-adds take less time than waking another thread.
constexpr uint64_t kMacsWorthThreads = 20000;

template <class Args>
struct Share {
  const Engine* engine;
  Kernel<Args> kernel;
  const Args* args;
  Range rows;
  uint32_t parts;

  static void run(void* self, uint32_t part) {
    const Share& s = *(const Share*)self;
    s.kernel(*s.args,
             {s.rows, part, s.parts, s.engine->scratch + part * s.engine->scratch_floats, s.engine->scratch_floats});
  }
};

template <class Args>
void run_kernel(const Engine& engine, Kernel<Args> kernel, const Args& args, Range rows, uint64_t macs) {
  Share<Args> share = {&engine, kernel, &args, rows, macs < kMacsWorthThreads ? 1 : engine.options.threads};
  spread(engine, Share<Args>::run, &share, share.parts);
}

void run_step(const Engine& engine, const StepRecord& step) {
  const OpRecord& op = engine.model.ops[step.op];
  const Range rows = {step.row_begin, step.row_end};
  const uint64_t macs = op_macs(engine.model, op, rows.end - rows.begin);
  switch ((OpKind)op.kind) {
#define POSY_OP(number, name, Args)                             \
  case OpKind::name: {                                          \
    if (!is_built(OpKind::name)) break; /* no model has it */   \
    Args args;                                                  \
    bind_##name(engine.model, op, engine.arena, &args);         \
    run_kernel(engine, engine.kernels->name, args, rows, macs); \
    break;                                                      \
  }
#include "kernels/ops.def"
#undef POSY_OP
  }
}

bool observer_stops(const Engine& engine, const StepRecord& step) {
  if (!engine.observer) return false;
  const TensorRecord& record = engine.model.tensors[engine.model.ops[step.op].out];
  const uint32_t rows = step.row_end - step.row_begin, until_wrap = record.ring_h - step.row_begin % record.ring_h;
  posy_progress progress;
  progress.op = step.op;
  progress.row_begin = step.row_begin;
  progress.row_end = step.row_end;
  progress.shape = {record.h, record.w, record.c};
  progress.data = is_u8(record) ? nullptr : bind_tensor(record, engine.arena).row(step.row_begin);
  progress.codes = is_u8(record) ? bind_byte_tensor(record, engine.arena).row(step.row_begin) : nullptr;
  progress.zero_point = record.zero_point;
  progress.scale = record.scale;
  progress.pixel_stride = record.pixel_stride;
  progress.contiguous_rows = rows < until_wrap ? rows : until_wrap;
  return engine.observer(engine.observer_context, &progress) != 0;
}

// The order of posy_top(): higher score first, NaN last, then lower index.
bool is_better(const float* scores, uint32_t a, uint32_t b) {
  const bool a_nan = scores[a] != scores[a], b_nan = scores[b] != scores[b];
  if (a_nan != b_nan) return b_nan;
  if (!a_nan && scores[a] != scores[b]) return scores[a] > scores[b];
  return a < b;
}

}  // namespace
}  // namespace posy

using namespace posy;

extern "C" posy_status posy_run(posy_engine* opaque) {
  if (!is_open(opaque)) return POSY_NOT_OPEN;
  Engine* engine = engine_of(opaque);
  if (!engine->has_input) return POSY_NO_INPUT;
  engine->has_input = false;  // the plan may reuse the input's memory
  engine->has_scores = false;
  for (uint32_t i = 0; i < engine->model.step_count; ++i) {
    const StepRecord& step = engine->model.steps[i];
    run_step(*engine, step);
    if (observer_stops(*engine, step)) return POSY_CANCELLED;
  }
  engine->has_scores = true;
  return POSY_OK;
}

extern "C" posy_status posy_set_observer(posy_engine* opaque, posy_observer observer, void* context) {
  if (!is_open(opaque)) return POSY_NOT_OPEN;
  engine_of(opaque)->observer = observer;
  engine_of(opaque)->observer_context = context;
  return POSY_OK;
}

extern "C" const float* posy_scores(const posy_engine* opaque) {
  if (!is_open(opaque) || !engine_of(opaque)->has_scores) return nullptr;
  const Engine* engine = engine_of(opaque);
  return bind_tensor(engine->model.output(), engine->arena).data;
}

extern "C" uint32_t posy_class_count(const posy_engine* opaque) {
  return is_open(opaque) ? engine_of(opaque)->model.output().c : 0;
}

extern "C" const char* posy_label(const posy_engine* opaque, uint32_t class_index) {
  if (!is_open(opaque) || class_index >= engine_of(opaque)->model.label_count) return nullptr;
  const Model& model = engine_of(opaque)->model;
  return model.string(model.labels[class_index]);
}

extern "C" uint32_t posy_top(const posy_engine* opaque, posy_score* best, uint32_t count) {
  const float* scores = posy_scores(opaque);
  if (!scores || !best) return 0;
  uint32_t found = 0;
  for (uint32_t i = 0; i < posy_class_count(opaque); ++i) {
    uint32_t at = found;
    while (at > 0 && is_better(scores, i, best[at - 1].class_index)) --at;
    if (at == count) continue;
    if (found < count) ++found;
    for (uint32_t j = found - 1; j > at; --j) best[j] = best[j - 1];
    best[at] = {i, scores[i]};
  }
  return found;
}

// Sums in channel order, products rounded: the same bits everywhere.
extern "C" float posy_novelty(const posy_engine* opaque) {
  if (!is_open(opaque) || !engine_of(opaque)->has_scores || !engine_of(opaque)->model.novelty) return 0;
  const Engine* engine = engine_of(opaque);
  const NoveltyRecord& rule = *engine->model.novelty;
  const Tensor features = bind_tensor(engine->model.tensors[rule.features], engine->arena);
  const Tensor projection = bind_tensor(engine->model.tensors[rule.projection], engine->arena);
  float whole = 0, inside = 0;
  for (uint32_t c = 0; c < features.c; ++c) whole += features.data[c] * features.data[c];
  for (uint32_t begin = 0; begin < projection.c; begin += rule.group) {
    float sum = 0;
    for (uint32_t c = begin; c < begin + rule.group; ++c) sum += projection.data[c] * projection.data[c];
    inside = sum > inside ? sum : inside;
  }
  // Features that are no finite numbers are like no photo's.
  const bool is_measured = whole > 0 && whole - whole == 0;
  const float outside = is_measured ? 1 - inside / whole : 1;
  return outside > 0 ? outside / rule.limit : 0;
}

extern "C" const char* posy_isa_name(uint32_t index) {
  const KernelTable* table = usable_kernels(index);
  return table ? table->isa : nullptr;
}

extern "C" const char* posy_engine_isa(const posy_engine* opaque) {
  return is_open(opaque) ? engine_of(opaque)->kernels->isa : nullptr;
}

extern "C" const char* posy_version(void) {
  return POSY_VERSION;
}

extern "C" const char* posy_status_text(posy_status status) {
  switch (status) {
#define POSY_STATUS(number, name, text) \
  case POSY_##name:                     \
    return text;
#include "engine/status.def"
#undef POSY_STATUS
    default:
      return "not a status of this engine";
  }
}
