// A pass that lives outside ViTyaQua: reports each linear layer of a model with its weights, and their sum. Loaded with
// `vitya-opt --load-pass-plugin=CountLayers.so --pass-pipeline="builtin.module(example-count-layers)"`.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

namespace {

/// Before: a module in phase `import` or `compress`. After: the same; remarks at the linear layers say how many weights
/// they have, and the module's attribute `example.linear_weights` holds the sum.
struct CountLayers : PassWrapper<CountLayers, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountLayers)

  StringRef getArgument() const override { return "example-count-layers"; }
  StringRef getDescription() const override { return "count the weights of linear layers"; }

  void runOnOperation() override {
    int64_t sum = 0;
    getOperation().walk([&](vitya::LinearOp linear) {
      int64_t weights = cast<ShapedType>(linear.getWeight().getType()).getNumElements();
      linear.emitRemark() << "layer " << linear.getLayer() << " has " << weights << " weights";
      sum += weights;
    });
    getOperation()->setAttr("example.linear_weights", Builder(&getContext()).getI64IntegerAttr(sum));
  }
};

} // namespace

/// What vitya-opt looks for in a plugin.
extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "CountLayers", VITYA_VERSION, [] { PassRegistration<CountLayers>(); }};
}
