// A thread pool for compiled code: `vitya_parallel_for` runs a loop inline or on a pool, and batches of images are
// distributed over the pool. Results do not depend on the number of threads, because iterations are independent and
// each one is computed by one thread.
#ifndef VITYA_RUNTIME_THREADS_POOL_H
#define VITYA_RUNTIME_THREADS_POOL_H

#include "runtime/Abi.h"
#include "runtime/threads/Profile.h"
#include <stdint.h>

namespace vitya {

/// The most threads that an executable, a library or vitya-run takes: more are most likely a typing error.
inline constexpr int kMaxThreads = 1024;

/// Threads that wait for loops, first spinning (unless they outnumber the processors), then sleeping. Only one thread
/// at a time may submit loops.
class Pool;

/// Creates a pool of `threads` >= 1 threads, including the calling one. Thread i passes `workspaces` + i * `stride`
/// (in bytes) to the bodies of loops. Returns null if memory or threads cannot be allocated.
Pool *createPool(int threads, void *workspaces = nullptr, int64_t stride = 0);
void destroyPool(Pool *pool);
int poolThreads(const Pool *pool);

/// Runs iterations [0, count) of `body` in chunks on the pool's threads and the caller; returns when all are complete.
void runOnPool(Pool *pool, int64_t count, vitya_body body, void **captures);

/// Returns the index of the calling thread in its pool, 0 for the thread that submits loops. It selects scratch memory.
int currentThread();

} // namespace vitya

/// How the loops of one inference run. They run inline, with `workspace`, if `pool` is null. `profile` and `trace` may
/// be null; `image` is the index of the image in the trace.
struct vitya_context {
  vitya::Pool *pool = nullptr;
  void *workspace = nullptr;
  vitya::Profile *profile = nullptr;
  vitya::Trace *trace = nullptr;
  int64_t image = 0;
};

#endif // VITYA_RUNTIME_THREADS_POOL_H
