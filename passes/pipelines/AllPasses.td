// Every pass, for the generated documentation.
include "passes/analysis/Passes.td"
include "passes/simplify/Passes.td"
include "passes/lowrank/Passes.td"
include "passes/quantize/Passes.td"
include "passes/lower/linalg/Passes.td"
include "passes/lower/kernels/Passes.td"
include "passes/lower/loops/Passes.td"
include "passes/verify/Passes.td"
