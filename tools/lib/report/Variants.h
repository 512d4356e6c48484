// The variants of a model that a report compares: those that the user names, or a usual choice.
#ifndef VITYA_TOOLS_LIB_REPORT_VARIANTS_H
#define VITYA_TOOLS_LIB_REPORT_VARIANTS_H

#include "tools/lib/report/Report.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

namespace vitya::report {

/// The name of the model as it is, which no other variant may have.
inline constexpr llvm::StringLiteral kOriginalName = "original";

/// Returns the original model and the variants that `texts` define, each NAME=OPTIONS; if there are none, those of
/// low rank, of dynamic and, if there are calibration images, of static quantization, and combinations of these.
/// OPTIONS are options of vitya-compile as in a shell's command line. Fails if one is not of the form --NAME=VALUE or
/// does not select a compression, a cascade or a processor, or if two variants have one name.
llvm::Expected<std::vector<Variant>> makeVariants(llvm::ArrayRef<std::string> texts, bool hasCalibration);

/// Whether the options of `variant` select a compression that may look at images.
bool looksAtImages(const Variant &variant);
/// Whether they select one of which vitya-compile writes a report.
bool isReported(const Variant &variant);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_VARIANTS_H
