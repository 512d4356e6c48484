// Reads and splits labelled images.
#include "frontend/data/Dataset.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/data/Random.h"
#include "runtime/image/Channels.h"
#include "runtime/image/Decode.h"
#include "runtime/image/ImageFile.h"
#include "runtime/image/Preprocess.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace llvm;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace vitya {
namespace {

constexpr size_t kErrorSize = 4096;

/// The names in a folder, sorted. Hidden ones are left out.
struct Folder {
  std::vector<std::string> files, folders;
};

Expected<Folder> readFolder(StringRef name) {
  Folder folder;
  std::error_code error;
  for (fs::directory_iterator entry(name, error), end; !error && entry != end; entry.increment(error)) {
    if (path::filename(entry->path()).starts_with("."))
      continue;
    (fs::is_directory(entry->path()) ? folder.folders : folder.files).push_back(entry->path());
  }
  if (error)
    return makeError("expected a folder that can be read at '{0}', found: {1}", name, error.message());
  sort(folder.files);
  sort(folder.folders);
  return folder;
}

/// Bilinear resizing to the size of the images.
vitya_preprocessing bilinear(bool antialias, const Dataset &dataset) {
  return {VITYA_BILINEAR, antialias, dataset.height, dataset.width, VITYA_HALF_EVEN};
}

/// Appends an image, u8 [height, width, channels], to `dataset`. Resizes it if the data set has another size.
void append(const Pixels &image, const vitya_preprocessing &how, int64_t label, Dataset &dataset) {
  int64_t plane = dataset.height * dataset.width, first = dataset.count * dataset.imageSize();
  dataset.pixels.resize(first + dataset.imageSize());
  uint8_t *result = dataset.pixels.data() + first;
  if (image.height == dataset.height && image.width == dataset.width) {
    for (int64_t channel = 0; channel < dataset.channels; ++channel)
      for (int64_t i = 0; i < plane; ++i)
        result[channel * plane + i] = image.data[i * dataset.channels + channel];
  } else {
    std::vector<float> resized(dataset.imageSize());
    preprocess(image, {dataset.channels, dataset.height, dataset.width, how}, resized.data());
    for (auto [to, from] : zip_equal(MutableArrayRef(result, dataset.imageSize()), resized))
      to = static_cast<uint8_t>(from * 255.0f + 0.5f);
  }
  dataset.labels.push_back(label);
  ++dataset.count;
}

/// Appends the records of a file in CIFAR-10's layout.
Error appendFile(const std::string &name, const DatasetOptions &options, Dataset &dataset) {
  char message[kErrorSize];
  ImageFile file;
  if (!openImageFile(name.c_str(), file, message, kErrorSize))
    return makeError(message);
  scope_exit close([&] { closeImageFile(file); });
  protectInput(name);
  if (!file.hasLabels)
    return makeError("expected images with labels in '{0}', as CIFAR-10 binary data has, found an .npy array", name);
  if (!imagesFit(file, options.channels, name.c_str(), message, kErrorSize))
    return makeError(message);
  dataset.classes = options.classes;
  dataset.channels = options.channels;
  dataset.height = options.height ? options.height : file.height;
  dataset.width = options.width ? options.width : file.width;
  dataset.pixels.reserve((dataset.count + file.count) * dataset.imageSize());
  int64_t plane = file.height * file.width;
  std::vector<uint8_t> image(plane * file.channels), converted(plane * kMaxConvertedChannels);
  for (int64_t index = 0; index < file.count; ++index) {
    int label = imageLabel(file, index);
    if (label >= options.classes)
      return makeError("expected labels below {0} in '{1}', found {2} in record {3}", options.classes, name, label,
                       index);
    const uint8_t *planes = file.images + index * (1 + plane * file.channels) + 1;
    for (int64_t channel = 0; channel < file.channels; ++channel)
      for (int64_t i = 0; i < plane; ++i)
        image[i * file.channels + channel] = planes[channel * plane + i];
    convertChannels(image.data(), file.channels, converted.data(), options.channels, plane);
    append({converted.data(), file.height, file.width, options.channels}, bilinear(/*antialias=*/false, dataset), label,
           dataset);
  }
  return Error::success();
}

/// Appends a picture. The first one determines the size of all where the options do not.
Error appendPicture(const std::string &name, const DatasetOptions &options, int64_t label, Dataset &dataset) {
  char message[kErrorSize];
  Image image;
  if (!readImage(name.c_str(), options.channels, image, message, kErrorSize))
    return makeError(message);
  scope_exit free([&] { freeImage(image); });
  protectInput(name);
  if (dataset.count == 0) {
    dataset.channels = options.channels;
    dataset.height = options.height ? options.height : image.height;
    dataset.width = options.width ? options.width : image.width;
  }
  if (!options.height && (image.height != dataset.height || image.width != dataset.width))
    return makeError("expected pictures of {0} x {1} pixels, as the first one has, found {2} x {3} in '{4}'",
                     dataset.width, dataset.height, image.width, image.height, name);
  append({image.pixels, image.height, image.width, options.channels},
         options.preprocessing.value_or(bilinear(/*antialias=*/true, dataset)), label, dataset);
  return Error::success();
}

Error appendClasses(ArrayRef<std::string> folders, const DatasetOptions &options, Dataset &dataset) {
  for (auto [label, name] : enumerate(folders)) {
    Expected<Folder> folder = readFolder(name);
    if (!folder)
      return folder.takeError();
    if (!folder->folders.empty())
      return makeError("expected only pictures in '{0}', found the folder '{1}'", name, folder->folders.front());
    if (folder->files.empty())
      return makeError("expected pictures in '{0}', found none", name);
    for (const std::string &file : folder->files)
      if (Error error = appendPicture(file, options, static_cast<int64_t>(label), dataset))
        return error;
    dataset.classNames.push_back(path::filename(name).str());
  }
  dataset.classes = static_cast<int64_t>(folders.size());
  return Error::success();
}

} // namespace

Expected<Dataset> readDataset(StringRef name, const DatasetOptions &options) {
  Dataset dataset;
  if (!fs::is_directory(name)) {
    if (Error error = appendFile(name.str(), options, dataset))
      return error;
    return dataset;
  }
  Expected<Folder> folder = readFolder(name);
  if (!folder)
    return folder.takeError();
  erase_if(folder->files, [](StringRef file) {
    return !path::filename(file).starts_with("data_batch_") || path::extension(file) != ".bin";
  });
  if (folder->files.empty() && folder->folders.empty())
    return makeError("expected files data_batch_*.bin or a folder of pictures for each class in '{0}', found neither",
                     name);
  for (const std::string &file : folder->files)
    if (Error error = appendFile(file, options, dataset))
      return error;
  if (folder->files.empty())
    if (Error error = appendClasses(folder->folders, options, dataset))
      return error;
  return dataset;
}

std::vector<int64_t> randomOrder(int64_t count, Random random) {
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = count - 1; i > 0; --i)
    std::swap(order[i], order[random.below(i + 1)]);
  return order;
}

Expected<SplitDataset> split(Dataset &&dataset, int64_t count, uint64_t seed) {
  std::vector<int64_t> quotas(dataset.classes), available(dataset.classes);
  for (int64_t label : dataset.labels)
    ++available[label];
  for (int64_t label = 0; label < dataset.classes; ++label) {
    quotas[label] = count / dataset.classes + (label < count % dataset.classes);
    if (quotas[label] > 0 && available[label] <= quotas[label])
      return makeError("expected more than {0} images of class {1}, of which {0} are for validation, found {2}",
                       quotas[label], label, available[label]);
  }
  std::vector<bool> isChosen(dataset.count);
  for (int64_t index : randomOrder(dataset.count, Random(seed)))
    if (int64_t &quota = quotas[dataset.labels[index]]; quota > 0) {
      --quota;
      isChosen[index] = true;
    }
  // The training images are moved together, so that the pixels are never in memory twice.
  SplitDataset result;
  result.validation = {0, dataset.channels, dataset.height, dataset.width, {}, {}, dataset.classes, dataset.classNames};
  result.validation.pixels.reserve(count * dataset.imageSize());
  int64_t kept = 0;
  for (int64_t index = 0; index < dataset.count; ++index) {
    ArrayRef<uint8_t> image = dataset.image(index);
    if (isChosen[index]) {
      append_range(result.validation.pixels, image);
      result.validation.labels.push_back(dataset.labels[index]);
      ++result.validation.count;
      continue;
    }
    std::copy(image.begin(), image.end(), dataset.pixels.begin() + kept * dataset.imageSize());
    dataset.labels[kept++] = dataset.labels[index];
  }
  dataset.count = kept;
  dataset.pixels.resize(kept * dataset.imageSize());
  dataset.labels.resize(kept);
  result.training = std::move(dataset);
  return result;
}

ChannelStatistics channelStatistics(const Dataset &dataset) {
  ChannelStatistics result;
  int64_t plane = dataset.height * dataset.width;
  auto count = static_cast<double>(dataset.count * plane);
  for (int64_t channel = 0; channel < dataset.channels; ++channel) {
    double sum = 0, squares = 0;
    for (int64_t index = 0; index < dataset.count; ++index) {
      int64_t ofImage = 0, squaresOfImage = 0; // exact
      for (int64_t pixel : dataset.image(index).slice(channel * plane, plane)) {
        ofImage += pixel;
        squaresOfImage += pixel * pixel;
      }
      sum += static_cast<double>(ofImage);
      squares += static_cast<double>(squaresOfImage);
    }
    double mean = sum / count;
    result.mean.push_back(mean);
    result.deviation.push_back(std::sqrt(std::max(squares / count - mean * mean, 0.0)));
  }
  return result;
}

} // namespace vitya
