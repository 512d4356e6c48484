// The contract between compiled models and the runtime. C, because generated code is on the other side: the compiler
// emits a `vitya_model` named `vitya_model_descriptor`, and its code calls `vitya_parallel_for`.
#ifndef VITYA_RUNTIME_ABI_H
#define VITYA_RUNTIME_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Grows with every change of this file. A runtime refuses a model of another version.
#define VITYA_ABI_VERSION 3

/// How the loops of one inference run: inline, or on the threads of a pool. Opaque to compiled code.
typedef struct vitya_context vitya_context;

/// One parallel loop, outlined: runs iterations [begin, end). `captures` are the buffers the loop reads and writes.
typedef void (*vitya_body)(void **captures, int64_t begin, int64_t end);

/// Runs iterations [0, count) of `body`, in chunks and on threads that the context chooses; returns when all are done.
/// Iterations are independent. `layer` is an index into `vitya_model::layer_names`.
void vitya_parallel_for(vitya_context *context, int64_t layer, int64_t count, vitya_body body, void **captures);

/// A compiled model. Strings are zero-terminated UTF-8.
typedef struct vitya_model {
  int64_t abi_version;
  int64_t channels, height, width; ///< the image that `forward` takes
  int64_t classes;                 ///< number of logits
  int64_t weight_bytes;            ///< size of `weights`
  int64_t workspace_bytes;         ///< scratch memory that one inference needs, 64-byte aligned
  int64_t layer_count;
  int64_t multiply_adds;          ///< of one inference
  int64_t integer_multiply_adds;  ///< those of them between integers
  const char *name;               ///< of the model
  const char *cpu;                ///< the processor it was compiled for, in LLVM's words
  const char *required_features;  ///< what that processor must have, LLVM's feature names separated by spaces
  const char *info_text;          ///< what `info` prints
  const char *info_json;          ///< what `info --json` prints: one JSON object
  const char *const *class_names; ///< `classes` strings
  const char *const *layer_names; ///< `layer_count` strings
  const char *weights_file;       ///< name of the file beside the program that holds the weights; null: they are here
  const char *weights_digest;     ///< 32 hexadecimal digits that `weights_file` must carry; null with it
  const void *weights;            ///< 64-byte aligned; null where `weights_file` is not
  /// Maps one image, f32 [channels, height, width] in [0, 1], to f32 logits [classes]. Pointers are 64-byte aligned.
  /// Re-entrant: concurrent calls need a context and a workspace each.
  void (*forward)(vitya_context *context, const float *image, float *logits, const void *weights, void *workspace);
} vitya_model;

extern const vitya_model vitya_model_descriptor;

#ifdef __cplusplus
}
#endif

#endif // VITYA_RUNTIME_ABI_H
