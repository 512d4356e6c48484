// Operations of FloatBuilder that take more than one op.
#include "passes/lower/linalg/FloatBuilder.h"

using namespace mlir;
using namespace vitya::detail;

Value FloatBuilder::shiftToExponent(Value a) {
  Value bits = arith::BitcastOp::create(*this, withElement(getI32Type()), a);
  Value places = constant(getI32IntegerAttr(23)); // the width of an f32 mantissa
  return arith::BitcastOp::create(*this, type, arith::ShLIOp::create(*this, bits, places));
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
