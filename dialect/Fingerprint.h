// The identity of a model. Statistics, reports and executables name the model that they belong to by its fingerprint.
#ifndef VITYA_DIALECT_FINGERPRINT_H
#define VITYA_DIALECT_FINGERPRINT_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace vitya {

/// 32 hexadecimal digits that identify the structure and the weights of `module`: the first half of the SHA-256 of its
/// ops, types, attributes and the bytes of its constants. The fingerprint does not depend on locations, SSA names,
/// resource keys, the attributes of the module itself, or the measurements `vitya.ranges` and `vitya.noise`.
std::string fingerprint(mlir::ModuleOp module);

/// The same without the elements of constants: models of equal structure have the same whatever their weights are.
std::string structureFingerprint(mlir::ModuleOp module);

} // namespace vitya

#endif // VITYA_DIALECT_FINGERPRINT_H
