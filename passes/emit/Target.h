// The processor that code is generated for.
#ifndef VITYA_PASSES_EMIT_TARGET_H
#define VITYA_PASSES_EMIT_TARGET_H

#include "passes/lower/TargetInfo.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>

namespace vitya {

/// A processor and the code generator for it.
struct Target {
  std::unique_ptr<llvm::TargetMachine> machine;
  /// Names of the instruction-set extensions that generated code may use, separated by spaces. The runtime refuses to
  /// start where one is missing.
  std::string requiredFeatures;

  llvm::StringRef cpu() const { return machine->getTargetCPU(); }
  /// What of this processor the lowering depends on.
  TargetInfo info() const;
};

/// The processor `cpu` in LLVM's names (such as x86-64-v3), or this machine's for "native". Fails with one line for an
/// unknown name, or one without the fused multiply-add that all generated code relies on.
llvm::Expected<Target> makeTarget(llvm::StringRef cpu);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_TARGET_H
