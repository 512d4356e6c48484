// The loss of a model's predictions for each rank and number of bits of each matrix: the input of a choice of ranks
// and bits.
#ifndef VITYA_PASSES_LOWRANK_MATRIXLOSSES_H
#define VITYA_PASSES_LOWRANK_MATRIXLOSSES_H

#include "passes/analysis/ImageSet.h"
#include "passes/lowrank/LowRankOptions.h"

namespace vitya {

/// The kinds of matrices for which a rank is chosen: the weight of a layer, or a product of an attention.
enum class MatrixKind { layer, queryKey, valueOutput };

/// How a matrix is stored.
struct MatrixFormat {
  int64_t rank = 0;   ///< of its factors, or the width of the heads; 0: dense
  unsigned bits = 32; ///< of its weights; 32: f32

  friend bool operator==(const MatrixFormat &a, const MatrixFormat &b) { return a.rank == b.rank && a.bits == b.bits; }
};

/// A divergence of the predictions that was measured when a matrix had lost some energy.
struct MeasuredLoss {
  double energy = 0, divergence = 0;
};

/// A matrix and the divergence of the predictions, in nats, that it causes when it alone is compressed.
struct MatrixLosses {
  MatrixKind kind = MatrixKind::layer;
  std::string name;                 ///< of the layer or of the attention
  std::vector<std::string> weights; ///< names of the layers that hold the matrix once fused layers are split
  int64_t in = 0, out = 0, tokens = 0;
  int64_t heads = 0, width = 0; ///< of an attention; 0 for layers
  std::vector<int64_t> ranks;   ///< to choose from, ascending; empty if the matrix stays dense

  std::vector<double> energies;          ///< squared singular values, largest first
  std::vector<MeasuredLoss> truncations; ///< by ascending energy
  /// The divergence that rounding to kMeasuredBits causes, of the dense matrix and of its factors.
  double denseRounding = 0, factorRounding = 0;
  static constexpr unsigned kMeasuredBits = 4;

  /// The shape of a weight.
  struct Shape {
    int64_t out, in;
  };
  /// The shapes of the weights that hold the matrix at this rank, 0 for dense.
  std::vector<Shape> shapes(int64_t rank) const;

  /// The loss of a format. That of a rank is interpolated between measurements, on logarithms of the lost energy and of
  /// the divergence. That of rounding is proportional to the square of the distance of two levels. Both are added up.
  double loss(MatrixFormat format) const;
};

/// What to measure and on which images.
struct LossOptions {
  LowRankMethod method = LowRankMethod::joint; ///< how ranks will be lowered; `plain` is measured as `whitened`
  std::string layers;                          ///< regular expression of the layers that may be factorised
  bool gptq = true;       ///< whether weights will be rounded by GPTQ, else to the nearest integers
  bool perChannel = true; ///< whether each row of a weight will have a scale of its own
  std::string images;     ///< for moments
  std::string
      probeImages;     ///< to measure divergences on: held-out ones, on which the model is less sure, if there are any
  int64_t probes = 32; ///< the number of these
};

/// Measures the losses of all linear layers of @main of `module` that are not factorised or quantized. Emits an error
/// at `module` if the images cannot be read, if there is no such layer, or if no compression changes the predictions.
mlir::FailureOr<std::vector<MatrixLosses>> measureLosses(mlir::ModuleOp module, const LossOptions &options);

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_MATRIXLOSSES_H
