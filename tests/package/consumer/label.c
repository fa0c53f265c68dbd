/* A program in C99 that labels a picture of one colour: label MODEL.posy */
#include <posy.h>
#include <posy_threads.h>
#include <stdio.h>
#include <stdlib.h>

static void check(posy_status status) {
  if (status == POSY_OK) return;
  fprintf(stderr, "label: %s\n", posy_status_text(status));
  exit(1);
}

/* The whole file; malloc's memory is aligned as posy_open() wants it. */
static void* read_whole(const char* path, size_t* bytes) {
  FILE* file = fopen(path, "rb");
  void* data;
  if (!file || fseek(file, 0, SEEK_END) != 0) exit(1);
  *bytes = (size_t)ftell(file);
  rewind(file);
  data = malloc(*bytes);
  if (!data || fread(data, 1, *bytes, file) != *bytes) exit(1);
  fclose(file);
  return data;
}

int main(int argc, char** argv) {
  static const uint8_t green[3] = {0, 255, 0};
  size_t model_bytes;
  void* model = read_whole(argv[argc - 1], &model_bytes);
  struct posy_pool pool;
  struct posy_options options = {0};
  struct posy_needs needs;
  struct posy_engine engine;
  struct posy_image image = {0};
  struct posy_score best;
  void* memory;

  options.threads = posy_pool_start(&pool, 2);
  options.parallel_for = posy_pool_run;
  options.parallel_context = &pool;
  check(posy_need(model, model_bytes, &options, &needs));
  memory = malloc(needs.memory_bytes);
  check(posy_open(&engine, model, model_bytes, memory, needs.memory_bytes, &options));

  image.format = POSY_RGB;
  image.width = image.height = 1;
  image.plane[0] = green;
  image.stride[0] = 3;
  check(posy_set_image(&engine, &image));
  check(posy_run(&engine));
  posy_top(&engine, &best, 1);
  printf("posy %s: %s (score=%.5f)\n", posy_version(), posy_label(&engine, best.class_index), (double)best.score);

  posy_pool_stop(&pool);
  free(memory);
  free(model);
  return 0;
}
