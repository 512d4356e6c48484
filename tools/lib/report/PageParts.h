// Parts of the page.
#ifndef VITYA_TOOLS_LIB_REPORT_PAGEPARTS_H
#define VITYA_TOOLS_LIB_REPORT_PAGEPARTS_H

#include "tools/lib/report/Report.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya::report {

/// The rules of the page, in colours that follow the reader's light or dark scheme; on paper, details are open.
extern const llvm::StringLiteral kPageStyle;

/// Writes `content` in a part of the page that is closed at first.
void writeDetails(llvm::raw_ostream &os, const llvm::Twine &summary, llvm::function_ref<void()> content);

/// Writes each picture once, invisibly; the images of writePredictions refer to them.
void writePictures(const Report &report, llvm::raw_ostream &os);

/// Writes the confusion of the original model and the images whose class changed.
void writePredictions(const Report &report, llvm::raw_ostream &os);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_PAGEPARTS_H
