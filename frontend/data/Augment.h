// Random changes of training images.
#ifndef VITYA_FRONTEND_DATA_AUGMENT_H
#define VITYA_FRONTEND_DATA_AUGMENT_H

#include "frontend/data/ImageOperations.h"
#include "frontend/data/Random.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// The policy that chooses the operations on an image and their magnitudes.
enum class AugmentPolicy {
  none,
  trivial, ///< TrivialAugment, wide (arXiv 2103.10158): one operation of random magnitude
  rand,    ///< RandAugment (arXiv 1909.13719): several operations of a given magnitude
};

/// The pixels of a crop that lie outside of the image.
enum class CropBorder { zero, reflect };

/// What an erased rectangle becomes.
enum class EraseFill {
  noise, ///< each value is random, evenly distributed
  mean,  ///< the mean of each channel over all images
};

inline constexpr int64_t kMagnitudeLevels = 31;

/// An image is changed in the order of these options.
struct AugmentOptions {
  int64_t cropPadding = 4; ///< The image is moved by at most this many pixels along each axis.
  CropBorder cropBorder = CropBorder::zero;
  bool flip = true; ///< Half of the images are mirrored, left to right.
  AugmentPolicy policy = AugmentPolicy::none;
  int64_t randOperations = 2, randMagnitude = 9; ///< of RandAugment; the magnitude is below kMagnitudeLevels
  double erase = 0;                              ///< probability of random erasing (arXiv 1708.04896)
  EraseFill eraseFill = EraseFill::noise;
};

/// Fails if an option is out of range for images of this size, and names it.
llvm::Error checkOptions(const AugmentOptions &options, int64_t height, int64_t width);

/// Returns the magnitude (see apply) of `operation` at `level`, out of kMagnitudeLevels. It is that of torchvision. If
/// `isSigned(operation)`, the policies negate half of the magnitudes.
double magnitudeOf(ImageOperation operation, AugmentPolicy policy, int64_t level, int64_t height, int64_t width);
bool isSigned(ImageOperation operation);

/// Writes `source`, which has the size of `image`, to `image` and changes it as `options` say. `mean` has a value for
/// each channel. The result depends only on the arguments.
void augment(llvm::ArrayRef<uint8_t> source, const AugmentOptions &options, llvm::ArrayRef<uint8_t> mean, Random random,
             const ImagePlanes &image, ImageScratch &scratch);

} // namespace vitya

#endif // VITYA_FRONTEND_DATA_AUGMENT_H
