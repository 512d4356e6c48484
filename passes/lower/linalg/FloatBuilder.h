// Builds f32 arithmetic on scalars or vectors.
#ifndef VITYA_PASSES_LOWER_LINALG_FLOATBUILDER_H
#define VITYA_PASSES_LOWER_LINALG_FLOATBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

namespace vitya::detail {

/// The `Arithmetic` of dialect/arithmetic/MathFunctions.h on SSA values of one type: each operation creates an op.
class FloatBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Value = mlir::Value;

  /// Creates ops at the insertion point of `builder`. Values are of `type`, f32 or a vector of f32; null means f32.
  FloatBuilder(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type = {})
      : ImplicitLocOpBuilder(loc, builder), type(type ? type : builder.getF32Type()) {}

  Value constant(float value) { return constant(getF32FloatAttr(value)); }
  Value add(Value a, Value b) { return mlir::arith::AddFOp::create(*this, a, b); }
  Value sub(Value a, Value b) { return mlir::arith::SubFOp::create(*this, a, b); }
  Value mul(Value a, Value b) { return mlir::arith::MulFOp::create(*this, a, b); }
  Value div(Value a, Value b) { return mlir::arith::DivFOp::create(*this, a, b); }
  Value fma(Value a, Value b, Value c) { return mlir::math::FmaOp::create(*this, a, b, c); }
  Value sqrt(Value a) { return mlir::math::SqrtOp::create(*this, a); }
  Value roundEven(Value a) { return mlir::math::RoundEvenOp::create(*this, a); }
  Value exp(Value a) { return mlir::math::ExpOp::create(*this, a); }
  Value erf(Value a) { return mlir::math::ErfOp::create(*this, a); }
  Value tanh(Value a) { return mlir::math::TanhOp::create(*this, a); }
  /// a < b ? a : b and a > b ? a : b: one instruction each on x86.
  Value min(Value a, Value b) { return select(mlir::arith::CmpFPredicate::OLT, a, b); }
  Value max(Value a, Value b) { return select(mlir::arith::CmpFPredicate::OGT, a, b); }
  /// The larger of two values, NaN if one of them is.
  Value maximum(Value a, Value b) { return mlir::arith::MaximumFOp::create(*this, a, b); }
  /// The smaller and the larger of two numbers, ignoring NaN. Vectorization recognizes them as reductions across lanes.
  /// If `b` is a number, `min` and `max` are the same and cheaper.
  Value minNumber(Value a, Value b) { return mlir::arith::MinNumFOp::create(*this, a, b); }
  Value maxNumber(Value a, Value b) { return mlir::arith::MaxNumFOp::create(*this, a, b); }
  Value shiftToExponent(Value a);

  /// 0 if the magnitude of `a` is below `limit`, else `a`.
  Value zeroBelow(Value a, float limit);
  Value truncateToBf16(Value a) { return mlir::arith::TruncFOp::create(*this, withElement(getBF16Type()), a); }

  /// Conversions from and to i32.
  Value toInteger(Value a) { return mlir::arith::FPToSIOp::create(*this, withElement(getI32Type()), a); }
  Value toFloat(Value a) { return mlir::arith::SIToFPOp::create(*this, type, a); }

private:
  /// `element`, or the vector of it that has the shape of `type`.
  mlir::Type withElement(mlir::Type element);
  Value constant(mlir::TypedAttr value);
  Value select(mlir::arith::CmpFPredicate predicate, Value a, Value b);

  mlir::Type type;
};

} // namespace vitya::detail

#endif // VITYA_PASSES_LOWER_LINALG_FLOATBUILDER_H
