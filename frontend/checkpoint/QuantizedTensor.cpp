// The quantizer is a tuple, an argument of torch._utils._rebuild_qtensor: (torch.per_tensor_affine, scale, zero point)
// or (torch.per_channel_affine, tensor of scales, tensor of zero points, axis).
#include "frontend/checkpoint/QuantizedTensor.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/IntegerWeights.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace llvm;

namespace vitya {

using Kind = PickleValue::Kind;

/// Reads the elements of a tensor of type `typeName`, which is `Number` in C++.
template <typename Number>
static Error readNumbers(StringRef name, const PickleValue &value, StringRef typeName, const Records &records,
                         std::vector<Number> &numbers) {
  if (!value.is(Kind::tensor) || value.tensor->type->name != typeName)
    return makeError("expected scales and zero points of tensor '{0}' as tensors of f64 and i64, found {1}", name,
                     value.is(Kind::tensor) ? StringRef(value.tensor->type->name) : describe(value.kind));
  if (Error error = checkTensor(name, *value.tensor, records.size(value.tensor->record)))
    return error;
  numbers.resize(value.tensor->elements());
  return readBytes(*value.tensor, records,
                   MutableArrayRef(reinterpret_cast<char *>(numbers.data()), numbers.size() * sizeof(Number)));
}

/// Reads scales, zero points and axis.
static Error readQuantizer(StringRef name, const PickleValue &quantizer, const Records &records,
                           QuantizedTensor &result) {
  ArrayRef<PickleValue *> items = quantizer.items;
  StringRef scheme = !items.empty() && items[0]->is(Kind::global) ? items[0]->text : "";
  if (scheme == "torch.per_tensor_affine" && items.size() == 3 && items[1]->is(Kind::real) &&
      items[2]->is(Kind::integer)) {
    result.scales = {items[1]->real};
    result.zeroPoints = {items[2]->integer};
    return Error::success();
  }
  if (scheme == "torch.per_channel_affine" && items.size() == 4 && items[3]->is(Kind::integer)) {
    result.axis = items[3]->integer;
    if (Error error = readNumbers(name, *items[1], "f64", records, result.scales))
      return error;
    return readNumbers(name, *items[2], "i64", records, result.zeroPoints);
  }
  return makeError("expected tensor '{0}' with torch.per_tensor_affine, a scale and a zero point, or with "
                   "torch.per_channel_affine, scales, zero points and an axis, found {1}",
                   name, scheme.empty() ? "another quantizer" : scheme);
}

static Error checkScales(StringRef name, ArrayRef<double> scales) {
  for (double scale : scales)
    if (!(scale > 0) || !std::isfinite(scale))
      return makeError("expected positive, finite scales of tensor '{0}', found {1}", name, scale);
  return Error::success();
}

/// Reads a tensor of PyTorch.
static Expected<QuantizedTensor> readTorch(StringRef name, const Tensor &tensor, const Records &records) {
  QuantizedTensor result;
  if (Error error = readQuantizer(name, *tensor.quantizer, records, result))
    return std::move(error);
  if (result.axis && (*result.axis < 0 || *result.axis >= static_cast<int64_t>(tensor.shape.size())))
    return makeError("expected an axis of tensor '{0}' of shape {1}, found axis {2}", name, formatShape(tensor.shape),
                     *result.axis);
  size_t wanted = result.axis ? tensor.shape[*result.axis] : 1;
  if (result.scales.size() != wanted || result.zeroPoints.size() != wanted)
    return makeError("expected {0} scales and zero points of tensor '{1}', found {2} and {3}", wanted, name,
                     result.scales.size(), result.zeroPoints.size());
  if (Error error = checkScales(name, result.scales))
    return std::move(error);
  for (int64_t zeroPoint : result.zeroPoints)
    if (zeroPoint < -128 || zeroPoint > 127)
      return makeError("expected zero points of tensor '{0}' from -128 to 127, found {1}", name, zeroPoint);
  result.integers.resize(tensor.elements());
  if (Error error = readBytes(
          tensor, records, MutableArrayRef(reinterpret_cast<char *>(result.integers.data()), result.integers.size())))
    return std::move(error);
  return result;
}

/// Reads a weight that this compiler has quantized.
static Expected<QuantizedTensor> readWeight(StringRef name, const Tensor &tensor, const Records &records) {
  const IntegerWeight &weight = *tensor.weight;
  QuantizedTensor result;
  result.min = weight.range.min;
  result.max = weight.range.max;
  if (!weight.scales.shape.empty())
    result.axis = 0;
  result.scales.resize(weight.scales.elements());
  result.zeroPoints.resize(result.scales.size(), 0);
  if (Error error = readBytes(
          weight.scales, records,
          MutableArrayRef(reinterpret_cast<char *>(result.scales.data()), result.scales.size() * sizeof(double))))
    return std::move(error);
  if (Error error = checkScales((name + kScaleSuffix).str(), result.scales))
    return std::move(error);
  std::vector<char> bytes(weight.integers.elements());
  if (Error error = readBytes(weight.integers, records, bytes))
    return std::move(error);
  result.integers.assign(bytes.begin(), bytes.end());
  int64_t columns = tensor.shape[1];
  if (weight.range.isPacked()) {
    Expected<std::vector<int8_t>> unpacked = unpackNibbles(name, bytes, columns);
    if (!unpacked)
      return unpacked.takeError();
    result.integers = std::move(*unpacked);
  }
  for (auto [index, integer] : enumerate(result.integers))
    if (integer < result.min || integer > result.max)
      return makeError("expected integers of tensor '{0}' from {1} to {2}, found {3} in row {4}, column {5}", name,
                       result.min, result.max, int(integer), index / columns, index % columns);
  return result;
}

Expected<QuantizedTensor> readQuantized(StringRef name, const Tensor &tensor, const Records &records) {
  if (tensor.weight)
    return readWeight(name, tensor, records);
  if (tensor.type->name == "qint8" && tensor.quantizer)
    return readTorch(name, tensor, records);
  return makeError("expected quantized elements of type qint8 in tensor '{0}', found {1}", name, tensor.type->name);
}

} // namespace vitya
