// Line charts of what training logged.
#ifndef VITYA_FRONTEND_TRAINING_CURVES_H
#define VITYA_FRONTEND_TRAINING_CURVES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace vitya {

/// A point of a curve, which is interrupted where `y` is not finite.
struct CurvePoint {
  double x, y;
};

struct Curve {
  std::string name;
  std::vector<CurvePoint> points; ///< in the order of `x`, which is finite
};

struct Chart {
  std::string title, xLabel;
  std::vector<Curve> curves;
};

/// Reads columns of a log: a line with the names of the columns, then lines of numbers, all separated by commas. The
/// chart has a curve for each of `columns` over `xColumn`, which gives the axis its label. A line without a value in
/// one of the two columns adds no point. Fails if a column is missing, a line has too few values or a value is no
/// number.
llvm::Expected<Chart> readChart(llvm::StringRef log, llvm::StringRef title, llvm::StringRef xColumn,
                                llvm::ArrayRef<llvm::StringRef> columns);

/// Writes the charts below each other as one SVG document, in colours that follow the reader's light or dark scheme. If
/// a curve has more points than the chart has pixels, the means of neighbouring points are drawn.
void writeCurves(llvm::ArrayRef<Chart> charts, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_FRONTEND_TRAINING_CURVES_H
