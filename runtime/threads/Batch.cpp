// Distributes a batch over threads: whole images while there are enough, then the loops within the remaining images.
#include "runtime/threads/Batch.h"
#include <math.h>
#include <stdlib.h>

namespace vitya {

class Session {
public:
  const vitya_model *model;
  const void *weights;
  Pool *pool;
  /// An image, logits and a workspace for each thread, each padded to a multiple of 64 bytes; `stride` bytes per
  /// thread.
  char *memory;
  int64_t imageBytes, logitBytes, stride;

  float *image(int thread) { return reinterpret_cast<float *>(memory + thread * stride); }
  float *logits(int thread) { return reinterpret_cast<float *>(memory + thread * stride + imageBytes); }
  void *workspace(int thread) { return memory + thread * stride + imageBytes + logitBytes; }

  /// Computes the logits of image `index` with the memory of `thread`.
  void runImage(vitya_context &context, int thread, ImageSource source, void *data, int64_t index, float *result) {
    source(data, index, image(thread));
    context.workspace = workspace(thread);
    context.image = index;
    model->forward(&context, image(thread), logits(thread), weights, context.workspace);
    for (int64_t i = 0; i < model->classes; ++i)
      result[i] = logits(thread)[i];
  }
};

namespace {

int64_t align(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// The captures and the body of a loop over whole images.
struct ImageLoop {
  Session *session;
  ImageSource source;
  void *data;
  int64_t first;
  float *logits;
  Trace *trace;

  static void body(void **captures, int64_t begin, int64_t end, void * /*workspace*/) {
    auto *loop = static_cast<ImageLoop *>(captures[0]);
    vitya_context context;
    context.trace = loop->trace;
    for (int64_t i = begin; i < end; ++i)
      loop->session->runImage(context, currentThread(), loop->source, loop->data, loop->first + i,
                              loop->logits + i * loop->session->model->classes);
  }
};

} // namespace

Session *createSession(const vitya_model *model, const void *weights, int threads) {
  auto *session = static_cast<Session *>(calloc(1, sizeof(Session)));
  if (!session)
    return nullptr;
  session->model = model;
  session->weights = weights;
  session->imageBytes = align(model->channels * model->height * model->width * sizeof(float));
  session->logitBytes = align(model->classes * sizeof(float));
  session->stride = session->imageBytes + session->logitBytes + align(model->workspace_bytes);
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

void runBatch(Session *session, ImageSource source, void *data, int64_t first, int64_t count, float *logits,
              Measurement measurement) {
  int threads = poolThreads(session->pool);
  int64_t whole = measurement.profile || threads == 1 ? 0 : count / threads * threads;
  if (whole > 0) {
    ImageLoop loop{session, source, data, first, logits, measurement.trace};
    void *captures[] = {&loop};
    runOnPool(session->pool, whole, ImageLoop::body, captures);
  }
  vitya_context context;
  context.pool = threads > 1 ? session->pool : nullptr;
  context.profile = measurement.profile;
  context.trace = measurement.trace;
  for (int64_t i = whole; i < count; ++i)
    session->runImage(context, 0, source, data, first + i, logits + i * session->model->classes);
}

bool allFinite(const float *values, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    if (!isfinite(values[i]))
      return false;
  return true;
}

} // namespace vitya
