// The processor that code is generated for.
#ifndef VITYA_PASSES_EMIT_TARGET_H
#define VITYA_PASSES_EMIT_TARGET_H

#include "passes/lower/TargetInfo.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include <memory>
#include <string>
#include <vector>

namespace vitya {

/// A processor and the code generator for it.
struct Target {
  std::unique_ptr<llvm::TargetMachine> machine;
  /// Names of the instruction set extensions that generated code may use, separated by spaces. The runtime does not
  /// start on a processor that lacks one of them.
  std::string requiredFeatures;

  llvm::StringRef cpu() const { return machine->getTargetCPU(); }
  const llvm::Triple &triple() const { return machine->getTargetTriple(); }
  /// The properties of the processor that the lowering depends on.
  TargetInfo info() const;
};

/// The system `triple`, such as aarch64-linux-gnu, or the one of this machine if it is empty. Fails with one line if it
/// is none that code can be generated for.
llvm::Expected<llvm::Triple> parseTriple(llvm::StringRef triple);

/// The processor of `triple` with LLVM's name `cpu` (such as x86-64-v3), or for "native" the one of this machine, or a
/// generic one if `triple` has another architecture. Fails with one line if the name is unknown.
llvm::Expected<Target> makeTarget(llvm::StringRef cpu,
                                  const llvm::Triple &triple = llvm::Triple(llvm::sys::getDefaultTargetTriple()));

/// The processors that `cpu` stands for: those of all levels of x86-64 for "all-x86-64", from the lowest on, else the
/// one of makeTarget().
llvm::Expected<std::vector<Target>> makeTargets(llvm::StringRef cpu, const llvm::Triple &triple);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_TARGET_H
