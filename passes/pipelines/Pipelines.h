// The pipelines between the phases of compilation.
#ifndef VITYA_PASSES_PIPELINES_PIPELINES_H
#define VITYA_PASSES_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "passes/Phases.h"
#include "passes/lower/TargetInfo.h"
#include "passes/pipelines/CompressOptions.h"

namespace vitya {

/// From `import` to `compress`: the three pipelines below in sequence.
void buildCompressPipeline(mlir::OpPassManager &pm, const CompressOptions &options);
/// Everything that compression does before quantization: low rank, splitting, smoothing and calibration. The
/// passes add findings that the IR does not hold to `report` unless that is null.
void buildPreparePipeline(mlir::OpPassManager &pm, const CompressOptions &options, ModelReport *report = nullptr);
/// Quantizes a module that buildPreparePipeline() prepared with the same options.
void buildQuantizePipeline(mlir::OpPassManager &pm, const CompressOptions &options);
/// Simplifies and describes a compressed model: the end of phase `compress`.
void buildDescribePipeline(mlir::OpPassManager &pm);

/// Checks that a module fulfils the contract of `phase`.
void buildContractPipeline(mlir::OpPassManager &pm, Phase phase);
/// From the phase before `phase` to `phase`. Phase `compress` is without compression.
void buildPhasePipeline(mlir::OpPassManager &pm, Phase phase, const TargetInfo &target);

/// Returns the manager to which passes on each model of `module` are added: `pm`, or of a cascade one nested in it.
mlir::OpPassManager &nestOnModels(mlir::OpPassManager &pm, mlir::ModuleOp module);

/// Makes every pass available to vitya-opt.
void registerVityaPasses();
/// Makes the pipelines available to vitya-opt as --vitya-pipeline-NAME.
void registerVityaPipelines();

} // namespace vitya

#endif // VITYA_PASSES_PIPELINES_PIPELINES_H
