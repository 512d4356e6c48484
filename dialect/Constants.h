// Reads and creates the constants that hold weights.
#ifndef VITYA_DIALECT_CONSTANTS_H
#define VITYA_DIALECT_CONSTANTS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Value.h"
#include <vector>

namespace vitya {

/// The raw bytes of a resource or of a dense literal that is not a splat; empty for any other attribute.
llvm::ArrayRef<char> rawBytes(mlir::ElementsAttr attribute);

/// The elements of an f32 or bf16 constant (a dense literal, splat or not, or a resource) in row-major order. Fails for
/// other types, for an elided resource, and for a resource whose size does not match its shape.
mlir::FailureOr<std::vector<float>> readFloats(mlir::ElementsAttr attribute);

/// The bytes of a bf16 constant of `values`, rounded as by `vitya.to_bf16`.
std::vector<char> roundToBf16(llvm::ArrayRef<float> values);

/// Whether all sizes of `shape` are positive and a tensor of it has less than 2^31 elements, so that counts of bytes
/// and of multiply-adds fit an int64_t.
bool isCountable(llvm::ArrayRef<int64_t> shape);

/// The bytes that an element of type `element` takes in a constant or a tensor: an i4 takes one.
int64_t bytesOf(mlir::Type element);

/// The bytes of a constant of f32, bf16 or integers, with its elements in row-major order; i4 elements are
/// sign-extended to bytes. Fails as readFloats does.
mlir::FailureOr<std::vector<char>> readRaw(mlir::ElementsAttr attribute);

/// The key of the resource `attribute`; "weight" for any other constant.
llvm::StringRef resourceNameOf(mlir::ElementsAttr attribute);

/// Creates a resource of `type` that holds a copy of `bytes`, aligned to 64 bytes. `name` is made unique among the
/// resources of the context.
mlir::DenseResourceElementsAttr makeResource(mlir::ShapedType type, llvm::StringRef name, llvm::ArrayRef<char> bytes);

/// The same with the bytes that `fill` writes. Returns null if it fails.
mlir::DenseResourceElementsAttr makeResource(mlir::ShapedType type, llvm::StringRef name,
                                             llvm::function_ref<llvm::LogicalResult(llvm::MutableArrayRef<char>)> fill);

/// Creates a constant that is the resource makeResource(type, name, bytes).
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc, mlir::ShapedType type, llvm::StringRef name,
                           llvm::ArrayRef<char> bytes);

/// The same of the bytes of `values`, in row-major order.
template <typename T>
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc, mlir::ShapedType type, llvm::StringRef name,
                           llvm::ArrayRef<T> values) {
  llvm::ArrayRef<char> bytes(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
  return createConstant(builder, loc, type, name, bytes);
}

/// Copies `module` and the bytes of all resources that it refers to.
mlir::OwningOpRef<mlir::ModuleOp> cloneWithResources(mlir::ModuleOp module);

/// Frees the bytes of `attribute` if it is a resource. No other constant may refer to the resource.
void releaseResource(mlir::Attribute attribute);

} // namespace vitya

#endif // VITYA_DIALECT_CONSTANTS_H
