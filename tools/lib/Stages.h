// The files of --dump-stages: the module after each phase.
#ifndef VITYA_TOOLS_LIB_STAGES_H
#define VITYA_TOOLS_LIB_STAGES_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// Writes numbered files to a folder, which is created.
class Stages {
public:
  /// Without a folder, modules are not written.
  explicit Stages(llvm::StringRef folder) : folder(folder) {}

  llvm::Error write(llvm::StringRef name, llvm::StringRef suffix,
                    llvm::function_ref<llvm::Error(llvm::raw_ostream &)> body);
  /// Writes `module` as text, without weights, and as bytecode.
  llvm::Error write(mlir::ModuleOp module, llvm::StringRef phase);

private:
  std::string path(llvm::StringRef name, llvm::StringRef suffix) const;

  std::string folder;
  int number = 0;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_STAGES_H
