// Reads the JSON of the compiler and of executables.
#ifndef VITYA_TOOLS_LIB_REPORT_READRESULTS_H
#define VITYA_TOOLS_LIB_REPORT_READRESULTS_H

#include "tools/lib/report/Report.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace vitya::report {

/// Reads the output of `info --json`: the facts and the layers. Those of a cascade are the layers of its first model.
llvm::Error readInfo(llvm::StringRef text, Results &results);

/// Reads the file of vitya-compile's --report and adds it to the layers of `results`, which readInfo has read.
llvm::Error readCompression(llvm::StringRef text, Results &results);

/// Reads the output of `eval --json` of a cascade: the share of images for which the dense model runs.
llvm::Error readDeferred(llvm::StringRef text, Cascade &cascade);

/// The statistics of one call of `bench`, in milliseconds.
struct BenchRun {
  int64_t batch = 0, threads = 0;
  double best = 0, median = 0;
};

/// Reads the output of `bench --json`. The times of a cascade are those that are expected if its dense model runs for
/// the share `deferred` of all images.
llvm::Expected<BenchRun> readBench(llvm::StringRef text, double deferred);

/// Reads the output of `bench --profile --json`.
llvm::Expected<Profile> readProfile(llvm::StringRef text);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_READRESULTS_H
