// Reads logs and draws them as SVG.
#include "frontend/training/Curves.h"
#include "dialect/support/Chart.h"
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
constexpr int kWidth = 420, kHeight = 200, kMargin = 46, kLegend = 150;
constexpr size_t kMaxPoints = kWidth;

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
  writeSvgAxes(os, {kWidth, kHeight, chart.title, chart.xLabel, x, y});
  for (auto [index, curve] : enumerate(chart.curves)) {
    size_t colour = index % kChartColours;
    writeCurve(os, curve, colour, x, y);
    writeSvgText(os, kWidth + kMargin / 4, 12 + 16 * static_cast<double>(index),
                 formatv(" class=\"f{0}\"", colour).str(), curve.name);
  }
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
  os << formatv("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
                "font-family=\"sans-serif\" "
                "font-size=\"11\">\n<style>\n",
                kMargin + kWidth + kLegend, kRow * charts.size());
  writeChartColours(os);
  os << "</style>\n<rect class=\"background\" width=\"100%\" height=\"100%\"/>\n";
  for (auto [row, chart] : enumerate(charts)) {
    os << formatv("<g transform=\"translate({0} {1})\">\n", kMargin, kMargin / 2 + row * kRow);
    writeChart(os, chart);
    os << "</g>\n";
  }
  os << "</svg>\n";
}

} // namespace vitya
