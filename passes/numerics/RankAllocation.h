// Allocation of a budget to the ranks of layers, so that the total error is as small as possible.
#ifndef VITYA_PASSES_NUMERICS_RANKALLOCATION_H
#define VITYA_PASSES_NUMERICS_RANKALLOCATION_H

#include <cstdint>
#include <optional>
#include <vector>

namespace vitya::numerics {

/// A way to store a layer, with its cost and its error.
struct Choice {
  int64_t rank = 0; ///< 0: dense
  double cost = 0;
  double error = 0; ///< the energy of the output that is lost
};

/// The choices for a layer that costs `dense` when dense and `costOfRank` for each rank: dense, and every rank that
/// costs less. `energies` are the squared singular values, largest first.
std::vector<Choice> choicesOf(double dense, double costOfRank, const std::vector<double> &energies);

/// A choice for each layer.
struct Allocation {
  std::vector<size_t> chosen; ///< by index
  double multiplier = 0;      ///< lambda: the error that a unit of the cost is worth; 0 if the budget is no constraint
};

/// Selects a choice for each layer such that the costs sum to at most `budget`. Minimises error + lambda cost for each
/// layer, with lambda found by bisection, and then spends the rest of the budget greedily on the changes that save the
/// most error for their cost. Returns nothing if even the cheapest choices exceed the budget.
std::optional<Allocation> allocate(const std::vector<std::vector<Choice>> &layers, double budget);

} // namespace vitya::numerics

#endif // VITYA_PASSES_NUMERICS_RANKALLOCATION_H
