// Recognises and verifies the quantized types of the dialect, which are stricter than upstream: the zero point and the
// scales are restricted.
#include "dialect/QuantTypes.h"
#include "dialect/arithmetic/Quantize.h"
#include "mlir/IR/TypeUtilities.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace vitya {

bool isQuantized(Type element) { return isa<quant::QuantizedType>(element); }

static bool hasLevels(quant::QuantizedType type, numerics::Levels levels) {
  return type.getStorageTypeMin() == levels.min && type.getStorageTypeMax() == levels.max;
}

/// The number of bits of an activation that is stored as `type`, which may be null; nothing unless it is u8 of 7 or 8
/// bits and expresses f32.
static std::optional<unsigned> activationBits(quant::QuantizedType type) {
  if (!type || type.getStorageTypeIntegralWidth() != 8 || type.isSigned() || !type.getExpressedType() ||
      !type.getExpressedType().isF32())
    return std::nullopt;
  for (unsigned bits : {7, 8})
    if (hasLevels(type, numerics::unsignedLevels(bits)))
      return bits;
  return std::nullopt;
}

std::optional<unsigned> weightBits(Type element) {
  auto type = dyn_cast<quant::QuantizedType>(element);
  if (!type || !type.isSigned() || !type.getExpressedType() || !type.getExpressedType().isF32())
    return std::nullopt;
  unsigned width = type.getStorageTypeIntegralWidth();
  for (unsigned bits = kLeastWeightBits; bits <= 8; ++bits)
    if (width == (bits == 4 ? 4 : 8) && hasLevels(type, numerics::signedLevels(bits)))
      return bits;
  return width == 8 && hasLevels(type, {-128, 127}) ? std::optional(8u) : std::nullopt;
}

quant::UniformQuantizedType staticU8(Type element) {
  auto type = dyn_cast<quant::UniformQuantizedType>(element);
  return activationBits(type) ? type : quant::UniformQuantizedType();
}

bool isDynamicU8(Type element) { return activationBits(dyn_cast<quant::AnyQuantizedType>(element)).has_value(); }

quant::UniformQuantizedType staticS8(Type element) {
  auto type = dyn_cast<quant::UniformQuantizedType>(element);
  return type && weightBits(type) == 8 && type.getZeroPoint() == 0 ? type : quant::UniformQuantizedType();
}

LayerFormat formatOf(Type input, Type weight) {
  auto activation = cast<quant::QuantizedType>(getElementTypeOrSelf(input));
  return LayerFormat::integers(*activationBits(activation), *weightBits(getElementTypeOrSelf(weight)),
                               isa<quant::AnyQuantizedType>(activation));
}

FailureOr<SmallVector<double>> weightScales(RankedTensorType weight,
                                            llvm::function_ref<InFlightDiagnostic()> emitError) {
  int64_t rows = weight.getDimSize(0);
  Type element = weight.getElementType();
  bool isWeight = weightBits(element).has_value();
  if (auto type = dyn_cast<quant::UniformQuantizedType>(element); type && isWeight && type.getZeroPoint() == 0)
    return SmallVector<double>(rows, type.getScale());
  auto type = dyn_cast<quant::UniformQuantizedPerAxisType>(element);
  if (!type || !isWeight || type.getQuantizedDimension() != 0 ||
      llvm::any_of(type.getZeroPoints(), [](int64_t zero) { return zero != 0; }))
    return emitError()
           << "expected a weight of !quant.uniform<S:f32>, where S is i8, i8<-127:127>, i8<-63:63>, "
              "i8<-31:31>, i8<-15:15> or i4<-7:7>, with zero point 0 and one scale or one for each row, found "
           << element;
  if (static_cast<int64_t>(type.getScales().size()) != rows)
    return emitError() << "expected one scale for each of " << rows << " rows of the weight, found "
                       << type.getScales().size();
  return SmallVector<double>(type.getScales());
}

bool isUsableScale(double scale) {
  auto rounded = static_cast<float>(scale);
  return scale > 0 && std::isnormal(rounded) && std::isnormal(1 / rounded);
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
    if (!isUsableScale(scale))
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
