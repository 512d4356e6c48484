// A pass outside the ViTyaQua tree that reports the number of weights of each linear layer, and their sum. Load it with
// `vitya-opt --load-pass-plugin=CountLayers.so --pass-pipeline="builtin.module(example-count-layers)"`.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

namespace {

/// Takes a module in phase `import` or `compress`. A remark at each linear layer gives its number of weights, and the
/// module attribute `example.linear_weights` holds their sum. The ops do not change.
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

/// The entry point that vitya-opt looks up in a plugin.
extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "CountLayers", VITYA_VERSION, [] { PassRegistration<CountLayers>(); }};
}
