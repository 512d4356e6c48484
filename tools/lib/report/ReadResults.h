// Reads the JSON of the compiler and of executables.
#ifndef VITYA_TOOLS_LIB_REPORT_READRESULTS_H
#define VITYA_TOOLS_LIB_REPORT_READRESULTS_H

#include "tools/lib/report/Report.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace vitya::report {

/// Reads the output of `info --json`: the facts and the layers.
llvm::Error readInfo(llvm::StringRef text, Results &results);

/// Reads the file of vitya-compile's --report and adds it to the layers of `results`, which readInfo has read.
llvm::Error readCompression(llvm::StringRef text, Results &results);

/// The statistics of one call of `bench`, in milliseconds.
struct BenchRun {
  int64_t batch = 0, threads = 0;
  double best = 0, median = 0;
};

/// Reads the output of `bench --json`.
llvm::Expected<BenchRun> readBench(llvm::StringRef text);

/// Reads the output of `bench --profile --json`.
llvm::Expected<Profile> readProfile(llvm::StringRef text);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_READRESULTS_H
