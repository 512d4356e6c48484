// Every pass of the compiler: constructors and registration, generated from Passes.td.
#ifndef VITYA_PASSES_PASSES_H
#define VITYA_PASSES_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "passes/compress/LowRankOptions.h"
#include "passes/compress/QuantizationOptions.h"

namespace vitya {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

} // namespace vitya

#endif // VITYA_PASSES_PASSES_H
