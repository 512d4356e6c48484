// The quantized types that the dialect works with: activations u8 with a scale and a zero point, in the type or found
// at run time; weights s8 with zero point 0.
#ifndef VITYA_DIALECT_QUANTTYPES_H
#define VITYA_DIALECT_QUANTTYPES_H

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

namespace vitya {

/// Products of 8-bit integers that a 32-bit sum surely holds: 255 * 128 * 65,536 < 2^31.
inline constexpr int64_t kMaxProducts = 65536;

/// Whether `element` is a type of the quant dialect.
bool isQuantized(mlir::Type element);

/// `element` as a u8 type of one scale and zero point, or null.
mlir::quant::UniformQuantizedType staticU8(mlir::Type element);

/// Whether `element` is `!quant.any<u8:f32>`: scale and zero point are found at run time.
bool isDynamicU8(mlir::Type element);

/// `element` as an s8 type of one scale with zero point 0, or null.
mlir::quant::UniformQuantizedType staticS8(mlir::Type element);

/// The scales of a weight [rows, ..] of s8 element type, one for each row; an error through `emitError` for any other
/// type.
mlir::FailureOr<llvm::SmallVector<double>> weightScales(mlir::RankedTensorType weight,
                                                        llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// Checks that the scales of `element` are positive and finite in f32, and its zero point lies in its storage.
mlir::LogicalResult verifyQuantized(mlir::Type element, llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// The f32 factor of the sums of each row of a quantized weight with `scales`: that of the input's scale times the
/// row's, or, with a scale that is found at run time, of the row's alone.
llvm::SmallVector<float> rowFactors(mlir::Type input, llvm::ArrayRef<double> scales);

/// Takes `bias`, in steps of `factors`, into what a layer of static scales subtracts from its sums of `in` products;
/// false, and nothing done, where 32 bits do not hold what is left then.
bool foldBias(llvm::ArrayRef<float> bias, llvm::ArrayRef<float> factors, int64_t in,
              llvm::MutableArrayRef<int32_t> offset);

/// The four factors of `vitya.integer_attention` for operands of quantized element types.
llvm::SmallVector<float> attentionFactors(mlir::Type query, mlir::Type key, mlir::Type value, mlir::Type weights,
                                          double scale);

} // namespace vitya

#endif // VITYA_DIALECT_QUANTTYPES_H
