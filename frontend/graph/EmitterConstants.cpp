// Constants: tensors of the file and what was computed from them.
#include "dialect/Constants.h"
#include "frontend/graph/Emitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;

namespace vitya {

View Emitter::makeConstant(std::string name, ArrayRef<int64_t> shape, std::vector<float> values) {
  return {std::make_shared<Source>(ConstantSource{std::move(name), std::nullopt, std::move(values)}),
          *IndexMap::rowMajor(shape)};
}

FailureOr<std::vector<float>> Emitter::readStored(const ExportedProgram::StoredTensor &stored) {
  const Tensor &tensor = stored.named->tensor;
  std::vector<float> values(tensor.elements());
  bool isInteger = tensor.type->kind == ElementKind::integer || tensor.type->kind == ElementKind::boolean;
  std::vector<char> bytes(isInteger ? values.size() * tensor.type->bytes : 0);
  llvm::Error error =
      isInteger ? stored.part->readBytes(*stored.named, bytes) : stored.part->readFloats(*stored.named, values);
  if (error)
    return fail("{0}", llvm::toString(std::move(error)));
  if (isInteger) {
    bool isSigned = tensor.type->name.starts_with("i");
    switch (tensor.type->bytes) {
    case 1:
      isSigned ? convertElements<int8_t>(bytes, values) : convertElements<uint8_t>(bytes, values);
      break;
    case 2:
      isSigned ? convertElements<int16_t>(bytes, values) : convertElements<uint16_t>(bytes, values);
      break;
    case 4:
      isSigned ? convertElements<int32_t>(bytes, values) : convertElements<uint32_t>(bytes, values);
      break;
    default:
      isSigned ? convertElements<int64_t>(bytes, values) : convertElements<uint64_t>(bytes, values);
    }
  }
  // Larger ones are not floats.
  constexpr float limit = 1 << 24;
  if (isInteger && llvm::any_of(values, [](float value) { return std::abs(value) > limit; }))
    return fail("expected integers of at most {0} in tensor '{1}', found larger ones", limit, stored.named->name);
  return values;
}

FailureOr<std::vector<float>> Emitter::read(const View &view) {
  if (getSource<BufferSource>(view) && isConstant(view) && failed(fillBuffer(view)))
    return failure();
  auto *constant = getSource<ConstantSource>(view);
  if (!constant)
    return fail("expected a constant, found a value that depends on the image");
  std::vector<float> stored;
  ArrayRef<float> values = constant->values;
  if (constant->stored) {
    FailureOr<std::vector<float>> all = readStored(*constant->stored);
    if (failed(all))
      return failure();
    stored = std::move(*all);
    if (view.factor == 1 && view.map.isRowMajor() && view.map.elements() == int64_t(stored.size()))
      return stored;
    values = stored;
  }
  // Dimensions of size 1 that are repeated could give a small file a large constant.
  int64_t limit = std::max<int64_t>(values.size(), kMaxViewElements);
  if (view.map.elements() > limit)
    return fail("expected a constant of at most {0} elements, found {1}", limit, view.map.elements());
  std::vector<float> result;
  result.reserve(view.map.elements());
  auto factor = static_cast<float>(view.factor);
  view.map.forEach([&](int64_t element) { result.push_back(values[element] * factor); });
  return result;
}

FailureOr<Value> Emitter::constant(const View &view) {
  std::vector<EmittedConstant> &known = constants[view.source.get()];
  for (const EmittedConstant &each : known)
    if (each.view.map == view.map && each.view.factor == view.factor && each.view.map.shape() == view.map.shape())
      return each.value;
  FailureOr<std::vector<float>> values = read(view);
  if (failed(values))
    return failure();
  if (!llvm::all_of(*values, [](float value) { return std::isfinite(value); }))
    return fail("expected constants that are finite, found infinity or NaN");
  StringRef name = getSource<ConstantSource>(view)->name;
  auto type = RankedTensorType::get(view.map.shape(), builder.getF32Type());
  Value value = createConstant<float>(builder, location(name), type, name, *values);
  known.push_back({view, value}); // keeps the source, whose address is the key
  return value;
}

LogicalResult Emitter::fillConstant(const View &written) {
  Source &source = *written.source;
  BufferSource buffer = std::get<BufferSource>(source);
  int64_t elements = IndexMap::rowMajor(buffer.shape)->elements(), left = buffer.fill ? 0 : elements;
  if (elements > kMaxViewElements)
    return fail("expected a constant of at most {0} elements, found {1}", kMaxViewElements, elements);
  std::vector<float> values(elements, static_cast<float>(buffer.fill.value_or(0)));
  for (auto [place, view] : llvm::zip_equal(buffer.places, buffer.parts)) {
    FailureOr<std::vector<float>> part = read(view);
    if (failed(part))
      return failure();
    const float *next = part->data();
    place.forEach([&](int64_t element) { values[element] = *next++; });
    left -= place.elements();
  }
  if (left > 0)
    return fail("expected each element of a new tensor to be assigned, found {0} that are not", left);
  source = ConstantSource{"constant", std::nullopt, std::move(values)};
  return success();
}

} // namespace vitya
