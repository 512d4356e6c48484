// Reads CIFAR-10's binary layout: records of one label byte and 3072 pixel bytes, the 32x32 planes of red, green and
// blue.
#ifndef VITYA_RUNTIME_IMAGE_CIFAR_H
#define VITYA_RUNTIME_IMAGE_CIFAR_H

#include "runtime/files/MappedFile.h"
#include <stddef.h>
#include <stdint.h>

namespace vitya {

inline constexpr int64_t kCifarRecordBytes = 1 + 3 * 32 * 32;

/// The records of one file, mapped into memory.
struct CifarImages {
  MappedFile file;
  int64_t count = 0;
};

/// Maps the file at `path`. If it cannot be read, is empty, or its size is not a multiple of the record size, returns
/// false and writes one line to `error` that names the file and states what was expected and found.
bool openCifar(const char *path, CifarImages &images, char *error, size_t errorSize);

void closeCifar(CifarImages &images);

/// Returns the label of record `index`, which may exceed the number of classes.
int cifarLabel(const CifarImages &images, int64_t index);

/// Writes record `index` as f32 [3, height, width] in [0, 1]. If the size differs from 32x32, the image is resized like
/// torch.nn.functional.interpolate(mode='bilinear', align_corners=False).
void cifarImage(const CifarImages &images, int64_t index, int64_t height, int64_t width, float *image);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_CIFAR_H
