// vitya-lsp-server: completion, hover and diagnostics for IR in editors.
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "tools/lib/ModelInput.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  vitya::registerAllModelDialects(registry);
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
