// Threads that compute parts of a batch.
#ifndef VITYA_FRONTEND_TRAINING_WORKERS_H
#define VITYA_FRONTEND_TRAINING_WORKERS_H

#include <ATen/Parallel.h>
#include <algorithm>
#include <atomic>
#include <c10/core/thread_pool.h>
#include <cstdint>
#include <exception>
#include <mutex>

namespace vitya {

/// The calling thread and others that work beside it. Each runs LibTorch's operations on its own part of the data. This
/// is faster than to share each operation among all threads, as the operations of a small model are short.
class Workers {
public:
  explicit Workers(int64_t threads)
      : pool(static_cast<int>(threads - 1), /*numa_node_id=*/-1, [] { at::init_num_threads(); }) {}

  int64_t threads() const { return static_cast<int64_t>(pool.size()) + 1; }

  /// Calls `compute` with 0 to `count` - 1 and returns when all calls have. Rethrows an exception of one of them.
  template <typename Compute>
  void forEach(int64_t count, Compute compute) {
    std::atomic<int64_t> next = 0;
    std::exception_ptr exception;
    std::mutex mutex;
    auto work = [&] {
      try {
        for (int64_t i = next++; i < count; i = next++)
          compute(i);
      } catch (...) {
        std::lock_guard<std::mutex> lock(mutex);
        exception = std::current_exception();
      }
    };
    for (int64_t other = 1; other < std::min(threads(), count); ++other)
      pool.run(work);
    work();
    pool.waitWorkComplete();
    if (exception)
      std::rethrow_exception(exception);
  }

private:
  c10::ThreadPool pool;
};

} // namespace vitya

#endif // VITYA_FRONTEND_TRAINING_WORKERS_H
