// Makes batches in worker threads.
#include "frontend/data/BatchLoader.h"
#include "dialect/support/Errors.h"
#include "llvm/Support/MathExtras.h"
#include <cassert>

using namespace llvm;

namespace vitya {
namespace {

/// The series of random numbers of one seed.
enum Series : uint64_t { kOrderSeries, kFirstEpochSeries };

/// The batches that each thread can be ahead.
constexpr int64_t kBatchesAhead = 2;

/// The mean of each channel, if rectangles are erased with it.
std::vector<uint8_t> meanOf(const Dataset &dataset, const AugmentOptions &options) {
  std::vector<uint8_t> result(dataset.channels);
  if (options.erase > 0 && options.eraseFill == EraseFill::mean)
    llvm::transform(channelStatistics(dataset).mean, result.begin(),
                    [](double mean) { return static_cast<uint8_t>(mean + 0.5); });
  return result;
}

} // namespace

Error checkOptions(const BatchOptions &options, const Dataset &dataset) {
  if (dataset.count == 0)
    return makeError("expected training images, found none");
  if (options.repeats < 1)
    return makeError("expected an image to be in a batch at least once, found {0} times", options.repeats);
  if (options.batchSize < 1 || options.batchSize % options.repeats != 0)
    return makeError("expected a batch size that is a positive multiple of the {0} copies of an image, found {1}",
                     options.repeats, options.batchSize);
  return checkOptions(options.augment, dataset.height, dataset.width);
}

BatchLoader::BatchLoader(const Dataset &dataset, const BatchOptions &options, unsigned threads, int64_t firstBatch)
    : dataset(dataset), options(options), mean(meanOf(dataset, options.augment)),
      epochBatches(divideCeil(dataset.count * options.repeats, options.batchSize)), scheduled(firstBatch),
      pool(hardware_concurrency(threads)) {
  assert(!errorToBool(checkOptions(options, dataset)) && "expected options that fit");
  for (int64_t i = 0; i < kBatchesAhead * threads; ++i)
    schedule();
}

void BatchLoader::schedule() {
  int64_t epoch = scheduled / epochBatches, batchOfEpoch = scheduled % epochBatches;
  if (!order || batchOfEpoch == 0)
    order = std::make_shared<const Order>(
        randomOrder(dataset.count, Random(options.seed, kOrderSeries, static_cast<uint64_t>(epoch))));
  Pending &added = pending.emplace_back();
  added.done = pool.async(
      [this, epoch, batchOfEpoch, order = order, batch = &added.batch] { make(epoch, batchOfEpoch, *order, *batch); });
  ++scheduled;
}

Batch BatchLoader::next() {
  schedule();
  pending.front().done.wait();
  Batch batch = std::move(pending.front().batch);
  pending.pop_front();
  return batch;
}

void BatchLoader::make(int64_t epoch, int64_t batchOfEpoch, const Order &order, Batch &batch) const {
  int64_t first = batchOfEpoch * options.batchSize, size = dataset.imageSize();
  batch.count = std::min(options.batchSize, dataset.count * options.repeats - first);
  batch.pixels.resize(batch.count * size);
  batch.labels.resize(batch.count);
  ImageScratch scratch;
  for (int64_t i = 0; i < batch.count; ++i) {
    int64_t position = first + i, index = order[position / options.repeats];
    Random random(options.seed, kFirstEpochSeries + epoch, position);
    augment(dataset.image(index), options.augment, mean, random,
            {batch.pixels.data() + i * size, dataset.channels, dataset.height, dataset.width}, scratch);
    batch.labels[i] = dataset.labels[index];
  }
}

} // namespace vitya
