// Resizes pixels. All weights are computed where they are used, so that resizing allocates no memory.
#include "runtime/image/Resize.h"

namespace vitya {
namespace {

/// The source pixels [begin, end) along one axis that contribute to one result pixel.
struct Window {
  int64_t begin, end;
  double centre, slope; ///< the weights fall from 1 at the centre by `slope` for each pixel

  double weight(int64_t index) const {
    auto position = static_cast<double>(index);
    double weight = 1 - slope * (position < centre ? centre - position : position - centre);
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
Window windowOf(int64_t index, int64_t sourceSize, int64_t size, bool antialias) {
  double scale = static_cast<double>(sourceSize) / static_cast<double>(size);
  double centre = scale * (static_cast<double>(index) + 0.5) - 0.5, radius = antialias && scale > 1 ? scale : 1;
  // Both casts round towards zero, which is down where the result is in range.
  auto begin = static_cast<int64_t>(centre - radius + 1), end = static_cast<int64_t>(centre + radius + 1);
  return {begin < 0 ? 0 : begin, end > sourceSize ? sourceSize : end, centre, 1 / radius};
}

/// Adds the weighted sums of the pixels of `source` in `rows` and `columns` to `result`, whose channels are `pitch`
/// elements apart. A chunk of samples is summed at a time, first down each column, which vectorizes, then across.
void addSums(const Pixels &source, const Window &rows, const Window &columns, float *result, int64_t pitch) {
  constexpr int64_t kChunk = 256;
  int64_t channels = source.channels, end = columns.end * channels;
  for (int64_t first = columns.begin * channels; first < end; first += kChunk) {
    int64_t count = end - first < kChunk ? end - first : kChunk;
    float sums[kChunk];
    for (int64_t i = 0; i < count; ++i)
      sums[i] = 0;
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      const uint8_t *samples = source.data + row * source.width * channels + first;
      auto weight = static_cast<float>(rows.weight(row));
      for (int64_t i = 0; i < count; ++i)
        sums[i] += weight * static_cast<float>(samples[i]);
    }
    int64_t column = first / channels, channel = first % channels;
    for (int64_t i = 0; i < count; ++i) {
      result[channel * pitch] += static_cast<float>(columns.weight(column)) * sums[i];
      channel = channel + 1 == channels ? 0 : channel + 1;
      column += channel == 0;
    }
  }
}

} // namespace

void resize(const Pixels &source, int64_t height, int64_t width, bool antialias, float *result) {
  int64_t channels = source.channels, pitch = height * width;
  if (height == source.height && width == source.width) {
    for (int64_t i = 0; i < pitch * channels; ++i)
      result[i % channels * pitch + i / channels] = static_cast<float>(source.data[i]) / 255.0f;
    return;
  }
  for (int64_t i = 0; i < pitch * channels; ++i)
    result[i] = 0;
  for (int64_t y = 0; y < height; ++y) {
    Window rows = windowOf(y, source.height, height, antialias);
    double sumOfRows = rows.sumOfWeights();
    for (int64_t x = 0; x < width; ++x) {
      Window columns = windowOf(x, source.width, width, antialias);
      addSums(source, rows, columns, result + y * width + x, pitch);
      double factor = 1 / (255 * sumOfRows * columns.sumOfWeights());
      for (int64_t i = y * width + x; i < pitch * channels; i += pitch) {
        double value = factor * result[i];
        result[i] = value < 1 ? static_cast<float>(value) : 1.0f; // rounding may exceed 1
      }
    }
  }
}

} // namespace vitya
