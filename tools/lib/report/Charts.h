// The charts of a report, each an SVG element for the inside of a page that has the rules of writeChartColours.
#ifndef VITYA_TOOLS_LIB_REPORT_CHARTS_H
#define VITYA_TOOLS_LIB_REPORT_CHARTS_H

#include "tools/lib/report/Report.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya::report {

/// A bar from zero to `value`, which is not negative.
struct Bar {
  std::string label;
  double value = 0;
  std::optional<numerics::Interval> interval;
  std::string text;         ///< the value as it is written after the bar
  bool isReference = false; ///< whether the others are compared with this one
};

/// Draws horizontal bars below each other.
void writeBars(llvm::StringRef title, llvm::ArrayRef<Bar> bars, llvm::raw_ostream &os);

/// A point with a number beside it and the interval of its height.
struct NumberedPoint {
  size_t number = 0;
  std::string name;
  double x = 0;
  Estimate y;
  bool isOnFront = false; ///< the front is a line, and its points are filled
};

/// Draws points over an axis that begins at zero.
void writePoints(llvm::StringRef title, llvm::StringRef xLabel, llvm::ArrayRef<NumberedPoint> points,
                 llvm::raw_ostream &os);

/// A bar of parts. Of each part, the share that is necessary is drawn in full colour.
struct StackedBar {
  struct Part {
    double size = 0, necessary = 0;
  };
  std::string label, text;
  std::vector<Part> parts; ///< one for each kind
};

/// Draws bars of parts below each other, and the names of the kinds of parts above them.
void writeStackedBars(llvm::StringRef title, llvm::ArrayRef<llvm::StringRef> kinds, llvm::ArrayRef<StackedBar> bars,
                      llvm::raw_ostream &os);

/// Splits the name of a layer into that of its kind, in which a star is in the place of each number between dots, and
/// these numbers: "blocks.*.mlp.fc1" and "5".
std::pair<std::string, std::string> splitNumbers(llvm::StringRef layer);

/// Draws each spectrum, named by the numbers of its layer, relative to its largest value over four decades, all in one
/// chart.
void writeSpectra(llvm::StringRef title, llvm::ArrayRef<const Spectrum *> spectra, llvm::raw_ostream &os);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_CHARTS_H
