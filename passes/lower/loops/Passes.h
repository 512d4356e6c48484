// Constructors, options and registration of the passes of passes/lower/loops/, generated from its Passes.td.
#ifndef VITYA_PASSES_LOWER_LOOPS_PASSES_H
#define VITYA_PASSES_LOWER_LOOPS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "passes/lower/TargetInfo.h"

namespace vitya {

#define GEN_PASS_DECL
#include "passes/lower/loops/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/lower/loops/Passes.h.inc"

} // namespace vitya

#endif // VITYA_PASSES_LOWER_LOOPS_PASSES_H
