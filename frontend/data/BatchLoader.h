// Batches of augmented images for training.
#ifndef VITYA_FRONTEND_DATA_BATCHLOADER_H
#define VITYA_FRONTEND_DATA_BATCHLOADER_H

#include "frontend/data/Augment.h"
#include "frontend/data/Dataset.h"
#include "llvm/Support/ThreadPool.h"
#include <deque>
#include <future>
#include <memory>

namespace vitya {

/// Augmented images with labels.
struct Batch {
  int64_t count = 0;
  std::vector<uint8_t> pixels; ///< [count, channels, height, width]
  std::vector<int64_t> labels;
};

struct BatchOptions {
  AugmentOptions augment;
  int64_t batchSize = 128; ///< a multiple of `repeats`
  int64_t repeats = 1;     ///< copies of an image in a batch, each augmented on its own (arXiv 1901.09335)
  uint64_t seed = 0;
};

/// Fails if an option does not fit the images, and names it.
llvm::Error checkOptions(const BatchOptions &options, const Dataset &dataset);

/// Makes batches in worker threads, ahead of their use. An epoch has each image once, or `repeats` times, in random
/// order; its last batch may be smaller. What a batch contains depends only on the data set, the options and the number
/// of the batch, not on the number of threads, so that training can be resumed at any batch.
class BatchLoader {
public:
  /// The first batch is number `firstBatch`, counted from 0 over all epochs. The options must fit (see checkOptions),
  /// and `dataset` must outlive the loader.
  BatchLoader(const Dataset &dataset, const BatchOptions &options, unsigned threads, int64_t firstBatch = 0);

  /// Returns the next batch. The caller's thread makes it if no worker has begun it.
  Batch next();

  int64_t batchesPerEpoch() const { return epochBatches; }

private:
  /// A batch that is being made.
  struct Pending {
    Batch batch;
    std::shared_future<void> done;
  };
  using Order = std::vector<int64_t>;

  void schedule();
  void make(int64_t epoch, int64_t batchOfEpoch, const Order &order, Batch &batch) const;

  const Dataset &dataset;
  BatchOptions options;
  std::vector<uint8_t> mean; ///< of each channel, if it is used
  int64_t epochBatches, scheduled;
  std::shared_ptr<const Order> order; ///< of the images of the epoch that is scheduled
  std::deque<Pending> pending;        ///< an element stays where it is until it is removed
  llvm::DefaultThreadPool pool;       ///< last, so that its tasks end first
};

} // namespace vitya

#endif // VITYA_FRONTEND_DATA_BATCHLOADER_H
