// Decodes JPEG files with libjpeg-turbo.
#include "runtime/image/Formats.h"
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
// jpeglib.h needs the declarations of stdio.h.
#include <jerror.h>
#include <jpeglib.h>

namespace vitya {
namespace {

/// More scans than any encoder writes. A file of few bytes could otherwise demand hours of decoding.
constexpr int kMaxScans = 500;

/// The state of libjpeg-turbo, and where its errors go.
struct Decoder {
  jpeg_decompress_struct state;
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  jmp_buf failure;
  char message[JMSG_LENGTH_MAX];
  bool isDecoded[MAX_COMPONENTS]; ///< whether a scan with the lowest frequency of this component was found

  static Decoder &of(j_common_ptr state) { return *static_cast<Decoder *>(state->client_data); }
};

[[noreturn]] void fail(j_common_ptr state) {
  Decoder &decoder = Decoder::of(state);
  state->err->format_message(state, decoder.message);
  longjmp(decoder.failure, 1);
}

/// Called with warnings, whose level is -1, and traces. The warnings about bytes between segments, about parameters
/// that are not used and about application segments do not concern pixels; after all others, pixels are missing or
/// guessed.
void report(j_common_ptr state, int level) {
  int code = state->err->msg_code;
  bool isHarmless = level >= 0 || code == JWRN_EXTRANEOUS_DATA || code == JWRN_NOT_SEQUENTIAL ||
                    code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR;
  if (!isHarmless)
    fail(state);
}

/// Called regularly while a file of several scans is read.
void visitScan(j_common_ptr common) {
  Decoder &decoder = Decoder::of(common);
  jpeg_decompress_struct &state = decoder.state;
  if (state.input_scan_number > kMaxScans) {
    snprintf(decoder.message, sizeof(decoder.message), "more than %d scans", kMaxScans);
    longjmp(decoder.failure, 1);
  }
  bool hasLowest = !state.progressive_mode || state.Ss == 0;
  for (int i = 0; i < state.comps_in_scan && hasLowest; ++i)
    decoder.isDecoded[state.cur_comp_info[i]->component_index] = true;
}

/// Converts CMYK pixels to RGB in place, with the rounding of Pillow. Stored values are inverted: 255 is no ink.
void convertCmyk(Image &image) {
  uint8_t *from = image.pixels, *to = image.pixels;
  for (int64_t left = image.height * image.width; left > 0; --left, from += 4, to += 3) {
    int white = from[3];
    for (int i = 0; i < 3; ++i) {
      int product = (255 - from[i]) * white + 128;
      int value = white - (((product >> 8) + product) >> 8);
      to[i] = static_cast<uint8_t>(value < 0 ? 0 : value);
    }
  }
  image.channels = 3;
}

/// Decodes the file that `decoder` reads. Errors of libjpeg-turbo jump to decoder.failure.
bool decode(Decoder &decoder, int64_t size, Image &image, char *error, size_t errorSize) {
  jpeg_decompress_struct &state = decoder.state;
  jpeg_read_header(&state, /*require_image=*/TRUE);
  bool isCmyk = state.num_components == 4;
  if (!isCmyk && state.num_components != 1 && state.num_components != 3) {
    snprintf(error, errorSize, "a JPEG file of %d colour components", state.num_components);
    return false;
  }
  if (!checkImageSize(state.image_width, state.image_height, size, error, errorSize) ||
      !allocateImage(state.image_width, state.image_height, isCmyk ? 4 : 3, image, error, errorSize))
    return false;
  state.out_color_space = isCmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&state);
  for (int i = 0; i < state.num_components; ++i)
    if (jpeg_has_multiple_scans(&state) && !decoder.isDecoded[i]) {
      snprintf(error, errorSize, "a JPEG file without a scan of colour component %d", i + 1);
      return false;
    }
  while (state.output_scanline < state.output_height) {
    JSAMPROW row = image.pixels + state.output_scanline * image.width * image.channels;
    jpeg_read_scanlines(&state, &row, 1);
  }
  jpeg_finish_decompress(&state);
  if (isCmyk)
    convertCmyk(image);
  return true;
}

} // namespace

bool decodeJpeg(const uint8_t *bytes, int64_t size, Image &image, char *error, size_t errorSize) {
  Decoder decoder;
  memset(&decoder, 0, sizeof(decoder));
  decoder.state.err = jpeg_std_error(&decoder.errors);
  decoder.state.client_data = &decoder;
  decoder.errors.error_exit = fail;
  decoder.errors.emit_message = report;
  bool isDecoded = false;
  if (setjmp(decoder.failure)) {
    snprintf(error, errorSize, "a damaged JPEG file: %s", decoder.message);
  } else {
    jpeg_create_decompress(&decoder.state);
    decoder.progress.progress_monitor = visitScan;
    decoder.state.progress = &decoder.progress;
    jpeg_mem_src(&decoder.state, bytes, size);
    isDecoded = decode(decoder, size, image, error, errorSize);
  }
  jpeg_destroy_decompress(&decoder.state);
  if (!isDecoded)
    freeImage(image);
  return isDecoded;
}

} // namespace vitya
