// Compiles the variants of a model and measures them.
#ifndef VITYA_TOOLS_LIB_REPORT_MEASURE_H
#define VITYA_TOOLS_LIB_REPORT_MEASURE_H

#include "tools/lib/report/Scoring.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace vitya::report {

/// What to measure. Paths and numbers are those of the command line.
struct MeasureOptions {
  std::string compiler;                 ///< path of vitya-compile
  std::string model, data, calibration; ///< the last one may be empty
  std::vector<std::string> importOptions;
  int64_t count = 0;   ///< of images; 0 for all
  int64_t threads = 0; ///< of executables; 0 for one on each processor
  int64_t rounds = 1;  ///< of the measurement of latency, at least one
};

/// Opens the images of the data, and makes sure that the model and all images cannot become outputs. Fails if the
/// images have no labels, if those of calibration cannot be opened, or if both are the same.
llvm::Expected<LabelledImages> openInputs(const MeasureOptions &options);

/// Measures `variants`, of which the first one is the original model, on the same images, and their latency by turns in
/// each round. Fails if the labels do not fit or the original model cannot be measured; any other variant then has
/// a reason why it has no results. Displays its progress. The report has no findings yet.
llvm::Expected<Report> measure(const MeasureOptions &options, LabelledImages images, std::vector<Variant> variants);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_MEASURE_H
