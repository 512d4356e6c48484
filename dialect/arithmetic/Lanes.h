// The order in which the values of a row are summed up.
#ifndef VITYA_DIALECT_ARITHMETIC_LANES_H
#define VITYA_DIALECT_ARITHMETIC_LANES_H

#include <cstdint>

namespace vitya {

/// The number of lanes of a reduction, and the multiple that widths are padded to: 16 f32 values fill one AVX-512
/// register, two AVX2 registers or one cache line. A row is reduced lane by lane, starting from zero and in order; then
/// the upper half of the lanes is added to the lower half until one lane is left. If the size of a row is not a
/// multiple of kLanes, its last `size` mod kLanes elements are reduced in lanesOf of their number, and their result is
/// added to that of the elements before them.
inline constexpr int64_t kLanes = 16;

/// Returns the largest power of two up to kLanes that divides `size`.
inline int64_t lanesOf(int64_t size) {
  int64_t lanes = kLanes;
  while (size % lanes != 0)
    lanes /= 2;
  return lanes;
}

} // namespace vitya

#endif // VITYA_DIALECT_ARITHMETIC_LANES_H
