// The images on which a model is run: files of many images, and pictures in folders and lists.
#ifndef VITYA_RUNTIME_IMAGE_IMAGEDATA_H
#define VITYA_RUNTIME_IMAGE_IMAGEDATA_H

#include "runtime/files/MappedFile.h"
#include "runtime/image/PictureList.h"
#include "runtime/image/Preprocess.h"
#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// How images are stored, and where their labels are.
enum class ImageLayout {
  /// A file of records of one label byte and 3072 pixel bytes, the 32x32 planes of red, green and blue: CIFAR-10's.
  records,
  /// An array of NumPy (see NpyImages). The labels of NAME.npy are in NAME.labels.npy, u8, i32 or i64 [count].
  array,
  /// A folder of pictures or of a subfolder of pictures for each class, or a list of pictures (see PictureList.h).
  pictures,
};

/// Images that are read when they are needed. Files are mapped into memory.
struct ImageData {
  ImageLayout layout = ImageLayout::records;
  int64_t count = 0;
  int64_t height = 0, width = 0, channels = 0; ///< of each image; 0 for pictures, which differ
  bool hasLabels = false;
  int *labels = nullptr;          ///< one for each image, once findLabels has found them
  bool areClassesInOrder = false; ///< whether findLabels numbered folders that are not named as the classes are

  // What the functions below keep.
  MappedFile file;
  const uint8_t *images = nullptr; ///< the first image, or the first record
  bool isFloat = false;            ///< whether the elements of the array are f32
  PictureList pictures;
  bool isFolder = false; ///< whether the pictures are those of a folder, in the order of their names
};

/// Opens the images at `path`. If they cannot be read or are stored in no layout, returns false and writes one line to
/// `error` that names the file and states what was expected and found. Pictures are not opened yet.
bool openImageData(const char *path, ImageData &images, char *error, size_t errorSize);

void closeImageData(ImageData &images);

/// Keeps `count` images, at most as many as there are: the first ones or, of a folder, which has one class after the
/// other, some that are evenly spread.
void takeImages(ImageData &images, int64_t count);

/// Returns whether `model` can run on the images: it takes their channels, or they are CIFAR-10's and can be converted
/// (see convertChannels), or they are f32 and have its size. If not, writes one line to `error`. Pictures are converted
/// one by one.
bool imagesFit(const ImageData &images, const ModelImage &model, const char *path, char *error, size_t errorSize);

/// Finds the labels of all images, which are below `classes`. Labels of lists are numbers or names of classes. Folders
/// have the names of the classes, or there is one for each class; they are then classes in the order of their names.
/// If an image has no such label, returns false and writes one line to `error`.
bool findLabels(ImageData &images, const char *const *classNames, int64_t classes, const char *path, char *error,
                size_t errorSize);

/// Writes image `index`, which must fit, to `result` in the form that `model` describes. Records of CIFAR-10 are
/// resized bilinearly without antialiasing and are not cropped, as in the reference project (docs/glossary.md). Arrays
/// of f32 are taken as they are. If a picture cannot be read, returns false and writes one line to `error`.
bool readImageOf(const ImageData &images, int64_t index, const ModelImage &model, float *result, char *error,
                 size_t errorSize);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_IMAGEDATA_H
