// The two tensors become one before a layout is matched, so that layouts know nothing of how weights are stored.
#include "frontend/checkpoint/IntegerWeights.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace vitya {

json::Object describeWeight(IntegerRange range, int64_t columns) {
  json::Object result{{"range", json::Array{range.min, range.max}}};
  if (range.isPacked())
    result["columns"] = columns;
  return result;
}

/// Reads the description of weight `name`: its range and, if it is packed, its columns.
static Expected<std::pair<IntegerRange, int64_t>> readDescription(StringRef name, const json::Value &value) {
  auto fail = [&] {
    return makeError("expected a 'range' of two integers from -128 to 127 around 0 and, if it is within -8 and 7, "
                     "positive 'columns' of weight '{0}' in the file's 'vitya' entry, found {1}",
                     name, value);
  };
  const json::Object *object = value.getAsObject();
  const json::Array *array = object ? object->getArray("range") : nullptr;
  if (!array || array->size() != 2)
    return fail();
  std::optional<int64_t> min = (*array)[0].getAsInteger(), max = (*array)[1].getAsInteger();
  if (!min || !max || *min < -128 || *min >= 0 || *max <= 0 || *max > 127)
    return fail();
  IntegerRange range{*min, *max};
  std::optional<int64_t> columns = object->getInteger("columns");
  if (range.isPacked() && (!columns || *columns <= 0))
    return fail();
  return std::pair(range, columns.value_or(0));
}

/// Fails unless `tensor` has this type and a shape that begins with `rows`.
static Error checkStored(const NamedTensor &named, StringRef type, bool isExpectedShape, const Twine &shape) {
  if (named.tensor.type->name == type && isExpectedShape)
    return Error::success();
  return makeError("expected tensor '{0}' of type {1} and shape {2}, found {3} and {4}", named.name, type, shape.str(),
                   named.tensor.type->name, formatShape(named.tensor.shape));
}

/// Makes `integers` the weight that it stores together with `scales`.
static Error join(NamedTensor &integers, const NamedTensor &scales, IntegerRange range, int64_t columns) {
  ArrayRef<int64_t> shape = integers.tensor.shape, scaleShape = scales.tensor.shape;
  int64_t rowBytes = divideCeil(columns, 2);
  if (Error error = range.isPacked() ? checkStored(integers, "u8", shape.size() == 2 && shape[1] == rowBytes,
                                                   "[rows, " + Twine(rowBytes) + "]")
                                     : checkStored(integers, "i8", shape.size() == 2, "[rows, columns]"))
    return error;
  if (Error error = checkStored(scales, "f64", scaleShape.empty() || scaleShape == shape.take_front(1),
                                "[" + Twine(shape[0]) + "] or []"))
    return error;
  IntegerWeight weight{range, integers.tensor, scales.tensor};
  if (range.isPacked())
    integers.tensor.shape[1] = columns;
  integers.tensor.weight = std::make_shared<const IntegerWeight>(std::move(weight));
  return Error::success();
}

Error joinWeights(json::Object &settings, std::vector<NamedTensor> &tensors) {
  const json::Value *entry = settings.get(kWeightsKey);
  if (!entry)
    return Error::success();
  const json::Object *weights = entry->getAsObject();
  if (!weights)
    return makeError("expected an object as '{0}' of the file's 'vitya' entry, found {1}", kWeightsKey, *entry);
  StringMap<NamedTensor *> byName;
  for (NamedTensor &named : tensors)
    byName[named.name] = &named;
  StringSet<> joined;
  for (const auto &[key, value] : *weights) {
    std::string name = key.str(), scaleName = name + kScaleSuffix.str();
    auto description = readDescription(name, value);
    if (!description)
      return description.takeError();
    NamedTensor *integers = byName.lookup(name), *scales = byName.lookup(scaleName);
    if (!integers || !scales)
      return makeError("expected tensors '{0}' and '{1}' of a weight in the file's 'vitya' entry, found no '{2}'", name,
                       scaleName, integers ? scaleName : name);
    if (Error error = join(*integers, *scales, description->first, description->second))
      return error;
    joined.insert(scaleName);
  }
  erase_if(tensors, [&](const NamedTensor &named) { return joined.contains(named.name); });
  settings.erase(kWeightsKey);
  return Error::success();
}

std::vector<char> packNibbles(ArrayRef<char> integers, int64_t columns) {
  std::vector<char> bytes;
  for (; !integers.empty(); integers = integers.drop_front(columns))
    for (int64_t column = 0; column < columns; column += 2) {
      unsigned low = integers[column] & 0xf, high = column + 1 < columns ? integers[column + 1] & 0xf : 0;
      bytes.push_back(static_cast<char>(low | high << 4));
    }
  return bytes;
}

Expected<std::vector<int8_t>> unpackNibbles(StringRef name, ArrayRef<char> bytes, int64_t columns) {
  std::vector<int8_t> integers;
  int64_t rowBytes = divideCeil(columns, 2);
  for (auto [index, byte] : enumerate(bytes)) {
    auto high = static_cast<int8_t>(SignExtend32<4>(static_cast<uint8_t>(byte) >> 4));
    integers.push_back(static_cast<int8_t>(SignExtend32<4>(static_cast<uint8_t>(byte) & 0xf)));
    bool isPadding = columns % 2 != 0 && static_cast<int64_t>(index) % rowBytes == rowBytes - 1;
    if (!isPadding)
      integers.push_back(high);
    else if (high != 0)
      return makeError("expected 0 in the half byte that pads row {0} of tensor '{1}', found {2}",
                       static_cast<int64_t>(index) / rowBytes, name, int(high));
  }
  return integers;
}

} // namespace vitya
