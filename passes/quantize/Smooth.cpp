// Exact changes of scale that make activations easier to quantize: the columns of a value are divided by factors in
// what computes it, and those of the weights that read it multiplied.
#include "mlir/IR/Matchers.h"
#include "passes/quantize/Passes.h"
#include "passes/analysis/ImageSet.h"
#include "passes/quantize/QuantizedLayers.h"
#include "llvm/ADT/SetVector.h"
#include <mutex>

using namespace mlir;
using namespace Eigen;

namespace vitya {
#define GEN_PASS_DEF_SMOOTHPASS
#include "passes/quantize/Passes.h.inc"

namespace {

bool isConstant(Value value) { return matchPattern(value, m_Constant()); }

/// The linear layers that read `value`, itself or some of its rows; none where anything else reads it.
llvm::SetVector<LinearOp> readersOf(Value value) {
  llvm::SetVector<LinearOp> readers;
  for (OpOperand &use : value.getUses()) {
    auto slice = dyn_cast<tensor::ExtractSliceOp>(use.getOwner());
    if (slice && slice.getType().getRank() == 2 && slice.getStaticOffsets()[1] == 0 &&
        slice.getType().getDimSize(1) == slice.getSourceType().getDimSize(1)) {
      llvm::SetVector<LinearOp> ofSlice = readersOf(slice.getResult());
      if (ofSlice.empty() && !slice->use_empty())
        return {};
      readers.insert_range(ofSlice);
      continue;
    }
    auto linear = dyn_cast<LinearOp>(use.getOwner());
    if (!linear || linear.isQuantized() || use.get() != linear.getInput() || !isConstant(linear.getWeight()))
      return {};
    readers.insert(linear);
  }
  return readers;
}

/// What the columns of `value` are divided in: the norm or the linear layer that computes it, for attention the layer
/// of the values. Null where there is none, or something else depends on it.
Operation *scalableSource(Value value) {
  Operation *source = value.getDefiningOp();
  if (auto attention = dyn_cast_or_null<AttentionOp>(source)) {
    if (attention.isQuantized() || !attention.getValue().hasOneUse())
      return nullptr;
    source = attention.getValue().getDefiningOp();
    if (!isa_and_nonnull<LinearOp>(source))
      return nullptr;
  }
  if (auto norm = dyn_cast_or_null<LayerNormOp>(source))
    return isConstant(norm.getWeight()) && isConstant(norm.getBias()) ? source : nullptr;
  auto linear = dyn_cast_or_null<LinearOp>(source);
  bool isScalable = linear && !linear.isQuantized() && isConstant(linear.getWeight()) &&
                    (!linear.getBias() || isConstant(linear.getBias()));
  return isScalable ? source : nullptr;
}

/// A value whose columns can change their scale.
struct Site {
  Value value;
  Operation *source;
  llvm::SetVector<LinearOp> readers;
  VectorXf magnitudes; ///< the largest of each column
  bool isFinite = true;
  std::mutex mutex;

  /// Takes the tokens of one image into account.
  void add(const reference::Tensor &tokens) {
    VectorXf largest = tokens.matrix().cwiseAbs().colwise().maxCoeff().transpose();
    bool allFinite = tokens.matrix().allFinite();
    std::lock_guard<std::mutex> lock(mutex);
    isFinite &= allFinite;
    magnitudes = magnitudes.size() ? VectorXf(magnitudes.cwiseMax(largest)) : largest;
  }
};

struct Smooth : impl::SmoothPassBase<Smooth> {
  using SmoothPassBase::SmoothPassBase;

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  using Sites = llvm::MapVector<Value, std::unique_ptr<Site>>;

  LogicalResult rewrite(ModuleOp module) {
    if (!(alpha >= 0 && alpha <= 1))
      return module.emitError("expected alpha to be from 0 to 1, found ") << alpha.getValue();
    FailureOr<LayerFilter> filter = LayerFilter::create(module, layers, "");
    FailureOr<ImageSet> calibration = FailureOr<ImageSet>(failure());
    if (succeeded(filter))
      calibration = ImageSet::open(module, images, count);
    if (failed(calibration))
      return failure();
    Sites sites = findSites(*entryOf(module), *filter);
    auto observe = [&](int64_t, Operation *op, ArrayRef<reference::Tensor> results) {
      if (op->getNumResults() == 1)
        if (auto found = sites.find(op->getResult(0)); found != sites.end())
          found->second->add(results.front());
    };
    if (failed(calibration->run(module, observe)))
      return failure();
    for (auto &[value, site] : sites)
      if (failed(smooth(*site)))
        return failure();
    dropConstants(module);
    return success();
  }

  /// The sites among the inputs of layers that `filter` selects; a remark for each layer whose input is none.
  static Sites findSites(func::FuncOp entry, const LayerFilter &filter) {
    Sites sites;
    for (auto op : entry.getOps<LinearOp>()) {
      if (filter.whyNot(op) || op.isQuantized())
        continue;
      Value value = op.getInput();
      // Some rows of a value have the scale of all of them.
      while (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>()) {
        if (slice.getSourceType().getRank() != 2 ||
            slice.getSourceType().getDimSize(1) != cast<RankedTensorType>(value.getType()).getDimSize(1))
          break;
        value = slice.getSource();
      }
      if (sites.count(value))
        continue;
      Operation *source = scalableSource(value);
      llvm::SetVector<LinearOp> readers = readersOf(value);
      if (!source || readers.empty()) {
        remarkLeftAlone(op, source ? "keeps the scale of its input: others read it too"
                                   : "keeps the scale of its input: no norm or linear layer computes it");
        continue;
      }
      auto &site = sites[value] = std::make_unique<Site>();
      site->value = value;
      site->source = source;
      site->readers = std::move(readers);
    }
    return sites;
  }

  LogicalResult smooth(Site &site) {
    LinearOp first = site.readers.front();
    if (!site.isFinite)
      return first.emitOpError("expected finite inputs of layer '")
             << first.getLayer() << "' on the calibration images, found NaN or infinity";
    VectorXf weights = VectorXf::Zero(site.magnitudes.size());
    std::vector<MatrixXd> read;
    for (LinearOp reader : site.readers) {
      FailureOr<MatrixXd> weight = weightOf(reader);
      if (failed(weight))
        return failure();
      weights = weights.cwiseMax(weight->cwiseAbs().colwise().maxCoeff().transpose().cast<float>());
      read.push_back(std::move(*weight));
    }
    VectorXd factors = numerics::smoothingFactors(site.magnitudes, weights, alpha).cast<double>();
    for (auto [reader, weight] : llvm::zip_equal(site.readers, read)) {
      LinearOp op = reader;
      OpBuilder builder(op);
      op.getWeightMutable().assign(makeConstant(builder, op.getWeight().getLoc(), (op.getLayer() + ".weight").str(),
                                                MatrixXd(weight * factors.asDiagonal())));
    }
    return divide(site.source, factors);
  }

  /// Divides the columns that `source` computes by `factors`.
  static LogicalResult divide(Operation *source, const VectorXd &factors) {
    OpBuilder builder(source);
    if (auto linear = dyn_cast<LinearOp>(source)) {
      FailureOr<MatrixXd> weight = weightOf(linear);
      FailureOr<VectorXd> bias = biasOf(linear);
      if (failed(weight) || failed(bias))
        return failure();
      std::string name = linear.getLayer().str();
      linear.getWeightMutable().assign(makeConstant(builder, linear.getWeight().getLoc(), name + ".weight",
                                                    MatrixXd(factors.cwiseInverse().asDiagonal() * *weight)));
      if (linear.getBias())
        linear.getBiasMutable().assign(
            makeConstant(builder, linear.getBias().getLoc(), name + ".bias", VectorXd(bias->cwiseQuotient(factors))));
      return success();
    }
    auto norm = cast<LayerNormOp>(source);
    for (auto [operand, what] :
         {std::pair(&norm.getWeightMutable(), "weight"), std::pair(&norm.getBiasMutable(), "bias")}) {
      FailureOr<VectorXd> vector = vectorOf(norm, operand->get(), what);
      if (failed(vector))
        return failure();
      operand->assign(makeConstant(builder, operand->get().getLoc(), norm.getLayer().str() + "." + what,
                                   VectorXd(vector->cwiseQuotient(factors))));
    }
    return success();
  }
};

} // namespace
} // namespace vitya
