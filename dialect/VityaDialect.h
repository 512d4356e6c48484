// The `vitya` dialect: registration, enumerations and attributes. The discardable attributes are declared in
// VityaDialect.td; each has a generated class such as VityaDialect::ModelAttrHelper that reads and writes it.
#ifndef VITYA_DIALECT_VITYADIALECT_H
#define VITYA_DIALECT_VITYADIALECT_H

#include "dialect/LayerFormat.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include <array>
#include <optional>

#include "dialect/VityaEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/VityaAttributes.h.inc"

#include "dialect/VityaDialect.h.inc"

namespace vitya {

/// The discardable attribute of `op` that `Helper` describes, such as VityaDialect::ModelAttrHelper; null if `op` has
/// none.
template <typename Helper>
auto getDiscardable(mlir::Operation *op) {
  return Helper(op->getContext()).getAttr(op);
}

/// Sets the discardable attribute of `op` that `Helper` describes.
template <typename Helper, typename Attr>
void setDiscardable(mlir::Operation *op, Attr value) {
  Helper(op->getContext()).setAttr(op, value);
}

/// The models of `module`: the first and the dense one of a cascade, else `module` itself.
llvm::SmallVector<mlir::ModuleOp, 2> modelsOf(mlir::ModuleOp module);

/// The dimensions of a pixel inside a patch, in this order: 0 is the channel, 1 the row and 2 the column.
std::array<unsigned, 3> patchDimensions(PatchOrder order);

/// All values of PatchOrder.
llvm::SmallVector<PatchOrder> allPatchOrders();

/// The reason in the record of a layer that no compression pass has considered.
inline constexpr llvm::StringLiteral kNotCompressed = "no compression requested";
/// The name of the function that maps one image to logits.
inline constexpr llvm::StringLiteral kEntryName = "main";

} // namespace vitya

#endif // VITYA_DIALECT_VITYADIALECT_H
