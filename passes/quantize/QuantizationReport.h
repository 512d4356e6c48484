// What quantization made of a model, for machines to read.
#ifndef VITYA_PASSES_QUANTIZE_QUANTIZATIONREPORT_H
#define VITYA_PASSES_QUANTIZE_QUANTIZATIONREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace vitya {

/// {"int8_share": the share of multiply-adds between integers, "linears": [...], "attentions": [...]} of @main of
/// `module`, at the end of phase `compress`. A linear layer has a name, the trained layer it is a part of, format and
/// reason, and, where it is quantized, its input, the scales of its weight and, unless that was imported as integers,
/// the weight's signal-to-noise ratio; an attention has format, reason, query, key, value and weights. An operand has
/// its scale and zero point, and, where calibration saw it, the observer, the range, the share of numbers clipped and
/// the signal-to-noise ratio; of a scale that is found at run time it is said what shares one. Ratios are in decibels,
/// null without noise.
llvm::json::Object quantizationReport(mlir::ModuleOp module);

} // namespace vitya

#endif // VITYA_PASSES_QUANTIZE_QUANTIZATIONREPORT_H
