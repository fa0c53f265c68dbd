/* Posy: runs a .posy image classifier. C99 and C++, no allocation, no files, no threads of its own.
 *
 *     struct posy_needs needs;
 *     struct posy_engine engine;
 *     posy_need(model, model_bytes, NULL, &needs);                // how much memory?
 *     posy_open(&engine, model, model_bytes, memory, needs.memory_bytes, NULL);
 *     posy_set_image(&engine, &image);                            // pixels, any size
 *     posy_run(&engine);
 *     posy_top(&engine, scores, 5);                               // best first
 *
 * Trust: the model's bytes may come from anyone. posy_open() checks every size, offset, index and number in them, and
 * whatever they say, no call reads outside the model or writes outside the engine, its memory and the caller's results.
 * The model's bytes must stay in place and unchanged while an engine has them open; they are never written.
 *
 * Threads: one engine must be used by one thread at a time; any number of engines may share one model's bytes. With a
 * parallel_for, posy_set_image() and posy_run() spread over its threads; scores are the same bits for every number of
 * threads.
 *
 * Every call that can fail returns a status and leaves the engine as it was before, or closed if posy_open() failed.
 * Sizes are in bytes unless their name says otherwise. */
#ifndef POSY_H
#define POSY_H

#include <stddef.h>
#include <stdint.h>

#define POSY_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* POSY_OK, POSY_NOT_POSY, ...: see status.def for all of them and their meaning. */
typedef enum posy_status {
#define POSY_STATUS(number, name, text) POSY_##name = number,
#include "status.def"
#undef POSY_STATUS
  POSY_STATUS_MAX = 0x7fffffff /* so that the type has 32 bits everywhere */
} posy_status;

/* A sentence for people, in English; static, never null, also for numbers that are no status. */
const char* posy_status_text(posy_status status);

/* Spreads task(argument, 0) ... task(argument, count - 1) over threads, in any order, and returns when all are done. */
typedef void (*posy_parallel_for)(void* context, void (*task)(void* argument, uint32_t index), void* argument,
                                  uint32_t count);

#define POSY_MAX_THREADS 64u

/* How to run. All zero, or a null pointer in its place, is one thread with the fastest instruction set. */
struct posy_options {
  uint32_t threads;               /* 0 is 1; at most POSY_MAX_THREADS; above 1 needs parallel_for */
  posy_parallel_for parallel_for; /* for example posy_pool_run in posy_threads.h; null: the calling thread */
  void* parallel_context;
  const char* isa;        /* null, or one of posy_isa_name() */
  uint32_t skip_checksum; /* 1: do not read the whole file at open. Safe, but damage goes unnoticed */
};

struct posy_needs {
  size_t memory_bytes; /* for posy_open(), with the same options; any alignment */
  size_t arena_bytes;  /* of these, for activations: what the model itself needs at any number of threads */
};

/* An open model. Opaque; plain memory that may be moved by nobody while it is open. Nothing needs to be closed. */
struct posy_engine {
  uint64_t opaque[48];
};

/* How much memory posy_open() will want. Reads the first 64 bytes of the model only. */
posy_status posy_need(const void* model, size_t model_bytes, const struct posy_options* options,
                      struct posy_needs* needs);

/* Checks the whole model and binds it to `memory`, which is the engine's until the engine is no longer used. `model`
 * must start at a multiple of 4 (a mapped file, malloc, a stored asset of an APK). Options are copied. */
posy_status posy_open(struct posy_engine* engine, const void* model, size_t model_bytes, void* memory,
                      size_t memory_bytes, const struct posy_options* options);

/* After a failed posy_open(): the offset in the model of the field or section that was refused, else 0. */
size_t posy_error_byte(const struct posy_engine* engine);

/* ---- Packed files ---- */

/* What `posy pack` makes for downloads becomes the .posy file again, which then is posy_open()'s: begin, pieces of any
 * size as they come, end. Any bytes are safe. Needs POSY_UNPACK, which builds have unless they leave it out. */
#define POSY_PACKED_HEADER_BYTES 40u

/* How many bytes the .posy file has. Reads the first POSY_PACKED_HEADER_BYTES. */
posy_status posy_packed_need(const void* packed, size_t packed_bytes, size_t* file_bytes);

/* Opaque; needed until the end only, so for example in the memory that posy_open() gets afterwards. */
struct posy_unpacker {
  uint64_t opaque[960];
};
/* `file` gets the .posy file; it is good when posy_unpack_end() says so. A status but POSY_OK stays. */
posy_status posy_unpack_begin(struct posy_unpacker* unpacker, void* file, size_t file_bytes);
posy_status posy_unpack(struct posy_unpacker* unpacker, const void* piece, size_t piece_bytes);
posy_status posy_unpack_end(struct posy_unpacker* unpacker);

/* ---- Input ---- */

enum posy_pixel_format {
  POSY_RGB = 1,      /* 3 bytes per pixel */
  POSY_RGBA = 2,     /* 4 bytes per pixel, the fourth ignored */
  POSY_GRAY = 3,     /* 1 byte per pixel */
  POSY_NV12 = 4,     /* a plane of Y, then a plane of U V U V ..., one pair for 2 x 2 pixels */
  POSY_NV21 = 5,     /* the same with V U V U ...: the camera format of Android */
  POSY_I420 = 6,     /* planes of Y, U and V */
  POSY_RGB565 = 7,   /* 2 bytes per pixel, a number with red in its 5 highest bits: its low byte first */
  POSY_RGB565_BE = 8 /* its high byte first, as cameras such as OV2640 and OV7670 send it */
};

/* YUV is BT.601, video range (Y from 16 to 235), as in the tutorial's Android app; full_range says 0 to 255 (JPEG). */
struct posy_image {
  uint32_t format; /* enum posy_pixel_format */
  uint32_t width;  /* pixels, as stored; 1 to 65535 */
  uint32_t height;
  uint32_t orientation; /* EXIF 1 ... 8: how to turn the stored picture upright; 0 is 1 */
  uint32_t full_range;  /* YUV only */
  const uint8_t* plane[3];
  size_t stride[3]; /* bytes from row to row; chroma planes have (width + 1) / 2 columns and (height + 1) / 2 rows */
};

/* Turns, resizes (TensorFlow's legacy bilinear: no half-pixel centres) and normalises the image exactly as the model
 * records, into the model's input. A model with one channel gets luma, (299 R + 587 G + 114 B) / 1000 rounded. */
posy_status posy_set_image(struct posy_engine* engine, const struct posy_image* image);

/* For callers with an input of their own: h * w * c floats, already normalised, to be written before every run (a run
 * may reuse their memory). Null if no model is open, or if its input is codes of 8 bits. */
float* posy_input(struct posy_engine* engine);

/* The same of an input of codes: a pixel's first one lies `pixel_stride` bytes behind that of the pixel before, and
 * code q stands for (q - zero_point) * scale. Null if no model is open, or if its input is floats. */
struct posy_codes {
  uint32_t pixel_stride;
  float scale;
  uint8_t zero_point;
};
uint8_t* posy_input_codes(struct posy_engine* engine, struct posy_codes* codes);

struct posy_shape {
  uint32_t h, w, c;
};
struct posy_shape posy_input_shape(const struct posy_engine* engine);

/* ---- Run ---- */

/* Fails only without an input, or when the observer cancels. */
posy_status posy_run(struct posy_engine* engine);

/* What an observer is shown after each step: op `op` of the file has made rows [row_begin, row_end) of `data`. */
struct posy_progress {
  uint32_t op;
  uint32_t row_begin, row_end;
  struct posy_shape shape; /* of the op's whole output */
  const float* data;       /* row row_begin; rows lie w * pixel_stride elements apart. Null if they are codes: */
  const uint8_t* codes;    /* of 8 bits, code q standing for (q - zero_point) * scale; else null */
  uint8_t zero_point;
  float scale;
  uint32_t pixel_stride;    /* elements from pixel to pixel, >= c */
  uint32_t contiguous_rows; /* of these rows, how many follow each other */
};

/* Called on posy_run()'s thread after each step (times, layers); nonzero stops it: POSY_CANCELLED. Null removes it. */
typedef int (*posy_observer)(void* context, const struct posy_progress* progress);
posy_status posy_set_observer(struct posy_engine* engine, posy_observer observer, void* context);

/* ---- Output ---- */

/* posy_class_count() floats in class order, until the next posy_set_image() or posy_input(). Null before a run. */
const float* posy_scores(const struct posy_engine* engine);
uint32_t posy_class_count(const struct posy_engine* engine);

/* UTF-8, ended by a zero byte, inside the model. Null if the model has no labels or there is no such class. */
const char* posy_label(const struct posy_engine* engine, uint32_t class_index);

struct posy_score {
  uint32_t class_index;
  float score;
};

/* The `count` best classes, best first, equal scores by class index, NaN last. Returns how many there are. */
uint32_t posy_top(const struct posy_engine* engine, struct posy_score* scores, uint32_t count);

/* How far the last picture is from those that the model was trained with: above 1 it is probably of no class at all. 0
 * before a run, and of models that have no rule for it (posy retrain and posy eval --fit-unknown give them one). */
float posy_novelty(const struct posy_engine* engine);

/* ---- This build ---- */

/* Instruction sets that this build and processor can use, fastest first; null past the last. */
const char* posy_isa_name(uint32_t index);
const char* posy_engine_isa(const struct posy_engine* engine); /* the one in use by an open engine */
const char* posy_version(void);                                /* POSY_VERSION of the engine as built */

#ifdef __cplusplus
}
#endif

#endif
