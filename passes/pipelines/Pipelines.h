// The phases of compilation and the pipelines between them. Tools drive --emit and --help from `kPhases`.
#ifndef VITYA_PASSES_PIPELINES_PIPELINES_H
#define VITYA_PASSES_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace vitya {

/// The forms in which a model exists as IR, in the order in which it passes through them.
enum class Phase { import, compress, linalg, loops, llvm };

struct PhaseInfo {
  Phase phase;
  llvm::StringLiteral name;
  llvm::StringLiteral description;
};

inline constexpr PhaseInfo kPhases[] = {
    {Phase::import, "import", "the checkpoint as vitya ops"},
    {Phase::compress, "compress", "the model after compression, with a description of each linear layer"},
    {Phase::linalg, "linalg", "kernels on tensors: linalg, arith, math"},
    {Phase::loops, "loops", "packed weights; tiled, fused and vectorized loops on buffers"},
    {Phase::llvm, "llvm", "the LLVM dialect"},
};

std::optional<Phase> symbolizePhase(llvm::StringRef name);
llvm::StringRef stringifyPhase(Phase phase);

/// What the lowering depends on about the processor. The defaults are those of x86-64-v3.
struct TargetShape {
  int64_t rows = 6;            ///< of a register tile; the default columns fit 16 registers of 8 numbers
  int64_t columns = 16;        ///< of a register tile and of a panel of weights: a multiple of 16
  int64_t vectorBits = 256;    ///< of a register: 256 or 512
  int64_t activationBits = 16; ///< that quantized activations are held in: 8 where there is a dot product of bytes
};

/// From `import` to `compress`.
void buildCompressPipeline(mlir::OpPassManager &pm);
/// From `compress` to `linalg`.
void buildLinalgPipeline(mlir::OpPassManager &pm, TargetShape shape);
/// From `linalg` to `loops`.
void buildLoopsPipeline(mlir::OpPassManager &pm, TargetShape shape);
/// From `loops` to `llvm`.
void buildLLVMPipeline(mlir::OpPassManager &pm, TargetShape shape);
/// Checks that a module keeps the contract of `phase`.
void buildContractPipeline(mlir::OpPassManager &pm, Phase phase);
/// From the phase before `phase` to `phase`.
void buildPhasePipeline(mlir::OpPassManager &pm, Phase phase, TargetShape shape);

/// Makes each of them available to vitya-opt as --vitya-pipeline-NAME.
void registerVityaPipelines();

} // namespace vitya

#endif // VITYA_PASSES_PIPELINES_PIPELINES_H
