// The margin of a prediction, by which a cascade decides whether the dense model runs. Compiled models, the reference
// interpreter and the choice of the threshold share this definition.
#ifndef VITYA_RUNTIME_MARGIN_H
#define VITYA_RUNTIME_MARGIN_H

#include <math.h>
#include <stdint.h>

namespace vitya {

/// The difference of the two largest of `count` >= 2 logits, rounded to f32. NaN if it or a logit is not finite.
inline float marginOf(const float *logits, int64_t count) {
  float largest = logits[0] > logits[1] ? logits[0] : logits[1];
  float second = logits[0] > logits[1] ? logits[1] : logits[0];
  bool areFinite = true;
  for (int64_t i = 0; i < count; ++i) {
    areFinite &= isfinite(logits[i]);
    if (i < 2)
      continue;
    if (logits[i] > largest) {
      second = largest;
      largest = logits[i];
    } else if (logits[i] > second) {
      second = logits[i];
    }
  }
  float margin = largest - second;
  return areFinite && isfinite(margin) ? margin : NAN;
}

/// Whether a cascade with the threshold `threshold` defers an image of this margin to the dense model: the margin is
/// smaller, or unknown.
inline bool isDeferred(float margin, double threshold) { return !(margin >= threshold); }

/// The same for an image with these logits of the first model.
inline bool isDeferred(const float *logits, int64_t count, double threshold) {
  return isDeferred(marginOf(logits, count), threshold);
}

} // namespace vitya

#endif // VITYA_RUNTIME_MARGIN_H
