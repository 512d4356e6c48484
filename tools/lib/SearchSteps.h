// The steps of a search for the least change that meets a bound: bisection, and budgets between the one requested and
// everything.
#ifndef VITYA_TOOLS_LIB_SEARCHSTEPS_H
#define VITYA_TOOLS_LIB_SEARCHSTEPS_H

#include "passes/lowrank/Passes.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// Finds the smallest index in [1, last] for which `holds` is true, assuming that `holds` is monotonic and true at
/// `last`. The last call of `holds` that returns true is for that index. `last` itself is tried only if no smaller
/// index holds, so that the caller can report that nothing does.
llvm::Error bisect(int64_t last, llvm::function_ref<llvm::Expected<bool>(int64_t)> holds);

/// The number of steps between the requested budget and everything.
inline constexpr int64_t kBudgetSteps = 8;

/// `options` with a larger budget: the requested one at step 0, everything at kBudgetSteps, and equal ratios from step
/// to step. `keep` (rounded to four decimals) approaches 1, `rank` approaches `fullRank`.
LowRankPassOptions enlargeBudget(LowRankPassOptions options, int64_t step, int64_t fullRank);

/// The budget of `options` as the user would write it: "keep=0.25" or "rank=8".
std::string budgetText(const LowRankPassOptions &options);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_SEARCHSTEPS_H
