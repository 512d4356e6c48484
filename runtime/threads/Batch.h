// Runs inference on batches of images.
#ifndef VITYA_RUNTIME_THREADS_BATCH_H
#define VITYA_RUNTIME_THREADS_BATCH_H

#include "runtime/model/Weights.h"
#include "runtime/threads/Pool.h"

namespace vitya {

/// Writes image `index` to `image`, f32 [channels, height, width]. May be called from any thread of the pool.
typedef void (*ImageSource)(void *data, int64_t index, float *image);

/// A model with the threads and the memory to run it. Inference allocates no memory.
class Session;

/// Creates a session on `threads` threads, including the calling one. `weights` are those of `model`. Returns null if
/// memory or threads cannot be allocated.
Session *createSession(const vitya_model *model, const ModelWeights &weights, int threads);
void destroySession(Session *session);
int sessionThreads(const Session *session);
/// Returns the pool of the session's threads, which lives as long as the session.
Pool *sessionPool(Session *session);

/// Which images of a batch a cascade defers to its dense model.
enum class Deferral { byMargin, none, all };

/// The observers of a run. `profile` and `trace` may be null, and do not observe the dense model of a cascade.
/// With `profile` the threads share the loops of all images.
struct Measurement {
  Profile *profile = nullptr;
  Trace *trace = nullptr;
  Deferral deferral = Deferral::byMargin;
};

/// Computes the logits of images [first, first + count), f32 [count, classes]. While at least as many images as threads
/// are left, each thread runs whole images; for the remaining images, the threads share each loop. A cascade then does
/// the same with its dense model for the images that it defers, and reads them again. Returns the number of these.
int64_t runBatch(Session *session, ImageSource source, void *data, int64_t first, int64_t count, float *logits,
                 Measurement measurement = {});

/// Returns whether none of the `count` elements of `values` is infinite or NaN.
bool allFinite(const float *values, int64_t count);

} // namespace vitya

#endif // VITYA_RUNTIME_THREADS_BATCH_H
