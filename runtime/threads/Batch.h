// Inference on many images.
#ifndef VITYA_RUNTIME_THREADS_BATCH_H
#define VITYA_RUNTIME_THREADS_BATCH_H

#include "runtime/threads/Pool.h"

namespace vitya {

/// Fills `image`, f32 [channels, height, width], with image number `index`. Called from any thread of the pool.
typedef void (*ImageSource)(void *data, int64_t index, float *image);

/// A model with the threads and the memory to run it: all allocated once, none during inference.
class Session;

/// `weights` are the model's (runtime/model/Weights.h). Null where memory or threads are lacking.
Session *createSession(const vitya_model *model, const void *weights, int threads);
void destroySession(Session *session);
int sessionThreads(const Session *session);

/// Computes the logits of images [first, first + count), f32 [count, classes]. As long as there are as many images as
/// threads, each thread takes whole images; the threads share the loops of those that remain. `profile` may be null;
/// with it, every image shares its loops.
void runBatch(Session *session, ImageSource source, void *data, int64_t first, int64_t count, float *logits,
              Profile *profile);

} // namespace vitya

#endif // VITYA_RUNTIME_THREADS_BATCH_H
