// Reads files of many images: CIFAR-10's binary layout and arrays of NumPy.
#ifndef VITYA_RUNTIME_IMAGE_IMAGEFILE_H
#define VITYA_RUNTIME_IMAGE_IMAGEFILE_H

#include "runtime/files/MappedFile.h"
#include "runtime/image/Preprocess.h"
#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// A file of equal images, mapped into memory. CIFAR-10's layout is records of one label byte and 3072 pixel bytes, the
/// 32x32 planes of red, green and blue. An array of NumPy (.npy) is u8 [count, height, width, channels], or
/// [height, width, channels] of one image, and has no labels.
struct ImageFile {
  MappedFile file;
  int64_t count = 0, height = 0, width = 0, channels = 0;
  bool hasLabels = false;          ///< whether the file is in CIFAR-10's layout
  const uint8_t *images = nullptr; ///< the first image, or the first record
};

/// Maps the file at `path`. If it cannot be read or is in neither layout, returns false and writes one line to `error`
/// that names the file and states what was expected and found.
bool openImageFile(const char *path, ImageFile &images, char *error, size_t errorSize);

void closeImageFile(ImageFile &images);

/// Returns whether a model can run on the images: it takes their channels, or they are CIFAR-10's and can be converted
/// (see convertChannels). If not, writes one line to `error`.
bool imagesFit(const ImageFile &images, int64_t channels, const char *path, char *error, size_t errorSize);

/// Returns whether the first `count` images have labels below `classes`. If not, writes one line to `error`.
bool labelsFit(const ImageFile &images, int64_t count, int64_t classes, const char *path, char *error,
               size_t errorSize);

/// Returns the label of image `index`, which may exceed the number of classes. The file must have labels.
int imageLabel(const ImageFile &images, int64_t index);

/// Writes image `index`, which must fit, to `result` in the form that `model` describes. Records of CIFAR-10 are
/// resized bilinearly without antialiasing and are not cropped, as by the project that this one continues.
void readImageOf(const ImageFile &images, int64_t index, const ModelImage &model, float *result);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_IMAGEFILE_H
