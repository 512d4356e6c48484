#include "frontend/layout/FoldBatchNorm.h"
#include "dialect/support/Errors.h"
#include <cmath>

using namespace llvm;

namespace vitya {

Expected<ChannelAffine> foldBatchNorm(ArrayRef<float> gamma, ArrayRef<float> beta, ArrayRef<float> mean,
                                      ArrayRef<float> variance, double eps) {
  ChannelAffine affine;
  for (size_t channel = 0; channel < gamma.size(); ++channel) {
    double deviation = std::sqrt(variance[channel] + eps), factor = gamma[channel] / deviation;
    if (!(deviation > 0))
      return makeError("expected variances that are not negative, found {0} as variance {1}", variance[channel],
                       channel);
    affine.factors.push_back(factor);
    affine.summands.push_back(beta[channel] - mean[channel] * factor);
  }
  return affine;
}

} // namespace vitya
