// Finds the largest short sums of weights, and verifies what the IR claims about them.
#include "dialect/ShortSums.h"
#include "dialect/Constants.h"
#include "dialect/arithmetic/Lanes.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <array>
#include <limits>

using namespace mlir;

namespace vitya {
namespace {

constexpr int64_t kBlock = 4; ///< columns that are adjacent in packed weights; a short sum has two of them
constexpr int64_t kMaxOrderedGroup = kLanes / kBlock; ///< a window has no more blocks
constexpr int64_t kLimit = std::numeric_limits<int16_t>::max();

/// The short sum of `group` blocks of four columns that starts at (`row`, `column`) of a weight: it adds the products
/// with two adjacent columns of each block. `largest` is the largest magnitude that it can reach.
struct ShortSum {
  int64_t group, largest, row, column;
};

/// The short sum of the largest magnitude among those of `group` blocks, for a weight with rows of `columns` signed
/// bytes and inputs from 0 to `largestInput`. Partial sums, of fewer blocks or of one sign, cannot exceed it.
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

/// The stored integers of a quantized layer: its weight, and the largest value of its input.
struct StoredLayer {
  std::vector<char> weight;
  int64_t columns, largestInput;

  ShortSum find(int64_t group) const { return findLargestShortSum(weight, columns, group, largestInput); }

  /// The layer with its columns in an order for which short sums of `group` blocks are exact.
  std::optional<StoredLayer> order(int64_t group) const {
    std::optional<std::vector<char>> order;
    if (columns % kLanes == 0)
      order = orderColumns(weight, columns, group, largestInput);
    if (!order)
      return std::nullopt;
    return StoredLayer{applyOrder(weight, columns, *order), columns, largestInput};
  }
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

/// Finds the order of the columns of one window in which no short sum exceeds 16 bits.
class WindowOrder {
public:
  /// The window starts at `first`, a column of the weight.
  WindowOrder(ArrayRef<char> weight, int64_t columns, int64_t first, int64_t group, int64_t limit)
      : group(group), limit(limit) {
    for (int64_t column = first; column < first + kLanes; ++column) {
      Magnitudes &magnitudes = weights.emplace_back();
      for (ArrayRef<char> rest = weight; !rest.empty(); rest = rest.drop_front(columns)) {
        auto value = static_cast<int8_t>(rest[column]);
        magnitudes.push_back(std::max<int16_t>(value, 0));
        magnitudes.push_back(std::max<int16_t>(static_cast<int16_t>(-value), 0));
      }
      sums.emplace_back(magnitudes.size());
    }
  }

  /// The positions of the columns, or none.
  std::optional<std::array<char, kLanes>> find() {
    if (!fill(0))
      return std::nullopt;
    std::array<char, kLanes> order;
    for (int64_t i = 0; i < kLanes; ++i)
      order[getPosition(i)] = chosen[i];
    return order;
  }

private:
  /// For each row, the positive part of a weight or of a sum, and the magnitude of its negative part.
  using Magnitudes = std::vector<int16_t>;

  /// Where the `index`-th chosen column goes: the columns of a short sum are chosen one after the other.
  int64_t getPosition(int64_t index) const {
    int64_t sum = index / (2 * group), member = index % (2 * group);
    return (sum / 2 * group + member / 2) * kBlock + sum % 2 * 2 + member % 2;
  }

  /// Chooses the columns from the `index`-th on.
  bool fill(int64_t index) {
    if (index == kLanes)
      return true;
    bool isFirst = index % (2 * group) == 0;
    for (int64_t column = isFirst ? 0 : chosen[index - 1] + 1; column < kLanes; ++column) {
      if (used[column])
        continue;
      if (--steps < 0)
        return false;
      chosen[index] = static_cast<char>(column);
      used[column] = true;
      if (add(index, isFirst) && fill(index + 1))
        return true;
      used[column] = false;
      if (isFirst) // some short sum must have this column
        return false;
    }
    return false;
  }

  /// Computes the sums up to the `index`-th chosen column. Returns false if one exceeds the limit.
  bool add(int64_t index, bool isFirst) {
    const Magnitudes &added = weights[chosen[index]];
    Magnitudes &result = sums[index];
    int16_t largest = 0;
    for (size_t i = 0; i < added.size(); ++i) {
      result[i] = static_cast<int16_t>(added[i] + (isFirst ? 0 : sums[index - 1][i]));
      largest = std::max(largest, result[i]);
    }
    return largest <= limit;
  }

  int64_t group, limit, steps = 4096;
  SmallVector<Magnitudes> weights; ///< of each column
  SmallVector<Magnitudes> sums;    ///< of the short sum of each chosen column, up to this column
  std::array<char, kLanes> chosen;
  std::array<bool, kLanes> used{};
};

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

std::optional<std::vector<char>> orderColumns(ArrayRef<char> weight, int64_t columns, int64_t group,
                                              int64_t largestInput) {
  std::vector<char> order;
  for (int64_t window = 0; window < columns; window += kLanes) {
    auto found = WindowOrder(weight, columns, window, group, kLimit / largestInput).find();
    if (!found)
      return std::nullopt;
    llvm::append_range(order, *found);
  }
  return order;
}

std::vector<char> applyOrder(ArrayRef<char> weight, int64_t columns, ArrayRef<char> order) {
  std::vector<char> ordered(weight.size());
  for (int64_t row = 0; row < int64_t(weight.size()); row += columns)
    for (int64_t column = 0; column < columns; ++column)
      ordered[row + column] = weight[row + column / kLanes * kLanes + order[column]];
  return ordered;
}

ShortSumsAttr proveShortSums(LinearOp op) {
  FailureOr<StoredLayer> layer = readLayer(op);
  if (failed(layer))
    return {};
  auto makeAttr = [&](int64_t group, const ShortSum &sum, bool isOrdered = false) {
    return ShortSumsAttr::get(op.getContext(), group, sum.largest, sum.row, sum.column, isOrdered);
  };
  // No group may be partial: the packed weight has whole groups, and padding is to whole vectors only.
  int64_t width = llvm::alignTo(layer->columns, kLanes);
  for (int64_t group = kMaxShortSumGroup; group > 0; group /= 2) {
    if (width % (kBlock * group) != 0)
      continue;
    if (ShortSum sum = layer->find(group); sum.largest <= kLimit)
      return makeAttr(group, sum);
    // For one token, reading the weight from memory takes longer than multiplying by it.
    if (group <= kMaxOrderedGroup && op.getType().getDimSize(0) > 1)
      if (std::optional<StoredLayer> ordered = layer->order(group))
        return makeAttr(group, ordered->find(group), /*isOrdered=*/true);
  }
  return makeAttr(0, layer->find(1));
}

LogicalResult verifyShortSums(LinearOp op) {
  auto claim = getDiscardable<VityaDialect::ShortSumsAttrHelper>(op);
  if (!claim)
    return success();
  FailureOr<StoredLayer> layer = readLayer(op);
  if (failed(layer))
    return op.emitOpError() << "expected a quantized constant weight with all its bytes, as '"
                            << VityaDialect::ShortSumsAttrHelper::getNameStr() << "' makes a claim about it";
  if (claim.getOrdered()) {
    std::optional<StoredLayer> ordered = layer->order(claim.getGroup());
    if (!ordered)
      return op.emitOpError() << "expected layer '" << op.getLayer() << "' to have an order of its columns, as "
                              << claim << " claims, found none";
    *layer = std::move(*ordered);
  }
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
