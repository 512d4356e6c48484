// Binary PGM and PPM files.
#ifndef VITYA_RUNTIME_IMAGE_PNM_H
#define VITYA_RUNTIME_IMAGE_PNM_H

#include "runtime/image/Decode.h"

namespace vitya {

/// Whether a file starts as a PGM (P5) or PPM (P6) file does.
bool isPnm(const uint8_t *bytes, int64_t size);

/// Decodes such a file of 8 or 16 bits a sample; grey becomes RGB. Returns null, or a few words that say what is wrong
/// with it.
const char *decodePnm(const uint8_t *bytes, int64_t size, Image &image);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_PNM_H
