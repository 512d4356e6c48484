// Rounds the inputs and weights of linear layers to bf16.
#include "dialect/Bf16Layers.h"
#include "mlir/IR/Matchers.h"
#include "passes/quantize/Passes.h"
#include "passes/quantize/QuantizedLayers.h"
#include "llvm/Support/Debug.h"

using namespace mlir;

namespace vitya {
#define DEBUG_TYPE "vitya-convert-to-bf16"
#define GEN_PASS_DEF_CONVERTTOBF16PASS
#include "passes/quantize/Passes.h.inc"

namespace {

struct ConvertToBf16 : impl::ConvertToBf16PassBase<ConvertToBf16> {
  using ConvertToBf16PassBase::ConvertToBf16PassBase;

  /// In the order of Passes.td.
  ConvertToBf16PassOptions options() const { return {layers, except}; }

  void runOnOperation() override {
    if (failed(rewrite(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult rewrite(ModuleOp module) {
    FailureOr<LayerFilter> filter = LayerFilter::create(module, layers, except, /*keepF32=*/{}, BitsByLayer());
    if (failed(filter))
      return failure();
    FailureOr<func::FuncOp> entry = entryOf(module);
    Bf16Layers layersOfBf16;
    llvm::StringSet<> converted; // names of trained layers
    for (auto op : llvm::make_early_inc_range(entry->getOps<LinearOp>())) {
      if (!op.isF32() || filter->whyNot(op))
        continue;
      if (!matchPattern(op.getWeight(), m_Constant())) {
        remarkLeftAlone(op, "stays f32: its weight is computed");
        continue;
      }
      LLVM_DEBUG(llvm::dbgs() << op.getLayer() << ": converted\n");
      dropRounded(op);
      if (failed(layersOfBf16.convert(op)))
        return failure();
      converted.insert(layerNameOf(op));
    }
    if (converted.empty())
      return module.emitError("expected a linear layer in f32 to convert to bf16, found none that is selected");
    // The parts of a layer share a record.
    LayerRecords records;
    for (auto op : entry->getOps<LinearOp>())
      if (converted.contains(layerNameOf(op)))
        records.add(op, op.getFormat(), op.getFormat().isBf16() ? "rounded to bf16" : "stays " + op.getFormat().str());
    records.write();
    dropConstants(module);
    return success();
  }
};

} // namespace

llvm::Expected<ConvertToBf16PassOptions> parseConvertToBf16Options(StringRef flag, StringRef text) {
  return parseOptionsOf<ConvertToBf16>(flag, text);
}

} // namespace vitya
