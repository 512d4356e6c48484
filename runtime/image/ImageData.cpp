// Opens images, checks them, and converts them to the input of a model.
#include "runtime/image/ImageData.h"
#include "runtime/image/Channels.h"
#include "runtime/image/Decode.h"
#include "runtime/image/Npy.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vitya {
namespace {

constexpr int64_t kSide = 32, kPlane = kSide * kSide, kColours = 3, kRecord = 1 + kColours * kPlane;

/// The path of the labels of the array at `path`.
struct LabelsPath {
  char text[PATH_MAX];

  explicit LabelsPath(const char *path) {
    size_t length = strlen(path);
    bool hasSuffix = length >= 4 && !strcmp(path + length - 4, ".npy");
    snprintf(text, sizeof(text), "%.*s.labels.npy", static_cast<int>(length - (hasSuffix ? 4 : 0)), path);
  }
};

/// Sets what the mapped file `path` contains.
bool parseFile(const char *path, ImageData &images, char *error, size_t errorSize) {
  const uint8_t *bytes = images.file.data;
  int64_t size = images.file.size;
  if (isNpy(bytes, size)) {
    NpyImages array;
    char reason[256];
    if (!parseNpyImages(bytes, size, array, reason, sizeof(reason))) {
      snprintf(error, errorSize, "expected an array of images in '%s', found: %s", path, reason);
      return false;
    }
    images.layout = ImageLayout::array;
    images.count = array.count;
    images.height = array.height;
    images.width = array.width;
    images.channels = array.channels;
    images.isFloat = array.isFloat;
    images.images = array.data;
    images.hasLabels = access(LabelsPath(path).text, F_OK) == 0;
    return true;
  }
  if (size == 0 || size % kRecord != 0) {
    snprintf(error, errorSize,
             "expected '%s' to be CIFAR-10 binary data, a multiple of %lld bytes, an .npy array, a folder of pictures "
             "or a .txt, .csv or .tsv list of them, found a file of %lld bytes",
             path, static_cast<long long>(kRecord), static_cast<long long>(size));
    return false;
  }
  images.count = size / kRecord;
  images.height = images.width = kSide;
  images.channels = kColours;
  images.hasLabels = true;
  images.images = bytes;
  return true;
}

/// Returns the index of the class `name`, or -1.
int findClass(const char *name, const char *const *classNames, int64_t classes) {
  for (int64_t i = 0; i < classes; ++i)
    if (!strcmp(name, classNames[i]))
      return static_cast<int>(i);
  return -1;
}

/// Returns a label of a list, a name or a number of a class, or -1.
int parseLabel(const char *text, const char *const *classNames, int64_t classes) {
  if (int label = findClass(text, classNames, classes); label >= 0)
    return label;
  char *end = nullptr;
  long value = strtol(text, &end, 10);
  bool isNumber = *text >= '0' && *text <= '9' && *end == 0;
  return isNumber && value < classes ? static_cast<int>(value) : -1;
}

bool labelList(ImageData &images, const char *const *classNames, int64_t classes, const char *path, char *error,
               size_t errorSize) {
  for (int64_t i = 0; i < images.count; ++i) {
    const ListedPicture &picture = images.pictures.pictures[i];
    images.labels[i] = parseLabel(picture.label, classNames, classes);
    if (images.labels[i] >= 0)
      continue;
    snprintf(error, errorSize,
             "expected labels of '%s' to be names of classes of the model or numbers below %lld, found '%s' of '%s'",
             path, static_cast<long long>(classes), picture.label, picture.path);
    return false;
  }
  return true;
}

bool labelFolders(ImageData &images, const char *const *classNames, int64_t classes, const char *path, char *error,
                  size_t errorSize) {
  const char *previous = "", *known = nullptr, *unknown = nullptr;
  int64_t folders = 0;
  int found = -1; // the class of the folder
  // A folder cannot have an empty name, and equal labels follow each other.
  for (int64_t i = 0; i < images.count; ++i) {
    const char *label = images.pictures.pictures[i].label;
    if (strcmp(label, previous) != 0) {
      ++folders;
      found = findClass(label, classNames, classes);
      (found >= 0 ? known : unknown) = label;
    }
    images.labels[i] = found >= 0 ? found : static_cast<int>(folders) - 1;
    previous = label;
  }
  if (unknown && (known || folders != classes)) {
    snprintf(error, errorSize,
             "expected the folders in '%s' to be named as classes of the model, or to be %lld as these are, found %lld "
             "and '%s', which is no class",
             path, static_cast<long long>(classes), static_cast<long long>(folders), unknown);
    return false;
  }
  images.areClassesInOrder = unknown != nullptr;
  return true;
}

/// Returns element `index` of an array of integers.
int64_t integerAt(const NpyArray &array, int64_t index) {
  int32_t narrow;
  int64_t wide;
  switch (array.type) {
  case NpyType::i32:
    memcpy(&narrow, array.data + index * sizeof(narrow), sizeof(narrow));
    return narrow;
  case NpyType::i64:
    memcpy(&wide, array.data + index * sizeof(wide), sizeof(wide));
    return wide;
  default:
    return array.data[index];
  }
}

/// Sets the label of each image to that which label(i) returns.
template <typename Label>
bool setLabels(ImageData &images, Label label, int64_t classes, const char *path, char *error, size_t errorSize) {
  for (int64_t i = 0; i < images.count; ++i) {
    int64_t value = label(i);
    if (value < 0 || value >= classes) {
      snprintf(error, errorSize,
               "expected labels of '%s' to be below %lld, the classes of the model, found %lld in record %lld", path,
               static_cast<long long>(classes), static_cast<long long>(value), static_cast<long long>(i));
      return false;
    }
    images.labels[i] = static_cast<int>(value);
  }
  return true;
}

bool labelArray(ImageData &images, int64_t classes, const char *imagesPath, char *error, size_t errorSize) {
  LabelsPath path(imagesPath);
  MappedFile file;
  if (const char *found = mapFile(path.text, file)) {
    snprintf(error, errorSize, "expected a file that can be read at '%s', found: %s", path.text, found);
    return false;
  }
  NpyArray array;
  char reason[256] = "a file of another format";
  bool isArray = isNpy(file.data, file.size) && parseNpy(file.data, file.size, array, reason, sizeof(reason));
  if (isArray && (array.rank != 1 || array.shape[0] < images.count || array.type == NpyType::f32)) {
    snprintf(reason, sizeof(reason), "an .npy array of another shape or type");
    isArray = false;
  }
  if (isArray)
    isArray = setLabels(images, [&](int64_t i) { return integerAt(array, i); }, classes, path.text, error, errorSize);
  else
    snprintf(error, errorSize, "expected u8, i32 or i64 labels of %lld images in '%s', found: %s",
             static_cast<long long>(images.count), path.text, reason);
  unmapFile(file);
  return isArray;
}

/// Writes record `index` of CIFAR-10 to `result`.
void readRecord(const ImageData &images, int64_t index, const ModelImage &model, float *result) {
  const uint8_t *planes = images.images + index * kRecord + 1;
  uint8_t rgb[kColours * kPlane], converted[kMaxConvertedChannels * kPlane];
  for (int64_t i = 0; i < kColours * kPlane; ++i)
    rgb[i] = planes[i % kColours * kPlane + i / kColours];
  convertChannels(rgb, kColours, converted, model.channels, kPlane);
  ModelImage plain = model;
  plain.preprocessing = {VITYA_BILINEAR, /*antialias=*/0, model.height, model.width, VITYA_HALF_EVEN};
  preprocess({converted, kSide, kSide, model.channels}, plain, result);
}

} // namespace

bool openImageData(const char *path, ImageData &images, char *error, size_t errorSize) {
  images = ImageData();
  struct stat status;
  images.isFolder = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
  if (images.isFolder || isListPath(path)) {
    if (!(images.isFolder ? listFolder : readList)(path, images.pictures, error, errorSize))
      return false;
    images.layout = ImageLayout::pictures;
    images.count = images.pictures.count;
    images.hasLabels = images.pictures.pictures[0].label != nullptr;
    return true;
  }
  if (const char *found = mapFile(path, images.file)) {
    snprintf(error, errorSize, "expected a file that can be read at '%s', found: %s", path, found);
    return false;
  }
  bool isParsed = parseFile(path, images, error, errorSize);
  if (!isParsed)
    closeImageData(images);
  return isParsed;
}

void closeImageData(ImageData &images) {
  unmapFile(images.file);
  freeList(images.pictures);
  free(images.labels);
  images = ImageData();
}

void takeImages(ImageData &images, int64_t count) {
  if (images.isFolder)
    spreadList(images.pictures, count);
  images.count = count;
}

bool imagesFit(const ImageData &images, const ModelImage &model, const char *path, char *error, size_t errorSize) {
  if (images.layout == ImageLayout::pictures)
    return true;
  if (images.channels != model.channels &&
      (images.layout != ImageLayout::records || !canConvertChannels(images.channels, model.channels))) {
    snprintf(error, errorSize, "expected images of %lld channels, as the model takes, in '%s', found %lld",
             static_cast<long long>(model.channels), path, static_cast<long long>(images.channels));
    return false;
  }
  if (images.isFloat && (images.height != model.height || images.width != model.width)) {
    snprintf(error, errorSize,
             "expected f32 images of %lld x %lld pixels, as the model takes, in '%s', found %lld x %lld",
             static_cast<long long>(model.height), static_cast<long long>(model.width), path,
             static_cast<long long>(images.height), static_cast<long long>(images.width));
    return false;
  }
  return true;
}

bool findLabels(ImageData &images, const char *const *classNames, int64_t classes, const char *path, char *error,
                size_t errorSize) {
  if (!images.hasLabels) {
    snprintf(error, errorSize,
             "expected images with labels in '%s', as CIFAR-10 binary data, folders of classes, lists with labels and "
             "NAME.npy with NAME.labels.npy have, found none",
             path);
    return false;
  }
  free(images.labels);
  images.labels = static_cast<int *>(malloc(images.count * sizeof(int)));
  if (!images.labels) {
    snprintf(error, errorSize, "expected memory for the labels of '%s', found too little", path);
    return false;
  }
  switch (images.layout) {
  case ImageLayout::records:
    return setLabels(images, [&](int64_t i) { return images.images[i * kRecord]; }, classes, path, error, errorSize);
  case ImageLayout::array:
    return labelArray(images, classes, path, error, errorSize);
  case ImageLayout::pictures:
    return (images.isFolder ? labelFolders : labelList)(images, classNames, classes, path, error, errorSize);
  }
  return false;
}

bool readImageOf(const ImageData &images, int64_t index, const ModelImage &model, float *result, char *error,
                 size_t errorSize) {
  int64_t size = images.height * images.width * images.channels;
  if (images.layout == ImageLayout::records) {
    readRecord(images, index, model, result);
  } else if (images.layout == ImageLayout::pictures) {
    Image picture;
    if (!readImage(images.pictures.pictures[index].path, model.channels, picture, error, errorSize))
      return false;
    preprocess({picture.pixels, picture.height, picture.width, model.channels}, model, result);
    freeImage(picture);
  } else if (images.isFloat) {
    memcpy(result, images.images + index * size * sizeof(float), size * sizeof(float));
    for (int64_t i = 0; i < size; ++i)
      if (!(result[i] >= 0 && result[i] <= 1)) {
        snprintf(error, errorSize, "expected f32 pixels from 0 to 1, found %g in image %lld", result[i],
                 static_cast<long long>(index));
        return false;
      }
  } else {
    preprocess({images.images + index * size, images.height, images.width, images.channels}, model, result);
  }
  return true;
}

} // namespace vitya
