// vitya-opt: every pass and pipeline, on its own.
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/pipelines/Pipelines.h"
#include "tools/lib/ModelInput.h"
#include "tools/lib/WriteOutput.h"
#include "llvm/Support/MemoryBuffer.h"

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

/// Upstream's driver, with output that is complete or not there.
llvm::Error run(int argc, char **argv, mlir::DialectRegistry &registry) {
  auto [inputPath, outputPath] = mlir::registerAndParseCLIOptions(argc, argv, "ViTyaQua optimizer driver\n", registry);
  auto said = [](mlir::LogicalResult result) {
    return mlir::succeeded(result) ? llvm::Error::success() : llvm::createStringError("");
  };
  auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  if (config.shouldListPasses() || config.shouldShowDialects())
    return said(mlir::MlirOptMain(argc, argv, inputPath, outputPath, registry));
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> input = mlir::openInputFile(inputPath, &message);
  if (!input)
    return llvm::createStringError(message);
  return vitya::writeOutput(outputPath, [&](llvm::raw_ostream &os) {
    return said(mlir::MlirOptMain(os, std::move(input), registry, config));
  });
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
  if (llvm::Error error = run(argc, argv, registry)) {
    // The message is empty where diagnostics have said it already.
    if (std::string message = llvm::toString(std::move(error)); !message.empty())
      llvm::errs() << "vitya-opt: error: " << message << '\n';
    return 1;
  }
  return 0;
}
