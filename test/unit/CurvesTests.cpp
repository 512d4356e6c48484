// Tests of reading logs and drawing them.
#include "frontend/training/Curves.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace vitya;
using llvm::StringRef;

namespace {

std::string svg(llvm::ArrayRef<Chart> charts) {
  std::string text;
  llvm::raw_string_ostream os(text);
  writeCurves(charts, os);
  return text;
}

/// Returns how often `part` occurs.
size_t occurrences(StringRef text, StringRef part) { return text.count(part); }

std::string errorOf(StringRef log, StringRef x, StringRef y) {
  llvm::Expected<Chart> chart = readChart(log, "chart", x, {y});
  return chart ? "" : llvm::toString(chart.takeError());
}

TEST(Curves, ReadsColumns) {
  Chart chart = llvm::cantFail(
      readChart("epoch,loss,accuracy\n1,2.5,\n2,nan,0.25\n3,1.5,0.5\n", "Training", "epoch", {"accuracy", "loss"}));
  EXPECT_EQ(chart.title, "Training");
  EXPECT_EQ(chart.xLabel, "epoch");
  ASSERT_EQ(chart.curves.size(), 2u);
  EXPECT_EQ(chart.curves[0].name, "accuracy");
  ASSERT_EQ(chart.curves[0].points.size(), 2u);
  EXPECT_EQ(chart.curves[0].points[0].x, 2);
  EXPECT_EQ(chart.curves[0].points[0].y, 0.25);
  ASSERT_EQ(chart.curves[1].points.size(), 3u);
  EXPECT_TRUE(std::isnan(chart.curves[1].points[1].y));
}

TEST(Curves, RefusesBadLogs) {
  EXPECT_EQ(errorOf("", "a", "b"), "expected a column 'a' in the log, found ''");
  EXPECT_EQ(errorOf("a,c\n", "a", "b"), "expected a column 'b' in the log, found 'a,c'");
  EXPECT_EQ(errorOf("a,b\n1,2\n1\n", "a", "b"), "expected 2 values in line 3 of the log, found 1");
  EXPECT_EQ(errorOf("a,b\n1,x\n", "a", "b"), "expected numbers in line 2 of the log, found '1' and 'x'");
  EXPECT_EQ(errorOf("a,b\nnan,1\n", "a", "b"), "expected numbers in line 2 of the log, found 'nan' and '1'");
}

// The largest value of an axis is at its end, and larger values are higher.
TEST(Curves, DrawsLines) {
  std::string text = svg(Chart{"A & B", "step", {{"loss <1>", {{0, 0}, {5, 0.3}, {10, 1}}}, {"one", {{5, 0.5}}}}});
  EXPECT_EQ(occurrences(text, "<polyline class=\"c0\" points=\"0.0,200.0 210.0,140.0 420.0,0.0\"/>"), 1u) << text;
  EXPECT_EQ(occurrences(text, "<circle class=\"f1\" cx=\"210.0\" cy=\"100.0\" r=\"2\"/>"), 1u) << text;
  EXPECT_EQ(occurrences(text, ">A &amp; B</text>"), 1u);
  EXPECT_EQ(occurrences(text, " class=\"f0\">loss &lt;1&gt;</text>"), 1u);
  EXPECT_EQ(occurrences(text, ">step</text>"), 1u);
  for (StringRef label : {">0<", ">0.2<", ">0.4<", ">0.6<", ">0.8<", ">1<", ">2<", ">4<", ">6<", ">8<", ">10<"})
    EXPECT_EQ(occurrences(text, label), label == ">0<" ? 2u : 1u) << label.str();
  EXPECT_EQ(occurrences(text, "@media (prefers-color-scheme:dark)"), 1u);
}

TEST(Curves, InterruptsLines) {
  std::string text = svg(Chart{"", "", {{"", {{0, 0}, {1, 1}, {2, NAN}, {3, INFINITY}, {4, 0}, {5, 1}}}}});
  EXPECT_EQ(occurrences(text, "<polyline"), 2u);
  EXPECT_EQ(occurrences(text, "nan") + occurrences(text, "inf"), 0u);
}

TEST(Curves, DrawsAnyRange) {
  for (double value : {0.0, 1e-300, -3.0, 1e300}) {
    std::string text = svg(Chart{"", "", {{"", {{7, value}}}}});
    EXPECT_EQ(occurrences(text, "cx=\"210.0\""), 1u) << text;
    EXPECT_EQ(occurrences(text, "nan") + occurrences(text, "inf"), 0u);
  }
  EXPECT_EQ(occurrences(svg(Chart{"empty", "", {{"", {}}}}), "<polyline"), 0u);
  EXPECT_EQ(occurrences(svg({}), "</svg>"), 1u);
  EXPECT_EQ(occurrences(svg({Chart{"first", "", {}}, Chart{"second", "", {}}}), "</g>"), 2u);
}

// 100,800 points become as many as there are pixels.
TEST(Curves, ThinsLongCurves) {
  Curve curve;
  for (int i = 0; i < 100800; ++i)
    curve.points.push_back({static_cast<double>(i), i % 2 ? 1.0 : 0.0});
  std::string text = svg(Chart{"", "", {curve}});
  EXPECT_LT(text.size(), 12000u);
  EXPECT_EQ(occurrences(text, ",100."), 420u); // the mean
}

} // namespace
