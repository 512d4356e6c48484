// unfold and max_pool, which read windows of pixels.
#include "dialect/arithmetic/FloatArithmetic.h"
#include "dialect/reference/Ops.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace vitya::reference {

/// Calls `visit(row, position, pixel)` for each pixel of each window: the row of the result, the position in the
/// window, and the row of the input, -1 outside the grid.
static void forEachPixel(const Windows &w, llvm::function_ref<void(int64_t, int64_t, int64_t)> visit) {
  for (int64_t row = 0, rows = w.resultGrid[0] * w.resultGrid[1]; row < rows; ++row)
    for (int64_t position = 0, pixels = w.window[0] * w.window[1]; position < pixels; ++position) {
      int64_t y = row / w.resultGrid[1] * w.stride[0] + position / w.window[1] - w.padding[0];
      int64_t x = row % w.resultGrid[1] * w.stride[1] + position % w.window[1] - w.padding[1];
      bool inside = y >= 0 && y < w.grid[0] && x >= 0 && x < w.grid[1];
      visit(row, position, inside ? y * w.grid[1] + x : -1);
    }
}

Tensor unfold(const Tensor &input, const Windows &windows) {
  int64_t channels = input.dim(1), width = windows.window[0] * windows.window[1] * channels;
  Tensor result({windows.resultGrid[0] * windows.resultGrid[1], width}, input.elementType());
  llvm::MutableArrayRef<float> to = result.mutableValues();
  forEachPixel(windows, [&](int64_t row, int64_t position, int64_t pixel) {
    for (int64_t c = 0; c < channels; ++c)
      to[row * width + position * channels + c] = pixel < 0 ? 0.0f : input.values()[pixel * channels + c];
  });
  return result;
}

Tensor maxPool(const Tensor &input, const Windows &windows) {
  int64_t channels = input.dim(1);
  Tensor result({windows.resultGrid[0] * windows.resultGrid[1], channels}, input.elementType());
  llvm::MutableArrayRef<float> to = result.mutableValues();
  llvm::fill(to, -std::numeric_limits<float>::infinity());
  forEachPixel(windows, [&](int64_t row, int64_t, int64_t pixel) {
    for (int64_t c = 0; pixel >= 0 && c < channels; ++c) {
      float &largest = to[row * channels + c];
      largest = numerics::FloatArithmetic::maximum(input.values()[pixel * channels + c], largest);
    }
  });
  return result;
}

} // namespace vitya::reference
