// Rescales the columns of activations so that they are easier to quantize. The division is folded into the op that
// computes the activation, or inserted after it, and the multiplication is folded into the weights that read it.
#include "mlir/IR/Matchers.h"
#include "passes/analysis/ImageSet.h"
#include "passes/quantize/Passes.h"
#include "passes/quantize/QuantizedLayers.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Debug.h"
#include <mutex>

using namespace mlir;
using namespace Eigen;

namespace vitya {
#define DEBUG_TYPE "vitya-smooth"
#define GEN_PASS_DEF_SMOOTHPASS
#include "passes/quantize/Passes.h.inc"

namespace {

bool isConstant(Value value) { return matchPattern(value, m_Constant()); }

/// The linear layers that read `value` or a slice of its rows; none if any other op reads it.
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
    if (!linear || !linear.isF32() || use.get() != linear.getInput() || !isConstant(linear.getWeight()))
      return {};
    readers.insert(linear);
  }
  return readers;
}

/// The op that the division of the columns of `value` is folded into: the norm or linear layer that computes it or, if
/// attention computes it, the linear layer of the attention's values. Null if there is none, or if another op reads its
/// result.
Operation *scalableSource(Value value) {
  Operation *source = value.getDefiningOp();
  if (auto attention = dyn_cast_or_null<AttentionOp>(source)) {
    if (!attention.isF32() || !attention.getValue().hasOneUse())
      return nullptr;
    source = attention.getValue().getDefiningOp();
    if (!isa_and_nonnull<LinearOp>(source))
      return nullptr;
  }
  if (isa_and_nonnull<LayerNormOp, RmsNormOp>(source))
    return llvm::all_of(source->getOperands().drop_front(), isConstant) ? source : nullptr;
  auto linear = dyn_cast_or_null<LinearOp>(source);
  bool isScalable =
      linear && linear.isF32() && isConstant(linear.getWeight()) && (!linear.getBias() || isConstant(linear.getBias()));
  return isScalable ? source : nullptr;
}

/// Whether an op that is inserted after `value` can divide its columns at no cost, in the kernel that computes it.
bool isElementwise(Value value) {
  return isa_and_nonnull<GeluOp, ReluOp, SiluOp, arith::MulFOp>(value.getDefiningOp());
}

/// A value whose columns can be rescaled.
struct Activation {
  Value value;
  Operation *source; ///< the op that the division is folded into; null if an op is inserted for it
  llvm::SetVector<LinearOp> readers;
  VectorXf magnitudes; ///< of each column, the maximum over all tokens
  std::mutex mutex;

  /// Updates the magnitudes with the tokens of one image.
  void add(const reference::Tensor &tokens) {
    VectorXf largest = tokens.matrix().cwiseAbs().colwise().maxCoeff().transpose();
    std::lock_guard<std::mutex> lock(mutex);
    magnitudes = magnitudes.size() ? VectorXf(magnitudes.cwiseMax(largest)) : largest;
  }
};

struct Smooth : impl::SmoothPassBase<Smooth> {
  using SmoothPassBase::SmoothPassBase;

  /// In the order of Passes.td.
  SmoothPassOptions options() const { return {images, count, alpha, layers, inputs, factors}; }

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  using Activations = llvm::MapVector<Value, std::unique_ptr<Activation>>;

  LogicalResult rewrite(ModuleOp module) {
    if (!(alpha >= 0 && alpha <= 1))
      return module.emitError("expected alpha to be from 0 to 1, found ") << alpha.getValue();
    FailureOr<LayerFilter> filter = LayerFilter::create(module, layers, /*except=*/"", /*keepF32=*/{}, BitsByLayer());
    FailureOr<ImageSet> calibration = FailureOr<ImageSet>(failure());
    if (succeeded(filter))
      calibration = ImageSet::open(module, images, count);
    if (failed(calibration))
      return failure();
    Activations activations = findActivations(*entryOf(module), *filter);
    if (activations.empty())
      return success();
    auto observe = [&](int64_t, Operation *op, ArrayRef<reference::Tensor> results) {
      if (op->getNumResults() == 1)
        if (auto found = activations.find(op->getResult(0)); found != activations.end())
          found->second->add(results.front());
    };
    if (failed(calibration->run(module, observe)))
      return failure();
    for (auto &[value, activation] : activations)
      if (failed(smooth(*activation)))
        return failure();
    dropConstants(module);
    return success();
  }

  /// The inputs of the layers that `filter` selects which `inputs` chooses and which can be rescaled; a remark for each
  /// layer whose input cannot.
  Activations findActivations(func::FuncOp entry, const LayerFilter &filter) const {
    Activations activations;
    for (auto op : entry.getOps<LinearOp>()) {
      if (filter.whyNot(op) || !op.isF32() || (factors && !isFactorized(op)))
        continue;
      Value value = op.getInput();
      // A slice of rows is rescaled together with the whole value.
      while (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>()) {
        if (slice.getSourceType().getRank() != 2 ||
            slice.getSourceType().getDimSize(1) != cast<RankedTensorType>(value.getType()).getDimSize(1))
          break;
        value = slice.getSource();
      }
      if (activations.count(value))
        continue;
      Operation *source = scalableSource(value);
      if (inputs == (source ? SmoothedInputs::inserted : SmoothedInputs::folded))
        continue;
      bool isScalable = source || isElementwise(value);
      llvm::SetVector<LinearOp> readers = readersOf(value);
      if (!isScalable || readers.empty()) {
        if (inputs != SmoothedInputs::inserted)
          remarkLeftAlone(
              op, isScalable ? "keeps the scale of its input: others read it too"
                             : "keeps the scale of its input: no norm, linear layer or elementwise op computes it");
        continue;
      }
      auto &activation = activations[value] = std::make_unique<Activation>();
      activation->value = value;
      activation->source = source;
      activation->readers = std::move(readers);
    }
    return activations;
  }

  /// Multiplies the weights that read `activation` by the smoothing factors, and divides in its source.
  LogicalResult smooth(Activation &activation) {
    VectorXf weights = VectorXf::Zero(activation.magnitudes.size());
    std::vector<MatrixXd> read;
    for (LinearOp reader : activation.readers) {
      FailureOr<MatrixXd> weight = weightOf(reader);
      if (failed(weight))
        return failure();
      weights = weights.cwiseMax(weight->cwiseAbs().colwise().maxCoeff().transpose().cast<float>());
      read.push_back(std::move(*weight));
    }
    VectorXd factors = numerics::smoothingFactors(activation.magnitudes, weights, alpha).cast<double>();
    LLVM_DEBUG(llvm::dbgs() << "input of " << activation.readers.front().getLayer() << ": factors from "
                            << factors.minCoeff() << " to " << factors.maxCoeff() << '\n');
    for (auto [reader, weight] : llvm::zip_equal(activation.readers, read)) {
      LinearOp op = reader;
      setWeight(op, weight * factors.asDiagonal());
    }
    if (activation.source)
      return divide(activation.source, factors);
    insertDivision(activation, factors);
    return success();
  }

  /// Inserts an op that divides the columns of `activation` by `factors` for all its readers.
  static void insertDivision(Activation &activation, const VectorXd &factors) {
    OpBuilder builder(activation.value.getContext());
    builder.setInsertionPointAfterValue(activation.value);
    Location loc = activation.value.getLoc();
    LinearOp reader = activation.readers.front();
    Value constant =
        makeConstant(builder, loc, (reader.getLayer() + ".input_factors").str(), VectorXd(factors.cwiseInverse()));
    auto scaled = ScaleColumnsOp::create(builder, loc, activation.value, constant);
    activation.value.replaceAllUsesExcept(scaled, scaled);
  }

  /// Divides the columns that `source` computes by `factors`.
  static LogicalResult divide(Operation *source, const VectorXd &factors) {
    OpBuilder builder(source);
    if (auto linear = dyn_cast<LinearOp>(source)) {
      FailureOr<MatrixXd> weight = weightOf(linear);
      FailureOr<VectorXd> bias = biasOf(linear);
      if (failed(weight) || failed(bias))
        return failure();
      setWeights(linear, {factors.cwiseInverse().asDiagonal() * *weight, bias->cwiseQuotient(factors)});
      return success();
    }
    // The weight of a norm and, if it has one, its bias.
    constexpr StringLiteral parts[] = {"weight", "bias"};
    for (auto [operand, what] : llvm::zip(source->getOpOperands().drop_front(), parts)) {
      FailureOr<VectorXd> vector = vectorOf(source, operand.get(), what);
      if (failed(vector))
        return failure();
      std::string name = (cast<LayerOpInterface>(source).getLayer() + "." + what).str();
      operand.assign(makeConstant(builder, operand.get().getLoc(), name, VectorXd(vector->cwiseQuotient(factors))));
    }
    return success();
  }
};

} // namespace

llvm::Expected<SmoothPassOptions> parseSmoothOptions(StringRef flag, StringRef text) {
  return parseOptionsOf<Smooth>(flag, text);
}

} // namespace vitya
