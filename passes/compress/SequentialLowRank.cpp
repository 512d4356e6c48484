// Two replays of the calibration images, of the model as it was and of the model as it becomes, go through the layers
// together.
#include "passes/compress/SequentialLowRank.h"
#include "dialect/reference/Interpreter.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/compress/AttentionMaps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
namespace {

/// An attention whose heads become narrower.
struct Narrowing {
  AttentionMaps maps;
  HeadWidths widths;
};

class Sequence {
public:
  Sequence(ModuleOp module, MutableArrayRef<LowRankLayer> layers, const Calibration &images)
      : layers(layers), threads(images.threads()), count(images.count()),
        original(cast<ModuleOp>(module->clone(clones))),
        before(original->lookupSymbol<func::FuncOp>(kEntryName), images),
        after(module.lookupSymbol<func::FuncOp>(kEntryName), images) {
    for (LowRankLayer &layer : layers)
      byOp[layer.op] = &layer;
  }

  LogicalResult run(bool joint) {
    if (joint)
      for (auto attention : layers.front().op->getBlock()->getOps<AttentionOp>())
        plan(attention);
    Progress progress("low rank, layer", layers.size());
    for (auto [index, layer] : llvm::enumerate(layers)) {
      progress.advance(index + 1);
      if (done.contains(&layer))
        continue;
      auto narrowing = narrowings.find(layer.op);
      if (narrowing != narrowings.end()) {
        if (failed(narrow(narrowing->second)))
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
  /// Decides whether the heads of `attention` become narrower, and marks its layers as done if they do.
  void plan(AttentionOp attention) {
    llvm::Expected<AttentionMaps> maps = AttentionMaps::match(attention);
    auto isSelected = [&](LinearOp op) { return byOp.contains(op); };
    if (!maps || !llvm::all_of(maps->inputs(), isSelected) || !isSelected(maps->output())) {
      std::string reason = maps ? "not all of its layers are to be factorised" : llvm::toString(maps.takeError());
      emitRemark(attention.getLoc()) << "attention '" << attention.getLayer() << "' keeps its heads: " << reason
                                     << "; its layers are anchored";
      return;
    }
    // Query and key have in columns each, value and output in and out, for every row of a head.
    LowRankLayer *output = byOp[maps->output()], *first = byOp[maps->inputs().front()];
    int64_t parameters = output->parameters(), perRow = maps->heads() * (3 * first->in() + output->out());
    for (LinearOp op : maps->inputs())
      parameters += byOp[op]->parameters();
    int64_t width = std::max<int64_t>(parameters / perRow, 1);
    HeadWidths old = maps->widths();
    HeadWidths widths{width < std::min(old.queryKey, first->in()) ? width : 0,
                      width < std::min({old.value, first->in(), output->out()}) ? width : 0};
    if (!widths.queryKey && !widths.value)
      return;
    done.insert(output);
    for (LinearOp op : maps->inputs().drop_front())
      done.insert(byOp[op]);
    narrowings.try_emplace(maps->inputs().front(), Narrowing{std::move(*maps), widths});
  }

  LogicalResult narrow(Narrowing &narrowing) {
    LinearOp first = narrowing.maps.inputs().front();
    if (failed(after.advanceTo(first)))
      return failure();
    FailureOr<LinearOp> narrowed = narrowing.maps.narrow(narrowing.widths, after.valuesOf(first.getInput()), threads);
    return LogicalResult(narrowed);
  }

  LogicalResult anchor(LowRankLayer &layer) {
    LinearOp twin = cast<LinearOp>(clones.lookup(layer.op.getOperation()));
    if (failed(before.advanceTo(twin)) || failed(after.advanceTo(layer.op)))
      return failure();
    ArrayRef<reference::Tensor> originals = before.valuesOf(twin.getInput());
    ArrayRef<reference::Tensor> inputs = after.valuesOf(layer.op.getInput());
    // Two sums, each in the order of the images.
    Moments compressed(layer.in()), cross(layer.in());
    reference::runParallel(threads, 2, [&](int64_t which) {
      for (int64_t i = 0; i < count; ++i) {
        if (which == 0)
          compressed.add(Samples(inputs[i].matrix()));
        else
          cross.add(Samples(originals[i].matrix()), Samples(inputs[i].matrix()));
      }
    });
    if (!compressed.isFinite() || !cross.isFinite())
      return layer.op.emitOpError("expected finite inputs on the calibration images, found NaN or infinity");
    if (compressed.count() < layer.in())
      layer.warnOfFewTokens(compressed.count());
    Factors factors = Factorization::anchored(layer.weight, compressed, cross).truncate(layer.rank);
    OpBuilder builder(layer.op);
    Value bias = makeConstant(builder, layer.op.getLoc(), (layer.op.getLayer() + ".left.bias").str(),
                              correctedBias(layer.bias, layer.weight, cross.mean(), factors, cross.secondMean()));
    replaceByFactors(layer.op, factors, bias, llvm::formatv("anchored, rank {0}", layer.rank));
    return success();
  }

  MutableArrayRef<LowRankLayer> layers;
  int threads;
  int64_t count;
  IRMapping clones;
  OwningOpRef<ModuleOp> original;
  Replay before, after;
  llvm::DenseMap<Operation *, LowRankLayer *> byOp;
  llvm::DenseMap<Operation *, Narrowing> narrowings; ///< by the first of their layers
  llvm::DenseSet<LowRankLayer *> done;
};

} // namespace

LogicalResult factoriseInSequence(ModuleOp module, MutableArrayRef<LowRankLayer> layers, const Calibration &images,
                                  bool joint) {
  if (layers.empty())
    return success();
  return Sequence(module, layers, images).run(joint);
}

} // namespace vitya
