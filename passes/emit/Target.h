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
  /// Names of the instruction set extensions that generated code may use, separated by spaces. The runtime does not
  /// start on a processor that lacks one of them.
  std::string requiredFeatures;

  llvm::StringRef cpu() const { return machine->getTargetCPU(); }
  /// The properties of the processor that the lowering depends on.
  TargetInfo info() const;
};

/// The processor with LLVM's name `cpu` (such as x86-64-v3), or the one of this machine for "native". Fails with one
/// line if the name is unknown or the processor lacks AVX2 or FMA, which all generated code uses.
llvm::Expected<Target> makeTarget(llvm::StringRef cpu);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_TARGET_H
