// Turns pictures of any size into the images of a model.
#ifndef VITYA_RUNTIME_IMAGE_PREPROCESS_H
#define VITYA_RUNTIME_IMAGE_PREPROCESS_H

#include "runtime/Abi.h"
#include "runtime/image/Resize.h"

namespace vitya {

/// What a model takes: f32 [channels, height, width] in [0, 1], and how pictures of another size become it.
struct ModelImage {
  int64_t channels, height, width;
  vitya_preprocessing preprocessing;
};

/// Returns what `model` takes.
inline ModelImage imageOf(const vitya_model &model) {
  return {model.channels, model.height, model.width, model.preprocessing};
}

/// Writes `picture`, of any number of channels, to `result`, f32 [channels, height, width], resized and cropped as
/// `model` says. A picture of the size of the image is neither resized nor cropped.
void preprocess(const Pixels &picture, const ModelImage &model, float *result);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_PREPROCESS_H
