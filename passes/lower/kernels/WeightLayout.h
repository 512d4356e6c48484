// The layout of packed weights: inner tiles, VNNI layout, and two elements of 4 bits in each byte.
#ifndef VITYA_PASSES_LOWER_KERNELS_WEIGHTLAYOUT_H
#define VITYA_PASSES_LOWER_KERNELS_WEIGHTLAYOUT_H

#include "passes/lower/linalg/LinalgBuilder.h"
#include <optional>
#include <vector>

namespace vitya {

/// The layout that a weight [out, in] gets: [tiles, usedIn / (group * vnniFactor), group, tileColumns, vnniFactor],
/// without the group unless there are short sums, and without the last dimension if the factor is 1.
///
/// Nibbles, the elements of an i4 weight, are in the same order, in [tiles, usedIn / vnniFactor, row / 2] bytes, where
/// row = tileColumns * vnniFactor: byte j of a row holds its element j in the low half and element j + row / 2 in the
/// high half, so that both halves unpack to vectors. 8 is added to each, because unsigned integers are unpacked with
/// fewer instructions.
struct WeightLayout {
  int64_t out, in;
  int64_t usedIn;      ///< columns of the weight from this one on are zero; a multiple of the blocking factor
  int64_t tileColumns; ///< of the result, and rows of the weight
  int64_t vnniFactor;
  std::optional<int64_t> group; ///< of short sums
  bool isNibbles;

  int64_t getTiles() const;
  int64_t getPaddedOut() const { return getTiles() * tileColumns; }

  /// The type of the packed form of a weight of type `type`.
  mlir::RankedTensorType getPackedType(mlir::RankedTensorType type) const;
  /// `weight`, elements of `width` bytes, in this layout. Rows that the last tile lacks are zero.
  std::vector<char> pack(llvm::ArrayRef<char> weight, int64_t width) const;
  /// The elements of `packed`, which are nibbles, as bytes in the layout of other weights. Each tile is unpacked once,
  /// before the loop over rows that reads it.
  mlir::Value unpack(detail::LinalgBuilder &b, mlir::Value packed) const;
};

/// The widest tile up to `limit` that pads `out` to no more than a multiple of kLanes. A multiple of kLanes by a power
/// of two, because LLVM splits vectors of other sizes.
int64_t chooseTileColumns(int64_t out, int64_t limit);

} // namespace vitya

#endif // VITYA_PASSES_LOWER_KERNELS_WEIGHTLAYOUT_H
