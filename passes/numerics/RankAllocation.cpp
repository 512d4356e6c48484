// Bisection of the Lagrange multiplier, followed by a greedy allocation of the rest.
#include "passes/numerics/RankAllocation.h"
#include <algorithm>
#include <cmath>
#include <limits>

namespace vitya::numerics {
namespace {

constexpr int kBisections = 100;

/// The index of the choice with the smallest error + `lambda` cost for each layer.
std::vector<size_t> best(const std::vector<std::vector<Choice>> &layers, double lambda) {
  std::vector<size_t> result;
  for (const std::vector<Choice> &choices : layers) {
    auto objective = [&](const Choice &choice) { return choice.error + lambda * choice.cost; };
    auto smallest = std::min_element(choices.begin(), choices.end(),
                                     [&](const Choice &a, const Choice &b) { return objective(a) < objective(b); });
    result.push_back(smallest - choices.begin());
  }
  return result;
}

double costOf(const std::vector<std::vector<Choice>> &layers, const std::vector<size_t> &chosen) {
  double cost = 0;
  for (size_t i = 0; i < layers.size(); ++i)
    cost += layers[i][chosen[i]].cost;
  return cost;
}

/// Spends the rest of the budget: repeatedly makes the change that saves the most error for its cost.
void spendRest(const std::vector<std::vector<Choice>> &layers, double budget, std::vector<size_t> &chosen) {
  for (double left = budget - costOf(layers, chosen);;) {
    double bestRate = 0, bestCost = 0;
    size_t bestLayer = layers.size(), bestChoice = 0;
    for (size_t i = 0; i < layers.size(); ++i) {
      const Choice &now = layers[i][chosen[i]];
      for (size_t j = 0; j < layers[i].size(); ++j) {
        double cost = layers[i][j].cost - now.cost, saved = now.error - layers[i][j].error;
        if (cost > left || saved <= 0)
          continue;
        double rate = cost > 0 ? saved / cost : std::numeric_limits<double>::infinity();
        if (rate > bestRate) {
          bestRate = rate;
          bestCost = cost;
          bestLayer = i;
          bestChoice = j;
        }
      }
    }
    if (bestLayer == layers.size())
      return;
    chosen[bestLayer] = bestChoice;
    left -= bestCost;
  }
}

} // namespace

std::vector<Choice> choicesOf(double dense, double costOfRank, const std::vector<double> &energies) {
  std::vector<Choice> choices{{0, dense, 0}};
  double lost = 0;
  for (size_t k = energies.size(); k-- > 0;) {
    lost += energies[k];
    double cost = double(k) * costOfRank;
    if (k > 0 && cost < dense)
      choices.push_back({int64_t(k), cost, lost});
  }
  return choices;
}

std::optional<Allocation> allocate(const std::vector<std::vector<Choice>> &layers, double budget) {
  std::vector<size_t> dense = best(layers, 0);
  if (costOf(layers, dense) <= budget)
    return Allocation{std::move(dense)};
  // The limit of an infinite multiplier: the cheapest choices.
  std::vector<size_t> chosen;
  chosen.reserve(layers.size());
  for (const std::vector<Choice> &choices : layers)
    chosen.push_back(std::min_element(choices.begin(), choices.end(),
                                      [](const Choice &a, const Choice &b) { return a.cost < b.cost; }) -
                     choices.begin());
  if (costOf(layers, chosen) > budget)
    return std::nullopt;
  double largest = 0;
  for (const std::vector<Choice> &choices : layers)
    for (const Choice &choice : choices)
      largest = std::max(largest, choice.error);
  // Bisect the logarithm, because errors span many orders of magnitude.
  double low = std::log(std::max(largest, 1e-300)) - 80, high = std::log(std::max(largest, 1e-300)) + 1;
  for (int i = 0; i < kBisections; ++i) {
    double middle = (low + high) / 2;
    std::vector<size_t> candidate = best(layers, std::exp(middle));
    if (costOf(layers, candidate) <= budget) {
      chosen = std::move(candidate);
      high = middle;
    } else {
      low = middle;
    }
  }
  spendRest(layers, budget, chosen);
  return Allocation{std::move(chosen), std::exp(high)};
}

} // namespace vitya::numerics
