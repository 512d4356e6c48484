// Operations of FloatBuilder that take more than one op.
#include "passes/lower/linalg/FloatBuilder.h"

using namespace mlir;
using namespace vitya::detail;

Value FloatBuilder::shiftToExponent(Value a) {
  Value bits = arith::BitcastOp::create(*this, withElement(getI32Type()), a);
  Value places = constant(getI32IntegerAttr(23)); // the width of an f32 mantissa
  return arith::BitcastOp::create(*this, type, arith::ShLIOp::create(*this, bits, places));
}

Value FloatBuilder::zeroBelow(Value a, float limit) {
  // Without their signs, the bits of numbers are ordered as the numbers are, and those of NaN are above all of them.
  auto bits = [&](uint32_t value) { return constant(getI32IntegerAttr(static_cast<int32_t>(value))); };
  Value magnitude =
      arith::AndIOp::create(*this, arith::BitcastOp::create(*this, withElement(getI32Type()), a), bits(0x7fffffff));
  Value isBelow =
      arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, magnitude, bits(llvm::bit_cast<uint32_t>(limit)));
  return arith::SelectOp::create(*this, isBelow, constant(0), a);
}

Type FloatBuilder::withElement(Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(element)) : element;
}

Value FloatBuilder::constant(TypedAttr value) {
  if (auto vector = dyn_cast<VectorType>(type))
    value = DenseElementsAttr::get(vector.clone(value.getType()), value);
  return arith::ConstantOp::create(*this, value);
}

Value FloatBuilder::select(arith::CmpFPredicate predicate, Value a, Value b) {
  Value isFirst = arith::CmpFOp::create(*this, predicate, a, b);
  return arith::SelectOp::create(*this, isFirst, a, b);
}
