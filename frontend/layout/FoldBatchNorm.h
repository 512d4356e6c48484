// Batch norms in evaluation mode are folded into the convolutions before them.
#ifndef VITYA_FRONTEND_LAYOUT_FOLDBATCHNORM_H
#define VITYA_FRONTEND_LAYOUT_FOLDBATCHNORM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace vitya {

/// y = factors x + summands, channel by channel.
struct ChannelAffine {
  std::vector<double> factors, summands;
};

/// Returns a batch norm as gamma / sqrt(variance + eps) and beta - mean * factor. All arguments have a value for each
/// channel. Fails if a variance is negative.
llvm::Expected<ChannelAffine> foldBatchNorm(llvm::ArrayRef<float> gamma, llvm::ArrayRef<float> beta,
                                            llvm::ArrayRef<float> mean, llvm::ArrayRef<float> variance, double eps);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_FOLDBATCHNORM_H
