// The executable specification: one function for each op of the dialect, and for each upstream op that the phases
// `import` and `compress` allow on tensors. Operands are valid, as the ops' verifiers check. Elements are f32,
// and so is all arithmetic, in the order that is said here: compiled code has the same bits. dialect/Elementary.h
// defines sums of rows and elementary functions.
#ifndef VITYA_DIALECT_REFERENCE_OPS_H
#define VITYA_DIALECT_REFERENCE_OPS_H

#include "dialect/VityaDialect.h"
#include "dialect/arithmetic/MatrixProduct.h"
#include "dialect/reference/Tensor.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace vitya::reference {

//===----------------------------------------------------------------------===//
// From image to tokens (ImageOps.cpp)
//===----------------------------------------------------------------------===//

/// `image` [C, H, W] with `mean[c]` subtracted and divided by `std[c]`.
Tensor normalize(const Tensor &image, llvm::ArrayRef<float> mean, llvm::ArrayRef<float> std);

/// The patches of `image` [C, H, W], one a row: [H / height * W / width, C * height * width].
Tensor patchify(const Tensor &image, int64_t height, int64_t width, PatchOrder order);

//===----------------------------------------------------------------------===//
// Layers (LayerOps.cpp)
//===----------------------------------------------------------------------===//

/// A weight [O, I], f32 or signed integers, made ready for any number of products.
numerics::PackedMatrix packed(const Tensor &weight);

/// `input` [N, I] times the transpose of `weight` [O, I], plus `bias` [O] unless it is null: [N, O]. Each sum is a
/// chain of fused multiply-adds over I, from zero and in order. (Compiled code fuses the bias with the only product
/// where I is 1.)
Tensor linear(const Tensor &input, const numerics::PackedMatrix &weight, const Tensor *bias);

/// Each row of `input` [N, D] brought to mean 0 and (biased) variance 1, times `weight` [D], plus `bias` [D]:
/// ((x - mean) * (1 / sqrt(variance + eps))) * weight + bias, where squares are fused with their sums.
Tensor layerNorm(const Tensor &input, const Tensor &weight, const Tensor &bias, double eps);

/// softmax(scale * query key^T) value for each of `heads` groups of columns of `query` [N, A], `key` [M, A] and
/// `value` [M, B], side by side: [N, B]. Queries are scaled, both products are chains of fused multiply-adds, and the
/// sum of the exponentials, in kLanes lanes, divides the result.
Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, int64_t heads, double scale);

/// The mean of the rows of `input` [N, D], which are added in order: [1, D].
Tensor meanPool(const Tensor &input);

//===----------------------------------------------------------------------===//
// Quantized (IntegerOps.cpp): tensors of bytes hold the stored integers. `type` is the element type of the result.
//===----------------------------------------------------------------------===//

/// Scale and zero point [N, 2] of each row of `input` [N, D], or [1, 2] of all, for steps from 0 to `levels`.
Tensor chooseQParams(const Tensor &input, Granularity granularity, int32_t levels);

/// clamp(rint(x * (1 / scale)) + zero, low, high) for `input` [N, D] and `params` [N, 2] or [1, 2] (scale, zero).
Tensor quantize(const Tensor &input, const Tensor &params, float low, float high, mlir::Type storage);

/// (q - zero) * scale for `input` [N, D], with one scale or one for each row.
Tensor dequantize(const Tensor &input, bool isSigned, llvm::ArrayRef<float> scales, int32_t zero, mlir::Type type);

using IntMatrix = Eigen::Matrix<int32_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// The integers of a tensor of rank 2: bytes, seen as signed or unsigned, or the same numbers in 16 bits.
IntMatrix integers(const Tensor &stored, bool isSigned);

/// The sums of the rows of signed `weight` [O, I].
llvm::SmallVector<int32_t> rowSums(const Tensor &weight);

/// fma(input weight^T - zero * offset, scale * multiplier, bias) for unsigned `input` [N, I] and signed `weight` [O,
/// I], with zero 1 and scale 1 where `params` is null, else those of its row: [N, O].
Tensor integerLinear(const Tensor &input, const numerics::PackedMatrix &weight, llvm::ArrayRef<int32_t> offset,
                     llvm::ArrayRef<float> multiplier, const Tensor *bias, const Tensor *params, mlir::Type type);

/// Attention of unsigned `query` [N, A] and signed `key` [M, A], `value` [M, B]; `factors` are the four of
/// `vitya.integer_attention`: [N, B].
Tensor integerAttention(const Tensor &query, const Tensor &key, const Tensor &value, llvm::ArrayRef<float> factors,
                        int64_t heads, mlir::Type type);

//===----------------------------------------------------------------------===//
// Elementwise (ElementwiseOps.cpp)
//===----------------------------------------------------------------------===//

/// x Phi(x) in the form asked for.
Tensor gelu(const Tensor &input, GeluForm form);

/// `function` of each pair of elements of two f32 tensors of one shape, in f32.
Tensor zipElements(const Tensor &a, const Tensor &b, llvm::function_ref<float(float, float)> function);

//===----------------------------------------------------------------------===//
// Shapes (ShapeOps.cpp): of any element type
//===----------------------------------------------------------------------===//

/// A rectangle with strides inside a tensor; one entry a dimension.
struct Slice {
  llvm::SmallVector<int64_t, 4> offsets, sizes, strides;
};

/// The elements of `source` in `slice`, in the slice's shape.
Tensor extractSlice(const Tensor &source, const Slice &slice);

/// `destination` with the elements in `slice` replaced by those of `source`, which has as many.
Tensor insertSlice(const Tensor &source, const Tensor &destination, const Slice &slice);

/// `parts` one behind the other along dimension `dim`.
Tensor concat(llvm::ArrayRef<Tensor> parts, int64_t dim);

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_OPS_H
