// Two replays of the images, of the f32 model and of the model as it will be quantized, advance through the layers
// together. The weight of each layer is fitted, and rounded if GPTQ is asked for, before the second replay executes it.
#include "mlir/IR/Threading.h"
#include "passes/numerics/Gptq.h"
#include "passes/quantize/FakeQuantization.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/FormatVariadic.h"

#define DEBUG_TYPE "vitya-fit-weights"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_FITWEIGHTSPASS
#include "passes/quantize/Passes.h.inc"

namespace {

/// The output that a rounded weight is to approximate.
enum class Target {
  quantized, ///< of the f32 weight for the input in the quantized model, as in the paper
  original   ///< of the layer in the f32 model
};

/// What is chosen for each layer on held-out images.
struct Choice {
  Target target = Target::quantized;
  GptqSettings settings;

  std::string text() const {
    return llvm::formatv("GPTQ, damping {0}{1}{2}", settings.damping,
                         settings.order == ColumnOrder::natural ? ", natural order" : "",
                         target == Target::original ? ", fitted to the f32 output" : "");
  }
};

constexpr double kDampings[] = {0.0001, 0.001, 0.01, 0.1};
/// One of this many images is held out. From fewer images than this, none is, and the damping is that of the paper.
constexpr int64_t kHeldOutShare = 4;

/// E[z z^T] for the input z in the quantized model, and E[x z^T] with the input x in the f32 model. Both are centred
/// for factors, where a bias makes up for the difference of the means.
struct Products {
  MatrixXd second, cross;

  Products(const InputMoments &moments, bool isFactor)
      : second(isFactor ? moments.compressed.covariance() : moments.compressed.second()),
        cross(isFactor ? moments.cross.covariance() : moments.cross.second()) {}
};

/// What a weight W is fitted to.
struct Problem : Products {
  MatrixXd weight; ///< W
  MatrixXd fitted; ///< the least squares fit of W x by z if W is a factor; W otherwise

  Problem(const MatrixXd &weight, const InputMoments &moments, bool isFactor)
      : Products(moments, isFactor), weight(weight),
        fitted(isFactor ? regression(weight, moments.compressed, moments.cross) : weight) {}

  /// The weight that is to be rounded. For Target::original it is the least squares fit of W x by z with the damping D
  /// of `gptq`, W + W (E[x z^T] - H) (H + D)^(-1).
  MatrixXd targetOf(Target target, const Gptq &gptq) const {
    return target == Target::quantized ? fitted : weight + gptq.solve(weight * (cross - second));
  }
};

/// Moments of the input of layers, on the images that choices are fitted to and on the others.
struct SplitMoments {
  Value input, original; ///< in the quantized and in the f32 model
  InputMoments fitted, heldOut;

  InputMoments all() const {
    InputMoments sum = fitted;
    sum.compressed.add(heldOut.compressed);
    sum.cross.add(heldOut.cross);
    return sum;
  }
};

/// How a weight will be rounded.
struct Rounding {
  std::vector<float> scales;
  Levels levels;
};

class Fit {
public:
  Fit(ModuleOp module, const ImageSet &images, const QuantizeOptions &options)
      : entry(module.lookupSymbol<func::FuncOp>(kEntryName)), heldOut(images.count() / kHeldOutShare),
        quantization(options), models(module, images, quantization) {}

  LogicalResult run() {
    for (auto op : llvm::make_early_inc_range(entry.getOps<LinearOp>()))
      if (op.isF32() && (isFactorized(op) || isRounded(op)) && failed(fit(op)))
        return failure();
    return success();
  }

private:
  bool isRounded(LinearOp op) const {
    return quantization.rounding() == WeightRounding::gptq && quantization.quantizes(op);
  }

  LogicalResult fit(LinearOp op) {
    FailureOr<MatrixXd> weight = weightOf(op);
    FailureOr<VectorXd> bias = biasOf(op);
    if (failed(weight) || failed(bias) || failed(collectMoments(op)))
      return failure();
    InputMoments all = moments.all();
    Problem problem(*weight, all, isFactorized(op));
    LDBG() << op.getLayer() << ": largest norm of a row " << weight->rowwise().norm().maxCoeff() << ", fitted "
           << problem.fitted.rowwise().norm().maxCoeff();
    RoundedWeightAttr record;
    MatrixXd stored = problem.fitted;
    if (isRounded(op))
      std::tie(record, stored) = round(op, problem, all.compressed);
    // A right factor has no bias: the difference of its means goes to the bias of the left factor, which is next.
    if (isFactorized(op))
      setWeights(op, {problem.fitted, *bias + *weight * all.cross.mean() - stored * all.cross.secondMean()});
    if (record)
      setDiscardable<VityaDialect::RoundedAttrHelper>(op, record);
    return success();
  }

  /// Rounds the weight of `op`, which reads `input`. Returns the integers and what they stand for.
  std::pair<RoundedWeightAttr, MatrixXd> round(LinearOp op, const Problem &problem, const Moments &input) {
    auto bits = int(quantization.bitsOf(op));
    Rounding rounding = {numerics::weightScales(RowMajorOf<float>(problem.fitted.cast<float>()),
                                                quantization.granularity() == WeightGranularity::channel, bits),
                         signedLevels(bits)};
    warn(op, input);
    Choice choice = heldOut > 0 ? choose(op, problem.weight, rounding) : Choice();
    Gptq gptq(problem.second, choice.settings);
    QuantizedWeight rounded =
        gptq.roundAndScale(problem.targetOf(choice.target, gptq), rounding.scales, rounding.levels);
    LDBG() << op.getLayer() << ": " << choice.text() << ", error of the output "
           << outputError(problem.fitted, rounded, problem.second);
    return {makeRounded(op, rounded, quantization.granularity(), unsigned(bits), choice.text()),
            rounded.dequantize().cast<double>()};
  }

  /// Advances both replays to `op` and computes `moments` of its input, unless the last layer had the same.
  LogicalResult collectMoments(LinearOp op) {
    if (failed(models.advanceTo(op)))
      return failure();
    Value originalInput = models.originalInput(op);
    if (moments.input == op.getInput() && moments.original == originalInput)
      return success();
    ArrayRef<reference::Tensor> x = models.originalInputOf(op);
    std::vector<reference::Tensor> z = models.quantizedInputOf(op);
    auto momentsFrom = [&](size_t begin, size_t count) {
      return momentsOf(op.getContext(), x.slice(begin, count), ArrayRef(z).slice(begin, count));
    };
    auto held = size_t(heldOut);
    moments = {op.getInput(), originalInput, momentsFrom(0, x.size() - held), {}};
    if (held > 0)
      moments.heldOut = momentsFrom(x.size() - held, held);
    else
      moments.heldOut = {Moments(x.front().dim(1)), Moments(x.front().dim(1))};
    return success();
  }

  /// The choice with the least error of the output, compared with that of the f32 model, on the images that are held
  /// out from the rounding.
  Choice choose(LinearOp op, const MatrixXd &weight, const Rounding &rounding) const {
    Problem problem(weight, moments.fitted, isFactorized(op));
    Products held(moments.heldOut, isFactorized(op));
    MatrixXd expected = weight * held.cross;
    // E|W x - V z|^2 without the term of W x alone, which all choices share.
    auto errorOf = [&](const Gptq &gptq, Target target) {
      MatrixXd v =
          gptq.round(problem.targetOf(target, gptq), rounding.scales, rounding.levels).dequantize().cast<double>();
      return (v * held.second - 2 * expected).cwiseProduct(v).sum();
    };
    SmallVector<Choice> choices;
    for (double damping : kDampings)
      for (Target target : {Target::quantized, Target::original})
        choices.push_back({target, {damping, ColumnOrder::descending}});
    SmallVector<double> errors(choices.size());
    parallelFor(op.getContext(), 0, std::size(kDampings), [&](size_t i) {
      Gptq gptq(problem.second, choices[2 * i].settings);
      for (size_t each : {2 * i, 2 * i + 1})
        errors[each] = errorOf(gptq, choices[each].target);
    });
    size_t best = llvm::min_element(errors) - errors.begin();
    // The order matters less than the damping, so the natural one is only compared for the best damping.
    Choice natural = choices[best];
    natural.settings.order = ColumnOrder::natural;
    return errorOf(Gptq(problem.second, natural.settings), natural.target) < errors[best] ? natural : choices[best];
  }

  /// Warns if there are too few samples of the input of `op` to tell all directions apart. Says so in a remark if some
  /// do not occur although there are enough.
  static void warn(LinearOp op, const Moments &input) {
    if (input.count() < input.width())
      mlir::emitWarning(op.getLoc())
          << "layer '" << op.getLayer() << "' has " << input.count() << " tokens for the " << input.width()
          << " columns of its weight: its rounding may not suit other images; use more images";
    else if (isSingular(input.second()))
      mlir::emitRemark(op.getLoc()) << "layer '" << op.getLayer()
                                    << "' has a singular second moment of its input on these images: "
                                    << "damping makes it regular";
  }

  func::FuncOp entry;
  int64_t heldOut; ///< the number of images that are held out
  FakeQuantization quantization;
  PairedReplay models;  ///< in f32 and as they will be quantized
  SplitMoments moments; ///< of the input of the last layer
};

struct FitWeights : impl::FitWeightsPassBase<FitWeights> {
  using FitWeightsPassBase::FitWeightsPassBase;

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult rewrite(ModuleOp module) {
    FailureOr<QuantizeOptions> quantization = requireQuantization(module, quantize, "to which weights are fitted");
    if (failed(quantization))
      return failure();
    FailureOr<ImageSet> imageSet = ImageSet::open(module, images, count);
    FailureOr<func::FuncOp> entry = entryOf(module);
    if (failed(imageSet) || failed(entry))
      return failure();
    if (roundingOf(*quantization) == WeightRounding::nearest && llvm::none_of(entry->getOps<LinearOp>(), isFactorized))
      return success();
    if (failed(Fit(module, *imageSet, *quantization).run()))
      return failure();
    dropConstants(module);
    return success();
  }
};

} // namespace
} // namespace vitya
