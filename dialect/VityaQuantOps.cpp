// Result types, interface methods and verifiers of the quantized ops. The labels refer to the constraints in
// VityaOps.td and VityaQuantOps.td.
#include "dialect/VityaOps.h"
#include "dialect/arithmetic/Lanes.h"
#include "dialect/arithmetic/Quantize.h"

using namespace mlir;
using namespace vitya;

namespace {

int64_t rows(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(0); }
int64_t columns(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(1); }

/// The row-wise operands: the input, and `other` if it is given and has one row for each row of the input.
SmallVector<unsigned> rowwiseWith(Value input, MutableOperandRange other) {
  SmallVector<unsigned> operands{0};
  if (!other.empty() && rows(other[0].get()) == rows(input))
    operands.push_back(other[0].getOperandNumber());
  return operands;
}

LogicalResult verifyParams(Operation *op, Value input, Value params) {
  if (!params || (columns(params) == 2 && (rows(params) == 1 || rows(params) == rows(input))))
    return success();
  return op->emitOpError() << "expected params of 2 columns with one row or one for each of " << rows(input)
                           << " tokens, found " << params.getType();
}

} // namespace

//===----------------------------------------------------------------------===//
// LinearOp: quantized formats
//===----------------------------------------------------------------------===//

SmallVector<unsigned> LinearOp::getRowwiseOperands() { return rowwiseWith(getInput(), getParamsMutable()); }

LogicalResult LinearOp::verifyIntegers() {
  auto emitError = [&] { return emitOpError(); };
  Type input = getInput().getType().getElementType();
  // linear_c3
  bool isDynamic = isDynamicU8(input);
  if (!isDynamic && !staticU8(input))
    return emitError()
           << "expected an input of !quant.uniform<S:f32> or !quant.any<S:f32>, where S is u8 or u8<0:127>, "
              "as the weight is quantized, found "
           << input;
  // linear_c3, linear_c4
  if (failed(weightScales(getWeight().getType(), emitError)) || failed(verifyQuantized(input, emitError)) ||
      failed(verifyQuantized(getWeight().getType().getElementType(), emitError)))
    return failure();
  // linear_c5
  if (isDynamic != static_cast<bool>(getParams()))
    return emitError() << "expected params if and only if the input is !quant.any, found input " << input
                       << (getParams() ? " with" : " without") << " params";
  if (failed(verifyParams(*this, getInput(), getParams())))
    return failure();
  // linear_c6
  if (columns(getInput()) > kMaxProducts)
    return emitError() << "expected at most " << kMaxProducts << " inputs, found " << columns(getInput());
  // linear_c7
  if (isDynamic && getBias() && !getBias().getType().getElementType().isF32())
    return emitError() << "expected an f32 bias, as the layer is quantized dynamically, found " << getBias().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// ChooseQParamsOp, QuantizeOp
//===----------------------------------------------------------------------===//

LogicalResult ChooseQParamsOp::inferReturnTypes(MLIRContext *context, std::optional<Location>, Adaptor adaptor,
                                                SmallVectorImpl<Type> &types) {
  int64_t count = adaptor.getGranularity() == Granularity::token ? rows(adaptor.getInput()) : 1;
  types.push_back(RankedTensorType::get({count, 2}, Float32Type::get(context)));
  return success();
}

// With one row for all tokens the result depends on every row of the input.
SmallVector<unsigned> ChooseQParamsOp::getRowwiseOperands() {
  return getGranularity() == Granularity::token ? SmallVector<unsigned>{0} : SmallVector<unsigned>{};
}

SmallVector<unsigned> QuantizeOp::getRowwiseOperands() {
  return rowwiseWith(getInput(), MutableOperandRange(getParamsMutable()));
}

LogicalResult QuantizeOp::verify() {
  // quantize_c1
  if (getResult().getType().getShape() != getInput().getType().getShape())
    return emitOpError() << "expected a result of the input's sizes, found " << getResult().getType() << " and "
                         << getInput().getType();
  // quantize_c2
  if (failed(verifyParams(*this, getInput(), getParams())))
    return failure();
  // quantize_c3
  Type element = getResult().getType().getElementType();
  bool hasDefaultLevels = getLevels() == static_cast<uint32_t>(numerics::kUnsignedLevels.max);
  if (getIsSigned() && (!element.isInteger() || !hasDefaultLevels))
    return emitOpError() << "expected a signed result to be i8 or i16, without levels, found " << element
                         << (hasDefaultLevels ? "" : " with levels");
  // quantize_c4
  if (auto type = dyn_cast<quant::AnyQuantizedType>(element); type && type.getStorageTypeMax() != getLevels())
    return emitOpError() << "expected levels that are the highest integer of the result, found " << getLevels()
                         << " and " << type;
  return success();
}

//===----------------------------------------------------------------------===//
// OrderColumnsOp
//===----------------------------------------------------------------------===//

LogicalResult OrderColumnsOp::verify() {
  // order_columns_c1
  if (rows(getOrder()) != columns(getInput()) || columns(getInput()) % kLanes != 0)
    return emitOpError() << "expected a position for each column, and columns that are a multiple of " << kLanes
                         << ", found " << rows(getOrder()) << " positions and " << columns(getInput()) << " columns";
  return success();
}

//===----------------------------------------------------------------------===//
// IntegerLinearOp, IntegerAttentionOp
//===----------------------------------------------------------------------===//

LogicalResult IntegerLinearOp::inferReturnTypes(MLIRContext *context, std::optional<Location>, Adaptor adaptor,
                                                SmallVectorImpl<Type> &types) {
  types.push_back(
      RankedTensorType::get({rows(adaptor.getInput()), rows(adaptor.getWeight())}, Float32Type::get(context)));
  return success();
}

SmallVector<unsigned> IntegerLinearOp::getRowwiseOperands() { return rowwiseWith(getInput(), getParamsMutable()); }

int64_t IntegerLinearOp::getMultiplyAdds() { return rows(getInput()) * getWeight().getType().getNumElements(); }

LayerFormat IntegerLinearOp::getFormat() {
  return LayerFormat::integers(8, getWeight().getType().getElementTypeBitWidth(),
                               /*isDynamic=*/static_cast<bool>(getParams()));
}

LogicalResult IntegerLinearOp::verify() {
  // integer_linear_c1
  if (columns(getWeight()) != columns(getInput()))
    return emitOpError() << "expected a weight with as many columns as the input, found " << columns(getWeight())
                         << " and " << columns(getInput());
  // integer_linear_c2
  for (Value vector : {Value(getOffset()), Value(getMultiplier()), Value(getBias())})
    if (vector && rows(vector) != rows(getWeight()))
      return emitOpError() << "expected offset, multiplier and bias with one entry for each of " << rows(getWeight())
                           << " rows of the weight, found " << rows(vector);
  // integer_linear_c3
  if (failed(verifyParams(*this, getInput(), getParams())))
    return failure();
  // integer_linear_c4
  if (std::optional<int64_t> group = getGroup(); group && (*group <= 0 || columns(getInput()) % (4 * *group) != 0 ||
                                                           !getInput().getType().getElementType().isInteger(8)))
    return emitOpError() << "expected a positive group of blocks of four columns that divides the columns of an i8 "
                            "input, found group "
                         << *group << " and input " << getInput().getType();
  return success();
}

LogicalResult IntegerAttentionOp::inferReturnTypes(MLIRContext *context, std::optional<Location>, Adaptor adaptor,
                                                   SmallVectorImpl<Type> &types) {
  types.push_back(
      RankedTensorType::get({rows(adaptor.getQuery()), columns(adaptor.getValue())}, Float32Type::get(context)));
  return success();
}

SmallVector<unsigned> IntegerAttentionOp::getRowwiseOperands() { return rowwiseWith(getQuery(), getBiasMutable()); }

int64_t IntegerAttentionOp::getMultiplyAdds() {
  return rows(getKey()) * (getQuery().getType().getNumElements() + getType().getNumElements());
}

LayerFormat IntegerAttentionOp::getFormat() { return LayerFormat::integers(8, 8, /*isDynamic=*/false); }

LogicalResult IntegerAttentionOp::verify() {
  // integer_attention_c1
  if (columns(getQuery()) != columns(getKey()) || rows(getKey()) != rows(getValue()))
    return emitOpError() << "expected query and key of the same width, and as many keys as values, found "
                         << getQuery().getType() << ", " << getKey().getType() << ", " << getValue().getType();
  // integer_attention_c2
  int64_t heads = getHeads();
  if (heads <= 0 || columns(getQuery()) % heads != 0 || columns(getValue()) % heads != 0)
    return emitOpError() << "expected a positive number of heads that divides the widths of query and value, found "
                         << heads << " heads, widths " << columns(getQuery()) << " and " << columns(getValue());
  // integer_attention_c3
  if (rows(getFactors()) != 4)
    return emitOpError() << "expected four factors, found " << rows(getFactors());
  // integer_attention_c4
  if (getElementTypeOrSelf(getQuery()) != getElementTypeOrSelf(getKey()) ||
      getElementTypeOrSelf(getKey()) != getElementTypeOrSelf(getValue()))
    return emitOpError() << "expected query, key and value of one element type, found "
                         << getElementTypeOrSelf(getQuery()) << ", " << getElementTypeOrSelf(getKey()) << ", "
                         << getElementTypeOrSelf(getValue());
  // integer_attention_c5
  if (Value bias = getBias();
      bias && (rows(bias) != rows(getQuery()) || columns(bias) % heads != 0 || columns(bias) / heads < rows(getKey())))
    return emitOpError() << "expected a bias of " << rows(getQuery()) << " rows, and " << rows(getKey())
                         << " columns or more for each of " << heads << " heads, found " << bias.getType();
  return success();
}
