// Wraps the pass that tools/ci/new-pass generates for test/integration/new-pass.test in a plugin for vitya-opt.
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "passes/analysis/CountLayers.cpp"

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "CountLayers", VITYA_VERSION,
          [] { mlir::registerPass(vitya::createCountLayersPass); }};
}
