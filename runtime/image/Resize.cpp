// Resizes pixels. All weights are computed where they are used, so that resizing allocates no memory.
#include "runtime/image/Resize.h"

namespace vitya {
namespace {

/// The source pixels [begin, end) along one axis that contribute to one result pixel. Their weights are
/// 1 - |distance from the centre|.
struct Window {
  int64_t begin, end;
  double centre;

  double weight(int64_t index) const {
    auto position = static_cast<double>(index);
    double weight = 1 - (position < centre ? centre - position : position - centre);
    return weight > 0 ? weight : 0;
  }

  double sumOfWeights() const {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i)
      sum += weight(i);
    return sum;
  }
};

/// The window of the result pixel `index`. It contains at least the source pixel whose centre is the closest.
Window windowOf(int64_t index, int64_t sourceSize, int64_t size) {
  double scale = static_cast<double>(sourceSize) / static_cast<double>(size);
  double centre = scale * (static_cast<double>(index) + 0.5) - 0.5;
  // Both casts round towards zero, which is down where the result is in range.
  auto begin = static_cast<int64_t>(centre), end = static_cast<int64_t>(centre + 2);
  return {begin < 0 ? 0 : begin, end > sourceSize ? sourceSize : end, centre};
}

/// Adds the weighted sums of the pixels of `source` in `rows` and `columns` to `result`, whose channels are `pitch`
/// elements apart. Sums down columns come before sums across.
void addSums(const Pixels &source, const Window &rows, const Window &columns, float *result, int64_t pitch) {
  for (int64_t column = columns.begin; column < columns.end; ++column) {
    auto weight = static_cast<float>(columns.weight(column));
    for (int64_t channel = 0; channel < source.channels; ++channel) {
      float sum = 0;
      for (int64_t row = rows.begin; row < rows.end; ++row)
        sum += static_cast<float>(rows.weight(row)) *
               static_cast<float>(source.data[(row * source.width + column) * source.channels + channel]);
      result[channel * pitch] += weight * sum;
    }
  }
}

} // namespace

void resize(const Pixels &source, const Crop &crop, float *result) {
  int64_t pitch = crop.height * crop.width, count = pitch * source.channels;
  for (int64_t i = 0; i < count; ++i)
    result[i] = 0;
  for (int64_t y = 0; y < crop.height; ++y) {
    Window rows = windowOf(crop.top + y, source.height, crop.resizedHeight);
    double sumOfRows = rows.sumOfWeights();
    for (int64_t x = 0; x < crop.width; ++x) {
      Window columns = windowOf(crop.left + x, source.width, crop.resizedWidth);
      addSums(source, rows, columns, result + y * crop.width + x, pitch);
      double factor = 1 / (255 * sumOfRows * columns.sumOfWeights());
      for (int64_t i = y * crop.width + x; i < count; i += pitch) {
        double value = factor * result[i];
        result[i] = value < 1 ? static_cast<float>(value) : 1.0f; // rounding may exceed 1
      }
    }
  }
}

void convert(const Pixels &source, float *result) {
  int64_t pitch = source.height * source.width;
  for (int64_t i = 0; i < pitch * source.channels; ++i)
    result[i % source.channels * pitch + i / source.channels] = static_cast<float>(source.data[i]) / 255.0f;
}

} // namespace vitya
