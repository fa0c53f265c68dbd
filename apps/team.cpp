#include "apps/team.h"

#include <cstdlib>
#include <string>

#include "apps/args.h"
#include "engine/posy.h"

namespace posy {

uint32_t default_threads() {
  const char* text = std::getenv("POSY_THREADS");
  if (!text || !*text) return 1;
  char* end = nullptr;
  const unsigned long threads = std::strtoul(text, &end, 10);
  if (*end != 0 || threads < 1 || threads > POSY_MAX_THREADS) {
    throw UsageError("POSY_THREADS must be a whole number from 1 to " + std::to_string(POSY_MAX_THREADS) + ", not '" +
                     text + "'");
  }
  return (uint32_t)threads;
}

Team::Team(uint32_t threads) {
  if (threads > 1) size_ = posy_pool_start(&pool_, threads);
}

Team::~Team() {
  if (size_ > 1) posy_pool_stop(&pool_);
}

void Team::each(const std::function<void(uint32_t)>& task) {
  if (size_ == 1) return task(0);
  const auto call = [](void* argument, uint32_t index) { (*(const std::function<void(uint32_t)>*)argument)(index); };
  posy_pool_run(&pool_, call, (void*)&task, size_);
}

}  // namespace posy
