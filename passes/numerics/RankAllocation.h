// Which rank each layer gets, so that a budget is spent where it saves the most error.
#ifndef VITYA_PASSES_NUMERICS_RANKALLOCATION_H
#define VITYA_PASSES_NUMERICS_RANKALLOCATION_H

#include <cstdint>
#include <optional>
#include <vector>

namespace vitya::numerics {

/// One way to store a layer: what it costs, and the error it makes.
struct Choice {
  int64_t rank = 0; ///< 0: dense
  double cost = 0;
  double error = 0; ///< output energy that is lost
};

/// The ways to store what costs `dense` as it is and `costOfRank` for each rank, with the spectrum `energies`,
/// sigma_k^2 from the largest on: dense, and every rank that costs less than that.
std::vector<Choice> choicesOf(double dense, double costOfRank, const std::vector<double> &energies);

/// For each layer the index of a choice, such that the costs sum to at most `budget` and the errors are as small as a
/// Lagrangian makes them: minimise error + lambda cost for each layer, with lambda bisected to the budget, and what is
/// left spent greedily on the steps that save the most error for their cost. Nothing where even the cheapest choices
/// exceed the budget.
std::optional<std::vector<size_t>> allocate(const std::vector<std::vector<Choice>> &layers, double budget);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_RANKALLOCATION_H
