// Threads for compiled code: `vitya_parallel_for` runs a loop inline or on a pool, and batches of images are spread
// over the pool. Results never depend on the number of threads: iterations are independent, and each is computed whole
// by one thread.
#ifndef VITYA_RUNTIME_THREADS_POOL_H
#define VITYA_RUNTIME_THREADS_POOL_H

#include "runtime/Abi.h"
#include <stdint.h>

namespace vitya {

/// Threads that wait for loops: spinning for a while, then asleep. One caller at a time.
class Pool;

/// A pool of `threads` >= 1, the calling thread included. Null where threads cannot be made.
Pool *createPool(int threads);
void destroyPool(Pool *pool);
int poolThreads(const Pool *pool);

/// Runs chunks of [0, count) of `body` on the pool's threads and the caller; returns when all are done.
void runOnPool(Pool *pool, int64_t count, vitya_body body, void **captures);

/// The number of the calling thread in the pool that runs it, 0 for the caller: which scratch memory it owns.
int currentThread();

/// Time spent in each layer, filled by `vitya_parallel_for`.
struct Profile {
  int64_t *nanoseconds; ///< one counter a layer
};

} // namespace vitya

/// How the loops of one inference run. `pool` null: inline.
struct vitya_context {
  vitya::Pool *pool = nullptr;
  vitya::Profile *profile = nullptr;
};

#endif // VITYA_RUNTIME_THREADS_POOL_H
