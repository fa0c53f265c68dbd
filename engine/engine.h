// What is behind struct posy_engine.
#pragma once
#include "engine/model.h"

namespace posy {

struct Engine {
  uint64_t open_mark;  // kOpenMark while a model is open
  Model model;
  const KernelTable* kernels;
  uint8_t* arena;
  float* scratch;         // of thread 0; the others' follow
  size_t scratch_floats;  // per thread
  posy_options options;
  posy_observer observer;
  void* observer_context;
  size_t error_byte;
  bool has_input, has_scores;
};
static_assert(sizeof(Engine) <= sizeof(posy_engine), "posy_engine is too small");

constexpr uint64_t kOpenMark = 0x79736f705f6e6570;

inline Engine* engine_of(posy_engine* engine) {
  return (Engine*)engine;
}
inline const Engine* engine_of(const posy_engine* engine) {
  return (const Engine*)engine;
}
// task(argument, 0) ... task(argument, parts - 1), on as many threads.
inline void spread(const Engine& engine, void (*task)(void* argument, uint32_t part), void* argument, uint32_t parts) {
  if (parts == 1) {
    task(argument, 0);
  } else {
    engine.options.parallel_for(engine.options.parallel_context, task, argument, parts);
  }
}

inline bool is_open(const posy_engine* engine) {
  return engine && engine_of(engine)->open_mark == kOpenMark;
}

}  // namespace posy
