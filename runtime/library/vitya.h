/* vitya.h: the C interface of a Vision Transformer compiled with `vitya-compile --emit=lib`.
 *
 * A session holds the threads and the memory of one stream of inferences; the weights are shared. Sessions are
 * independent: any number of threads may create, use and destroy their own. Calls on the same session are served one
 * after the other. No call allocates memory between vitya_create and vitya_destroy.
 *
 * Every function that can fail returns a vitya_status; vitya_status_message says in words what it means. */
#ifndef VITYA_H
#define VITYA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VITYA_API __attribute__((visibility("default")))
#else
#define VITYA_API
#endif

typedef enum vitya_status {
  VITYA_OK = 0,
  VITYA_NULL_ARGUMENT = 1,        /* a pointer that must not be null is */
  VITYA_INVALID_SESSION = 2,      /* never created, or destroyed */
  VITYA_INVALID_SIZE = 3,         /* sizes are not positive, too large, or do not match each other or the model */
  VITYA_INVALID_THREADS = 4,      /* not from 1 to 1024 */
  VITYA_INVALID_LAYOUT = 5,       /* no vitya_layout */
  VITYA_OUT_OF_MEMORY = 6,        /* memory, threads or sessions are lacking */
  VITYA_WEIGHTS_UNREADABLE = 7,   /* the file of weights beside the library is missing or another one */
  VITYA_PROCESSOR_UNSUPPORTED = 8 /* the processor lacks what the library was compiled for */
} vitya_status;

/* Identifies a session. 0 is never one, and no number is used twice. */
typedef uint64_t vitya_session;

/* What the model is. Strings are zero-terminated UTF-8 and live as long as the library. */
typedef struct vitya_model_info {
  const char *name;
  int64_t channels, height, width; /* of the image that the model sees */
  int64_t classes;
  const char *const *class_names; /* `classes` strings, in the order of the logits */
  int64_t multiply_adds;          /* of one inference */
  int64_t weight_bytes;
  const char *json; /* all that `info --json` of an executable prints */
} vitya_model_info;

/* The order of u8 pixels in memory. */
typedef enum vitya_layout {
  VITYA_HWC = 0, /* [height, width, channels]: what image decoders give */
  VITYA_CHW = 1  /* [channels, height, width] */
} vitya_layout;

/* Describes the model. Valid before any session exists, on every processor. */
VITYA_API vitya_status vitya_describe(vitya_model_info *info);

/* Makes a session with `threads` threads, the calling one included, and stores it in `*session`. */
VITYA_API vitya_status vitya_create(int threads, vitya_session *session);

/* Threads of a session, stored in `*threads`. */
VITYA_API vitya_status vitya_threads(vitya_session session, int *threads);

/* Computes the logits of `count` images of the model's own size: `images` is f32 [count, channels, height, width] with
 * pixels in [0, 1], before normalization (which is part of the model), and `logits` is f32 [count, classes].
 * `image_floats` and `logit_floats` are the sizes of the two arrays, which must be exactly these. */
VITYA_API vitya_status vitya_run_f32(vitya_session session, const float *images, size_t image_floats, int64_t count,
                                     float *logits, size_t logit_floats);

/* The same for u8 pixels of images of any size: each is scaled to [0, 1] and, where its size is not the model's,
 * resized as torch.nn.functional.interpolate(mode='bilinear', align_corners=False) does. `pixels` is u8 [count] times
 * [height, width, channels] or [channels, height, width], `pixel_bytes` its size. */
VITYA_API vitya_status vitya_run_u8(vitya_session session, const uint8_t *pixels, size_t pixel_bytes, int64_t count,
                                    int64_t height, int64_t width, vitya_layout layout, float *logits,
                                    size_t logit_floats);

/* Ends a session. Waits for calls on it that other threads have begun. */
VITYA_API vitya_status vitya_destroy(vitya_session session);

/* A line of text for `status`, never null. */
VITYA_API const char *vitya_status_message(vitya_status status);

#ifdef __cplusplus
}
#endif

#endif /* VITYA_H */
