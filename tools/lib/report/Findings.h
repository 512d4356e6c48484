// What follows from the data of a report.
#ifndef VITYA_TOOLS_LIB_REPORT_FINDINGS_H
#define VITYA_TOOLS_LIB_REPORT_FINDINGS_H

#include "tools/lib/report/Report.h"

namespace vitya::report {

/// Marks the variants on the Pareto fronts of accuracy over bytes and over time, and writes the findings. A variant is
/// on a front if no other one is at least as good in both respects and better in one.
void conclude(Report &report);

/// How many times smaller `value` is than `base`.
inline double ratioOf(double base, double value) { return value > 0 ? base / value : 0; }

/// The latency of batches of `batch` images, which has been measured.
const Latency &latencyOf(const Results &results, int64_t batch);

/// The time of each kind of work in microseconds, and the time that it would take at its limit as far as that is known.
struct WorkTime {
  double microseconds = 0, limit = 0;
};
std::array<WorkTime, kWorkKinds> workTimes(const Profile &profile);

/// The name of a kind of work, such as "linear layers".
llvm::StringRef nameOf(WorkKind kind);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_FINDINGS_H
