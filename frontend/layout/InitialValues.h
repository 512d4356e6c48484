// The values with which the training of a model begins.
#ifndef VITYA_FRONTEND_LAYOUT_INITIALVALUES_H
#define VITYA_FRONTEND_LAYOUT_INITIALVALUES_H

#include "llvm/ADT/StringRef.h"
#include <random>
#include <vector>

namespace vitya {

/// Normally distributed numbers of one tensor. They depend only on `seed` and `name`, so that a model with one tensor
/// more has the same values in all others. The standard fixes the numbers of the engine, but not those of
/// std::normal_distribution: they come from its uniform numbers by the transform of Box and Muller (1958).
class NormalNumbers {
public:
  NormalNumbers(uint64_t seed, llvm::StringRef name);

  /// A number of mean 0 and standard deviation 1.
  double next();

  /// `count` numbers of standard deviation `deviation`, none of which is further from 0 than 2 standard deviations of
  /// the distribution before it was truncated, as `variance_scaling` of JAX draws them.
  std::vector<float> truncated(int64_t count, double deviation);

private:
  double uniform();

  std::mt19937_64 engine;
};

/// The weights of an attention, [width, width] each.
struct AttentionWeights {
  std::vector<float> query, key, value, out;
};

/// Mimetic initialisation (A. Trockman, J. Z. Kolter, arXiv 2305.09828), with Z a matrix of normal numbers of variance
/// 1 / width. For each head, query^T key is the best approximation of 0.7 Z + 0.7 I whose rank is the width of a head:
/// a token attends to tokens that are like it. out value is 0.4 Z - 0.4 I if the attention is the branch of a residual,
/// as in the paper. Without a residual it is 0.4 Z + 0.4 I, which passes the token on.
AttentionWeights nearIdentityAttention(int64_t width, int64_t heads, bool isResidual, NormalNumbers &numbers);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_INITIALVALUES_H
