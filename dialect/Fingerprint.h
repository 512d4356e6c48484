// The identity of a model: what its statistics, reports and executables are tied to.
#ifndef VITYA_DIALECT_FINGERPRINT_H
#define VITYA_DIALECT_FINGERPRINT_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace vitya {

/// 32 hexadecimal digits that identify structure and weights of `module`: the first half of the SHA-256 of its ops,
/// types, attributes and the bytes of its constants. Independent of locations, SSA names, resource keys, the module's
/// own attributes and what calibration and quantization measured.
std::string fingerprint(mlir::ModuleOp module);

} // namespace vitya

#endif // VITYA_DIALECT_FINGERPRINT_H
