// The choice of a format for each matrix: the least loss under bounds on bytes and time, by Lagrange multipliers.
#ifndef VITYA_TOOLS_LIB_FORMATCHOICE_H
#define VITYA_TOOLS_LIB_FORMATCHOICE_H

#include "passes/lowrank/MatrixLosses.h"
#include "passes/pipelines/CompressOptions.h"
#include <limits>
#include <optional>

namespace vitya {

/// A format with its predicted loss in nats, the bytes of its weights, and its time in milliseconds, 0 if that does not
/// matter.
struct PricedFormat {
  MatrixFormat format;
  double loss = 0, bytes = 0, milliseconds = 0;
};

/// Upper bounds of sums over all matrices; infinite: none.
struct CostBounds {
  double bytes = std::numeric_limits<double>::infinity(), milliseconds = std::numeric_limits<double>::infinity();
};

/// A format for each matrix.
struct FormatChoice {
  std::vector<PricedFormat> formats;
  double natsPerByte = 0, natsPerMillisecond = 0; ///< the multipliers; 0 if that bound is no constraint

  PricedFormat total() const;
  std::vector<MatrixFormat> chosen() const;
};

/// The bytes of the weights of `matrix` in `format`: rows and columns are padded to 16, and quantized rows
/// have a scale each.
double bytesOf(const MatrixLosses &matrix, MatrixFormat format);

/// Chooses one of the formats of each matrix, so that the loss is as small as possible within `bounds`. Nothing if no
/// choice is within them.
std::optional<FormatChoice> chooseFormats(llvm::ArrayRef<std::vector<PricedFormat>> matrices, const CostBounds &bounds);

/// `base` with the options that give all `matrices` their `formats`. Its options of low rank have no budget, and those
/// of quantization no bits. Without a reduced rank the result has no low rank, and without integers no quantization.
CompressText textOf(const CompressText &base, llvm::ArrayRef<MatrixLosses> matrices,
                    llvm::ArrayRef<MatrixFormat> formats);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_FORMATCHOICE_H
