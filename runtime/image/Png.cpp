// Decodes PNG files with libpng.
#include "runtime/image/Formats.h"
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace vitya {
namespace {

/// A file in memory, and the state of libpng.
struct Decoder {
  const uint8_t *bytes;
  int64_t left, size;
  png_structp png;
  png_infop info;
  png_bytep *rows;
  jmp_buf failure;
  char message[128];
};

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  auto *decoder = static_cast<Decoder *>(png_get_error_ptr(png));
  snprintf(decoder->message, sizeof(decoder->message), "%s", message);
  longjmp(decoder->failure, 1);
}

/// libpng only warns if the end of the compressed pixels is damaged.
void warn(png_structp png, png_const_charp message) {
  if (strncmp(message, "IDAT", 4) == 0)
    fail(png, message);
}

void read(png_structp png, png_bytep result, size_t count) {
  auto *decoder = static_cast<Decoder *>(png_get_io_ptr(png));
  if (static_cast<int64_t>(count) > decoder->left)
    png_error(png, "the file ends too early");
  memcpy(result, decoder->bytes, count);
  decoder->bytes += count;
  decoder->left -= count;
}

/// Decodes the file that `decoder` reads. Errors of libpng jump to decoder.failure.
bool decode(Decoder &decoder, Image &image, char *error, size_t errorSize) {
  png_structp png = decoder.png;
  png_infop info = decoder.info;
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); // allocateImage checks the size
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_read_info(png, info);
  bool hasAlpha = png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA || png_get_valid(png, info, PNG_INFO_tRNS);
  int64_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  if (!checkImageSize(width, height, decoder.size, error, errorSize) ||
      !allocateImage(width, height, hasAlpha ? 4 : 3, image, error, errorSize))
    return false;
  png_set_strip_16(png);
  png_set_expand(png);
  png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  int64_t rowBytes = width * image.channels;
  if (static_cast<int64_t>(png_get_rowbytes(png, info)) != rowBytes)
    png_error(png, "rows of unexpected size");
  decoder.rows = static_cast<png_bytep *>(png_malloc(png, height * sizeof(png_bytep)));
  for (int64_t y = 0; y < height; ++y)
    decoder.rows[y] = image.pixels + y * rowBytes;
  png_read_image(png, decoder.rows);
  png_read_end(png, nullptr);
  return true;
}

} // namespace

bool decodePng(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  Decoder decoder = {bytes, size, size, nullptr, nullptr, nullptr, {}, ""};
  bool isDecoded = false;
  if (setjmp(decoder.failure)) {
    snprintf(error, errorSize, "a damaged PNG file: %s", decoder.message);
  } else {
    decoder.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder, fail, warn);
    decoder.info = decoder.png ? png_create_info_struct(decoder.png) : nullptr;
    if (decoder.info) {
      png_set_read_fn(decoder.png, &decoder, read);
      isDecoded = decode(decoder, image, error, errorSize);
    } else {
      snprintf(error, errorSize, "an image that does not fit into memory");
    }
  }
  if (decoder.rows)
    png_free(decoder.png, decoder.rows);
  png_destroy_read_struct(&decoder.png, &decoder.info, nullptr);
  if (!isDecoded)
    freeImage(image);
  return isDecoded;
}

} // namespace vitya
