// Labelled images in memory.
#ifndef VITYA_FRONTEND_DATA_DATASET_H
#define VITYA_FRONTEND_DATA_DATASET_H

#include "runtime/Abi.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace vitya {

/// Images of equal size with labels.
struct Dataset {
  int64_t count = 0, channels = 0, height = 0, width = 0;
  std::vector<uint8_t> pixels; ///< [count, channels, height, width]
  std::vector<int64_t> labels; ///< below `classes`
  int64_t classes = 0;
  std::vector<std::string> classNames; ///< of each class, or empty if the data has no names

  int64_t imageSize() const { return channels * height * width; }
  llvm::ArrayRef<uint8_t> image(int64_t index) const {
    return llvm::ArrayRef(pixels).slice(index * imageSize(), imageSize());
  }
};

struct DatasetOptions {
  /// To which pictures are converted (see convertChannels); with 0, 3 or the channels of an array.
  int64_t channels = 3;
  int64_t height = 0, width = 0; ///< to which images are resized; with 0, they must already be of equal size
  /// How pictures become images; by default, they are resized bilinearly with antialiasing to height and width. Records
  /// of CIFAR-10 are resized bilinearly without antialiasing.
  std::optional<vitya_preprocessing> preprocessing;
  /// Labels that are numbers must be below this; with 0, there are 10 classes in CIFAR-10's layout, and elsewhere as
  /// many as the largest label says.
  int64_t classes = 10;
};

/// Reads labelled images (see ImageData.h), or all files data_batch_*.bin of a folder, in the order of their names. The
/// classes are subfolders, or the labels of a list that are not all numbers, in the order of their names.
/// An image is resized as when a model is run on it, and rounded to whole numbers.
llvm::Expected<Dataset> readDataset(llvm::StringRef path, const DatasetOptions &options);

/// A data set in two parts, each in the order of the whole.
struct SplitDataset {
  Dataset training, validation;
};

/// Moves `count` images, chosen by `seed`, to the validation part: equally many of each class, except that the first
/// classes have one more where `count` is no multiple of their number. Fails if a class would have no image left.
llvm::Expected<SplitDataset> split(Dataset &&dataset, int64_t count, uint64_t seed);

/// The mean and the standard deviation of the pixels of each channel.
struct ChannelStatistics {
  std::vector<double> mean, deviation;
};
ChannelStatistics channelStatistics(const Dataset &dataset);

/// Returns the numbers [0, count) in random order.
std::vector<int64_t> randomOrder(int64_t count, class Random random);

} // namespace vitya

#endif // VITYA_FRONTEND_DATA_DATASET_H
