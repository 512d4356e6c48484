// The quantized types of the dialect. Activations are u8 of 7 or 8 bits, with a scale and a zero point that are either
// part of the type or found at run time. Weights have 4 to 8 bits and zero point 0.
#ifndef VITYA_DIALECT_QUANTTYPES_H
#define VITYA_DIALECT_QUANTTYPES_H

#include "dialect/LayerFormat.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include <optional>

namespace vitya {

/// The number of products of 8-bit integers that a 32-bit sum is sure to hold: 255 * 128 * 65,536 < 2^31.
inline constexpr int64_t kMaxProducts = 65536;

/// Weights have from 4 to 8 bits.
inline constexpr unsigned kLeastWeightBits = 4;

/// Whether `element` is a type of the quant dialect.
bool isQuantized(mlir::Type element);

/// `element` if it is a u8 type with one scale and zero point whose storage range is 0 to 255 or 0 to 127, else null.
mlir::quant::UniformQuantizedType staticU8(mlir::Type element);

/// Whether `element` is `!quant.any<u8:f32>` or `!quant.any<u8<0:127>:f32>`, whose scale and zero point are found at
/// run time.
bool isDynamicU8(mlir::Type element);

/// `element` if it is an s8 type with one scale and zero point 0, else null.
mlir::quant::UniformQuantizedType staticS8(mlir::Type element);

/// The number of bits of a weight that is stored as `element`: 8 for an i8 type whose storage range is -127 to 127 or
/// all of i8, 5 to 7 for one of -(2^(bits - 1) - 1) to 2^(bits - 1) - 1, and 4 for an i4 type of -7 to 7. Nothing for
/// any other type.
std::optional<unsigned> weightBits(mlir::Type element);

/// The format of a product of quantized `input` and `weight`, whose types are verified.
LayerFormat formatOf(mlir::Type input, mlir::Type weight);

/// The scales of a weight [rows, ...], one for each row; an error through `emitError` unless its element type has bits
/// by weightBits() and zero point 0.
mlir::FailureOr<llvm::SmallVector<double>> weightScales(mlir::RankedTensorType weight,
                                                        llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// Whether `scale` and its reciprocal are normal f32 values, as those of all quantized types.
bool isUsableScale(double scale);

/// Verifies that the scales of `element` and their reciprocals are normal f32 values, and that its zero point lies in
/// its storage range.
mlir::LogicalResult verifyQuantized(mlir::Type element, llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// The f32 factor of the integer sums of each row of a quantized weight with `scales`: the scale of the input times the
/// scale of the row, or the scale of the row alone if the scale of the input is found at run time.
llvm::SmallVector<float> rowFactors(mlir::Type input, llvm::ArrayRef<double> scales);

/// The i32 bias of a statically quantized layer, in steps of the factors of its rows: rint(bias / factor). Nothing if
/// 32 bits might not hold the sum of `in` products and the bias, or if a bias is NaN.
std::optional<llvm::SmallVector<int32_t>> biasInSteps(llvm::ArrayRef<float> bias, llvm::ArrayRef<float> factors,
                                                      int64_t in);

/// The four factors of `vitya.integer_attention` for operands of quantized element types.
llvm::SmallVector<float> attentionFactors(mlir::Type query, mlir::Type key, mlir::Type value, mlir::Type weights,
                                          double scale);

} // namespace vitya

#endif // VITYA_DIALECT_QUANTTYPES_H
