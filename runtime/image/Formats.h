// The decoders of single formats. Each decodes the `size` bytes of a file to `image`. On failure, it leaves `image`
// empty, returns false and writes a phrase to `error` that describes the defect.
#ifndef VITYA_RUNTIME_IMAGE_FORMATS_H
#define VITYA_RUNTIME_IMAGE_FORMATS_H

#include "runtime/image/Decode.h"

namespace vitya {

/// Decodes a JPEG file to RGB with libjpeg-turbo. Bytes and markers that do not belong to the image are skipped; damage
/// that would leave pixels undefined is an error. CMYK and YCCK pixels are taken as inverted, as Adobe's programs store
/// them and Pillow reads them, and are converted without a colour profile.
bool decodeJpeg(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize);

/// Decodes a PNG file with libpng, to RGBA if it has alpha or a transparent colour, else to RGB. Of samples of 16 bits,
/// the upper 8 are kept; gamma and colour profiles are ignored. A wrong checksum of any chunk is an error.
bool decodePng(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize);

/// Decodes a BMP file with stb_image, to RGBA if it has alpha, else to RGB.
bool decodeBmp(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize);

/// Decodes a binary PGM or PPM file (P5, P6) of 8 or 16 bits per sample to RGB.
bool decodePnm(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize);

/// Copies the image of an .npy file, an array u8 [height, width, channels] or [1, height, width, channels].
bool decodeNpy(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize);

/// Checks the size that the header of a file of `size` bytes claims. Fails if the image is empty, has a side of more
/// than kMaxImageSide pixels, or has more pixels than a file of this size can hold.
bool checkImageSize(int64_t width, int64_t height, int64_t size, char *error, size_t errorSize);

/// Allocates the pixels of `image`. Fails if they do not fit into memory.
bool allocateImage(int64_t width, int64_t height, int64_t channels, Image &image, char *error, size_t errorSize);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_FORMATS_H
