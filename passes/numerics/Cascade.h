// The threshold of a cascade: below which margin of a cheap model the dense model runs.
#ifndef VITYA_PASSES_NUMERICS_CASCADE_H
#define VITYA_PASSES_NUMERICS_CASCADE_H

#include <cstdint>
#include <optional>
#include <vector>

namespace vitya::numerics {

/// What a cascade does on a number of images.
struct CascadeOutcome {
  int64_t images = 0;
  int64_t deferred = 0;      ///< images that the dense model runs
  int64_t disagreements = 0; ///< of the others, those that have another class than the dense model gives them
};

/// The predictions of the two models of a cascade for the same images.
class CascadeSample {
public:
  /// `first` and `dense` are logits, [image, class], of at least two classes and one image. Those of the dense model
  /// are finite.
  CascadeSample(const std::vector<float> &first, const std::vector<float> &dense, int64_t classes);

  /// What the cascade with the threshold `margin` does on the images.
  CascadeOutcome outcome(float margin) const;

  /// The smallest threshold with which at least the share `agreement`, in (0, 1), of all images gets the class of the
  /// dense model, with a confidence of 95 %: for which upperBoundOfShare() of the disagreements is at most
  /// 1 - `agreement`. Nothing if the images are too few for any threshold.
  ///
  /// The confidence holds although the threshold is chosen on the same images, because disagreements never increase
  /// with the threshold: this is a risk-controlling prediction set (Bates et al., Journal of the ACM 68, 2021).
  std::optional<float> smallestMargin(double agreement) const;

private:
  std::vector<float> margins; ///< one for each image; NaN if a logit is not finite
  std::vector<bool> agrees;   ///< whether both models give the image the same class
};

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_CASCADE_H
