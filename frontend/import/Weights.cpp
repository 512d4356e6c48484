// Weights become dense resources that have the names of their tensors.
#include "frontend/import/Weights.h"
#include "dialect/Constants.h"
#include "dialect/support/Errors.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

Location nameLocation(OpBuilder &builder, StringRef name) { return NameLoc::get(builder.getStringAttr(name)); }

Weights::Weights(const Checkpoint &checkpoint) : checkpoint(checkpoint) {
  for (const NamedTensor &named : checkpoint.tensors())
    tensors[named.name] = &named;
}

Error Weights::checkShape(const TensorName &name, bool isExpected, const llvm::Twine &expected) const {
  if (isExpected)
    return Error::success();
  return makeError("expected tensor '{0}' of shape {1}, found {2}", name.name, expected.str(),
                   formatShape(tensor(name).shape));
}

Error Weights::checkShape(const TensorName &name, ArrayRef<int64_t> expected) const {
  return checkShape(name, ArrayRef<int64_t>(tensor(name).shape) == expected, formatShape(expected));
}

Expected<std::vector<float>> Weights::read(const TensorName &name) const {
  std::vector<float> values(tensor(name).elements());
  if (Error error = checkpoint.readFloats(*tensors.at(name.name), values))
    return std::move(error);
  return values;
}

Expected<Value> Weights::constant(OpBuilder &builder, const TensorName &name, ArrayRef<int64_t> shape,
                                  ArrayRef<float> rowScale) {
  constexpr size_t alignment = 64;
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements() * sizeof(float), alignment,
                                                       /*dataIsMutable=*/true);
  MutableArrayRef<float> values(reinterpret_cast<float *>(blob.getMutableData().data()), type.getNumElements());
  if (Error error = checkpoint.readFloats(*tensors.at(name.name), values))
    return std::move(error);
  if (int64_t columns = rowScale.empty() ? 0 : type.getNumElements() / shape[0])
    for (auto [index, value] : llvm::enumerate(values))
      value *= rowScale[index / columns];
  auto attribute = DenseResourceElementsAttr::get(type, name.name, std::move(blob));
  Value result = arith::ConstantOp::create(builder, nameLocation(builder, name.name), attribute);
  if (ArrayRef<int64_t>(tensor(name).shape) != shape)
    recordStored(result, name, tensor(name).shape);
  return result;
}

/// The name of the resource of `constant`, which differs from that of the tensor if another model has a tensor of this
/// name.
static StringRef resourceOf(Value constant) {
  auto elements = cast<ElementsAttr>(constant.getDefiningOp<arith::ConstantOp>().getValue());
  return resourceNameOf(elements);
}

void Weights::recordStored(Value constant, const TensorName &name, ArrayRef<int64_t> shape, ArrayRef<int64_t> order) {
  stored.push_back(
      StoredTensorAttr::get(constant.getContext(), resourceOf(constant), name.name, shape, order, FloatAttr()));
}

void Weights::recordFilled(Value constant, const TensorName &name, ArrayRef<int64_t> shape, float value) {
  auto fill = FloatAttr::get(Float32Type::get(constant.getContext()), value);
  stored.push_back(
      StoredTensorAttr::get(constant.getContext(), resourceOf(constant), name.name, shape, /*order=*/{}, fill));
}

void Weights::recordComputed(Value constant) {
  stored.push_back(StoredTensorAttr::get(constant.getContext(), resourceOf(constant), /*name=*/"", /*shape=*/{},
                                         /*order=*/{}, FloatAttr()));
}

Expected<Value> Weights::integerConstant(OpBuilder &builder, const TensorName &name, ArrayRef<int64_t> shape) const {
  auto type = RankedTensorType::get(shape, builder.getI32Type());
  std::vector<char> bytes(type.getNumElements() * sizeof(int32_t));
  if (Error error = checkpoint.readBytes(*tensors.at(name.name), bytes))
    return std::move(error);
  return createConstant<char>(builder, nameLocation(builder, name.name), type, name.name, bytes);
}

/// The quantized element type of `tensor`, whose rows may have different scales.
static Type elementType(OpBuilder &builder, const QuantizedTensor &tensor) {
  constexpr unsigned isSigned = quant::QuantizationFlags::Signed;
  Type storage = builder.getIntegerType(IntegerRange{tensor.min, tensor.max}.isPacked() ? 4 : 8);
  Type f32 = builder.getF32Type();
  if (tensor.axis)
    return quant::UniformQuantizedPerAxisType::get(isSigned, storage, f32, tensor.scales, tensor.zeroPoints,
                                                   /*quantizedDimension=*/0, tensor.min, tensor.max);
  return quant::UniformQuantizedType::get(isSigned, storage, f32, tensor.scales.front(), /*zeroPoint=*/0, tensor.min,
                                          tensor.max);
}

Expected<Value> Weights::quantizedConstant(OpBuilder &builder, const TensorName &name, ArrayRef<int64_t> shape) const {
  Expected<QuantizedTensor> read = checkpoint.readQuantized(*tensors.at(name.name));
  if (!read)
    return read.takeError();
  if (read->axis.value_or(0) != 0 || llvm::any_of(read->zeroPoints, [](int64_t zero) { return zero != 0; }))
    return makeError("expected tensor '{0}' with zero points 0 and one scale or one for each row, found others",
                     name.name);
  if (!llvm::all_of(read->scales, isUsableScale))
    return makeError("expected scales of tensor '{0}' that are normal f32 values, as their reciprocals, found others",
                     name.name);
  auto element = cast<quant::QuantizedType>(elementType(builder, *read));
  if (!weightBits(element))
    return makeError("expected a range of the integers of tensor '{0}' that is [-127, 127], [-63, 63], [-31, 31], "
                     "[-15, 15], [-7, 7] or [-128, 127], found [{1}, {2}]",
                     name.name, read->min, read->max);
  Location loc = nameLocation(builder, name.name);
  Value integers = createConstant<int8_t>(builder, loc, RankedTensorType::get(shape, element.getStorageType()),
                                          name.name, read->integers);
  return quant::StorageCastOp::create(builder, loc, RankedTensorType::get(shape, element), integers).getResult();
}

} // namespace vitya
