// Decimal text of floating-point values in the textual IR.
#ifndef VITYA_DIALECT_SHORTFLOAT_H
#define VITYA_DIALECT_SHORTFLOAT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"

namespace vitya {

/// The shortest decimal literal that MLIR parses back to `value`, such as 1.0e-6, unlike the upstream printer, which
/// prints 9.9999999999999995E-7. `value` is finite.
std::string shortFloat(double value);
std::string shortFloat(float value);

/// Prints `value` as shortFloat does, or as the hexadecimal literal of its bits if it is an infinity or a NaN.
void printShortFloat(mlir::AsmPrinter &printer, const llvm::APFloat &value);
/// Parses any float literal of the textual IR as an f64.
mlir::ParseResult parseShortFloat(mlir::AsmParser &parser, llvm::APFloat &value);

// Custom directives of assembly formats: one f64, and a list of f32 in brackets.
void printShortFloat(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::FloatAttr value);
mlir::ParseResult parseShortFloat(mlir::OpAsmParser &parser, mlir::FloatAttr &value);
void printShortFloats(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::DenseF32ArrayAttr values);
mlir::ParseResult parseShortFloats(mlir::OpAsmParser &parser, mlir::DenseF32ArrayAttr &values);

} // namespace vitya

#endif // VITYA_DIALECT_SHORTFLOAT_H
