// The pipelines between the phases of compilation.
#ifndef VITYA_PASSES_PIPELINES_PIPELINES_H
#define VITYA_PASSES_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "passes/Phases.h"
#include "passes/lower/TargetInfo.h"

namespace vitya {

/// From `import` to `compress`.
void buildCompressPipeline(mlir::OpPassManager &pm);
/// From `compress` to `linalg`.
void buildLinalgPipeline(mlir::OpPassManager &pm, const TargetInfo &target);
/// From `linalg` to `loops`.
void buildLoopsPipeline(mlir::OpPassManager &pm, const TargetInfo &target);
/// From `loops` to `llvm`.
void buildLLVMPipeline(mlir::OpPassManager &pm, const TargetInfo &target);
/// Checks that a module keeps the contract of `phase`.
void buildContractPipeline(mlir::OpPassManager &pm, Phase phase);
/// From the phase before `phase` to `phase`.
void buildPhasePipeline(mlir::OpPassManager &pm, Phase phase, const TargetInfo &target);

/// Makes every pass available to vitya-opt.
void registerVityaPasses();
/// Makes each of them available to vitya-opt as --vitya-pipeline-NAME.
void registerVityaPipelines();

} // namespace vitya

#endif // VITYA_PASSES_PIPELINES_PIPELINES_H
