// Axes with round ticks, and a palette that people with any colour vision can tell apart (Okabe and Ito).
#include "dialect/support/Chart.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace llvm;

namespace vitya {

namespace {

struct Colour {
  StringRef light, dark;
};

constexpr Colour kColours[kChartColours] = {{"#0072b2", "#56b4e9"}, {"#d55e00", "#ff9d5c"}, {"#009e73", "#3fd3a8"},
                                            {"#cc79a7", "#e3a3c6"}, {"#a67c00", "#f0c64c"}, {"#555555", "#bbbbbb"}};

void writeScheme(raw_ostream &os, StringRef text, StringRef background, StringRef grid, StringRef Colour::*scheme) {
  os << formatv("text{{fill:{0}}.background{{fill:{1}}.grid,.frame{{fill:none;stroke:{2}}", text, background, grid);
  for (auto [index, colour] : enumerate(kColours))
    os << formatv(".c{0}{{fill:none;stroke:{1}}.f{0}{{fill:{1}}", index, colour.*scheme);
  os << '\n';
}

} // namespace

Axis makeAxis(double low, double high, bool isRounded) {
  constexpr int kTicks = 5;
  if (!(low < high)) { // one value, or none
    double value = std::isfinite(low) ? low : 0, radius = value == 0 ? 1 : std::abs(value) / 2;
    low = value - radius;
    high = value + radius;
  }
  double raw = (high - low) / kTicks, power = std::pow(10, std::floor(std::log10(raw)));
  double factor = raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10;
  double step = factor * power;
  if (!isRounded)
    return {low, high, step};
  return {std::floor(low / step) * step, std::ceil(high / step) * step, step};
}

/// Calls `write` with the value and the label of each tick.
static void forEachTick(const Axis &axis, function_ref<void(double value, StringRef label)> write) {
  constexpr double kPart = 1e-9; // of a step, for rounding
  for (double i = std::ceil(axis.first / axis.step - kPart) + 0.0; i * axis.step <= axis.last + kPart * axis.step;
       ++i) {
    SmallString<16> label;
    raw_svector_ostream(label) << format("%g", i * axis.step);
    write(i * axis.step, label);
  }
}

void writeSvgText(raw_ostream &os, double x, double y, StringRef attributes, const Twine &text) {
  os << format("<text x=\"%.1f\" y=\"%.1f\"", x, y) << attributes << '>';
  printHTMLEscaped(text.str(), os);
  os << "</text>\n";
}

void writeSvgAxes(raw_ostream &os, const ChartFrame &frame) {
  writeSvgText(os, 0, -6, " font-weight=\"bold\"", frame.title);
  forEachTick(frame.y, [&](double value, StringRef label) {
    double position = frame.top(value);
    os << format("<path class=\"grid\" d=\"M0 %.1fH%d\"/>\n", position, frame.width);
    writeSvgText(os, -4, position + 4, " text-anchor=\"end\"", label);
  });
  forEachTick(frame.x, [&](double value, StringRef label) {
    double position = frame.left(value);
    os << format("<path class=\"grid\" d=\"M%.1f 0V%d\"/>\n", position, frame.height);
    writeSvgText(os, position, frame.height + 14, " text-anchor=\"middle\"", label);
  });
  os << formatv("<rect class=\"frame\" width=\"{0}\" height=\"{1}\"/>\n", frame.width, frame.height);
  writeSvgText(os, frame.width, frame.height + 28, " text-anchor=\"end\"", frame.xLabel);
}

void writeChartColours(raw_ostream &os) {
  writeScheme(os, "#222", "#fff", "#ddd", &Colour::light);
  os << "@media (prefers-color-scheme:dark){";
  writeScheme(os, "#ddd", "#161b22", "#333", &Colour::dark);
  os << "}\n";
}

} // namespace vitya
