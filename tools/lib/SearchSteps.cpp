// Bisection and budgets, apart from the models they are tried on.
#include "tools/lib/SearchSteps.h"
#include "llvm/Support/Format.h"
#include <cmath>

namespace vitya {

llvm::Error bisect(int64_t last, llvm::function_ref<llvm::Expected<bool>(int64_t)> holds) {
  int64_t low = 1, high = last;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    llvm::Expected<bool> result = holds(middle);
    if (!result)
      return result.takeError();
    (*result ? high : low) = *result ? middle : middle + 1;
  }
  return high == last ? holds(last).takeError() : llvm::Error::success();
}

LowRankPassOptions enlargeBudget(LowRankPassOptions options, int64_t step, int64_t fullRank) {
  double exponent = double(step) / double(kBudgetSteps);
  if (options.keep)
    options.keep = std::round(1e4 * std::pow(*options.keep, 1 - exponent)) / 1e4;
  if (options.rank)
    options.rank = std::llround(double(*options.rank) * std::pow(double(fullRank) / double(*options.rank), exponent));
  return options;
}

std::string budgetText(const LowRankPassOptions &options) {
  std::string result;
  llvm::raw_string_ostream os(result);
  if (options.keep)
    os << "keep=" << llvm::format("%g", *options.keep);
  else if (options.rank)
    os << "rank=" << *options.rank;
  return result;
}

} // namespace vitya
