/* vitya.h: the C interface of a Vision Transformer compiled with `vitya-compile --emit=lib`.
 *
 * A session owns threads and working memory for inference; all sessions share the weights. Those in a file beside the
 * library are mapped, and their digest is compared, when the first session is created; they are unmapped when the last
 * one is destroyed. Sessions are independent: any number of threads may create, use and destroy their own. Concurrent
 * calls on one session are serialised. Inference on an existing session allocates no memory. A thread that calls these
 * functions needs 64 KB of stack.
 *
 * A library that was compiled for several levels of processors runs the fastest one that the processor has. The
 * environment variable VITYA_LEVEL, which is read when the library is loaded, names another one.
 *
 * Every function that can fail returns a vitya_status; vitya_status_message describes it in words. */
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
  VITYA_NULL_ARGUMENT = 1,         /* a required pointer is null */
  VITYA_INVALID_SESSION = 2,       /* never created, or destroyed */
  VITYA_INVALID_SIZE = 3,          /* sizes are not positive, too large, or do not match each other or the model */
  VITYA_INVALID_THREADS = 4,       /* the number of threads is not from 1 to 1024 */
  VITYA_INVALID_LAYOUT = 5,        /* the layout is not a value of vitya_layout */
  VITYA_OUT_OF_MEMORY = 6,         /* not enough memory, threads or session slots */
  VITYA_WEIGHTS_UNREADABLE = 7,    /* the weights file next to the library is missing, damaged or of another model */
  VITYA_PROCESSOR_UNSUPPORTED = 8, /* the processor lacks extensions that the library was compiled for */
  VITYA_NOT_FINITE = 9,            /* a pixel or a logit is infinite or NaN; all logits have been stored */
  VITYA_INVALID_LEVEL = 10         /* the environment variable VITYA_LEVEL names no level of the library */
} vitya_status;

/* Identifies a session. 0 is never a valid session, and no handle is reused. */
typedef uint64_t vitya_session;

/* Describes the model. Strings are zero-terminated UTF-8 and live as long as the library. */
typedef struct vitya_model_info {
  const char *name;
  int64_t channels, height, width; /* shape of the model's input image */
  int64_t classes;
  const char *const *class_names; /* `classes` strings, in the order of the logits */
  int64_t multiply_adds;          /* number of multiply-adds of one inference; of a cascade that of its first model */
  int64_t weight_bytes;           /* of a cascade those of its first model */
  const char *json;               /* the output of `info --json` of an executable of the model */
} vitya_model_info;

/* The order of u8 pixels in memory. */
typedef enum vitya_layout {
  VITYA_HWC = 0, /* [height, width, channels], the layout of most image decoders */
  VITYA_CHW = 1  /* [channels, height, width] */
} vitya_layout;

/* Stores a description of the model in `*info`. Needs no session, and works on every processor. The JSON names the
 * level that runs. */
VITYA_API vitya_status vitya_describe(vitya_model_info *info);

/* Creates a session that runs on `threads` threads, including the calling thread, and stores it in `*session`. */
VITYA_API vitya_status vitya_create(int threads, vitya_session *session);

/* Stores the number of threads of a session in `*threads`. */
VITYA_API vitya_status vitya_threads(vitya_session session, int *threads);

/* Computes the logits of `count` images of the model's own size: `images` is f32 [count, channels, height, width] with
 * pixels in [0, 1], before normalization (which is part of the model), and `logits` is f32 [count, classes].
 * `image_floats` and `logit_floats` are the numbers of elements of the two arrays and must match these shapes. Returns
 * VITYA_NOT_FINITE if a pixel or a logit of any image is infinite or NaN; the logits of all images are stored
 * nevertheless. */
VITYA_API vitya_status vitya_run_f32(vitya_session session, const float *images, size_t image_floats, int64_t count,
                                     float *logits, size_t logit_floats);

/* Computes the logits of `count` images of u8 pixels of any size. If the size differs from the model's, images are
 * resized and cropped as the settings of the model say (see the settings in `vitya_model_info::json`), by default
 * resized as by Pillow's Image.resize(resample=BILINEAR). Then pixels are divided by 255. `pixels` is u8 [count,
 * height, width, channels] or [count, channels, height, width], depending on `layout`; `pixel_bytes` is its size.
 * Logits that are infinite or NaN are reported as by vitya_run_f32. */
VITYA_API vitya_status vitya_run_u8(vitya_session session, const uint8_t *pixels, size_t pixel_bytes, int64_t count,
                                    int64_t height, int64_t width, vitya_layout layout, float *logits,
                                    size_t logit_floats);

/* Destroys a session, after waiting for calls on it by other threads to return. */
VITYA_API vitya_status vitya_destroy(vitya_session session);

/* Returns one line of text that describes `status`; never null. */
VITYA_API const char *vitya_status_message(vitya_status status);

#ifdef __cplusplus
}
#endif

#endif /* VITYA_H */
