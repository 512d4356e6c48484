// The outputs that --emit names.
#ifndef VITYA_TOOLS_LIB_EMITGOAL_H
#define VITYA_TOOLS_LIB_EMITGOAL_H

#include "passes/Phases.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// The kinds of output. A checkpoint is exported from the compress phase before canonicalization, ONNX after it; those
/// from `assembly` on are generated after the last phase.
enum class Product { ir, checkpoint, onnx, assembly, object, library, executable };

/// An output: `product`, from the module at the end of `phase`.
struct EmitGoal {
  Phase phase = Phase::llvm;
  Product product = Product::ir;
  llvm::StringRef suffix = ".mlirbc"; ///< that is usual for its files

  /// Whether it can contain a cascade, that is two models.
  bool holdsCascades() const {
    return phase >= Phase::compress && product != Product::checkpoint && product != Product::onnx;
  }
};

/// Parses the value of --emit. The error lists the known outputs.
llvm::Expected<EmitGoal> parseEmitGoal(llvm::StringRef name);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_EMITGOAL_H
