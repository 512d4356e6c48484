// Recognises and verifies the quantized types of the dialect, which are stricter than upstream: the zero point and the
// scales are restricted.
#include "dialect/QuantTypes.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace vitya {

bool isQuantized(Type element) { return isa<quant::QuantizedType>(element); }

/// Whether the storage has 8 bits and expresses f32: all of u8, or s8 with or without -128.
static bool isByte(quant::QuantizedType type, bool isSigned) {
  if (!type || type.getStorageTypeIntegralWidth() != 8 || type.isSigned() != isSigned ||
      !type.getExpressedType().isF32())
    return false;
  int64_t low = type.getStorageTypeMin(), high = type.getStorageTypeMax();
  return isSigned ? (low == -128 || low == -127) && high == 127 : low == 0 && high == 255;
}

quant::UniformQuantizedType staticU8(Type element) {
  auto type = dyn_cast<quant::UniformQuantizedType>(element);
  return type && isByte(type, /*isSigned=*/false) ? type : quant::UniformQuantizedType();
}

bool isDynamicU8(Type element) {
  auto type = dyn_cast<quant::AnyQuantizedType>(element);
  return type && type.getExpressedType() && isByte(type, /*isSigned=*/false);
}

quant::UniformQuantizedType staticS8(Type element) {
  auto type = dyn_cast<quant::UniformQuantizedType>(element);
  return type && isByte(type, /*isSigned=*/true) && type.getZeroPoint() == 0 ? type : quant::UniformQuantizedType();
}

FailureOr<SmallVector<double>> weightScales(RankedTensorType weight,
                                            llvm::function_ref<InFlightDiagnostic()> emitError) {
  int64_t rows = weight.getDimSize(0);
  if (auto type = staticS8(weight.getElementType()))
    return SmallVector<double>(rows, type.getScale());
  auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(weight.getElementType());
  if (!type || !isByte(type, /*isSigned=*/true) || type.getQuantizedDimension() != 0 ||
      llvm::any_of(type.getZeroPoints(), [](int64_t zero) { return zero != 0; }))
    return emitError() << "expected a weight of !quant.uniform<i8:f32> with zero point 0 and one scale or one for each "
                          "row, found "
                       << weight.getElementType();
  if (static_cast<int64_t>(type.getScales().size()) != rows)
    return emitError() << "expected one scale for each of " << rows << " rows of the weight, found "
                       << type.getScales().size();
  return SmallVector<double>(type.getScales());
}

LogicalResult verifyQuantized(Type element, llvm::function_ref<InFlightDiagnostic()> emitError) {
  SmallVector<double> scales;
  if (auto type = dyn_cast<quant::UniformQuantizedType>(element)) {
    scales.push_back(type.getScale());
    if (type.getZeroPoint() < type.getStorageTypeMin() || type.getZeroPoint() > type.getStorageTypeMax())
      return emitError() << "expected a zero point from " << type.getStorageTypeMin() << " to "
                         << type.getStorageTypeMax() << ", found " << type.getZeroPoint();
  } else if (auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
    llvm::append_range(scales, type.getScales());
  }
  for (double scale : scales)
    if (!std::isnormal(static_cast<float>(scale)) || !std::isfinite(1.0f / static_cast<float>(scale)))
      return emitError() << "expected scales that are normal f32 values with normal reciprocals, found " << scale;
  return success();
}

SmallVector<float> rowFactors(Type input, ArrayRef<double> scales) {
  auto type = staticU8(input);
  return llvm::map_to_vector(scales,
                             [&](double scale) { return static_cast<float>(type ? type.getScale() * scale : scale); });
}

std::optional<SmallVector<int32_t>> biasInSteps(ArrayRef<float> bias, ArrayRef<float> factors, int64_t in) {
  constexpr double largestProduct = 255 * 128;
  double room = std::numeric_limits<int32_t>::max() - largestProduct * double(in);
  SmallVector<int32_t> steps;
  for (auto [value, factor] : llvm::zip_equal(bias, factors)) {
    double step = std::nearbyint(double(value) / factor);
    if (!(std::abs(step) <= room)) // also rejects NaN
      return std::nullopt;
    steps.push_back(static_cast<int32_t>(step));
  }
  return steps;
}

SmallVector<float> attentionFactors(Type query, Type key, Type value, Type weights, double scale) {
  auto u8 = staticU8(query);
  return {static_cast<float>(u8.getScale() * staticS8(key).getScale() * scale), static_cast<float>(u8.getZeroPoint()),
          1.0f / static_cast<float>(staticU8(weights).getScale()), static_cast<float>(staticS8(value).getScale())};
}

} // namespace vitya
