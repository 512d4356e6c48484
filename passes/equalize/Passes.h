// Constructors, options and registration of the passes of passes/equalize/, generated from its Passes.td.
#ifndef VITYA_PASSES_EQUALIZE_PASSES_H
#define VITYA_PASSES_EQUALIZE_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace vitya {

#define GEN_PASS_DECL
#include "passes/equalize/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/equalize/Passes.h.inc"

} // namespace vitya

#endif // VITYA_PASSES_EQUALIZE_PASSES_H
