// Reading and making the constants that hold weights.
#ifndef VITYA_DIALECT_CONSTANTS_H
#define VITYA_DIALECT_CONSTANTS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include <vector>

namespace vitya {

/// The raw bytes of a dense literal that is no splat, or of a resource; empty for anything else.
llvm::ArrayRef<char> rawBytes(mlir::ElementsAttr attribute);

/// The elements of an f32 constant (a dense literal, splat or not, or a resource) in row-major order. Fails for other
/// types and for resources that are absent or of another size than their shape.
mlir::FailureOr<std::vector<float>> readFloats(mlir::ElementsAttr attribute);

/// The bytes of any constant of f32 or integers of whole bytes, its elements in row-major order, likewise.
mlir::FailureOr<std::vector<char>> readRaw(mlir::ElementsAttr attribute);

/// The name of the resource that `attribute` is; "weight" for any other constant.
llvm::StringRef resourceNameOf(mlir::ElementsAttr attribute);

/// A resource of `type` that holds `values`, aligned to 64 bytes. `name` is made unique among the context's resources.
mlir::DenseResourceElementsAttr makeResource(mlir::ShapedType type, llvm::StringRef name, llvm::ArrayRef<char> bytes);

/// Frees the bytes behind `attribute` if it is a resource; the caller knows that nothing else reads them.
void releaseResource(mlir::Attribute attribute);

} // namespace vitya

#endif // VITYA_DIALECT_CONSTANTS_H
