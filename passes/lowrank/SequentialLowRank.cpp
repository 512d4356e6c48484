// Two replays of the calibration images, of the model as it was and of the model as it becomes, go through the layers
// together.
#include "passes/lowrank/SequentialLowRank.h"
#include "dialect/support/Progress.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Threading.h"
#include "passes/lowrank/LowRankReport.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
namespace {

class Sequence {
public:
  Sequence(ModuleOp module, LowRankMethod method, MutableArrayRef<LowRankLayer> layers, const ImageSet &images)
      : method(method), layers(layers), count(images.count()), original(cast<ModuleOp>(module->clone(clones))),
        before(original->lookupSymbol<func::FuncOp>(kEntryName), images, count),
        after(module.lookupSymbol<func::FuncOp>(kEntryName), images, count) {}

  LogicalResult run(MutableArrayRef<LowRankAttention> attentions) {
    llvm::DenseMap<LowRankLayer *, LowRankAttention *> byFirst;
    for (LowRankAttention &attention : attentions) {
      bool narrows = attention.widths.queryKey || attention.widths.value;
      for (LowRankLayer *layer : attention.layers)
        layer->isNarrowed = narrows;
      if (narrows)
        byFirst[attention.layers.front()] = &attention;
    }
    Progress progress("low rank, layer", static_cast<int64_t>(layers.size()));
    for (auto [index, layer] : llvm::enumerate(layers)) {
      progress.advance(static_cast<int64_t>(index) + 1);
      if (layer.isNarrowed) {
        // Together, when the first of its layers comes.
        LowRankAttention *attention = byFirst.lookup(&layer);
        if (attention && failed(narrow(*attention)))
          return failure();
      } else if (layer.rank == 0) {
        layer.stayDense();
      } else if (failed(anchor(layer))) {
        return failure();
      }
    }
    return success();
  }

private:
  /// E||y - y'||^2 of the result y of `twin`, in the original, and y' of `now`. Both models go on to behind them.
  FailureOr<double> outputError(LinearOp twin, LinearOp now) {
    if (failed(before.advanceTo(twin->getNextNode())) || failed(after.advanceTo(now->getNextNode())))
      return failure();
    double sum = 0;
    int64_t tokens = 0;
    for (auto [y, found] : llvm::zip_equal(before.valuesOf(twin.getResult()), after.valuesOf(now.getResult()))) {
      sum += (y.matrix().cast<double>() - found.matrix().cast<double>()).squaredNorm();
      tokens += y.dim(0);
    }
    return sum / double(tokens);
  }
  LinearOp twinOf(LinearOp op) { return cast<LinearOp>(clones.lookup(op.getOperation())); }

  LogicalResult narrow(LowRankAttention &attention) {
    LinearOp first = attention.firstOp(), twin = twinOf(attention.output().op);
    if (failed(after.advanceTo(first)))
      return failure();
    FailureOr<NarrowedAttention> narrowed = attention.maps.narrow(attention.widths, after.valuesOf(first.getInput()));
    if (failed(narrowed))
      return failure();
    for (auto [layer, op] : llvm::zip_equal(attention.layers, narrowed->layers)) {
      layer->op = op;
      layer->rank = *op.getInfoAttr().getRank();
      layer->reason = op.getInfoAttr().getReason();
      layer->left = op.getWeight().getType().getNumElements();
    }
    attention.queryKeySpectrum = std::move(narrowed->queryKeySpectrum);
    attention.valueSpectrum = std::move(narrowed->valueSpectrum);
    FailureOr<double> error = outputError(twin, narrowed->layers.back());
    if (succeeded(error))
      attention.measuredError = *error;
    return LogicalResult(error);
  }

  LogicalResult anchor(LowRankLayer &layer) {
    LinearOp twin = twinOf(layer.op);
    if (failed(before.advanceTo(twin)) || failed(after.advanceTo(layer.op)))
      return failure();
    ArrayRef<reference::Tensor> originals = before.valuesOf(twin.getInput());
    ArrayRef<reference::Tensor> inputs = after.valuesOf(layer.op.getInput());
    // Two sums, each in the order of the images.
    Moments compressed, cross;
    parallelFor(layer.op.getContext(), 0, 2, [&](int64_t which) {
      MomentsBuilder sums(layer.in());
      for (int64_t i = 0; i < count; ++i) {
        if (which == 0)
          sums.add(Samples(inputs[i].matrix()));
        else
          sums.add(Samples(originals[i].matrix()), Samples(inputs[i].matrix()));
      }
      (which == 0 ? compressed : cross) = sums.take();
    });
    if (!compressed.isFinite() || !cross.isFinite())
      return layer.op.emitOpError("expected finite inputs on the calibration images, found NaN or infinity");
    if (compressed.count() < layer.in())
      layer.warnOfFewTokens(compressed.count());
    bool anchors = isAnchored(method);
    Factorization factorization =
        anchors ? Factorization::anchored(layer.weight, compressed, cross) : factorize(method, layer);
    Factors factors = factorization.truncate(layer.rank);
    if (!anchors)
      factors = refit(factors, layer.weight, compressed, cross);
    OpBuilder builder(layer.op);
    Value bias = makeConstant(builder, layer.op.getLoc(), (layer.op.getLayer() + ".left.bias").str(),
                              correctedBias(layer.bias, layer.weight, cross.mean(), factors, cross.secondMean()));
    LinearOp left = layer.replace(factors, factorization.singularValues(), bias,
                                  anchors ? "anchored" : (nameOf(method) + ", refitted").str());
    FailureOr<double> error = outputError(twin, left);
    if (succeeded(error))
      layer.measuredError = *error;
    return LogicalResult(error);
  }

  LowRankMethod method;
  MutableArrayRef<LowRankLayer> layers;
  int64_t count;
  IRMapping clones;
  OwningOpRef<ModuleOp> original;
  Replay before, after;
};

} // namespace

LogicalResult factoriseInSequence(ModuleOp module, LowRankMethod method, MutableArrayRef<LowRankLayer> layers,
                                  MutableArrayRef<LowRankAttention> attentions, const ImageSet &images) {
  return Sequence(module, method, layers, images).run(attentions);
}

} // namespace vitya
