// The time that the loops of a model take, by layer and kernel, or of each loop on a time line.
#ifndef VITYA_RUNTIME_THREADS_PROFILE_H
#define VITYA_RUNTIME_THREADS_PROFILE_H

#include "runtime/Abi.h"
#include <stdint.h>

namespace vitya {

/// Returns the time of a monotonic clock in nanoseconds.
int64_t nanoseconds();

/// Returns the kernel whose loop has the body `body`, or null.
const vitya_kernel *findKernel(const vitya_model &model, vitya_body body);

/// Time spent in loops, filled by `vitya_parallel_for`. Only the thread that submits loops may add to it.
class Profile {
public:
  struct Time {
    int64_t nanoseconds, launches;
  };

  /// Starts at zero. If memory cannot be allocated, `layers` is null.
  explicit Profile(const vitya_model &model);
  ~Profile();
  Profile(const Profile &) = delete;
  Profile &operator=(const Profile &) = delete;

  /// Adds the time of one loop. A body that is not one of `vitya_model::kernels` counts for its layer only.
  void add(int64_t layer, vitya_body body, int64_t nanoseconds);
  /// Sets all times to zero.
  void clear();
  /// Sets all times to those of `other`, a profile of the same model.
  void copy(const Profile &other);

  const vitya_model &model;
  Time *layers;  ///< `layer_count` times
  Time *kernels; ///< after them `kernel_count` times
};

/// Stretches of time in which a thread runs iterations of one loop, on a track for each thread. Each thread adds to its
/// own track.
class Trace {
public:
  struct Event {
    int64_t image, layer; ///< index of the image in the batch; index of the layer
    vitya_body body;
    int64_t launch, begin, end; ///< times of nanoseconds(): of the loop's launch, of the iterations that the thread ran
  };
  struct Track {
    Event *events;
    int64_t count, capacity;
    bool isIncomplete; ///< memory was not sufficient for all events
  };

  /// If memory cannot be allocated, `tracks` is null.
  explicit Trace(int threads);
  ~Trace();
  Trace(const Trace &) = delete;
  Trace &operator=(const Trace &) = delete;

  /// Adds an event to the track of `thread`. Events of one launch become one that lasts until the last of them ends.
  void add(int thread, const Event &event);

  int threads;
  Track *tracks; ///< one for each thread
};

} // namespace vitya

#endif // VITYA_RUNTIME_THREADS_PROFILE_H
