// vitya-opt: runs any passes and pipelines on IR.
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/pipelines/Pipelines.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/ModelInput.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Debug.h"
#include "llvm/Support/MemoryBuffer.h"

namespace {

#ifndef NDEBUG
/// Registers --debug-only where LLVM does not: a release build of LLVM, such as Debian's, leaves it out, although our
/// own debug build prints what passes decide.
void registerDebugOption() {
  if (llvm::cl::getRegisteredOptions().contains("debug-only"))
    return;
  static llvm::cl::list<std::string> types("debug-only", llvm::cl::CommaSeparated, llvm::cl::value_desc("pass,..."),
                                           llvm::cl::desc("Print the debug output of these passes"),
                                           llvm::cl::callback([](const std::string &type) {
                                             static std::vector<std::string> all;
                                             all.push_back(type);
                                             std::vector<const char *> names;
                                             for (const std::string &each : all)
                                               names.push_back(each.c_str());
                                             llvm::DebugFlag = true;
                                             llvm::setCurrentDebugTypes(names.data(), names.size());
                                           }));
}
#endif

/// Fails if the plugin at `path` cannot be loaded or was built with another version. Upstream's driver ignores plugins
/// that it cannot load, and a plugin of another version may disagree about the dialect.
llvm::Error checkPlugin(llvm::StringRef path) {
  llvm::Expected<mlir::PassPlugin> plugin = mlir::PassPlugin::load(path.str());
  if (!plugin)
    return plugin.takeError();
  vitya::protectInput(path);
  if (plugin->getPluginVersion() == VITYA_VERSION)
    return llvm::Error::success();
  return vitya::makeError("expected plugin '{0}' to be built with version {1} of ViTyaQua, found version {2}", path,
                          VITYA_VERSION, plugin->getPluginVersion());
}

llvm::Error checkPlugins(llvm::ArrayRef<char *> arguments) {
  for (llvm::StringRef argument : arguments)
    if (argument.consume_front("--load-pass-plugin=") || argument.consume_front("-load-pass-plugin="))
      if (llvm::Error error = checkPlugin(argument))
        return error;
  return llvm::Error::success();
}

/// Upstream's driver, but its output file is either complete or absent.
llvm::Error run(int argc, char **argv) {
  if (llvm::Error error = checkPlugins(llvm::ArrayRef(argv, argc).drop_front()))
    return error;
  mlir::registerAllPasses();
  vitya::registerVityaPasses();
  vitya::registerVityaPipelines();
  mlir::DialectRegistry registry;
  vitya::registerAllModelDialects(registry);
  auto [inputPath, outputPath] = mlir::registerAndParseCLIOptions(argc, argv, "ViTyaQua optimizer driver\n", registry);
  auto toError = [](mlir::LogicalResult result) {
    return mlir::succeeded(result) ? llvm::Error::success() : vitya::reportedError();
  };
  auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  if (config.shouldListPasses() || config.shouldShowDialects())
    return toError(mlir::MlirOptMain(argc, argv, inputPath, outputPath, registry));
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> input = mlir::openInputFile(inputPath, &message);
  if (!input)
    return vitya::makeError("{0}", message);
  vitya::protectInput(inputPath);
  return vitya::writeOutput(outputPath, [&](llvm::raw_ostream &os) {
    return toError(mlir::MlirOptMain(os, std::move(input), registry, config));
  });
}

} // namespace

int main(int argc, char **argv) {
#ifndef NDEBUG
  registerDebugOption();
#endif
  return vitya::exitCodeOf(run(argc, argv), "vitya-opt");
}
