// Sizes are in pixels of a chart that is shown at its natural size; pages scale charts to their columns.
#include "tools/lib/report/Charts.h"
#include "dialect/support/Chart.h"
#include "frontend/training/Curves.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace llvm;

namespace vitya::report {
namespace {

constexpr int kWidth = 540, kRow = 20, kBarHeight = 12, kTitle = 24;
/// Labels are left of kLeft, bars go up to kRight, and the texts of bars are right of them.
constexpr int kLeft = 186, kRight = 440;

void beginChart(raw_ostream &os, StringRef title, int height) {
  os << formatv("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
                "font-family=\"sans-serif\" font-size=\"11\" role=\"img\" aria-label=\"",
                kWidth, height);
  printHTMLEscaped(title, os);
  os << "\">\n";
}

void writeTitle(raw_ostream &os, StringRef title) { writeSvgText(os, 0, 14, " font-weight=\"bold\"", title); }

/// The name as far as there is room for it. Bytes of one UTF-8 character stay together.
std::string shorten(StringRef name) {
  constexpr size_t kMost = 28;
  if (name.size() <= kMost)
    return name.str();
  size_t size = kMost - 1;
  while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xC0) == 0x80)
    --size;
  return name.take_front(size).rtrim().str() + "\u2026";
}

void writeLabel(raw_ostream &os, int top, StringRef label) {
  writeSvgText(os, kLeft - 6, top + 10, " text-anchor=\"end\"", shorten(label));
}

void writeRectangle(raw_ostream &os, StringRef className, double left, double top, double width, double height) {
  os << format("<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", className.str().c_str(),
               left, top, width, height);
}

} // namespace

void writeBars(StringRef title, ArrayRef<Bar> bars, raw_ostream &os) {
  double largest = 0;
  for (const Bar &bar : bars)
    largest = std::max({largest, bar.value, bar.interval ? bar.interval->high : 0});
  auto position = [&](double value) { return largest > 0 ? value / largest * (kRight - kLeft) : 0; };
  beginChart(os, title, kTitle + kRow * static_cast<int>(bars.size()) + 4);
  writeTitle(os, title);
  for (auto [index, bar] : enumerate(bars)) {
    int top = kTitle + kRow * static_cast<int>(index);
    writeLabel(os, top, bar.label);
    writeRectangle(os, bar.isReference ? "f5" : "f0", kLeft, top, position(bar.value), kBarHeight);
    double end = bar.value;
    if (bar.interval) {
      end = std::max(end, bar.interval->high);
      os << format("<path class=\"whisker\" d=\"M%.1f %dH%.1f\"/>\n", kLeft + position(bar.interval->low),
                   top + kBarHeight / 2, kLeft + position(bar.interval->high));
    }
    writeSvgText(os, kLeft + position(end) + 6, top + 10, "", bar.text);
  }
  os << "</svg>\n";
}

namespace {

/// The radius of a point in pixels.
constexpr int kRadius = 4;

/// The places of numbers beside points, which overlap neither points nor each other as far as there is room.
class NumberPlaces {
public:
  /// Keeps numbers away from the point at (x, y).
  void occupy(double x, double y) { taken.push_back({x, y}); }

  /// Returns the centre of the number of the point at (x, y).
  std::pair<double, double> choose(double x, double y) {
    for (double distance : {12, 20, 28, 36})
      for (auto [left, down] : {std::pair(1.0, 0.0), {-1, 0}, {0.8, -0.7}, {-0.8, -0.7}, {0.8, 0.7}, {-0.8, 0.7}})
        if (std::pair place(x + left * distance, y + down * distance); isFree(place)) {
          taken.push_back(place);
          return place;
        }
    return {x, y - 12};
  }

private:
  bool isFree(std::pair<double, double> place) const {
    constexpr double kWide = 11, kHigh = 10; // of a number and the space around it
    return none_of(taken, [&](auto other) {
      return std::abs(place.first - other.first) < kWide && std::abs(place.second - other.second) < kHigh;
    });
  }

  std::vector<std::pair<double, double>> taken;
};

} // namespace

void writePoints(StringRef title, StringRef xLabel, ArrayRef<NumberedPoint> points, raw_ostream &os) {
  constexpr int kMargin = 46, kRoomRight = 14, kRoomBelow = 34, kHeight = 260;
  double right = 0, low = INFINITY, high = -INFINITY;
  for (const NumberedPoint &point : points) {
    right = std::max(right, point.x);
    low = std::min(low, point.y.interval.low);
    high = std::max(high, point.y.interval.high);
  }
  ChartFrame frame = {kWidth - kMargin - kRoomRight, kHeight, title, xLabel, makeAxis(0, right, true),
                      makeAxis(low, high, true)};
  beginChart(os, title, kTitle + kHeight + kRoomBelow);
  os << formatv("<g transform=\"translate({0} {1})\">\n", kMargin, kTitle);
  writeSvgAxes(os, frame);
  std::vector<const NumberedPoint *> front;
  for (const NumberedPoint &point : points)
    if (point.isOnFront)
      front.push_back(&point);
  llvm::sort(front, [](const NumberedPoint *a, const NumberedPoint *b) { return a->x < b->x; });
  os << "<polyline class=\"front\" points=\"";
  interleave(
      front, os,
      [&](const NumberedPoint *point) { os << format("%.1f,%.1f", frame.left(point->x), frame.top(point->y.value)); },
      " ");
  os << "\"/>\n";
  NumberPlaces places;
  for (const NumberedPoint &point : points)
    places.occupy(frame.left(point.x), frame.top(point.y.value));
  for (const NumberedPoint &point : points) {
    double x = frame.left(point.x), y = frame.top(point.y.value);
    os << "<g><title>";
    printHTMLEscaped(point.name, os);
    os << "</title>"
       << format("<path class=\"whisker\" d=\"M%.1f %.1fV%.1f\"/>", x, frame.top(point.y.interval.low),
                 frame.top(point.y.interval.high))
       << format("<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"/>\n", point.isOnFront ? "onfront" : "offfront",
                 x, y, kRadius);
    auto [left, top] = places.choose(x, y);
    writeSvgText(os, left, top + 4, " class=\"number\"", std::to_string(point.number));
    os << "</g>\n";
  }
  os << "</g>\n</svg>\n";
}

void writeStackedBars(StringRef title, ArrayRef<StringRef> kinds, ArrayRef<StackedBar> bars, raw_ostream &os) {
  constexpr int kLegend = 22, kLegendStep = 90, kSwatch = 10;
  double largest = 0;
  for (const StackedBar &bar : bars) {
    double sum = 0;
    for (const StackedBar::Part &part : bar.parts)
      sum += part.size;
    largest = std::max(largest, sum);
  }
  double scale = largest > 0 ? (kRight - kLeft) / largest : 0;
  beginChart(os, title, kTitle + kLegend + kRow * static_cast<int>(bars.size()) + 4);
  writeTitle(os, title);
  for (auto [index, kind] : enumerate(kinds)) {
    int left = kLegendStep * static_cast<int>(index);
    writeRectangle(os, formatv("f{0}", index % kChartColours).str(), left, kTitle, kSwatch, kSwatch);
    writeSvgText(os, left + kSwatch + 4, kTitle + 9, " font-size=\"10\"", kind);
  }
  for (auto [index, bar] : enumerate(bars)) {
    int top = kTitle + kLegend + kRow * static_cast<int>(index);
    writeLabel(os, top, bar.label);
    double left = kLeft;
    for (auto [kind, part] : enumerate(bar.parts)) {
      std::string colour = formatv("f{0}", kind % kChartColours);
      writeRectangle(os, colour + " pale", left, top, part.size * scale, kBarHeight);
      if (part.necessary > 0)
        writeRectangle(os, colour, left, top, std::min(part.necessary, part.size) * scale, kBarHeight);
      left += part.size * scale;
    }
    writeSvgText(os, left + 6, top + 10, "", bar.text);
  }
  os << "</svg>\n";
}

std::pair<std::string, std::string> splitNumbers(StringRef layer) {
  SmallVector<StringRef> parts, numbers;
  layer.split(parts, '.');
  for (StringRef &part : parts)
    if (!part.empty() && all_of(part, isDigit)) {
      numbers.push_back(part);
      part = "*";
    }
  return {join(parts, "."), join(numbers, ".")};
}

void writeSpectra(StringRef title, ArrayRef<const Spectrum *> spectra, raw_ostream &os) {
  constexpr double kDecades = 4;
  Chart chart{title.str(), "singular value", {}};
  for (const Spectrum *spectrum : spectra) {
    Curve curve{splitNumbers(spectrum->layer).second, {}};
    double largest = spectrum->values.front();
    for (auto [index, value] : enumerate(spectrum->values)) {
      double decades = value > 0 && largest > 0 ? std::log10(value / largest) : -INFINITY;
      curve.points.push_back({static_cast<double>(index + 1), decades < -kDecades ? -INFINITY : decades});
    }
    chart.curves.push_back(std::move(curve));
  }
  writeCurves(chart, os);
}

} // namespace vitya::report
