// Finds the largest short sums of weights, and verifies what the IR claims about them.
#include "dialect/ShortSums.h"
#include "dialect/Constants.h"
#include "dialect/arithmetic/Lanes.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

using namespace mlir;

namespace vitya {
namespace {

constexpr int64_t kBlock = 4; ///< columns that are adjacent in packed weights; a short sum has two of them
constexpr int64_t kLimit = std::numeric_limits<int16_t>::max();

/// The stored integers of a quantized layer: its weight, and the largest value of its input.
struct StoredLayer {
  std::vector<char> weight;
  int64_t columns, largestInput;

  ShortSum find(int64_t group) const { return findLargestShortSum(weight, columns, group, largestInput); }
};

FailureOr<StoredLayer> readLayer(LinearOp op) {
  auto input = dyn_cast<quant::QuantizedType>(op.getInput().getType().getElementType());
  auto cast = op.getWeight().getDefiningOp<quant::StorageCastOp>();
  ElementsAttr constant;
  if (!input || !cast || !matchPattern(cast.getInput(), m_Constant(&constant)))
    return failure();
  FailureOr<std::vector<char>> weight = readRaw(constant);
  if (failed(weight))
    return failure();
  return StoredLayer{std::move(*weight), op.getWeight().getType().getDimSize(1), input.getStorageTypeMax()};
}

/// The columns of a short sum, at most `end` - 1.
SmallVector<int64_t> columnsOf(const ShortSum &sum, int64_t end) {
  SmallVector<int64_t> columns;
  for (int64_t block = 0; block < sum.group; ++block)
    for (int64_t column : {sum.column + kBlock * block, sum.column + kBlock * block + 1})
      if (column < end)
        columns.push_back(column);
  return columns;
}

} // namespace

ShortSum findLargestShortSum(ArrayRef<char> weight, int64_t columns, int64_t group, int64_t largestInput) {
  ShortSum found{group, 0, 0, 0};
  int64_t rows = columns ? int64_t(weight.size()) / columns : 0;
  for (int64_t row = 0; row < rows; ++row) {
    ArrayRef<char> values = weight.slice(row * columns, columns);
    for (int64_t first = 0; first < columns; first += kBlock * group)
      for (int64_t pair : {first, first + kBlock / 2}) {
        int64_t positive = 0, negative = 0;
        for (int64_t column = pair; column < std::min(first + kBlock * group, columns); column += kBlock)
          for (char byte : values.slice(column, std::min<int64_t>(2, columns - column))) {
            auto value = static_cast<int8_t>(byte);
            (value > 0 ? positive : negative) += std::abs(int64_t(value));
          }
        if (int64_t largest = largestInput * std::max(positive, negative); largest > found.largest)
          found = {group, largest, row, pair};
      }
  }
  return found;
}

ShortSumsAttr proveShortSums(LinearOp op) {
  FailureOr<StoredLayer> layer = readLayer(op);
  if (failed(layer))
    return {};
  auto makeAttr = [&](int64_t group, const ShortSum &sum) {
    return ShortSumsAttr::get(op.getContext(), group, sum.largest, sum.row, sum.column);
  };
  // No group may be partial: the packed weight has whole groups, and padding is to whole vectors only.
  int64_t width = llvm::alignTo(layer->columns, kLanes);
  for (int64_t group = kMaxShortSumGroup; group > 1; group /= 2)
    if (width % (kBlock * group) == 0)
      if (ShortSum sum = layer->find(group); sum.largest <= kLimit)
        return makeAttr(group, sum);
  ShortSum sum = layer->find(1);
  return makeAttr(sum.largest <= kLimit ? 1 : 0, sum);
}

LogicalResult verifyShortSums(LinearOp op) {
  auto claim = getDiscardable<VityaDialect::ShortSumsAttrHelper>(op);
  if (!claim)
    return success();
  FailureOr<StoredLayer> layer = readLayer(op);
  if (failed(layer))
    return op.emitOpError() << "expected a quantized constant weight with all its bytes, as '"
                            << VityaDialect::ShortSumsAttrHelper::getNameStr() << "' makes a claim about it";
  ShortSum sum = layer->find(std::max<int64_t>(claim.getGroup(), 1));
  if (claim.getLargest() == sum.largest && claim.getRow() == sum.row && claim.getColumn() == sum.column)
    return success();
  InFlightDiagnostic error = op.emitOpError();
  error << "expected layer '" << op.getLayer() << "' to have a largest short sum of " << claim.getLargest()
        << " at row " << claim.getRow() << ", column " << claim.getColumn() << ", as " << claim
        << " claims, found one of " << sum.largest << " at row " << sum.row << ", columns ";
  llvm::interleaveComma(columnsOf(sum, layer->columns), error);
  return error;
}

} // namespace vitya
