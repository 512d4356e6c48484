// Plain SVG: axes, a polyline a curve, a legend a row.
#include "passes/analysis/SpectrumPlot.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"
#include <cmath>

using namespace Eigen;
using llvm::formatv;
using llvm::StringRef;

namespace vitya {
namespace {

constexpr int kWidth = 420, kHeight = 200, kMargin = 46, kLegend = 150;
/// Values below this share of the largest lie on the axis.
constexpr int kDecades = 4;
constexpr StringRef kColours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"};

/// The block a layer belongs to, and what it is called there.
std::pair<StringRef, std::string> split(const SpectrumCurve &curve) {
  llvm::SmallVector<StringRef> match;
  StringRef block, name = curve.layer;
  if (llvm::Regex("^([^0-9]*[.][0-9]+)[.](.+)$").match(curve.layer, &match)) {
    block = match[1];
    name = match[2];
  }
  return {block, name.str() + (curve.part.empty() ? "" : " " + curve.part)};
}

std::string escaped(StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  llvm::printHTMLEscaped(text, os);
  return result;
}

void plotCurve(const VectorXd &values, StringRef colour, int left, int top, llvm::raw_ostream &os) {
  if (!values.size() || values[0] <= 0)
    return;
  os << "<polyline fill=\"none\" stroke=\"" << colour << "\" points=\"";
  for (int64_t k = 0; k < values.size(); ++k) {
    double share = std::max(std::log10(std::max(values[k] / values[0], 1e-300)), double(-kDecades));
    double x = left + double(kWidth) * double(k) / double(std::max<int64_t>(values.size() - 1, 1));
    os << formatv("{0:f1},{1:f1} ", x, top - share / kDecades * kHeight);
  }
  os << "\"/>\n";
}

void plotAxes(StringRef title, int64_t values, int left, int top, llvm::raw_ostream &os) {
  os << formatv("<rect x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{3}\" fill=\"none\" stroke=\"#888\"/>\n", left, top,
                kWidth, kHeight);
  os << formatv("<text x=\"{0}\" y=\"{1}\" font-weight=\"bold\">{2}</text>\n", left, top - 6, escaped(title));
  for (int decade = 0; decade <= kDecades; ++decade)
    os << formatv("<text x=\"{0}\" y=\"{1}\" text-anchor=\"end\">{2}</text>\n", left - 4,
                  top + 4 + decade * kHeight / kDecades, decade ? formatv("1e-{0}", decade).str() : "1");
  os << formatv("<text x=\"{0}\" y=\"{1}\">1</text>\n<text x=\"{2}\" y=\"{1}\" text-anchor=\"end\">{3}</text>\n", left,
                top + kHeight + 14, left + kWidth, values);
}

} // namespace

void plotSpectra(const std::vector<SpectrumCurve> &curves, llvm::raw_ostream &os) {
  llvm::MapVector<StringRef, std::vector<const SpectrumCurve *>> blocks;
  for (const SpectrumCurve &curve : curves)
    blocks[split(curve).first].push_back(&curve);
  bool hasWhitened = llvm::any_of(curves, [](const SpectrumCurve &curve) { return curve.whitened.size() > 0; });
  int columns = hasWhitened ? 2 : 1, row = kHeight + kMargin;
  os << formatv("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" font-family=\"sans-serif\" "
                "font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
                columns * (kWidth + kMargin) + kLegend, int64_t(blocks.size()) * row + kMargin / 2);
  int top = kMargin / 2;
  for (const auto &[block, members] : blocks) {
    int64_t longest = 0;
    for (const SpectrumCurve *curve : members)
      longest = std::max<int64_t>(longest, curve->plain.size());
    for (int column = 0; column < columns; ++column) {
      int left = kMargin + column * (kWidth + kMargin);
      plotAxes((block + (column ? " whitened" : " plain")).str(), longest, left, top, os);
      for (auto [i, curve] : llvm::enumerate(members))
        plotCurve(column ? curve->whitened : curve->plain, kColours[i % std::size(kColours)], left, top, os);
    }
    for (auto [i, curve] : llvm::enumerate(members))
      os << formatv("<text x=\"{0}\" y=\"{1}\" fill=\"{2}\">{3}</text>\n", columns * (kWidth + kMargin) + kMargin / 4,
                    top + 12 + 16 * static_cast<int>(i), kColours[i % std::size(kColours)],
                    escaped(split(*curve).second));
    top += row;
  }
  os << "</svg>\n";
}

} // namespace vitya
