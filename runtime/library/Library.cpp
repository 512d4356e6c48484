// Implements the C interface. A session handle encodes a slot of a fixed table and the slot's generation, so that an
// invalid or stale handle is detected without accessing freed memory.
#include "runtime/Abi.h"
#include "runtime/image/Preprocess.h"
#include "runtime/library/vitya.h"
#include "runtime/model/Weights.h"
#include "runtime/processor/Features.h"
#include "runtime/processor/Levels.h"
#include "runtime/threads/Batch.h"
#include <limits.h>
#include <pthread.h>
#include <string.h>

using namespace vitya;

namespace {

constexpr uint64_t kSlots = 1024;
constexpr int64_t kMaxImageSide = 1 << 16;

/// A place for one session. `lock` is held while the session is used; `generation` counts the sessions created in it.
struct Slot {
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  uint64_t generation = 0;
  Session *session = nullptr;
};

struct Table {
  Slot slots[kSlots];
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; ///< guards the rest, and serialises the creation of sessions
  ModelWeights weights;                             ///< null if there is no session
  int64_t sessions = 0;
};

Table table;

class Lock {
public:
  explicit Lock(pthread_mutex_t &mutex) : mutex(mutex) { pthread_mutex_lock(&mutex); }
  ~Lock() { pthread_mutex_unlock(&mutex); }
  Lock(const Lock &) = delete;
  Lock &operator=(const Lock &) = delete;

private:
  pthread_mutex_t &mutex;
};

uint64_t handleOf(uint64_t slot, uint64_t generation) { return generation * kSlots + slot; }

/// Calls `use` with the session of `handle`, which no other thread uses meanwhile.
template <typename Use>
vitya_status withSession(vitya_session handle, Use use) {
  Slot &slot = table.slots[handle % kSlots];
  Lock lock(slot.lock);
  if (slot.generation != handle / kSlots || !slot.session)
    return VITYA_INVALID_SESSION;
  return use(slot.session);
}

/// The level that runs, chosen when the library is loaded; null if there is none of the name in the environment.
const vitya_model *const chosen = [] {
  char message[512];
  return chooseLevel(vitya_levels, message, sizeof(message));
}();

const vitya_model &model() { return chosen ? *chosen : *vitya_levels[0]; }

int64_t imageFloats() { return model().channels * model().height * model().width; }

/// Returns whether `count` is positive and `size` equals `count` times `each`.
bool sizeMatches(size_t size, int64_t count, int64_t each) {
  size_t product;
  return count > 0 && !__builtin_mul_overflow(static_cast<size_t>(count), static_cast<size_t>(each), &product) &&
         product == size;
}

/// Counts `change` more sessions. Without any, no weights are needed.
void countSessions(int64_t change) {
  table.sessions += change;
  if (table.sessions == 0)
    unloadWeights(model(), table.weights);
}

/// Creates a session in a free slot. Returns its handle, or 0 if there is no slot or too little memory.
vitya_session createInFreeSlot(int threads) {
  for (uint64_t i = 0; i < kSlots; ++i) {
    Slot &slot = table.slots[i];
    // A locked slot is in use, hence not free.
    if (pthread_mutex_trylock(&slot.lock) != 0)
      continue;
    bool isFree = !slot.session;
    vitya_session handle = 0;
    if (isFree && (slot.session = createSession(&model(), table.weights, threads)))
      handle = handleOf(i, ++slot.generation);
    pthread_mutex_unlock(&slot.lock);
    if (isFree)
      return handle;
  }
  return 0;
}

/// An ImageSource over f32 images of the model's size.
struct FloatSource {
  const float *images;
  static void read(void *data, int64_t index, float *image) {
    memcpy(image, static_cast<FloatSource *>(data)->images + index * imageFloats(), imageFloats() * sizeof(float));
  }
};

/// An ImageSource over u8 images of any size.
struct PixelSource {
  const uint8_t *pixels;
  int64_t height, width;
  vitya_layout layout;
  static void read(void *data, int64_t index, float *image) {
    const auto *source = static_cast<PixelSource *>(data);
    int64_t channels = model().channels, plane = source->height * source->width;
    const uint8_t *pixels = source->pixels + index * channels * plane;
    auto read = [&](const uint8_t *from, int64_t fromChannels, float *to) {
      preprocess({from, source->height, source->width, fromChannels}, imageOf(model()), to);
    };
    if (source->layout == VITYA_HWC)
      return read(pixels, channels, image);
    for (int64_t channel = 0; channel < channels; ++channel)
      read(pixels + channel * plane, 1, image + channel * model().height * model().width);
  }
};

/// Stores the logits of `count` images, then reports those that are not finite.
vitya_status run(Session *session, ImageSource source, void *data, int64_t count, float *logits) {
  runBatch(session, source, data, 0, count, logits);
  return allFinite(logits, count * model().classes) ? VITYA_OK : VITYA_NOT_FINITE;
}

} // namespace

extern "C" {

vitya_status vitya_describe(vitya_model_info *info) {
  if (!info)
    return VITYA_NULL_ARGUMENT;
  if (!chosen)
    return VITYA_INVALID_LEVEL;
  const vitya_model &m = model();
  *info = {m.name,        m.channels,      m.height,       m.width,    m.classes,
           m.class_names, m.multiply_adds, m.weight_bytes, m.info_json};
  return VITYA_OK;
}

vitya_status vitya_create(int threads, vitya_session *session) {
  if (!session)
    return VITYA_NULL_ARGUMENT;
  *session = 0;
  if (threads < 1 || threads > kMaxThreads)
    return VITYA_INVALID_THREADS;
  if (!chosen)
    return VITYA_INVALID_LEVEL;
  char message[512];
  if (missingFeatures(model().required_features, message, sizeof(message)))
    return VITYA_PROCESSOR_UNSUPPORTED;
  Lock lock(table.lock);
  if (table.sessions == 0 && !loadWeights(model(), table.weights, message, sizeof(message)))
    return VITYA_WEIGHTS_UNREADABLE;
  *session = createInFreeSlot(threads);
  countSessions(*session ? 1 : 0);
  return *session ? VITYA_OK : VITYA_OUT_OF_MEMORY;
}

vitya_status vitya_threads(vitya_session session, int *threads) {
  if (!threads)
    return VITYA_NULL_ARGUMENT;
  return withSession(session, [&](Session *live) {
    *threads = sessionThreads(live);
    return VITYA_OK;
  });
}

vitya_status vitya_run_f32(vitya_session session, const float *images, size_t image_floats, int64_t count,
                           float *logits, size_t logit_floats) {
  if (!images || !logits)
    return VITYA_NULL_ARGUMENT;
  if (!sizeMatches(image_floats, count, imageFloats()) || !sizeMatches(logit_floats, count, model().classes))
    return VITYA_INVALID_SIZE;
  return withSession(session, [&](Session *live) {
    FloatSource source{images};
    vitya_status status = run(live, FloatSource::read, &source, count, logits);
    // A statically quantized layer has a finite result for every pixel.
    return status == VITYA_OK && !allFinite(images, imageFloats() * count) ? VITYA_NOT_FINITE : status;
  });
}

vitya_status vitya_run_u8(vitya_session session, const uint8_t *pixels, size_t pixel_bytes, int64_t count,
                          int64_t height, int64_t width, vitya_layout layout, float *logits, size_t logit_floats) {
  if (!pixels || !logits)
    return VITYA_NULL_ARGUMENT;
  if (layout != VITYA_HWC && layout != VITYA_CHW)
    return VITYA_INVALID_LAYOUT;
  if (height < 1 || height > kMaxImageSide || width < 1 || width > kMaxImageSide ||
      !sizeMatches(pixel_bytes, count, model().channels * height * width) ||
      !sizeMatches(logit_floats, count, model().classes))
    return VITYA_INVALID_SIZE;
  return withSession(session, [&](Session *live) {
    PixelSource source{pixels, height, width, layout};
    return run(live, PixelSource::read, &source, count, logits);
  });
}

vitya_status vitya_destroy(vitya_session session) {
  vitya_status status = withSession(session, [](Session *&live) {
    destroySession(live);
    live = nullptr;
    return VITYA_OK;
  });
  if (status != VITYA_OK)
    return status;
  Lock lock(table.lock);
  countSessions(-1);
  return VITYA_OK;
}

const char *vitya_status_message(vitya_status status) {
  switch (status) {
  case VITYA_OK:
    return "success";
  case VITYA_NULL_ARGUMENT:
    return "expected a pointer, found null";
  case VITYA_INVALID_SESSION:
    return "expected a session that was created and not destroyed";
  case VITYA_INVALID_SIZE:
    return "expected sizes that are positive and match the model and each other";
  case VITYA_INVALID_THREADS:
    return "expected from 1 to 1024 threads";
  case VITYA_INVALID_LAYOUT:
    return "expected layout VITYA_HWC or VITYA_CHW";
  case VITYA_OUT_OF_MEMORY:
    return "expected memory and threads for a session, found too little";
  case VITYA_WEIGHTS_UNREADABLE:
    return "expected the undamaged file of this model's weights beside the library";
  case VITYA_PROCESSOR_UNSUPPORTED:
    return "expected a processor with the extensions that the library was compiled for";
  case VITYA_NOT_FINITE:
    return "expected finite pixels and logits, found NaN or infinity";
  case VITYA_INVALID_LEVEL:
    return "expected the environment variable VITYA_LEVEL to name a level of the library";
  }
  return "expected a vitya_status";
}

} // extern "C"
