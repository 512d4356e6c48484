// Reads logs and draws them as SVG.
#include "frontend/training/Curves.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include <algorithm>
#include <cmath>

using namespace llvm;

namespace vitya {
namespace {

// The size of a chart, and of the space around it, as in tools/measure/plot-spectrum.
constexpr int kWidth = 420, kHeight = 200, kMargin = 46, kLegend = 150, kTicks = 5;
constexpr size_t kMaxPoints = kWidth;

struct Colour {
  StringRef light, dark;
};
constexpr Colour kColours[] = {{"#0072b2", "#56b4e9"}, {"#d55e00", "#ff9d5c"}, {"#009e73", "#3fd3a8"},
                               {"#cc79a7", "#e3a3c6"}, {"#a67c00", "#f0c64c"}, {"#555555", "#bbbbbb"}};

/// The range of an axis and the distance of its ticks, which are multiples of `step`.
struct Axis {
  double first, last, step;

  double position(double value, int size) const { return (value - first) / (last - first) * size; }
};

/// Returns an axis for values in [low, high]. If `isRounded`, it begins and ends at a tick.
Axis makeAxis(double low, double high, bool isRounded) {
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

/// The smallest and largest finite value of a coordinate.
Axis axisOf(const Chart &chart, double CurvePoint::*coordinate, bool isRounded) {
  double low = INFINITY, high = -INFINITY;
  for (const Curve &curve : chart.curves)
    for (const CurvePoint &point : curve.points)
      if (std::isfinite(point.y)) {
        low = std::min(low, point.*coordinate);
        high = std::max(high, point.*coordinate);
      }
  return makeAxis(low, high, isRounded);
}

/// Returns at most kMaxPoints points, each the mean of neighbours.
std::vector<CurvePoint> thin(ArrayRef<CurvePoint> points) {
  if (points.size() <= kMaxPoints)
    return points.vec();
  std::vector<CurvePoint> result;
  for (size_t i = 0; i < kMaxPoints; ++i) {
    size_t begin = i * points.size() / kMaxPoints, end = (i + 1) * points.size() / kMaxPoints;
    CurvePoint sum = {0, 0};
    for (const CurvePoint &point : points.slice(begin, end - begin)) {
      sum.x += point.x;
      sum.y += point.y;
    }
    auto count = static_cast<double>(end - begin);
    result.push_back({sum.x / count, sum.y / count});
  }
  return result;
}

void writeText(raw_ostream &os, double x, double y, StringRef attributes, const Twine &text) {
  os << format("<text x=\"%.1f\" y=\"%.1f\"", x, y) << attributes << '>';
  printHTMLEscaped(text.str(), os);
  os << "</text>\n";
}

void writeAxes(raw_ostream &os, const Chart &chart, const Axis &x, const Axis &y) {
  writeText(os, 0, -6, " font-weight=\"bold\"", chart.title);
  constexpr double kPart = 1e-9; // of a step, for rounding
  auto ticks = [&](const Axis &axis, function_ref<void(double value, std::string label)> write) {
    for (double i = std::ceil(axis.first / axis.step - kPart) + 0.0; i * axis.step <= axis.last + kPart * axis.step;
         ++i) {
      std::string label;
      raw_string_ostream(label) << format("%g", i * axis.step);
      write(i * axis.step, label);
    }
  };
  ticks(y, [&](double value, const std::string &label) {
    double position = kHeight - y.position(value, kHeight);
    os << format("<path class=\"grid\" d=\"M0 %.1fH%d\"/>\n", position, kWidth);
    writeText(os, -4, position + 4, " text-anchor=\"end\"", label);
  });
  ticks(x, [&](double value, const std::string &label) {
    double position = x.position(value, kWidth);
    os << format("<path class=\"grid\" d=\"M%.1f 0V%d\"/>\n", position, kHeight);
    writeText(os, position, kHeight + 14, " text-anchor=\"middle\"", label);
  });
  os << formatv("<rect class=\"frame\" width=\"{0}\" height=\"{1}\"/>\n", kWidth, kHeight);
  writeText(os, kWidth, kHeight + 28, " text-anchor=\"end\"", chart.xLabel);
}

/// Draws each run of finite values as a line, or as a dot if it is only one.
void writeCurve(raw_ostream &os, const Curve &curve, size_t colour, const Axis &x, const Axis &y) {
  std::vector<CurvePoint> points;
  auto flush = [&] {
    if (points.size() == 1)
      os << format("<circle class=\"f%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>\n", colour, points[0].x, points[0].y);
    if (points.size() > 1) {
      os << "<polyline class=\"c" << colour << "\" points=\"";
      interleave(points, os, [&](const CurvePoint &point) { os << format("%.1f,%.1f", point.x, point.y); }, " ");
      os << "\"/>\n";
    }
    points.clear();
  };
  for (const CurvePoint &point : thin(curve.points))
    if (std::isfinite(point.y))
      points.push_back({x.position(point.x, kWidth), kHeight - y.position(point.y, kHeight)});
    else
      flush();
  flush();
}

void writeChart(raw_ostream &os, const Chart &chart) {
  Axis x = axisOf(chart, &CurvePoint::x, /*isRounded=*/false), y = axisOf(chart, &CurvePoint::y, /*isRounded=*/true);
  writeAxes(os, chart, x, y);
  for (auto [index, curve] : enumerate(chart.curves)) {
    size_t colour = index % std::size(kColours);
    writeCurve(os, curve, colour, x, y);
    writeText(os, kWidth + kMargin / 4, 12 + 16 * static_cast<double>(index), formatv(" class=\"f{0}\"", colour).str(),
              curve.name);
  }
}

void writeColours(raw_ostream &os, StringRef text, StringRef background, StringRef grid, StringRef Colour::*scheme) {
  os << formatv("text{{fill:{0}}.background{{fill:{1}}.grid,.frame{{fill:none;stroke:{2}}", text, background, grid);
  for (auto [index, colour] : enumerate(kColours))
    os << formatv(".c{0}{{fill:none;stroke:{1}}.f{0}{{fill:{1}}", index, colour.*scheme);
  os << '\n';
}

} // namespace

Expected<Chart> readChart(StringRef log, StringRef title, StringRef xColumn, ArrayRef<StringRef> columns) {
  SmallVector<StringRef> lines, names, values;
  log.split(lines, '\n', -1, /*KeepEmpty=*/false);
  if (!lines.empty())
    lines.front().split(names, ',');
  Chart chart{title.str(), xColumn.str(), {}};
  size_t xIndex = find(names, xColumn) - names.begin();
  std::vector<size_t> indices;
  for (StringRef column : columns) {
    indices.push_back(find(names, column) - names.begin());
    chart.curves.push_back({column.str(), {}});
  }
  for (StringRef name : concat<const StringRef>(ArrayRef(xColumn), columns))
    if (!is_contained(names, name))
      return makeError("expected a column '{0}' in the log, found '{1}'", name, lines.empty() ? "" : lines.front());
  for (auto [number, line] : enumerate(lines)) {
    if (number == 0)
      continue;
    values.clear();
    line.split(values, ',');
    if (values.size() < names.size())
      return makeError("expected {0} values in line {1} of the log, found {2}", names.size(), number + 1,
                       values.size());
    for (auto [index, curve] : zip_equal(indices, chart.curves)) {
      if (values[xIndex].empty() || values[index].empty())
        continue;
      CurvePoint point;
      if (values[xIndex].getAsDouble(point.x) || values[index].getAsDouble(point.y) || !std::isfinite(point.x))
        return makeError("expected numbers in line {0} of the log, found '{1}' and '{2}'", number + 1, values[xIndex],
                         values[index]);
      curve.points.push_back(point);
    }
  }
  return chart;
}

void writeCurves(ArrayRef<Chart> charts, raw_ostream &os) {
  constexpr int kRow = kHeight + kMargin + kMargin / 2;
  os << formatv("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" font-family=\"sans-serif\" "
                "font-size=\"11\">\n<style>\n",
                kMargin + kWidth + kLegend, kRow * charts.size());
  writeColours(os, "#222", "#fff", "#ddd", &Colour::light);
  os << "@media (prefers-color-scheme:dark){";
  writeColours(os, "#ddd", "#161b22", "#333", &Colour::dark);
  os << "}\n</style>\n<rect class=\"background\" width=\"100%\" height=\"100%\"/>\n";
  for (auto [row, chart] : enumerate(charts)) {
    os << formatv("<g transform=\"translate({0} {1})\">\n", kMargin, kMargin / 2 + row * kRow);
    writeChart(os, chart);
    os << "</g>\n";
  }
  os << "</svg>\n";
}

} // namespace vitya
