// Computes the part of a resized picture that a model reads.
#include "runtime/image/Preprocess.h"

namespace vitya {
namespace {

/// Half of `rest`, the pixels of a side that are cut off.
int64_t cropOffset(int64_t rest, int64_t rounding) {
  int64_t half = rest / 2;
  return rounding == VITYA_FLOOR ? half : half + (rest & half & 1);
}

Crop cropOf(const Pixels &picture, const ModelImage &model) {
  const vitya_preprocessing &how = model.preprocessing;
  int64_t height = how.height, width = how.width;
  if (width == 0) {
    width = height;
    // The longer side is rounded down.
    if (picture.width <= picture.height)
      height = width * picture.height / picture.width;
    else
      width = height * picture.width / picture.height;
  }
  return {height,
          width,
          cropOffset(height - model.height, how.crop_rounding),
          cropOffset(width - model.width, how.crop_rounding),
          model.height,
          model.width};
}

} // namespace

void preprocess(const Pixels &picture, const ModelImage &model, float *result) {
  if (picture.height == model.height && picture.width == model.width)
    return convert(picture, result);
  Crop crop = cropOf(picture, model);
  if (model.preprocessing.antialias)
    resample(picture, crop, model.preprocessing.filter == VITYA_BICUBIC ? Filter::bicubic : Filter::bilinear, result);
  else
    resize(picture, crop, result);
}

} // namespace vitya
