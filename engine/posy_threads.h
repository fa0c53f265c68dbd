/* A pool of threads for posy_options.parallel_for, on systems with POSIX threads. Optional: firmware leaves it out, and
 * programs with a pool of their own pass that instead.
 *
 *     struct posy_pool pool;
 *     posy_pool_start(&pool, 2);
 *     options.threads = 2; options.parallel_for = posy_pool_run; options.parallel_context = &pool;
 *     ...
 *     posy_pool_stop(&pool);                       // after the last run
 *
 * Idle threads spin for a few dozen microseconds, the time between two steps of a model, and then sleep. */
#ifndef POSY_THREADS_H
#define POSY_THREADS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct posy_pool {
  uint64_t opaque[256];
};

/* Starts threads - 1 threads; the one that calls posy_pool_run() is the other. Returns how many there are in all, which
 * is fewer than asked for if the system has no more to give, and at most 64. */
uint32_t posy_pool_start(struct posy_pool* pool, uint32_t threads);

/* A posy_parallel_for; `pool` is a struct posy_pool. One caller at a time; count is at most the number of threads. */
void posy_pool_run(void* pool, void (*task)(void* argument, uint32_t index), void* argument, uint32_t count);

/* Ends and joins the threads. The pool may be started again. */
void posy_pool_stop(struct posy_pool* pool);

#ifdef __cplusplus
}
#endif

#endif
