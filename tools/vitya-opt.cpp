// vitya-opt: every pass and pipeline, on its own.
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/Passes.h"
#include "passes/pipelines/Pipelines.h"
#include "tools/ModelInput.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  vitya::registerVityaPasses();
  vitya::registerVityaPipelines();
  mlir::DialectRegistry registry;
  vitya::registerAllModelDialects(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "ViTyaQua optimizer driver\n", registry));
}
