// Two replays of the images, of the f32 model and of the model as it will be quantized, advance through the layers
// together. The weight of each layer is rounded before the second replay executes it.
#include "dialect/Fingerprint.h"
#include "mlir/IR/Threading.h"
#include "passes/numerics/Gptq.h"
#include "passes/quantize/FakeQuantization.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/FormatVariadic.h"

#define DEBUG_TYPE "vitya-round-weights"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_ROUNDWEIGHTSPASS
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

/// Moments of the input of layers, on the images that weights are fitted to and on the others.
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

class Rounding {
public:
  Rounding(ModuleOp module, const ImageSet &images, const QuantizeOptions &options)
      : entry(module.lookupSymbol<func::FuncOp>(kEntryName)), heldOut(images.count() / kHeldOutShare),
        quantization(options), models(module, images, quantization) {}

  LogicalResult run() {
    for (auto op : entry.getOps<LinearOp>())
      if (quantization.quantizes(op) && failed(round(op)))
        return failure();
    return success();
  }

private:
  LogicalResult round(LinearOp op) {
    FailureOr<MatrixXd> weight = weightOf(op);
    if (failed(weight) || failed(collectMoments(op)))
      return failure();
    RowMajorOf<float> exact = weight->cast<float>();
    auto bits = int(quantization.bitsOf(op));
    Levels levels = signedLevels(bits);
    std::vector<float> scales =
        numerics::weightScales(exact, quantization.granularity() == WeightGranularity::channel, bits);
    Choice choice = heldOut > 0 ? choose(op.getContext(), *weight, scales, levels) : Choice();
    InputMoments all = moments.all();
    warn(op, all.compressed);
    MatrixXd second = all.compressed.second();
    Gptq gptq(second, choice.settings);
    QuantizedWeight rounded =
        gptq.roundAndScale(targetOf(choice.target, *weight, gptq, second, all.cross.second()), scales, levels);
    LDBG() << op.getLayer() << ": " << choice.text() << ", error of the output "
           << outputError(*weight, rounded, second) << ", rounded to nearest "
           << outputError(*weight, numerics::quantizeWeight(exact, scales.size() > 1, bits), second);
    setDiscardable<VityaDialect::RoundedAttrHelper>(
        op, makeRounded(op, rounded, quantization.granularity(), unsigned(bits), choice.text()));
    return success();
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

  /// The weight that is to be rounded. For Target::original it is the least squares fit of W x by z, W + W (E[x z^T] -
  /// H) (H + D)^(-1) with the damping D.
  static MatrixXd targetOf(Target target, const MatrixXd &weight, const Gptq &gptq, const MatrixXd &second,
                           const MatrixXd &cross) {
    if (target == Target::quantized)
      return weight;
    return weight + gptq.solve(weight * (cross - second));
  }

  /// The choice with the least error of the output, compared with that of the f32 model, on the images that are held
  /// out from the rounding.
  Choice choose(MLIRContext *context, const MatrixXd &weight, const std::vector<float> &scales, Levels levels) const {
    MatrixXd second = moments.fitted.compressed.second(), cross = moments.fitted.cross.second();
    MatrixXd heldSecond = moments.heldOut.compressed.second(), expected = weight * moments.heldOut.cross.second();
    // E|W x - V z|^2 without the term of W x alone, which all choices share.
    auto errorOf = [&](const Gptq &gptq, Target target) {
      MatrixXd v =
          gptq.round(targetOf(target, weight, gptq, second, cross), scales, levels).dequantize().cast<double>();
      return (v * heldSecond - 2 * expected).cwiseProduct(v).sum();
    };
    SmallVector<Choice> choices;
    for (double damping : kDampings)
      for (Target target : {Target::quantized, Target::original})
        choices.push_back({target, {damping, ColumnOrder::descending}});
    SmallVector<double> errors(choices.size());
    parallelFor(context, 0, std::size(kDampings), [&](size_t i) {
      Gptq gptq(second, choices[2 * i].settings);
      for (size_t each : {2 * i, 2 * i + 1})
        errors[each] = errorOf(gptq, choices[each].target);
    });
    size_t best = llvm::min_element(errors) - errors.begin();
    // The order matters less than the damping, so the natural one is only compared for the best damping.
    Choice natural = choices[best];
    natural.settings.order = ColumnOrder::natural;
    return errorOf(Gptq(second, natural.settings), natural.target) < errors[best] ? natural : choices[best];
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

struct RoundWeights : impl::RoundWeightsPassBase<RoundWeights> {
  using RoundWeightsPassBase::RoundWeightsPassBase;

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult rewrite(ModuleOp module) {
    FailureOr<QuantizeOptions> quantization = requireQuantization(module, quantize, "for which weights are rounded");
    if (failed(quantization))
      return failure();
    FailureOr<ImageSet> imageSet = ImageSet::open(module, images, count);
    if (failed(imageSet) || failed(entryOf(module)) || failed(Rounding(module, *imageSet, *quantization).run()))
      return failure();
    setDiscardable<VityaDialect::CalibratedAttrHelper>(module, StringAttr::get(&getContext(), fingerprint(module)));
    return success();
  }
};

} // namespace
} // namespace vitya
