// vitya-opt: every pass and pipeline, on its own.
#include "dialect/VityaDialect.h"
#include "passes/Passes.h"
#include "passes/pipelines/Pipelines.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::registerAllPasses();
  vitya::registerVityaPasses();
  vitya::registerVityaPipelines();
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<vitya::VityaDialect>();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "ViTyaQua optimizer driver\n", registry));
}
