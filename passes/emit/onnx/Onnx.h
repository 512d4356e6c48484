// Translates models to ONNX (https://onnx.ai), which other runtimes execute.
#ifndef VITYA_PASSES_EMIT_ONNX_ONNX_H
#define VITYA_PASSES_EMIT_ONNX_ONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// The version of ONNX's operators that models use: the first with integers of 4 bits.
inline constexpr int64_t kOnnxOperators = 21;

/// Writes `module`, at the end of phase `compress`, as a model of ONNX. Its input `image` is f32 [batch, channels,
/// height, width] with pixels in [0, 1], and its output `logits` f32 [batch, classes]. Quantized values are integers
/// between QuantizeLinear and DequantizeLinear, or if their scales are found at run time, operands of MatMulInteger.
/// Reports ops that have no counterpart as diagnostics; other errors are those of a missing attribute or of a model
/// that exceeds the 2 GiB of a protobuf message.
llvm::Error emitOnnx(mlir::ModuleOp module, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_EMIT_ONNX_ONNX_H
