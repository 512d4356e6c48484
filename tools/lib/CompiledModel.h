// A model compiled to machine code in this process, for the tools that execute one.
#ifndef VITYA_TOOLS_LIB_COMPILEDMODEL_H
#define VITYA_TOOLS_LIB_COMPILEDMODEL_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/Phases.h"
#include "passes/emit/Target.h"
#include "runtime/Abi.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace vitya {

/// Code that is loaded and ready, through the same descriptor as in an executable. The weights stay in the module.
class CompiledModel {
public:
  /// Takes `module` from phase `reached` through the remaining pipelines, generates code for `target` and loads it.
  /// Fails with one line where this processor lacks what the code needs, or with an empty message where a pass has
  /// said what is wrong.
  static llvm::Expected<CompiledModel> create(mlir::ModuleOp module, Phase reached, const Target &target);

  const vitya_model &model() const { return *descriptor; }
  const void *weights() const { return weightBytes; }

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
  const vitya_model *descriptor = nullptr;
  const void *weightBytes = nullptr;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_COMPILEDMODEL_H
