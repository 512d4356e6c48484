// Watches, on calibration images, every value that static quantization would store in 8 bits, and writes down the
// ranges that each observer proposes.
#include "dialect/Fingerprint.h"
#include "mlir/IR/Threading.h"
#include "passes/quantize/Passes.h"
#include "passes/analysis/ImageSet.h"
#include "passes/quantize/QuantizedLayers.h"
#include "llvm/Support/Format.h"
#include <mutex>

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_CALIBRATEPASS
#include "passes/quantize/Passes.h.inc"

namespace {

constexpr int kRangeDigits = 6, kShareDigits = 3;

/// An observer that several threads show images to.
struct Watch {
  explicit Watch(int64_t images) : observer(images) {}
  Observer observer;
  std::mutex mutex;
};

/// `value` to so many digits: ranges are read by people too, and a millionth of one is nothing.
double rounded(double value, int digits) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.*g", digits, value);
  return std::strtod(text.c_str(), nullptr);
}

/// The operands of `op` that static quantization would store in 8 bits; none for other ops and quantized ones.
SmallVector<std::pair<Value, Symmetry>> operandsOf(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op); linear && !linear.isQuantized())
    return {{linear.getInput(), Symmetry::affine}};
  if (auto attention = dyn_cast<AttentionOp>(op); attention && !attention.isQuantized())
    return {{attention.getQuery(), Symmetry::affine},
            {attention.getKey(), Symmetry::symmetric},
            {attention.getValue(), Symmetry::symmetric}};
  return {};
}

struct Calibrate : impl::CalibratePassBase<Calibrate> {
  using CalibratePassBase::CalibratePassBase;

  void runOnOperation() override {
    if (failed(calibrate(getOperation())))
      signalPassFailure();
  }

private:
  using Watches = llvm::MapVector<Value, std::unique_ptr<Watch>>;

  LogicalResult calibrate(ModuleOp module) {
    FailureOr<ImageSet> calibration = ImageSet::open(module, images, count);
    if (failed(calibration))
      return failure();
    FailureOr<func::FuncOp> entry = entryOf(module);
    if (failed(entry))
      return failure();
    Watches watches;
    for (Operation &op : entry->getBody().front())
      for (auto [value, symmetry] : operandsOf(&op)) {
        if (!value.getDefiningOp())
          return op.emitOpError("expected operands that are computed from an image, found an argument");
        if (!watches.count(value))
          watches[value] = std::make_unique<Watch>(calibration->count());
      }
    if (failed(watch(module, *calibration, watches)))
      return failure();
    for (Operation &op : entry->getBody().front())
      for (auto [value, symmetry] : operandsOf(&op))
        if (!watches[value]->observer.isFinite())
          return op.emitOpError("expected finite operands of layer '")
                 << op.getAttrOfType<StringAttr>("layer").getValue()
                 << "' on the calibration images, found NaN or infinity";
    writeRanges(*entry, watches);
    module->setAttr(kCalibratedAttrName, StringAttr::get(&getContext(), fingerprint(module)));
    return success();
  }

  LogicalResult watch(ModuleOp module, const ImageSet &calibration, Watches &watches) {
    auto observe = [&](int64_t index, Operation *op, ArrayRef<reference::Tensor> results) {
      for (auto [value, tensor] : llvm::zip_equal(op->getResults(), results))
        if (auto found = watches.find(value); found != watches.end()) {
          std::lock_guard<std::mutex> lock(found->second->mutex);
          found->second->observer.add(index, tensor.values().data(), tensor.size());
        }
    };
    return LogicalResult(calibration.run(module, observe));
  }

  /// Puts the ranges for its operands on each op.
  void writeRanges(func::FuncOp entry, Watches &watches) {
    // Operands that are one value with one symmetry share their ranges, which take a search to find.
    llvm::MapVector<std::pair<Value, int>, Attribute> ranges;
    for (Operation &op : entry.getBody().front())
      for (auto [value, symmetry] : operandsOf(&op))
        ranges.insert({{value, int(symmetry)}, Attribute()});
    std::vector<std::array<std::pair<numerics::Range, Distortion>, std::size(kObserverKinds)>> found(ranges.size());
    parallelFor(&getContext(), 0, ranges.size(), [&](size_t i) {
      auto [value, symmetry] = ranges.getArrayRef()[i].first;
      const Observer &observer = watches.find(value)->second->observer;
      for (auto [kind, result] : llvm::zip_equal(kObserverKinds, found[i])) {
        numerics::Range range = observer.range(kind, Symmetry(symmetry));
        range = {float(rounded(range.min, kRangeDigits)), float(rounded(range.max, kRangeDigits))};
        result = {range, distortionOf(observer.histogram(), parametersOf(range, Symmetry(symmetry)))};
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
    }
    for (Operation &op : entry.getBody().front()) {
      SmallVector<Attribute> ofOp;
      for (auto [value, symmetry] : operandsOf(&op))
        ofOp.push_back(ranges.find({value, int(symmetry)})->second);
      if (!ofOp.empty())
        op.setAttr(kRangesAttrName, ArrayAttr::get(&getContext(), ofOp));
    }
  }
};

} // namespace
} // namespace vitya
