// Threads: the same bits for every number of them, by whomever they are run; and the pool itself.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "engine/posy_threads.h"
#include "tests/engine/guarded_engine.h"

using namespace posy;

namespace {

// Large enough that every step but the last ones is shared out (engine/run.cpp, kMacsWorthThreads).
std::vector<uint8_t> wide_model(WeightChoice weights) {
  ModelOptions options;
  options.input = {33, 31, 3};
  options.channels = 40;
  options.classes = 1001;
  options.weights = weights;
  return build_model(options);
}

std::vector<float> scores_of(const std::vector<uint8_t>& file, const posy_options& options) {
  GuardedEngine guarded(file.size(), 32 << 20);
  REQUIRE(guarded.open(file, &options) == POSY_OK);
  std::vector<float> scores = guarded.scores();
  CHECK(guarded.scores() == scores);
  CHECK(guarded.memory_is_intact());
  return scores;
}

// A caller's own: last task first, all on the calling thread, counting.
void run_reversed(void* context, void (*task)(void*, uint32_t), void* argument, uint32_t count) {
  ++*(uint32_t*)context;
  while (count > 0) task(argument, --count);
}

// A caller's own: a new thread for every task.
void run_in_new_threads(void*, void (*task)(void*, uint32_t), void* argument, uint32_t count) {
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < count; ++i) threads.emplace_back(task, argument, i);
  for (std::thread& thread : threads) thread.join();
}

struct Ticks {
  std::atomic<uint32_t> of[64];
  static void tick(void* self, uint32_t index) { ++((Ticks*)self)->of[index]; }
};

}  // namespace

TEST_CASE("threads: scores are the same bits for 1 to 8 threads of the pool, on every instruction set") {
  for (const WeightChoice weights : {WeightChoice::kF32, WeightChoice::kAuto, WeightChoice::kU7}) {
    const std::vector<uint8_t> file = wide_model(weights);
    const std::vector<float> alone = scores_of(file, {});
    REQUIRE(alone.size() == 1001);
    for (uint32_t threads = 2; threads <= 8; ++threads) {
      posy_pool pool;
      REQUIRE(posy_pool_start(&pool, threads) == threads);
      for (uint32_t i = 0; const char* isa = posy_isa_name(i); ++i) {
        posy_options options = {};
        options.threads = threads;
        options.parallel_for = posy_pool_run;
        options.parallel_context = &pool;
        options.isa = isa;
        CHECK(scores_of(file, options) == alone);
      }
      posy_pool_stop(&pool);
    }
  }
}

TEST_CASE("threads: a caller's own parallel_for may run tasks in any order, one by one or all at once") {
  const std::vector<uint8_t> file = wide_model(WeightChoice::kAuto);
  const std::vector<float> alone = scores_of(file, {});
  for (const uint32_t threads : {2u, 3u, 8u, POSY_MAX_THREADS}) {
    uint32_t calls = 0;
    posy_options options = {};
    options.threads = threads;
    options.parallel_for = run_reversed;
    options.parallel_context = &calls;
    CHECK(scores_of(file, options) == alone);
    CHECK(calls >= 2 * 4);  // the convolutions of two runs at least
  }
  posy_options options = {};
  options.threads = 3;
  options.parallel_for = run_in_new_threads;
  CHECK(scores_of(file, options) == alone);
}

TEST_CASE("threads: four engines in four threads share one model's bytes") {
  const std::vector<uint8_t> file = wide_model(WeightChoice::kAuto);
  const std::vector<float> alone = scores_of(file, {});
  posy_needs needs;
  REQUIRE(posy_need(file.data(), file.size(), nullptr, &needs) == POSY_OK);
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      GuardedMemory memory(needs.memory_bytes);
      posy_engine engine;
      for (int turn = 0; turn < 3; ++turn) {
        if (posy_open(&engine, file.data(), file.size(), memory.take(needs.memory_bytes), needs.memory_bytes,
                      nullptr) != POSY_OK) {
          return;
        }
        right += run_engine(&engine, 0.25f) == alone;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 12);
}

TEST_CASE("pool: starts and stops two hundred times, used or not") {
  for (uint32_t i = 0; i < 200; ++i) {
    posy_pool pool;
    const uint32_t threads = 1 + i % 8;
    REQUIRE(posy_pool_start(&pool, threads) == threads);
    Ticks ticks = {};
    for (uint32_t run = 0; run < i % 3; ++run) posy_pool_run(&pool, Ticks::tick, &ticks, threads);
    posy_pool_stop(&pool);
    for (uint32_t t = 0; t < 64; ++t) REQUIRE(ticks.of[t] == (t < threads ? i % 3 : 0));
  }
}

TEST_CASE("pool: runs every task once, for every count, right away and after its threads went to sleep") {
  posy_pool pool;
  REQUIRE(posy_pool_start(&pool, 8) == 8);
  Ticks ticks = {};
  uint32_t expected[64] = {};
  for (uint32_t run = 0; run < 3000; ++run) {
    const uint32_t count = run % 9;
    if (run % 500 == 499) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    posy_pool_run(&pool, Ticks::tick, &ticks, count);
    for (uint32_t i = 0; i < count; ++i) ++expected[i];
    for (uint32_t i = 0; i < 64; ++i) {
      if (ticks.of[i] != expected[i]) FAIL("task " << i << " of run " << run);
    }
  }
  posy_pool_stop(&pool);
}

TEST_CASE("pool: takes numbers out of the ordinary") {
  posy_pool pool;
  CHECK(posy_pool_start(&pool, 0) == 1);
  Ticks ticks = {};
  posy_pool_run(&pool, Ticks::tick, &ticks, 0);
  posy_pool_run(&pool, Ticks::tick, &ticks, 1);
  CHECK(ticks.of[0] == 1);
  posy_pool_stop(&pool);
  const uint32_t most = posy_pool_start(&pool, 1000);
  CHECK(most > 8);
  CHECK(most <= POSY_MAX_THREADS);
  posy_pool_run(&pool, Ticks::tick, &ticks, most);
  CHECK(ticks.of[most - 1] == 1);
  posy_pool_stop(&pool);
  posy_pool_start(&pool, 2);  // the same memory again
  posy_pool_stop(&pool);
}
