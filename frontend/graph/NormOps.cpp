// Norms, as one operator or, for RMSNorm, in steps: x * rsqrt(mean(x^2) + eps).
#include "frontend/graph/Converter.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace vitya {

/// layer_norm or rms_norm of the last dimensions.
FailureOr<Converter::Results> Converter::norm() {
  FailureOr<View> input = view("input");
  FailureOr<SmallVector<int64_t>> normalized = integers("normalized_shape");
  if (failed(input) || failed(normalized))
    return failure();
  int64_t width = 1;
  for (int64_t size : *normalized)
    width *= std::clamp<int64_t>(size, 1, IndexMap::kMaxElements / width);
  bool isRms = StringRef(node->op).contains("rms_norm");
  double usual = isRms ? std::numeric_limits<float>::epsilon() : 1e-5;
  Emitter::Norm norm{isRms, optionalView("weight"), isRms ? std::nullopt : optionalView("bias"),
                     number("eps").value_or(usual), node->module};
  if (!std::isfinite(norm.eps) || norm.eps < 0)
    return emitter.fail("expected an eps that is finite and not negative, found {0}", norm.eps);
  if (auto *weight = norm.weight ? getSource<ConstantSource>(*norm.weight) : nullptr)
    norm.name = Emitter::layerOf(weight->name).str();
  return results(emitter.normalize(*input, width, norm));
}

/// The lengths of vectors, by which a model may divide them.
FailureOr<Converter::Results> Converter::vectorNorm() {
  FailureOr<View> self = view("self");
  FailureOr<View> squares = failed(self) ? self : applied(*self, [](double x) { return x * x; });
  FailureOr<SmallVector<int64_t>> dims =
      failed(squares) ? FailureOr<SmallVector<int64_t>>(failure()) : reducedDims(self->map.rank());
  if (failed(dims))
    return failure();
  if (number("ord").value_or(2) != 2)
    return emitter.fail("expected the norm of order 2, found another");
  FailureOr<View> sum = meanOf(*squares, *dims, flag("keepdim", false), /*isSum=*/true);
  return failed(sum) ? FailureOr<Results>(failure()) : results(applied(*sum, [](double x) { return std::sqrt(x); }));
}

/// The factor c if `function` is c x^2.
static std::optional<double> findSquare(const std::function<double(double)> &function) {
  double factor = function(1);
  for (double x : {-3.0, -1.0, -0.5, 0.0, 0.25, 2.0, 16.0})
    if (!(std::abs(function(x) - factor * x * x) <= 1e-9 * std::abs(factor) * (1 + x * x)))
      return std::nullopt;
  return std::isfinite(factor) && factor > 0 ? std::optional(factor) : std::nullopt;
}

/// The mean of the squares in each row, or their sum. Returns nothing if `view` has no squares or `dims` are others
/// than the last dimension.
std::optional<View> Converter::meanOfSquares(const View &view, ArrayRef<int64_t> dims, ArrayRef<int64_t> shape,
                                             bool isSum) {
  auto *source = getSource<FunctionSource>(view);
  size_t rank = view.map.rank();
  if (!source || dims.size() != 1 || dims.front() + 1 != int64_t(rank))
    return std::nullopt;
  std::optional<double> factor = findSquare(source->function);
  std::optional<IndexMap> map = source->operand.map.compose(view.map), result = IndexMap::rowMajor(shape);
  if (!factor || !map || !result)
    return std::nullopt;
  *factor *= view.factor * source->operand.factor * source->operand.factor;
  return View{std::make_shared<Source>(MeanSquaresSource{{source->operand.source, *map}}), *result,
              *factor * (isSum ? double(view.map.size(rank - 1)) : 1)};
}

/// 1 / sqrt(slope * m + constant)
struct InverseRoot {
  double slope, constant;

  /// Returns the numbers with which `function` has this form.
  static std::optional<InverseRoot> find(const std::function<double(double)> &function) {
    auto inverse = [&](double x) { return 1 / (function(x) * function(x)); };
    double constant = inverse(0), slope = inverse(1) - constant;
    for (double x : {1e-6, 1e-3, 0.1, 10.0, 1e3, 1e6})
      if (!(function(x) > 0) || !(std::abs(inverse(x) - (slope * x + constant)) <= 1e-6 * inverse(x)))
        return std::nullopt;
    if (!(slope > 0) || !(constant >= 0) || !std::isfinite(slope) || !std::isfinite(constant))
      return std::nullopt;
    return InverseRoot{rounded(slope), rounded(constant)};
  }

private:
  /// `value` without the rounding errors of the formulas above.
  static double rounded(double value) {
    double result = value;
    return StringRef(llvm::formatv("{0:e11}", value).str()).getAsDouble(result) ? value : result;
  }
};

/// `values` divided by the root of the mean of the squares of each row, if `factors` are the inverses of these roots.
std::optional<View> Converter::rmsNormalized(const View &values, const View &factors) {
  auto *function = getSource<FunctionSource>(factors);
  auto *squares = function ? getSource<MeanSquaresSource>(function->operand) : nullptr;
  size_t rank = values.map.rank();
  if (!squares || rank == 0 || squares->operand.source != values.source || !(squares->operand.map == values.map))
    return std::nullopt;
  SmallVector<int64_t> rows = values.map.shape();
  rows.back() = 1;
  std::optional<IndexMap> expected = IndexMap::rowMajor(rows)->expand(values.map.shape()),
                          map = function->operand.map.compose(factors.map);
  std::optional<InverseRoot> root = InverseRoot::find(
      [&](double mean) { return factors.factor * function->function(function->operand.factor * mean); });
  if (!expected || !map || !(*map == *expected) || !root)
    return std::nullopt;
  NormSource norm{{values.source, values.map}, root->constant / root->slope, std::nullopt, node->module, std::nullopt};
  return View{std::make_shared<Source>(std::move(norm)), *IndexMap::rowMajor(values.map.shape()),
              values.factor / std::sqrt(root->slope)};
}

} // namespace vitya
