// Pillow's resampling (src/libImaging/Resample.c) without its intermediate image: a column of the result of the first
// pass is added to the rows of the second pass to which it contributes as soon as it is known. Integers are summed in
// the memory of the result, so that nothing is allocated.
#include "runtime/image/Resize.h"
#include <string.h>

namespace vitya {
namespace {

/// Fractional bits of a weight. Pillow takes 8 bits for pixels and 2 for weights outside [0, 1] from the 32 of a sum.
constexpr int kBits = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kBits - 1);

double filterSupport(Filter filter) { return filter == Filter::bilinear ? 1 : 2; }

double evaluate(Filter filter, double x) {
  constexpr double a = -0.5;
  x = x < 0 ? -x : x;
  if (filter == Filter::bilinear)
    return x < 1 ? 1 - x : 0;
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/// The source pixels [begin, end) along one axis that contribute to one result pixel, and their weights.
class Window {
public:
  Window(Filter filter, int64_t index, int64_t sourceSize, int64_t size) : filter(filter) {
    double scale = static_cast<double>(sourceSize) / static_cast<double>(size), stretch = scale < 1 ? 1 : scale;
    double support = filterSupport(filter) * stretch;
    inverse = 1 / stretch;
    centre = (static_cast<double>(index) + 0.5) * scale;
    // Both casts round towards zero, which is down where the result is in range.
    begin = static_cast<int64_t>(centre - support + 0.5);
    end = static_cast<int64_t>(centre + support + 0.5);
    begin = begin < 0 ? 0 : begin;
    end = end > sourceSize ? sourceSize : end;
    for (int64_t i = begin; i < end; ++i)
      sum += unscaled(i);
  }

  int32_t weight(int64_t index) const {
    double scaled = unscaled(index) / sum * (1 << kBits);
    return static_cast<int32_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  }

  int64_t begin, end;

private:
  double unscaled(int64_t index) const {
    return evaluate(filter, (static_cast<double>(index) - centre + 0.5) * inverse);
  }

  Filter filter;
  double inverse, centre, sum = 0;
};

int32_t round(int32_t sum) {
  int32_t value = sum >> kBits;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/// Sums in the memory of floats.
class Sums {
public:
  explicit Sums(float *memory) : memory(memory) {}
  void set(int64_t index, int32_t value) { memcpy(memory + index, &value, sizeof(value)); }
  int32_t get(int64_t index) const {
    int32_t value;
    memcpy(&value, memory + index, sizeof(value));
    return value;
  }

private:
  float *memory;
};

/// The rows of the source that are summed together, so that a weight of the first pass is computed once for all of
/// them.
constexpr int64_t kRows = 64;

/// The first pass for one column: sums[i] is the result in row first + i. `samples` is one channel.
void sumColumns(const Pixels &source, const uint8_t *samples, const Window &columns, int64_t first, int64_t count,
                int32_t *sums) {
  int64_t pitch = source.width * source.channels;
  for (int64_t i = 0; i < count; ++i)
    sums[i] = kHalf;
  for (int64_t column = columns.begin; column < columns.end; ++column) {
    int32_t weight = columns.weight(column);
    const uint8_t *sample = samples + first * pitch + column * source.channels;
    for (int64_t i = 0; i < count; ++i, sample += pitch)
      sums[i] += weight * *sample;
  }
  for (int64_t i = 0; i < count; ++i)
    sums[i] = round(sums[i]);
}

} // namespace

void resample(const Pixels &source, const Crop &crop, Filter filter, float *result) {
  int64_t pitch = crop.height * crop.width, count = pitch * source.channels;
  auto rowWindow = [&](int64_t y) { return Window(filter, crop.top + y, source.height, crop.resizedHeight); };
  Sums results(result);
  for (int64_t i = 0; i < count; ++i)
    results.set(i, kHalf);
  int64_t firstResult = 0, end = rowWindow(crop.height - 1).end;
  for (int64_t first = rowWindow(0).begin; first < end; first += kRows) {
    int64_t last = first + kRows < end ? first + kRows : end;
    // Windows move down, so those of the results before are above these rows.
    while (rowWindow(firstResult).end <= first)
      ++firstResult;
    for (int64_t x = 0; x < crop.width; ++x) {
      Window columns(filter, crop.left + x, source.width, crop.resizedWidth);
      for (int64_t channel = 0; channel < source.channels; ++channel) {
        int32_t sums[kRows];
        sumColumns(source, source.data + channel, columns, first, last - first, sums);
        for (int64_t y = firstResult; y < crop.height; ++y) {
          Window rows = rowWindow(y);
          if (rows.begin >= last)
            break;
          int64_t at = channel * pitch + y * crop.width + x;
          int32_t sum = results.get(at);
          for (int64_t row = rows.begin < first ? first : rows.begin; row < (rows.end < last ? rows.end : last); ++row)
            sum += rows.weight(row) * sums[row - first];
          results.set(at, sum);
        }
      }
    }
  }
  for (int64_t i = 0; i < count; ++i)
    result[i] = static_cast<float>(round(results.get(i))) / 255.0f;
}

} // namespace vitya
