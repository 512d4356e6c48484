// The executable specification: one function for each op of the dialect, and for each upstream op that the phases
// `import` and `compress` allow on tensors. Operands satisfy the constraints of the ops. Elements are f32,
// and so is all arithmetic, in the order given here; compiled code computes the same bits. dialect/arithmetic/ defines
// elementary functions, quantization, and the order of sums of rows.
#ifndef VITYA_DIALECT_REFERENCE_OPS_H
#define VITYA_DIALECT_REFERENCE_OPS_H

#include "dialect/VityaDialect.h"
#include "dialect/arithmetic/MatrixProduct.h"
#include "dialect/arithmetic/Quantize.h"
#include "dialect/reference/Tensor.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace vitya::reference {

//===----------------------------------------------------------------------===//
// From image to tokens (ImageOps.cpp)
//===----------------------------------------------------------------------===//

/// `image` [C, H, W] with `mean[c]` subtracted and divided by `std[c]`.
Tensor normalize(const Tensor &image, llvm::ArrayRef<float> mean, llvm::ArrayRef<float> std);

/// The patches of `image` [C, H, W], one per row: [H / height * W / width, C * height * width].
Tensor patchify(const Tensor &image, int64_t height, int64_t width, PatchOrder order);

//===----------------------------------------------------------------------===//
// Windows of pixels (WindowOps.cpp)
//===----------------------------------------------------------------------===//

/// The windows of an op: heights and widths of the grid, of a window, of the steps between windows, of the padding and
/// of the result's grid.
struct Windows {
  std::array<int64_t, 2> grid, window, stride, padding, resultGrid;
};

/// The windows of `input` [H * W, C], one per row: [H' * W', kh * kw * C].
Tensor unfold(const Tensor &input, const Windows &windows);

/// The maxima of the windows of `input` [H * W, C]: [H' * W', C].
Tensor maxPool(const Tensor &input, const Windows &windows);

//===----------------------------------------------------------------------===//
// Layers (LayerOps.cpp)
//===----------------------------------------------------------------------===//

/// A weight [O, I] of f32, bf16 or signed integers, rearranged for products. The elements are the same; the columns of
/// bf16 are in the order in which their products are added.
numerics::PackedMatrix packed(const Tensor &weight);

/// `input` [N, I] times the transpose of `weight` [O, I], plus `bias` [O] unless it is null: [N, O]. Each sum is a
/// chain of fused multiply-adds over I, from zero and in order. (If I is 1, compiled code fuses the bias with the only
/// product.)
Tensor linear(const Tensor &input, const numerics::PackedMatrix &weight, const Tensor *bias);

/// The same for `input` of bf16, except that column 2j + 1 comes before column 2j. `type` is f32.
Tensor bf16Linear(const Tensor &input, const numerics::PackedMatrix &weight, const Tensor *bias, mlir::Type type);

/// Each row of `input` [N, D] shifted and scaled to mean 0 and (biased) variance 1, times `weight` [D], plus `bias`
/// [D]:
/// ((x - mean) * (1 / sqrt(variance + eps))) * weight + bias. Squares are fused with their sums. A row that contains
/// NaN or infinity gives NaN.
Tensor layerNorm(const Tensor &input, const Tensor &weight, const Tensor &bias, double eps);

/// Each row of `input` [N, D] divided by its root mean square, times `weight` [D]:
/// (x * (1 / sqrt(mean of squares + eps))) * weight. Squares are fused with their sums. A row that contains NaN or
/// infinity gives NaN.
Tensor rmsNorm(const Tensor &input, const Tensor &weight, double eps);

/// `input` [N, D] with pairs of columns of each head rotated. `cos` and `sin` are [N, P], where a head has P pairs, or
/// have those of one head after the other.
Tensor rotaryEmbedding(const Tensor &input, const Tensor &cos, const Tensor &sin, int64_t heads, bool interleaved);

/// softmax(scale * query key^T + bias) value for each of `heads` groups of columns of `query` [N, A], `key` [M, A],
/// `value` [M, B] and `bias` [N, C], which may be null; the results of all heads are concatenated: [N, B].
/// Queries are scaled, both products are chains of fused multiply-adds, the bias is added to their sums, and the sum of
/// the exponentials, in kLanes lanes, divides the result. A query with a score that is NaN gives NaN in every column of
/// the head.
Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, int64_t heads, double scale,
                 const Tensor *bias = nullptr);

/// The mean of the rows of `input` [N, D], which are added in order: [1, D].
Tensor meanPool(const Tensor &input);

//===----------------------------------------------------------------------===//
// Quantized (IntegerOps.cpp): tensors of bytes store the integers. `type` is the element type of the result.
//===----------------------------------------------------------------------===//

/// Scale and zero point [N, 2] of each row of `input` [N, D], or [1, 2] of all rows, that map the range of its elements
/// and zero to the levels from 0 to `levels`; numerics::chooseQParams states the formula. The scale is NaN if an
/// element is NaN or infinite.
Tensor chooseQParams(const Tensor &input, Granularity granularity, int32_t levels);

/// clamp(rint(x * (1 / scale)) + zero, levels.min, levels.max) for `input` [N, D] and `params` [N, 2] or [1, 2] (scale,
/// zero). NaN gives levels.min.
Tensor quantize(const Tensor &input, const Tensor &params, numerics::Levels levels, mlir::Type storage);

/// (q - zero) * scale for `input` [N, D], with one scale for all rows or one for each.
Tensor dequantize(const Tensor &input, bool isSigned, llvm::ArrayRef<float> scales, int32_t zero, mlir::Type type);

using IntMatrix = numerics::RowMajorOf<int32_t>;

/// The integers of a tensor of rank 2, stored in 8 bits, signed or unsigned, or in 16 bits.
IntMatrix integers(const Tensor &stored, bool isSigned);

/// `input` [N, I], bytes, with the columns of each window of kLanes in `order` [I].
Tensor orderColumns(const Tensor &input, const Tensor &order);

/// The sums of the rows of signed `weight` [O, I].
llvm::SmallVector<int32_t> rowSums(const Tensor &weight);

/// fma(input weight^T - zero * offset, scale * multiplier, bias) for unsigned `input` [N, I] and signed `weight` [O,
/// I]: [N, O]. The rows of `params` hold scale and zero; both are 1 if it is null.
Tensor integerLinear(const Tensor &input, const numerics::PackedMatrix &weight, llvm::ArrayRef<int32_t> offset,
                     llvm::ArrayRef<float> multiplier, const Tensor *bias, const Tensor *params, mlir::Type type);

/// Attention of unsigned `query` [N, A] and signed `key` [M, A] and `value` [M, B]: [N, B]. `factors` are the four
/// factors of `vitya.integer_attention`. `bias` [N, C] may be null.
Tensor integerAttention(const Tensor &query, const Tensor &key, const Tensor &value, llvm::ArrayRef<float> factors,
                        int64_t heads, mlir::Type type, const Tensor *bias = nullptr);

//===----------------------------------------------------------------------===//
// Elementwise (ElementwiseOps.cpp)
//===----------------------------------------------------------------------===//

/// x Phi(x) in the given form. NaN gives NaN.
Tensor gelu(const Tensor &input, GeluForm form);
Tensor relu(const Tensor &input);
Tensor silu(const Tensor &input);

/// Each element of `input` [N, D] by numerics::toBf16. `type` is bf16.
Tensor toBf16(const Tensor &input, mlir::Type type);

/// Each column of `input` [N, D] times one of `factors` [D].
Tensor scaleColumns(const Tensor &input, const Tensor &factors);

/// `function` of each pair of elements of two f32 tensors of the same shape.
Tensor zipElements(const Tensor &a, const Tensor &b, llvm::function_ref<float(float, float)> function);

/// a - b for each pair of elements of two i32 tensors of one shape, modulo 2^32.
Tensor subtractIntegers(const Tensor &a, const Tensor &b);

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

/// The concatenation of `parts` along dimension `dim`.
Tensor concat(llvm::ArrayRef<Tensor> parts, int64_t dim);

} // namespace vitya::reference

#endif // VITYA_DIALECT_REFERENCE_OPS_H
