// Runs the model on calibration images, observes every value that static quantization can store in 8 bits, and attaches
// the ranges that each observer proposes to the ops that read the value.
#include "dialect/Fingerprint.h"
#include "mlir/IR/Threading.h"
#include "passes/analysis/ImageSet.h"
#include "passes/quantize/Passes.h"
#include "passes/quantize/QuantizedLayers.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/Format.h"
#include <mutex>

using namespace mlir;
using namespace vitya::numerics;

#define DEBUG_TYPE "vitya-calibrate"

namespace vitya {
#define GEN_PASS_DEF_CALIBRATEPASS
#include "passes/quantize/Passes.h.inc"

namespace {

/// Decimal digits of ranges, and of the share of clipped values and the relative noise.
constexpr int kRangeDigits = 6, kShareDigits = 3;

/// An observer that several threads feed.
struct SharedObserver {
  explicit SharedObserver(int64_t images) : observer(images) {}
  Observer observer;
  std::mutex mutex;
};

/// Rounds `value` to `digits` decimal digits, which keeps the IR readable; quantization is far coarser.
double rounded(double value, int digits) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.*g", digits, value);
  return std::strtod(text.c_str(), nullptr);
}

struct Calibrate : impl::CalibratePassBase<Calibrate> {
  using CalibratePassBase::CalibratePassBase;

  void runOnOperation() override {
    if (failed(calibrate(getOperation())))
      signalPassFailure();
  }

private:
  using Observers = llvm::MapVector<Value, std::unique_ptr<SharedObserver>>;

  /// The operands of `op` that static quantization can store as integers, with their lowest and highest integer; none
  /// for quantized ops and those of other kinds.
  SmallVector<std::pair<Value, std::pair<int, int>>> operandsOf(Operation *op) {
    SmallVector<std::pair<Value, std::pair<int, int>>> result;
    if (auto layer = dyn_cast<LayerOpInterface>(op); layer && layer.isF32())
      for (const QuantizableOperand &operand : layer.getQuantizableOperands()) {
        Levels levels = levelsOf(operand, activationBits);
        result.push_back({operand.value(), {levels.min, levels.max}});
      }
    return result;
  }

  LogicalResult calibrate(ModuleOp module) {
    FailureOr<func::FuncOp> entry = entryOf(module);
    if (failed(entry))
      return failure();
    Observers observers;
    for (Operation &op : entry->getBody().front())
      for (auto [value, levels] : operandsOf(&op))
        observers[value] = nullptr;
    if (!observers.empty() && failed(observe(module, observers)))
      return failure();
    attachRanges(*entry, observers);
    setDiscardable<VityaDialect::CalibratedAttrHelper>(module, StringAttr::get(&getContext(), fingerprint(module)));
    return success();
  }

  /// Makes an observer for each of the values, and shows it those of all images.
  LogicalResult observe(ModuleOp module, Observers &observers) {
    FailureOr<ImageSet> calibration = ImageSet::open(module, images, count);
    if (failed(calibration))
      return failure();
    for (auto &[value, observer] : observers)
      observer = std::make_unique<SharedObserver>(calibration->count());
    auto show = [&](int64_t index, Operation *op, ArrayRef<reference::Tensor> results) {
      for (auto [value, tensor] : llvm::zip_equal(op->getResults(), results))
        if (auto found = observers.find(value); found != observers.end()) {
          std::lock_guard<std::mutex> lock(found->second->mutex);
          found->second->observer.add(index, tensor.values().data(), tensor.size());
        }
    };
    return LogicalResult(calibration->run(module, show));
  }

  /// Attaches to each op the ranges of its operands.
  void attachRanges(func::FuncOp entry, Observers &observers) {
    // Operands that are the same value with the same levels share their ranges, because finding a range is expensive.
    llvm::MapVector<std::pair<Value, std::pair<int, int>>, Attribute> ranges;
    for (Operation &op : entry.getBody().front())
      for (const auto &operand : operandsOf(&op))
        ranges.insert({operand, Attribute()});
    std::vector<std::array<std::pair<numerics::Range, Distortion>, std::size(kObserverKinds)>> found(ranges.size());
    parallelFor(&getContext(), 0, ranges.size(), [&](size_t i) {
      auto [value, minAndMax] = ranges.getArrayRef()[i].first;
      Levels levels{minAndMax.first, minAndMax.second};
      const Observer &observer = observers.find(value)->second->observer;
      for (auto [kind, result] : llvm::zip_equal(kObserverKinds, found[i])) {
        numerics::Range range = observer.range(kind, levels);
        range = {float(rounded(range.min, kRangeDigits)), float(rounded(range.max, kRangeDigits))};
        result = {range, distortionOf(observer.histogram(), parametersOf(range, levels))};
      }
    });
    for (auto [range, ofRange] : llvm::zip_equal(ranges, found)) {
      SmallVector<Attribute> proposed;
      for (auto [kind, result] : llvm::zip_equal(kObserverKinds, ofRange)) {
        auto &[proposal, distortion] = result;
        proposed.push_back(ObservedRangeAttr::get(
            &getContext(), nameOf(kind), rounded(proposal.min, kRangeDigits), rounded(proposal.max, kRangeDigits),
            rounded(distortion.clipped, kShareDigits), rounded(distortion.relativeNoise(), kShareDigits)));
      }
      range.second = ArrayAttr::get(&getContext(), proposed);
      LLVM_DEBUG(llvm::dbgs() << "ranges of " << range.first.first << ": " << range.second << '\n');
    }
    for (Operation &op : entry.getBody().front()) {
      SmallVector<Attribute> ofOp;
      for (const auto &operand : operandsOf(&op))
        ofOp.push_back(ranges.find(operand)->second);
      if (!ofOp.empty())
        setDiscardable<VityaDialect::RangesAttrHelper>(&op, ArrayAttr::get(&getContext(), ofOp));
    }
  }
};

} // namespace
} // namespace vitya
