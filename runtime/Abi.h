// The interface between compiled models and the runtime, in C because compiled code implements one side of it: the
// compiler emits a `vitya_model` for each level of a model and lists them in `vitya_levels`, and the model's code calls
// `vitya_parallel_for`.
#ifndef VITYA_RUNTIME_ABI_H
#define VITYA_RUNTIME_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Incremented with every change of this interface. The runtime rejects a model compiled for another version.
#define VITYA_ABI_VERSION 11

/// Decides how the loops of one inference run: inline or on the threads of a pool. Opaque to compiled code.
typedef struct vitya_context vitya_context;

/// The outlined body of a parallel loop: runs iterations [begin, end). `captures` are the buffers that the loop
/// accesses. `workspace` is the workspace of the thread that runs the iterations, which keep their large buffers at its
/// end.
typedef void (*vitya_body)(void **captures, int64_t begin, int64_t end, void *workspace);

/// Runs iterations [0, count) of `body`, which must be independent, and returns when all are complete. The context
/// decides on chunks and threads. `layer` is an index into `vitya_model::layer_names`; a profile attributes the time to
/// it.
void vitya_parallel_for(vitya_context *context, int64_t layer, int64_t count, vitya_body body, void **captures);

/// The filter that resizes pictures.
enum { VITYA_BILINEAR = 0, VITYA_BICUBIC = 1 };

/// How the offset of the part that is cut out of a picture is rounded: half to the even number, or down.
enum { VITYA_HALF_EVEN = 0, VITYA_FLOOR = 1 };

/// How a picture of another size becomes the image of a model: it is resized, and the middle is cut out.
typedef struct vitya_preprocessing {
  int64_t filter;    ///< VITYA_BILINEAR or VITYA_BICUBIC
  int64_t antialias; ///< 1 if pictures are resized as by Pillow, 0 if bilinearly without antialiasing
  /// The size to which the picture is resized, at least that of the image. If `width` is 0, `height` is the size of its
  /// shorter side, and the picture keeps its proportions.
  int64_t height, width;
  int64_t crop_rounding; ///< VITYA_HALF_EVEN or VITYA_FLOOR
} vitya_preprocessing;

/// How the products of a kernel are added up: f32 in f32, 8-bit integers in 32 bits, or 8-bit integers in 16 bits over
/// 1, 2, 4 or 8 blocks of four columns and then in 32, or bf16 in f32.
enum {
  VITYA_F32 = 0,
  VITYA_I8 = 1,
  VITYA_SHORT_SUMS_1 = 2,
  VITYA_SHORT_SUMS_2 = 3,
  VITYA_SHORT_SUMS_4 = 4,
  VITYA_SHORT_SUMS_8 = 5,
  VITYA_BF16 = 6
};

/// The body of a loop, and the work of the whole loop. If a kernel has several loops, the first one has all its work.
typedef struct vitya_kernel {
  const char
      *name; ///< of the kernel, such as "linear_gelu_65x192x768": its ops, rows, columns and columns of the result
  vitya_body body;
  int64_t products; ///< VITYA_F32 and so on
  int64_t multiply_adds;
  int64_t bytes; ///< those of all operands and of the result
} vitya_kernel;

struct vitya_model;

/// The dense model of a cascade, and when it runs.
typedef struct vitya_cascade {
  /// The model that was not compressed, for the same images, classes and processor. It runs for images that the first
  /// model defers to it.
  const struct vitya_model *dense;
  double margin;     ///< images are deferred where the two largest logits of the first model differ by less
  int64_t images;    ///< number of held-out images that the compiler ran; 0 if there were none
  int64_t deferrals; ///< number of those that were deferred
} vitya_cascade;

/// A level of a compiled model: its code for one processor, and everything that the code needs. Strings are
/// zero-terminated UTF-8.
typedef struct vitya_model {
  int64_t abi_version;
  int64_t channels, height, width; ///< shape of the image that `forward` takes
  vitya_preprocessing preprocessing;
  int64_t classes;         ///< number of logits
  int64_t weight_bytes;    ///< size of the weights
  int64_t workspace_bytes; ///< size of the scratch memory of each thread, which is 64-byte aligned
  int64_t layer_count;
  int64_t multiply_adds;         ///< number of multiply-adds of one inference
  int64_t integer_multiply_adds; ///< number of those whose operands are 8-bit integers
  int64_t bf16_multiply_adds;    ///< number of those whose operands are bf16
  /// Number of those whose products are proven to fit in sums of 16 bits over 1, 2, 4 and 8 blocks of four columns.
  int64_t short_sum_multiply_adds[4];
  const char *name;               ///< name of the model
  const char *cpu;                ///< LLVM's name of the processor that the model was compiled for
  const char *required_features;  ///< LLVM's names of the required processor features, separated by spaces
  const char *info_text;          ///< output of `info`
  const char *info_json;          ///< output of `info --json`, one JSON object
  const char *const *class_names; ///< `classes` strings
  const char *const *layer_names; ///< `layer_count` strings
  int64_t kernel_count;
  const vitya_kernel *kernels;  ///< `kernel_count` bodies, each once
  const char *weights_file;     ///< name of the weights file next to the program; null if weights are embedded
  const char *weights_digest;   ///< XXH3-128 of the weights, 32 hexadecimal digits; null if they are embedded
  int64_t weights_offset;       ///< where the header of the weights is in the weights file
  int64_t weights_file_bytes;   ///< size of the weights file
  const void *weights;          ///< embedded weights, 64-byte aligned; null if they are in `weights_file`
  const vitya_cascade *cascade; ///< null unless this is the first model of a cascade
  /// Computes f32 logits [classes] of one image, f32 [channels, height, width] in [0, 1]. Pointers are 64-byte aligned.
  /// Re-entrant: each concurrent call needs its own context and workspace. The first model of a cascade computes its
  /// own logits only.
  void (*forward)(vitya_context *context, const float *image, float *logits, const void *weights, void *workspace);
} vitya_model;

/// The levels of the model, which ends with null. Most models have one. Of those whose features a processor has, the
/// last is the fastest.
extern const vitya_model *const vitya_levels[];

#ifdef __cplusplus
}
#endif

#endif // VITYA_RUNTIME_ABI_H
