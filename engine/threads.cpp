// The host's thread pool. Thread i always runs task i, so each waits for a ticket of its own and no work is shared out
// while it runs: with steps of some hundred microseconds, what counts is the time to wake and to meet again.
#include <pthread.h>
#include <sched.h>
#include <new>

#include "engine/posy.h"
#include "engine/posy_threads.h"

namespace {

// About 40 microseconds on the processors of 2020: longer than the pause between two steps, short enough to save power.
constexpr uint32_t kSpins = 2000;

void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
  __asm__ volatile("yield");
#endif
}

struct Pool;

struct Worker {
  Pool* pool;
  pthread_t thread;
  uint32_t index;
  uint32_t ticket;  // atomic; the pool raises it to give this worker a task
};

struct Pool {
  pthread_mutex_t mutex;
  pthread_cond_t wake, done;
  uint32_t threads;
  uint32_t sleepers;   // atomic; workers in wake, or the caller in done
  uint32_t remaining;  // atomic; tasks not finished
  uint32_t stopping;   // atomic
  void (*task)(void*, uint32_t);
  void* argument;
  Worker* workers() { return (Worker*)(this + 1); }
};

constexpr uint32_t kMaxPool = (sizeof(posy_pool) - sizeof(Pool)) / sizeof(Worker) + 1;

// All atomics are sequentially consistent: whoever goes to sleep first says so (sleepers) and then looks again; whoever
// changes a value looks at sleepers afterwards. One of the two sees the other.
uint32_t get(const uint32_t* value) {
  return __atomic_load_n(value, __ATOMIC_SEQ_CST);
}

// Waits until *value differs from `from`.
void wait_for_change(Pool* pool, pthread_cond_t* condition, const uint32_t* value, uint32_t from) {
  for (uint32_t i = 0; i < kSpins; ++i) {
    if (get(value) != from) return;
    pause_processor();
  }
  pthread_mutex_lock(&pool->mutex);
  __atomic_add_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
  while (get(value) == from) pthread_cond_wait(condition, &pool->mutex);
  __atomic_sub_fetch(&pool->sleepers, 1, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&pool->mutex);
}

void wake_sleepers(Pool* pool, pthread_cond_t* condition) {
  if (get(&pool->sleepers) == 0) return;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_broadcast(condition);
  pthread_mutex_unlock(&pool->mutex);
}

void finish_task(Pool* pool) {
  if (__atomic_sub_fetch(&pool->remaining, 1, __ATOMIC_SEQ_CST) == 0) wake_sleepers(pool, &pool->done);
}

void* work(void* self) {
  Worker* worker = (Worker*)self;
  Pool* pool = worker->pool;
  for (uint32_t ticket = 0;; ++ticket) {
    wait_for_change(pool, &pool->wake, &worker->ticket, ticket);
    if (get(&pool->stopping)) return nullptr;
    pool->task(pool->argument, worker->index);
    finish_task(pool);
  }
}

void give_ticket(Worker* worker) {
  __atomic_add_fetch(&worker->ticket, 1, __ATOMIC_SEQ_CST);
}

}  // namespace

extern "C" uint32_t posy_pool_start(posy_pool* opaque, uint32_t threads) {
  Pool* pool = new (opaque) Pool{};
  pthread_mutex_init(&pool->mutex, nullptr);
  pthread_cond_init(&pool->wake, nullptr);
  pthread_cond_init(&pool->done, nullptr);
  if (threads > POSY_MAX_THREADS) threads = POSY_MAX_THREADS;
  pool->threads = 1;
  while (pool->threads < threads && pool->threads < kMaxPool) {
    Worker* worker = pool->workers() + pool->threads - 1;
    *worker = {pool, {}, pool->threads, 0};
    if (pthread_create(&worker->thread, nullptr, work, worker) != 0) break;
    ++pool->threads;
  }
  return pool->threads;
}

extern "C" void posy_pool_run(void* opaque, void (*task)(void*, uint32_t), void* argument, uint32_t count) {
  Pool* pool = (Pool*)opaque;
  if (count == 0) return;
  pool->task = task;
  pool->argument = argument;
  __atomic_store_n(&pool->remaining, count - 1, __ATOMIC_SEQ_CST);
  for (uint32_t i = 0; i + 1 < count; ++i) give_ticket(pool->workers() + i);
  if (count > 1) wake_sleepers(pool, &pool->wake);
  task(argument, 0);
  for (uint32_t left = get(&pool->remaining); left != 0; left = get(&pool->remaining)) {
    wait_for_change(pool, &pool->done, &pool->remaining, left);
  }
}

extern "C" void posy_pool_stop(posy_pool* opaque) {
  Pool* pool = (Pool*)opaque;
  __atomic_store_n(&pool->stopping, 1, __ATOMIC_SEQ_CST);
  for (uint32_t i = 0; i + 1 < pool->threads; ++i) give_ticket(pool->workers() + i);
  wake_sleepers(pool, &pool->wake);
  for (uint32_t i = 0; i + 1 < pool->threads; ++i) pthread_join(pool->workers()[i].thread, nullptr);
  pthread_mutex_destroy(&pool->mutex);
  pthread_cond_destroy(&pool->wake);
  pthread_cond_destroy(&pool->done);
}
