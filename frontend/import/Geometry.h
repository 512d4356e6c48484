// The sizes of the image and of its patches, which follow from weights and settings.
#ifndef VITYA_FRONTEND_IMPORT_GEOMETRY_H
#define VITYA_FRONTEND_IMPORT_GEOMETRY_H

#include "frontend/import/Weights.h"
#include "frontend/layout/Resample.h"
#include "frontend/layout/Settings.h"

namespace vitya {

/// Sizes in pixels.
struct Geometry {
  int64_t channels, patchHeight, patchWidth, height, width;
  SettingSource source; ///< of the size of the image
  /// Another size that the same shapes allow, in words for the user; empty if the size is not in doubt.
  std::string doubt;
};

/// Returns the square root of `number`, if it is a positive integer.
std::optional<int64_t> integerRoot(int64_t number);

/// The rows that `shape` has, of `width` columns, if all other dimensions are 1.
std::optional<int64_t> rowsOf(llvm::ArrayRef<int64_t> shape, int64_t width);

/// Patches are as large as the kernel of a convolution, or square if the first layer is a matrix, or one pixel before a
/// ConvolutionStep. The image is as large as the setting says, or a square that the rows of the position embedding
/// cover. Fails if neither gives a size, or if there is no setting before a ConvolutionStep.
llvm::Expected<Geometry> inferGeometry(const Steps &steps, const Weights &weights, const Settings &settings);

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_GEOMETRY_H
