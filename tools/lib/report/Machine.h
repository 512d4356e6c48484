// The machine that a report was made on.
#ifndef VITYA_TOOLS_LIB_REPORT_MACHINE_H
#define VITYA_TOOLS_LIB_REPORT_MACHINE_H

#include "tools/lib/report/Report.h"
#include "llvm/ADT/StringRef.h"

namespace vitya::report {

/// Sets the names of the processor and the system, and the number of processors.
void describeMachine(Machine &machine);

/// The number of runnable threads of the machine, averaged over the last minute; negative if it is not known.
double loadAverage();

/// The XXH3-128 of the file at `path` in hexadecimal digits; empty if it is no file that can be read.
std::string digestOf(llvm::StringRef path);

/// The present date and time in UTC, such as "2026-01-31 12:34 UTC".
std::string presentTime();

/// `word` as a shell reads it back, in quotes if these are needed. Bytes that are not UTF-8 are
/// replaced.
std::string shellWord(llvm::StringRef word);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_MACHINE_H
