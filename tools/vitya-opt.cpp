// vitya-opt: every pass and pipeline, on its own.
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/Passes.h"
#include "passes/pipelines/Pipelines.h"
#include "tools/ModelInput.h"

namespace {

/// Upstream ignores plugins that it cannot load; a pipeline without one of its passes is an error here. A plugin's
/// version is that of the ViTyaQua it was built with, whose dialect it shares.
llvm::Error checkPlugin(llvm::StringRef path) {
  llvm::Expected<mlir::PassPlugin> plugin = mlir::PassPlugin::load(path.str());
  if (!plugin)
    return plugin.takeError();
  if (plugin->getPluginVersion() == VITYA_VERSION)
    return llvm::Error::success();
  return llvm::createStringError("expected plugin '" + path +
                                 "' to be built with version " VITYA_VERSION " of ViTyaQua, found version " +
                                 plugin->getPluginVersion());
}

} // namespace

int main(int argc, char **argv) {
  for (llvm::StringRef argument : llvm::ArrayRef(argv, argc).drop_front()) {
    if (!argument.consume_front("--load-pass-plugin=") && !argument.consume_front("-load-pass-plugin="))
      continue;
    if (llvm::Error error = checkPlugin(argument)) {
      llvm::errs() << "vitya-opt: error: " << llvm::toString(std::move(error)) << '\n';
      return 1;
    }
  }
  mlir::registerAllPasses();
  vitya::registerVityaPasses();
  vitya::registerVityaPipelines();
  mlir::DialectRegistry registry;
  vitya::registerAllModelDialects(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "ViTyaQua optimizer driver\n", registry));
}
