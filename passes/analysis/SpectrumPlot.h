// Singular values as curves on a page.
#ifndef VITYA_PASSES_ANALYSIS_SPECTRUMPLOT_H
#define VITYA_PASSES_ANALYSIS_SPECTRUMPLOT_H

#include "llvm/Support/raw_ostream.h"
#include <Eigen/Core>
#include <string>
#include <vector>

namespace vitya {

/// The singular values of one layer, largest first.
struct SpectrumCurve {
  std::string layer, part;         ///< `part`: of a fused layer, or empty
  Eigen::VectorXd plain, whitened; ///< `whitened` may be empty
};

/// Writes an SVG page: a row for each block (what layers' names share up to their first number), a panel of plain
/// curves and, where there are any, one of whitened curves. Each curve is relative to its largest value, on a
/// logarithmic axis.
void plotSpectra(const std::vector<SpectrumCurve> &curves, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_SPECTRUMPLOT_H
