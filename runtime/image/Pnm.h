// Decodes binary PGM and PPM files.
#ifndef VITYA_RUNTIME_IMAGE_PNM_H
#define VITYA_RUNTIME_IMAGE_PNM_H

#include "runtime/image/Decode.h"

namespace vitya {

/// Returns whether a file starts with the magic number of PGM (P5) or PPM (P6).
bool isPnm(const uint8_t *bytes, int64_t size);

/// Decodes a file for which isPnm is true, of 8 or 16 bits per sample; grey images are converted to RGB. Returns null
/// on success, else a phrase that describes the defect.
const char *decodePnm(const uint8_t *bytes, int64_t size, Image &image);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_PNM_H
