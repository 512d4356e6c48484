// Reads and splits labelled images.
#include "frontend/data/Dataset.h"
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/data/Random.h"
#include "runtime/image/Decode.h"
#include "runtime/image/ImageData.h"
#include "runtime/image/Preprocess.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Memory.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

using namespace llvm;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace vitya {
namespace {

constexpr size_t kErrorSize = 4096;
/// The bound of labels that are numbers while nothing else says how many classes there are.
constexpr int64_t kMaxClasses = 1 << 16;

/// Images that are closed at the end.
struct OpenData : ImageData {
  OpenData() = default;
  OpenData(const OpenData &) = delete;
  OpenData &operator=(const OpenData &) = delete;
  ~OpenData() { closeImageData(*this); }

  ArrayRef<ListedPicture> listed() const { return ArrayRef(pictures.pictures, pictures.count); }
};

/// Bilinear resizing to the size of the images, with antialiasing.
vitya_preprocessing bilinear(const Dataset &dataset) {
  return {VITYA_BILINEAR, /*antialias=*/1, dataset.height, dataset.width, VITYA_HALF_EVEN};
}

/// Reserves memory for `count` more images of the size of the data set. Fails if there is too little.
Error reserve(int64_t count, Dataset &dataset) {
  if (dataset.height < 1 || dataset.width < 1)
    return makeError("expected images of at least 1 x 1 pixels, found a size of {0} x {1}", dataset.width,
                     dataset.height);
  int64_t images = dataset.count + count;
  std::optional<int64_t> bytes = images + sizeof(float); // one image is f32 while it is read
  for (int64_t size : {dataset.channels, dataset.height, dataset.width})
    bytes = bytes ? checkedMul(*bytes, size) : std::nullopt;
  std::error_code error;
  sys::MemoryBlock block;
  if (bytes)
    block = sys::Memory::allocateMappedMemory(*bytes, nullptr, sys::Memory::MF_READ | sys::Memory::MF_WRITE, error);
  if (!bytes || error)
    return makeError("expected memory for {0} images of {1} x {2} pixels, found too little", images, dataset.width,
                     dataset.height);
  sys::Memory::releaseMappedMemory(block);
  dataset.pixels.reserve(images * dataset.imageSize());
  return Error::success();
}

/// Appends an image of the size of the data set, f32 in [0, 1].
void append(ArrayRef<float> image, int64_t label, Dataset &dataset) {
  for (float value : image)
    dataset.pixels.push_back(static_cast<uint8_t>(value * 255.0F + 0.5F));
  dataset.labels.push_back(label);
  ++dataset.count;
}

/// Appends one of `count` pictures. The first one determines the size of all where the options do not.
Error appendPicture(const std::string &name, const DatasetOptions &options, int64_t label, int64_t count,
                    Dataset &dataset) {
  char message[kErrorSize];
  Image image;
  int64_t channels = options.channels ? options.channels : 3;
  if (!readImage(name.c_str(), channels, image, message, kErrorSize))
    return makeError(message);
  scope_exit free([&] { freeImage(image); });
  protectInput(name);
  if (dataset.count == 0) {
    dataset.channels = channels;
    dataset.height = options.height ? options.height : image.height;
    dataset.width = options.width ? options.width : image.width;
    if (Error error = reserve(count, dataset))
      return error;
  }
  if (!options.height && (image.height != dataset.height || image.width != dataset.width))
    return makeError("expected pictures of {0} x {1} pixels, as the first one has, found {2} x {3} in '{4}'",
                     dataset.width, dataset.height, image.width, image.height, name);
  std::vector<float> resized(dataset.imageSize());
  preprocess({image.pixels, image.height, image.width, channels},
             {dataset.channels, dataset.height, dataset.width, options.preprocessing.value_or(bilinear(dataset))},
             resized.data());
  append(resized, label, dataset);
  return Error::success();
}

/// The classes of pictures: the names of folders or the labels of a list, in the order of the names; none if the labels
/// are numbers.
std::vector<std::string> classesOf(const OpenData &data) {
  std::set<std::string> labels;
  for (const ListedPicture &picture : data.listed())
    labels.insert(picture.label);
  bool areNumbers = !data.isFolder && all_of(labels, [](StringRef label) { return all_of(label, isDigit); });
  return areNumbers ? std::vector<std::string>() : std::vector<std::string>(labels.begin(), labels.end());
}

/// Appends the labelled images at `name`.
Error appendData(const std::string &name, const DatasetOptions &options, Dataset &dataset) {
  char message[kErrorSize];
  OpenData data;
  if (!openImageData(name.c_str(), data, message, kErrorSize))
    return makeError(message);
  protectInput(name);
  if (data.hasLabels && data.layout == ImageLayout::pictures)
    dataset.classNames = classesOf(data);
  dataset.classes = dataset.classNames.empty() ? options.classes : static_cast<int64_t>(dataset.classNames.size());
  bool areCounted = dataset.classes == 0 && data.layout != ImageLayout::records;
  if (dataset.classes == 0)
    dataset.classes = areCounted ? kMaxClasses : 10;
  std::vector<const char *> names(dataset.classes, "");
  for (auto [to, from] : zip(names, dataset.classNames))
    to = from.c_str();
  if (!findLabels(data, names.data(), dataset.classes, name.c_str(), message, kErrorSize))
    return makeError(message);
  if (areCounted)
    dataset.classes = *max_element(ArrayRef(data.labels, data.count)) + 1;
  for (auto [picture, label] : zip(data.listed(), ArrayRef(data.labels, data.count)))
    if (Error error = appendPicture(picture.path, options, label, data.count, dataset))
      return error;
  if (data.layout == ImageLayout::pictures)
    return Error::success();
  dataset.channels = options.channels ? options.channels : data.channels;
  dataset.height = options.height ? options.height : data.height;
  dataset.width = options.width ? options.width : data.width;
  const ModelImage model = {dataset.channels, dataset.height, dataset.width,
                            options.preprocessing.value_or(bilinear(dataset))};
  if (!imagesFit(data, model, name.c_str(), message, kErrorSize))
    return makeError(message);
  if (Error error = reserve(data.count, dataset))
    return error;
  std::vector<float> image(dataset.imageSize());
  for (int64_t index = 0; index < data.count; ++index) {
    if (!readImageOf(data, index, model, image.data(), message, kErrorSize))
      return makeError(message);
    append(image, data.labels[index], dataset);
  }
  return Error::success();
}

/// Returns the files data_batch_*.bin of the folder `name`, in the order of their names.
std::vector<std::string> findBatches(StringRef name) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(name, error), end; !error && entry != end; entry.increment(error))
    if (path::filename(entry->path()).starts_with("data_batch_") && path::extension(entry->path()) == ".bin")
      files.push_back(entry->path());
  sort(files);
  return files;
}

} // namespace

Expected<Dataset> readDataset(StringRef name, const DatasetOptions &options) {
  Dataset dataset;
  std::vector<std::string> batches = findBatches(name);
  for (const std::string &file : batches.empty() ? std::vector{name.str()} : batches)
    if (Error error = appendData(file, options, dataset))
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
