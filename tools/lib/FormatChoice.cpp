// One bound is the budget of numerics::allocate(). If there are two, the time becomes a part of the loss, with a
// multiplier that is bisected.
#include "tools/lib/FormatChoice.h"
#include "passes/numerics/RankAllocation.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Regex.h"
#include <cmath>

using llvm::ArrayRef;
using llvm::StringRef;

namespace vitya {
namespace {

constexpr int64_t kPaddedWidth = 16;
constexpr int kBisections = 60;
/// Bits of the weights that no rule names.
constexpr unsigned kDefaultBits = 8;

/// The choice with the least loss + `natsPerMillisecond` time under a budget of bytes, or, without one, of time.
std::optional<FormatChoice> chooseWithin(ArrayRef<std::vector<PricedFormat>> matrices, double budget, bool ofBytes,
                                         double natsPerMillisecond) {
  std::vector<std::vector<numerics::Choice>> choices;
  for (const std::vector<PricedFormat> &formats : matrices) {
    choices.emplace_back();
    for (const PricedFormat &each : formats)
      choices.back().push_back({each.format.rank, ofBytes ? each.bytes : each.milliseconds,
                                each.loss + natsPerMillisecond * each.milliseconds});
  }
  std::optional<numerics::Allocation> found = numerics::allocate(choices, budget);
  if (!found)
    return std::nullopt;
  FormatChoice result;
  for (auto [formats, index] : llvm::zip_equal(matrices, found->chosen))
    result.formats.push_back(formats[index]);
  result.natsPerByte = ofBytes ? found->multiplier : 0;
  result.natsPerMillisecond = ofBytes ? natsPerMillisecond : found->multiplier;
  return result;
}

} // namespace

PricedFormat FormatChoice::total() const {
  PricedFormat sum;
  for (const PricedFormat &each : formats) {
    sum.loss += each.loss;
    sum.bytes += each.bytes;
    sum.milliseconds += each.milliseconds;
  }
  return sum;
}

std::vector<MatrixFormat> FormatChoice::chosen() const {
  std::vector<MatrixFormat> result;
  result.reserve(formats.size());
  for (const PricedFormat &each : formats)
    result.push_back(each.format);
  return result;
}

double bytesOf(const MatrixLosses &matrix, MatrixFormat format) {
  // Integers of 5 to 8 bits take a byte each.
  double perElement = format.bits == 32 ? 4 : format.bits == 4 ? 0.5 : 1, sum = 0;
  for (auto [out, in] : matrix.shapes(format.rank)) {
    auto padded = [](int64_t size) { return double(llvm::alignTo(uint64_t(size), uint64_t(kPaddedWidth))); };
    double rows = padded(out);
    sum += rows * padded(in) * perElement + (format.bits == 32 ? 0 : rows * sizeof(float));
  }
  return sum;
}

std::optional<FormatChoice> chooseFormats(ArrayRef<std::vector<PricedFormat>> matrices, const CostBounds &bounds) {
  if (!std::isfinite(bounds.bytes) && std::isfinite(bounds.milliseconds))
    return chooseWithin(matrices, bounds.milliseconds, /*ofBytes=*/false, 0);
  auto withTime = [&](double natsPerMillisecond) {
    return chooseWithin(matrices, bounds.bytes, /*ofBytes=*/true, natsPerMillisecond);
  };
  std::optional<FormatChoice> free = withTime(0);
  if (!free || free->total().milliseconds <= bounds.milliseconds)
    return free;
  // A multiplier that makes time matter more than any loss, and one that makes it matter less.
  double largest = 1e-300, shortest = std::numeric_limits<double>::infinity();
  for (const std::vector<PricedFormat> &formats : matrices)
    for (const PricedFormat &each : formats) {
      largest = std::max(largest, each.loss);
      if (each.milliseconds > 0)
        shortest = std::min(shortest, each.milliseconds);
    }
  double high = std::log(largest / shortest) + 20, low = high - 80;
  std::optional<FormatChoice> best;
  for (int i = 0; i <= kBisections; ++i) {
    double middle = i == 0 ? high : (low + high) / 2;
    std::optional<FormatChoice> found = withTime(std::exp(middle));
    if (found->total().milliseconds <= bounds.milliseconds) {
      best = std::move(found);
      high = middle;
    } else if (i == 0) {
      return std::nullopt;
    } else {
      low = middle;
    }
  }
  return best;
}

CompressText textOf(const CompressText &base, ArrayRef<MatrixLosses> matrices, ArrayRef<MatrixFormat> formats) {
  /// The widths of the heads of an attention.
  struct Widths {
    int64_t queryKey = 0, value = 0;
    bool areReduced = false;
  };
  llvm::MapVector<StringRef, Widths> attentions;
  std::vector<std::string> ranks, bits, inF32;
  size_t weights = 0;
  for (auto [matrix, format] : llvm::zip_equal(matrices, formats)) {
    if (matrix.kind == MatrixKind::layer) {
      if (format.rank)
        ranks.push_back(llvm::formatv("{0}:{1}", matrix.name, format.rank));
    } else {
      Widths &widths = attentions[matrix.name];
      (matrix.kind == MatrixKind::queryKey ? widths.queryKey : widths.value) = format.rank ? format.rank : matrix.width;
      widths.areReduced |= format.rank != 0;
    }
    weights += matrix.weights.size();
    for (const std::string &weight : matrix.weights)
      if (format.bits == 32)
        inF32.push_back(weight);
      else if (format.bits != kDefaultBits)
        bits.push_back(llvm::formatv("^{0}$:{1}", llvm::Regex::escape(weight), format.bits));
  }
  for (const auto &[name, widths] : attentions)
    if (widths.areReduced)
      ranks.push_back(llvm::formatv("{0}:{1}/{2}", name, widths.queryKey, widths.value));
  CompressText text = base;
  text.lowRank = ranks.empty() ? "" : base.lowRank + ",ranks=" + llvm::join(ranks, ",");
  if (base.quantize == "none" || inF32.size() == weights) {
    text.quantize = "none";
    return text;
  }
  bits.push_back(std::to_string(kDefaultBits));
  text.quantize += ",bits=" + llvm::join(bits, ",");
  if (!inF32.empty())
    text.quantize += ",keep-f32=" + llvm::join(inF32, ",");
  return text;
}

} // namespace vitya
