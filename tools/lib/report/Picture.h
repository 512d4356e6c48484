// Pictures within a page.
#ifndef VITYA_TOOLS_LIB_REPORT_PICTURE_H
#define VITYA_TOOLS_LIB_REPORT_PICTURE_H

#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace vitya::report {

/// Returns the image `pixels`, f32 [channels, height, width] in [0, 1] of 1 or 3 channels, as the data URI of a PNG
/// file; empty if libpng fails.
std::string pictureUri(llvm::ArrayRef<float> pixels, int64_t channels, int64_t height, int64_t width);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_PICTURE_H
