// Distributes a batch over threads: whole images while there are enough, then the loops within the remaining images.
// Cascades do so once for each of their models.
#include "runtime/threads/Batch.h"
#include "runtime/Margin.h"
#include <math.h>
#include <stdlib.h>

namespace vitya {

/// The most images that the dense model of a cascade runs together.
constexpr int64_t kDeferredTogether = 256;

class Session {
public:
  const vitya_model *model;
  ModelWeights weights;
  Pool *pool;
  /// An image, logits and a workspace for each thread, each padded to a multiple of 64 bytes; `stride` bytes per
  /// thread.
  char *memory;
  int64_t imageBytes, logitBytes, stride;

  float *image(int thread) { return reinterpret_cast<float *>(memory + thread * stride); }
  float *logits(int thread) { return reinterpret_cast<float *>(memory + thread * stride + imageBytes); }
  void *workspace(int thread) { return memory + thread * stride + imageBytes + logitBytes; }
};

namespace {

int64_t align(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// The images of a batch that one model runs: the captures and the body of a loop over whole images.
struct ImageLoop {
  Session *session;
  const vitya_model *model; ///< that of the session, or its dense one
  const void *weights;
  ImageSource source;
  void *data;
  int64_t first;          ///< the first image of the batch
  const int64_t *offsets; ///< of the images in the batch; null for all in order
  float *logits;          ///< of the batch
  Trace *trace;

  /// Computes the logits of image `i` of the loop with the memory of `thread`.
  void runImage(vitya_context &context, int thread, int64_t i) const {
    int64_t offset = offsets ? offsets[i] : i, index = first + offset;
    float *image = session->image(thread), *result = session->logits(thread);
    source(data, index, image);
    context.workspace = session->workspace(thread);
    context.image = index;
    model->forward(&context, image, result, weights, context.workspace);
    for (int64_t k = 0; k < model->classes; ++k)
      logits[offset * model->classes + k] = result[k];
  }

  static void body(void **captures, int64_t begin, int64_t end, void * /*workspace*/) {
    auto *loop = static_cast<ImageLoop *>(captures[0]);
    vitya_context context;
    context.trace = loop->trace;
    for (int64_t i = begin; i < end; ++i)
      loop->runImage(context, currentThread(), i);
  }

  /// Runs `count` images.
  void run(int64_t count, Profile *profile) {
    Pool *pool = session->pool;
    int threads = poolThreads(pool);
    int64_t whole = profile || threads == 1 ? 0 : count / threads * threads;
    if (whole > 0) {
      void *captures[] = {this};
      runOnPool(pool, whole, body, captures);
    }
    vitya_context context;
    context.pool = threads > 1 ? pool : nullptr;
    context.profile = profile;
    context.trace = trace;
    for (int64_t i = whole; i < count; ++i)
      runImage(context, 0, i);
  }
};

} // namespace

Session *createSession(const vitya_model *model, const ModelWeights &weights, int threads) {
  auto *session = static_cast<Session *>(calloc(1, sizeof(Session)));
  if (!session)
    return nullptr;
  session->model = model;
  session->weights = weights;
  session->imageBytes = align(model->channels * model->height * model->width * sizeof(float));
  session->logitBytes = align(model->classes * sizeof(float));
  int64_t workspaceBytes = model->workspace_bytes;
  if (model->cascade && model->cascade->dense->workspace_bytes > workspaceBytes)
    workspaceBytes = model->cascade->dense->workspace_bytes;
  session->stride = session->imageBytes + session->logitBytes + align(workspaceBytes);
  session->memory = static_cast<char *>(aligned_alloc(64, session->stride * threads));
  session->pool = session->memory ? createPool(threads, session->workspace(0), session->stride) : nullptr;
  if (!session->pool) {
    destroySession(session);
    return nullptr;
  }
  return session;
}

void destroySession(Session *session) {
  if (!session)
    return;
  destroyPool(session->pool);
  free(session->memory);
  free(session);
}

int sessionThreads(const Session *session) { return poolThreads(session->pool); }

Pool *sessionPool(Session *session) { return session->pool; }

int64_t runBatch(Session *session, ImageSource source, void *data, int64_t first, int64_t count, float *logits,
                 Measurement measurement) {
  const vitya_model *model = session->model;
  ImageLoop loop{session, model, session->weights.own, source, data, first, nullptr, logits, measurement.trace};
  loop.run(count, measurement.profile);
  const vitya_cascade *cascade = model->cascade;
  if (!cascade || measurement.deferral == Deferral::none)
    return 0;
  int64_t offsets[kDeferredTogether], gathered = 0, deferred = 0;
  ImageLoop dense{session, cascade->dense, session->weights.dense, source, data, first, offsets, logits, nullptr};
  for (int64_t i = 0; i < count; ++i) {
    if (measurement.deferral == Deferral::all ||
        isDeferred(logits + i * model->classes, model->classes, cascade->margin))
      offsets[gathered++] = i;
    if (gathered == kDeferredTogether || (i + 1 == count && gathered > 0)) {
      dense.run(gathered, nullptr);
      deferred += gathered;
      gathered = 0;
    }
  }
  return deferred;
}

bool allFinite(const float *values, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    if (!isfinite(values[i]))
      return false;
  return true;
}

} // namespace vitya
