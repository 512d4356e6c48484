#include "frontend/layout/NewTensors.h"
#include "dialect/support/Errors.h"
#include "frontend/layout/InitialValues.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace vitya {

Error NewTensors::add(StringRef name, ArrayRef<int64_t> shape, function_ref<std::vector<float>(int64_t count)> values) {
  constexpr int64_t kMaxElements = int64_t(1) << 31;
  std::string complete = (prefix + name).str();
  if (!names.insert(complete).second)
    return Error::success();
  int64_t count = 1;
  bool overflows = false;
  for (int64_t size : shape)
    overflows = overflows || MulOverflow(count, size, count);
  if (overflows || count > kMaxElements - elements)
    return makeError("expected a new model of at most {0} parameters, found more: tensor '{1}' has shape {2}",
                     kMaxElements, complete, formatShape(shape));
  elements += count;
  std::vector<float> numbers = values(count);
  auto *bytes = reinterpret_cast<const char *>(numbers.data());
  tensors.push_back(
      {std::move(complete), findTorchType("float32"), shape.vec(), {bytes, bytes + numbers.size() * sizeof(float)}});
  return Error::success();
}

Error NewTensors::addConstant(StringRef name, ArrayRef<int64_t> shape, float value) {
  return add(name, shape, [&](int64_t count) { return std::vector<float>(count, value); });
}

Error NewTensors::addRandom(StringRef name, ArrayRef<int64_t> shape, double deviation) {
  return add(name, shape,
             [&](int64_t count) { return NormalNumbers(seed, (prefix + name).str()).truncated(count, deviation); });
}

} // namespace vitya
