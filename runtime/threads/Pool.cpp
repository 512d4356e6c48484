// A thread pool for loops that take microseconds. Each thread first claims the chunks of its own share of a loop, which
// are the same in all loops of as many chunks: what a chunk reads was often written by the same chunk of the loop
// before, and is still in the caches of this thread's processor. Then it claims what is left of the shares of others.
//
// A loop is published as one word, the ticket, with its generation and its number of chunks. The cursor of a share
// holds the generation in which it was last moved, so that publishing need not write it: in another generation,
// nothing of the share is claimed. A worker that wakes up late finds that its generation is not that of the ticket, or
// that nothing is left of it, and neither claims a chunk of a finished loop nor delays the end of the next one.
#include "runtime/threads/Pool.h"
#include "runtime/threads/Processors.h"
#include <atomic>
#include <limits.h>
#include <linux/futex.h>
#include <new>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vitya {
namespace {

/// The maximum number of chunks of a loop: each thread can have one.
constexpr int64_t kChunks = kMaxThreads;
/// The number of spins before a thread goes to sleep, about 50 microseconds.
constexpr int kSpins = 2000;

thread_local int threadNumber = 0;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// A loop whose iterations are added to a trace.
struct TracedLoop {
  Trace *trace;
  Trace::Event event; ///< without the times of its iterations
  void **captures;

  static void body(void **captures, int64_t begin, int64_t end, void *workspace) {
    const auto *loop = static_cast<const TracedLoop *>(captures[0]);
    Trace::Event event = loop->event;
    event.begin = nanoseconds();
    event.body(loop->captures, begin, end, workspace);
    event.end = nanoseconds();
    loop->trace->add(currentThread(), event);
  }
};

} // namespace

class Pool {
public:
  struct Worker {
    Pool *pool;
    int number;
    pthread_t thread;
  };
  /// The upper half is the generation of the last claim, the lower half the chunk after it.
  struct alignas(64) Cursor {
    std::atomic<uint64_t> word{0};
  };

  // The current loop, which the submitting thread writes and workers read. The fields are atomic because a late worker
  // may read them while the next loop is being published; it uses the values only if it then claims a chunk of the same
  // generation. The upper half of the ticket is the generation, the lower half the number of chunks.
  alignas(64) std::atomic<uint64_t> ticket{0};
  std::atomic<uint32_t> generation{0};
  std::atomic<vitya_body> body{nullptr};
  std::atomic<void **> captures{nullptr};
  std::atomic<int64_t> count{0}, chunk{1};
  std::atomic<bool> stop{false};
  /// The number of chunks that are complete. A thread adds its chunks when it can claim no more.
  alignas(64) std::atomic<uint32_t> done{0};
  /// Whether the thread that submitted the loop sleeps until `done` is the number of chunks.
  std::atomic<bool> submitterSleeps{false};
  alignas(64) std::atomic<uint32_t> sleepers{0};
  int threads = 1;
  char *workspaces = nullptr; ///< those of all threads, `stride` bytes apart
  int64_t stride = 0;
  /// The number of spins before a thread sleeps, and the maximum number of workers that a loop wakes up. Threads that
  /// outnumber the processors do not spin, because a thread with work may wait for the same processor, and a loop does
  /// not wake up more workers than there are other processors.
  int spins = kSpins, maxWakes = INT_MAX;
  Worker *workers = nullptr;
  Cursor *cursors = nullptr; ///< one for the share of each thread

  /// Runs chunks of the share of thread `owner` in the loop of generation `current` until none is left, and returns
  /// how many it has run.
  uint32_t runShare(int owner, uint32_t current) {
    std::atomic<uint64_t> &cursor = cursors[owner].word;
    for (uint32_t ran = 0;;) {
      uint64_t last = cursor.load(std::memory_order_acquire);
      // The cursor must be read before the ticket: it is then of this generation or of an earlier one.
      uint64_t loop = ticket.load(std::memory_order_acquire);
      if (static_cast<uint32_t>(loop >> 32) != current)
        return ran;
      uint32_t chunks = static_cast<uint32_t>(loop), next = static_cast<uint32_t>(last);
      if (static_cast<uint32_t>(last >> 32) != current)
        next = beginOfShare(owner, chunks);
      if (next >= beginOfShare(owner + 1, chunks))
        return ran;
      vitya_body run = body.load(std::memory_order_relaxed);
      void **buffers = captures.load(std::memory_order_relaxed);
      int64_t size = chunk.load(std::memory_order_relaxed), total = count.load(std::memory_order_relaxed);
      if (!cursor.compare_exchange_weak(last, static_cast<uint64_t>(current) << 32 | (next + 1),
                                        std::memory_order_acq_rel))
        continue;
      int64_t begin = next * size, end = begin + size < total ? begin + size : total;
      run(buffers, begin, end, workspaces + threadNumber * stride);
      ++ran;
    }
  }

  /// The first chunk of the share of thread `owner`.
  uint32_t beginOfShare(int owner, uint32_t chunks) const {
    return (static_cast<uint32_t>(owner) * chunks + threads - 1) / threads;
  }

  /// Runs chunks of the loop of generation `current` until none is left.
  void work(uint32_t current) {
    uint32_t ran = 0;
    for (int i = 0; i < threads; ++i)
      ran += runShare((threadNumber + i) % threads, current);
    // Whoever completes the last chunk sees that the submitter sleeps, or the submitter sees that it is complete.
    if (ran && done.fetch_add(ran) + ran == static_cast<uint32_t>(ticket.load()) && submitterSleeps.load())
      syscall(SYS_futex, &done, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }

  /// Returns when all `chunks` of the current loop are complete.
  void waitForChunks(uint32_t chunks) {
    for (int spin = 0; done.load(std::memory_order_acquire) != chunks; ++spin) {
      if (spin < spins) {
        pause();
        continue;
      }
      // The worker that completes the last chunk either sees the flag, or completed it before `complete` is read.
      submitterSleeps.store(true);
      for (uint32_t complete = done.load(); complete != chunks; complete = done.load())
        syscall(SYS_futex, &done, FUTEX_WAIT_PRIVATE, complete, nullptr, nullptr, 0);
      submitterSleeps.store(false);
      return;
    }
  }

  void wait(uint32_t current) {
    for (int spin = 0; generation.load(std::memory_order_acquire) == current;) {
      if (spin < spins) {
        ++spin;
        pause();
        continue;
      }
      sleepers.fetch_add(1);
      syscall(SYS_futex, &generation, FUTEX_WAIT_PRIVATE, current, nullptr, nullptr, 0);
      sleepers.fetch_sub(1);
    }
  }

  /// Starts the next generation and wakes up at most `wakes` sleeping workers.
  void publish(int wakes) {
    generation.fetch_add(1);
    if (wakes > 0 && sleepers.load())
      syscall(SYS_futex, &generation, FUTEX_WAKE_PRIVATE, wakes, nullptr, nullptr, 0);
  }

  static void *loop(void *argument) {
    Worker *worker = static_cast<Worker *>(argument);
    Pool *pool = worker->pool;
    threadNumber = worker->number;
    for (uint32_t current = 0; !pool->stop.load(std::memory_order_acquire);) {
      pool->wait(current);
      current = pool->generation.load(std::memory_order_acquire);
      pool->work(current);
    }
    return nullptr;
  }
};

Pool *createPool(int threads, void *workspaces, int64_t stride) {
  // The cursors follow the pool, whose size is a multiple of its alignment, as theirs is.
  void *memory = aligned_alloc(alignof(Pool), sizeof(Pool) + threads * sizeof(Pool::Cursor));
  auto *workers = static_cast<Pool::Worker *>(calloc(threads, sizeof(Pool::Worker)));
  if (!memory || !workers) {
    free(memory);
    free(workers);
    return nullptr;
  }
  Pool *pool = new (memory) Pool;
  pool->workers = workers;
  pool->cursors = reinterpret_cast<Pool::Cursor *>(pool + 1);
  for (int i = 0; i < threads; ++i)
    new (pool->cursors + i) Pool::Cursor;
  pool->workspaces = static_cast<char *>(workspaces);
  pool->stride = stride;
  int processors = threads > 1 ? availableProcessors() : 1;
  if (threads > processors) {
    pool->spins = 0;
    pool->maxWakes = processors - 1;
  }
  for (int i = 1; i < threads; ++i) {
    workers[i] = {pool, i, {}};
    if (pthread_create(&workers[i].thread, nullptr, Pool::loop, &workers[i]) != 0) {
      destroyPool(pool);
      return nullptr;
    }
    pool->threads = i + 1;
  }
  return pool;
}

void destroyPool(Pool *pool) {
  if (!pool)
    return;
  pool->stop.store(true, std::memory_order_release);
  pool->publish(INT_MAX);
  for (int i = 1; i < pool->threads; ++i)
    pthread_join(pool->workers[i].thread, nullptr);
  free(pool->workers);
  free(pool);
}

int poolThreads(const Pool *pool) { return pool->threads; }

int currentThread() { return threadNumber; }

void runOnPool(Pool *pool, int64_t count, vitya_body body, void **captures) {
  if (count <= 0)
    return;
  int64_t size = (count + kChunks - 1) / kChunks;
  uint32_t chunks = (count + size - 1) / size;
  // All chunks of the previous loop are complete, so no worker can claim a chunk until the ticket below is published.
  uint32_t next = pool->generation.load() + 1;
  pool->body.store(body, std::memory_order_relaxed);
  pool->captures.store(captures, std::memory_order_relaxed);
  pool->count.store(count, std::memory_order_relaxed);
  pool->chunk.store(size, std::memory_order_relaxed);
  pool->done.store(0, std::memory_order_relaxed);
  pool->ticket.store(static_cast<uint64_t>(next) << 32 | chunks, std::memory_order_release);
  pool->publish(pool->maxWakes);
  pool->work(next);
  pool->waitForChunks(chunks);
}

} // namespace vitya

extern "C" void vitya_parallel_for(vitya_context *context, int64_t layer, int64_t count, vitya_body body,
                                   void **captures) {
  bool isTimed = context->profile || context->trace;
  int64_t start = isTimed ? vitya::nanoseconds() : 0;
  vitya::TracedLoop traced{context->trace, {context->image, layer, body, start, 0, 0}, captures};
  void *capturesOfTraced[] = {&traced};
  vitya_body run = context->trace ? vitya::TracedLoop::body : body;
  void **arguments = context->trace ? capturesOfTraced : captures;
  if (context->pool)
    vitya::runOnPool(context->pool, count, run, arguments);
  else
    run(arguments, 0, count, context->workspace);
  if (context->profile)
    context->profile->add(layer, body, vitya::nanoseconds() - start);
}
