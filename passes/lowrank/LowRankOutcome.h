// The result of low-rank factorisation, one record per layer and per attention, for reports.
#ifndef VITYA_PASSES_LOWRANK_LOWRANKOUTCOME_H
#define VITYA_PASSES_LOWRANK_LOWRANKOUTCOME_H

#include "passes/analysis/AttentionMaps.h"
#include "passes/lowrank/LowRankOptions.h"
#include <optional>
#include <string>
#include <vector>

namespace vitya {

/// How a layer was compressed.
struct LayerOutcome {
  std::string name;
  int64_t in = 0, out = 0;  ///< of the layer before compression
  int64_t rank = 0;         ///< 0 if the layer is dense
  std::string reason;       ///< method and rank, or why the layer is dense
  int64_t parameters = 0;   ///< elements of its weights after compression
  Eigen::VectorXd spectrum; ///< singular values that were truncated at `rank`; empty if there was no SVD of this layer
  /// E||y - y'||^2 of the layer's output on the calibration images; for method plain without moments, the squared error
  /// of the weight.
  std::optional<double> measuredError;
};

/// How an attention with narrowed heads was compressed.
struct AttentionOutcome {
  std::string name;
  int64_t heads = 0;
  HeadWidths widths; ///< after compression; 0 if unchanged
  /// Root mean square over the heads of the singular values of both products.
  Eigen::VectorXd queryKeySpectrum, valueSpectrum;
  double measuredError = 0; ///< E||y - y'||^2 of the output layer on the calibration images
};

struct LowRankOutcome {
  std::vector<LayerOutcome> layers;         ///< in program order
  std::vector<AttentionOutcome> attentions; ///< those with narrowed heads
};

} // namespace vitya

#endif // VITYA_PASSES_LOWRANK_LOWRANKOUTCOME_H
