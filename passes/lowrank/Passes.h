// Constructors, options and registration of the passes of passes/lowrank/, generated from its Passes.td.
#ifndef VITYA_PASSES_LOWRANK_PASSES_H
#define VITYA_PASSES_LOWRANK_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "passes/PassOptions.h"
#include "passes/lowrank/LowRankOptions.h"

namespace vitya {

struct ModelReport;

#define GEN_PASS_DECL
#include "passes/lowrank/Passes.h.inc"

/// Creates vitya-low-rank, which adds the outcome to `report` unless that is null. `report` must outlive the pass.
std::unique_ptr<mlir::Pass> createLowRankPass(LowRankPassOptions options, ModelReport *report);

/// Parses `text`, the options of vitya-low-rank; the error names `flag`, for which it was given.
llvm::Expected<LowRankPassOptions> parseLowRankOptions(llvm::StringRef flag, llvm::StringRef text);

#define GEN_PASS_REGISTRATION
#include "passes/lowrank/Passes.h.inc"

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_PASSES_H
