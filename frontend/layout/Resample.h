// Interpolation between the points of a grid, as PyTorch's `interpolate` computes it.
#ifndef VITYA_FRONTEND_LAYOUT_RESAMPLE_H
#define VITYA_FRONTEND_LAYOUT_RESAMPLE_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace vitya {

/// A grid of patches, or of what a convolution makes of them.
struct Grid {
  int64_t height, width;
  int64_t size() const { return height * width; }
};

/// Arguments of `interpolate`.
struct Resampling {
  enum class Kernel { linear, cubic } kernel;
  bool alignCorners, antialias;
  /// Factors of height and width, or 0 for those of the sizes.
  double heightFactor = 0, widthFactor = 0;
};

/// Interpolates `values`, [outer, from.height, from.width, inner], to grid `to`. The arithmetic is in f64 and rounded
/// once.
std::vector<float> resample(llvm::ArrayRef<float> values, int64_t outer, Grid from, Grid to, int64_t inner,
                            const Resampling &method);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_RESAMPLE_H
