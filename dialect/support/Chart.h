// What charts in SVG share: axes, text, and colours that follow the reader's light or dark scheme.
#ifndef VITYA_DIALECT_SUPPORT_CHART_H
#define VITYA_DIALECT_SUPPORT_CHART_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya {

/// The range of an axis and the distance of its ticks, which are multiples of `step`.
struct Axis {
  double first, last, step;

  /// The distance of `value` from the start of the axis, which has the length `size`.
  double position(double value, int size) const { return (value - first) / (last - first) * size; }
};

/// Returns an axis for values in [low, high]. If `isRounded`, it begins and ends at a tick.
Axis makeAxis(double low, double high, bool isRounded);

/// Writes a text element at (x, y), in which the characters of markup are escaped. `attributes` begin with a space.
void writeSvgText(llvm::raw_ostream &os, double x, double y, llvm::StringRef attributes, const llvm::Twine &text);

/// The frame of a chart, whose lower left corner is at (0, height).
struct ChartFrame {
  int width, height;
  llvm::StringRef title, xLabel;
  Axis x, y;

  double left(double value) const { return x.position(value, width); }
  double top(double value) const { return height - y.position(value, height); }
};

/// Draws the frame with its title above, a line and a label for each tick, and the label of the axis of x below.
void writeSvgAxes(llvm::raw_ostream &os, const ChartFrame &frame);

/// The number of colours that curves and areas can have.
inline constexpr size_t kChartColours = 6;

/// Writes rules for the inside of a style element, for a light and a dark scheme: of text, of the classes "background",
/// "grid" and "frame", and for each colour i of "ci", lines, and "fi", areas.
void writeChartColours(llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_CHART_H
