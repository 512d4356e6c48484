// Packs the bytes of weights at compile time, and emits the unpacking of nibbles.
#include "passes/lower/kernels/WeightLayout.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "passes/lower/Kernel.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace mlir;
using vitya::detail::FloatBuilder;
using vitya::detail::LinalgBuilder;

namespace vitya {

/// What is added to a nibble.
constexpr int kBias = 8;

int64_t WeightLayout::getTiles() const { return llvm::divideCeil(out, tileColumns); }

RankedTensorType WeightLayout::getPackedType(RankedTensorType type) const {
  if (isNibbles)
    return RankedTensorType::get({getTiles(), usedIn / vnniFactor, tileColumns * vnniFactor / 2},
                                 IntegerType::get(type.getContext(), 8));
  SmallVector<int64_t> shape{getTiles(), usedIn / (group.value_or(1) * vnniFactor)};
  if (group)
    shape.push_back(*group);
  shape.push_back(tileColumns);
  if (vnniFactor != 1)
    shape.push_back(vnniFactor);
  return type.clone(shape);
}

std::vector<char> WeightLayout::pack(ArrayRef<char> weight, int64_t width) const {
  std::vector<char> packed(getPaddedOut() * usedIn * width, 0);
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < usedIn; ++i) {
      int64_t outer = o / tileColumns * (usedIn / vnniFactor) + i / vnniFactor;
      int64_t to = (outer * tileColumns + o % tileColumns) * vnniFactor + i % vnniFactor;
      std::memcpy(packed.data() + to * width, weight.data() + (o * in + i) * width, width);
    }
  if (!isNibbles)
    return packed;
  std::vector<char> nibbles;
  int64_t half = tileColumns * vnniFactor / 2;
  for (ArrayRef<char> rest = packed; !rest.empty(); rest = rest.drop_front(2 * half))
    for (int64_t j = 0; j < half; ++j)
      nibbles.push_back(static_cast<char>((rest[j] + kBias) | (rest[j + half] + kBias) << 4));
  return nibbles;
}

Value WeightLayout::unpack(LinalgBuilder &b, Value packed) const {
  int64_t tiles = b.size(packed, 0), blocks = b.size(packed, 1), half = b.size(packed, 2);
  Type i8 = b.getI8Type();
  // The loops are tiles, blocks of columns, halves of a byte, and bytes.
  Value unpacked =
      b.generic(4, {{packed, {0, 1, 3}}}, {b.empty({tiles, blocks, 2, half}, i8), {0, 1, 2, 3}},
                [&](FloatBuilder &a, ValueRange v) -> Value {
                  auto constant = [&](int64_t value) { return arith::ConstantIntOp::create(a, i8, value).getResult(); };
                  Value low = arith::AndIOp::create(a, v[0], constant(15)),
                        high = arith::ShRUIOp::create(a, v[0], constant(4));
                  Value isLow = arith::CmpIOp::create(a, arith::CmpIPredicate::eq, linalg::IndexOp::create(a, 2),
                                                      arith::ConstantIndexOp::create(a, 0));
                  return arith::SubIOp::create(a, arith::SelectOp::create(a, isLow, low, high), constant(kBias));
                });
  Value rows = b.merge(unpacked, 2);
  if (vnniFactor != 1)
    rows = b.split(rows, 2, vnniFactor);
  return group ? b.split(rows, 1, *group) : rows;
}

int64_t chooseTileColumns(int64_t out, int64_t limit) {
  int64_t columns = kLanes;
  while (2 * columns <= limit && llvm::alignTo(out, kLanes) % (2 * columns) == 0)
    columns *= 2;
  return columns;
}

} // namespace vitya
