// Collection of moments. The tokens of an image are added after those of all earlier images, so that sums do not depend
// on the threads that compute them.
#include "passes/analysis/Statistics.h"
#include "dialect/Fingerprint.h"
#include <condition_variable>
#include <map>
#include <mutex>

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {
namespace {

/// The moments of one value. Images may arrive out of order: their tokens wait until the images before have been added.
/// A thread that is more than `kAhead` images ahead blocks, which bounds the memory. The thread with the next image
/// never blocks, because threads take images in order.
class OrderedMoments {
public:
  explicit OrderedMoments(int64_t width) : moments(width) {}

  /// Adds the tokens of image `index`, now or in a later call with an earlier image.
  void add(int64_t index, const reference::Tensor &tokens) {
    std::unique_lock<std::mutex> lock(mutex);
    turn.wait(lock, [&] { return index < next + kAhead; });
    waiting[index] = tokens;
    if (isAdding)
      return;
    isAdding = true;
    while (!waiting.empty() && waiting.begin()->first == next) {
      reference::Tensor first = std::move(waiting.begin()->second);
      waiting.erase(waiting.begin());
      lock.unlock();
      moments.add(Samples(first.matrix()));
      lock.lock();
      ++next;
      turn.notify_all();
    }
    isAdding = false;
  }
  Moments take() { return moments.take(); }

private:
  static constexpr int64_t kAhead = 8;

  MomentsBuilder moments; ///< used by the thread that has set `isAdding`
  std::mutex mutex;
  std::condition_variable turn;
  std::map<int64_t, reference::Tensor> waiting; ///< tokens by image
  bool isAdding = false;
  int64_t next = 0; ///< the image to add next
};

} // namespace

FailureOr<Statistics> collectStatistics(ModuleOp module, ArrayRef<LinearOp> layers, const ImageSet &images) {
  // By the op that defines the input, as the observer is called per op.
  llvm::DenseMap<Operation *, std::unique_ptr<OrderedMoments>> accumulators;
  for (LinearOp layer : layers) {
    Operation *source = layer.getInput().getDefiningOp();
    if (!source)
      return layer.emitOpError("expected an input that is computed from an image, found an argument");
    if (std::unique_ptr<OrderedMoments> &accumulator = accumulators[source]; !accumulator)
      accumulator = std::make_unique<OrderedMoments>(layer.getInput().getType().getDimSize(1));
  }
  auto observe = [&](int64_t index, Operation *op, ArrayRef<reference::Tensor> results) {
    if (auto found = accumulators.find(op); found != accumulators.end())
      found->second->add(index, results.front());
  };
  if (failed(images.run(module, observe)))
    return failure();

  llvm::DenseMap<Operation *, std::shared_ptr<const Moments>> moments;
  for (auto &[op, accumulator] : accumulators)
    moments[op] = std::make_shared<const Moments>(accumulator->take());
  Statistics statistics;
  for (LinearOp layer : layers)
    statistics[layer.getLayer()] = moments[layer.getInput().getDefiningOp()];
  return statistics;
}

FailureOr<Statistics> readOrCollectStatistics(ModuleOp module, ArrayRef<LinearOp> layers, StringRef path,
                                              const ImageSet *images) {
  if (path.empty())
    return collectStatistics(module, layers, *images);
  llvm::Expected<Statistics> statistics = readStatistics(path, fingerprint(module));
  if (!statistics)
    return module.emitError() << llvm::toString(statistics.takeError());
  for (LinearOp layer : layers) {
    std::shared_ptr<const Moments> moments = statistics->lookup(layer.getLayer());
    int64_t width = layer.getInput().getType().getDimSize(1);
    if (!moments || moments->width() != width)
      return layer.emitOpError("expected statistics of an input of ")
             << width << " columns in '" << path << "', found "
             << (moments ? std::to_string(moments->width()) : "none");
  }
  return std::move(*statistics);
}

} // namespace vitya
