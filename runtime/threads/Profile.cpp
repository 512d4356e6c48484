// Collects the times of loops.
#include "runtime/threads/Profile.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

namespace vitya {

int64_t nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

const vitya_kernel *findKernel(const vitya_model &model, vitya_body body) {
  for (int64_t i = 0; i < model.kernel_count; ++i)
    if (model.kernels[i].body == body)
      return &model.kernels[i];
  return nullptr;
}

Profile::Profile(const vitya_model &model)
    : model(model), layers(static_cast<Time *>(calloc(model.layer_count + model.kernel_count, sizeof(Time)))),
      kernels(layers ? layers + model.layer_count : nullptr) {}

Profile::~Profile() { free(layers); }

void Profile::add(int64_t layer, vitya_body body, int64_t nanoseconds) {
  auto count = [&](Time &time) {
    time.nanoseconds += nanoseconds;
    ++time.launches;
  };
  count(layers[layer]);
  if (const vitya_kernel *kernel = findKernel(model, body))
    count(kernels[kernel - model.kernels]);
}

void Profile::clear() { memset(layers, 0, (model.layer_count + model.kernel_count) * sizeof(Time)); }

void Profile::copy(const Profile &other) {
  memcpy(layers, other.layers, (model.layer_count + model.kernel_count) * sizeof(Time));
}

Trace::Trace(int threads) : threads(threads), tracks(static_cast<Track *>(calloc(threads, sizeof(Track)))) {}

Trace::~Trace() {
  for (int i = 0; tracks && i < threads; ++i)
    free(tracks[i].events);
  free(tracks);
}

void Trace::add(int thread, const Event &event) {
  Track &track = tracks[thread];
  Event *last = track.count ? &track.events[track.count - 1] : nullptr;
  if (last && last->launch == event.launch && last->body == event.body) {
    last->end = event.end;
    return;
  }
  if (track.count == track.capacity) {
    int64_t capacity = track.capacity ? 2 * track.capacity : 1024;
    auto *events = static_cast<Event *>(realloc(track.events, capacity * sizeof(Event)));
    if (!events) {
      track.isIncomplete = true;
      return;
    }
    track.events = events;
    track.capacity = capacity;
  }
  track.events[track.count++] = event;
}

} // namespace vitya
