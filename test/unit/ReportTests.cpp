// Reports: variants, scores, fronts, findings and charts.
#include "tools/lib/report/Charts.h"
#include "tools/lib/report/Findings.h"
#include "tools/lib/report/Machine.h"
#include "tools/lib/report/ReadResults.h"
#include "tools/lib/report/Scoring.h"
#include "tools/lib/report/Table.h"
#include "tools/lib/report/Variants.h"
#include "llvm/ADT/STLExtras.h"
#include <gtest/gtest.h>

using namespace vitya::report;
using llvm::StringRef;

namespace {

std::string errorOf(const std::vector<std::string> &texts) {
  llvm::Expected<std::vector<Variant>> variants = makeVariants(texts, /*hasCalibration=*/false);
  return variants ? "" : llvm::toString(variants.takeError());
}

TEST(Variants, AreParsedLikeCommandLines) {
  std::vector<Variant> variants = llvm::cantFail(
      makeVariants({"both = --low-rank=keep=0.5 '--quantize=static,except=a b'", "plain="}, /*hasCalibration=*/true));
  ASSERT_EQ(variants.size(), 3u);
  EXPECT_EQ(variants[0].name, "original");
  EXPECT_FALSE(looksAtImages(variants[0]));
  EXPECT_EQ(variants[1].name, "both");
  EXPECT_EQ(variants[1].options, (std::vector<std::string>{"--low-rank=keep=0.5", "--quantize=static,except=a b"}));
  EXPECT_TRUE(looksAtImages(variants[1]) && isReported(variants[1]));
  EXPECT_TRUE(variants[2].options.empty());
}

// The usual variants have different names, and only those with calibration images look at images.
TEST(Variants, HaveAUsualChoice) {
  for (bool hasCalibration : {false, true}) {
    std::vector<Variant> variants = llvm::cantFail(makeVariants({}, hasCalibration));
    EXPECT_GT(variants.size(), 5u);
    bool isStatic = llvm::any_of(variants, [](const Variant &variant) {
      return llvm::any_of(variant.options, [](StringRef option) { return option.contains("static"); });
    });
    EXPECT_EQ(isStatic, hasCalibration);
  }
}

TEST(Variants, RefuseBadTexts) {
  EXPECT_EQ(errorOf({"a"}), "expected --variant to be NAME=OPTIONS, found 'a'");
  EXPECT_EQ(errorOf({"=--quantize=dynamic"}), "expected --variant to be NAME=OPTIONS, found '=--quantize=dynamic'");
  EXPECT_EQ(errorOf({"a=--emit=lib"}),
            "expected the options of variant 'a' to be among --precision=, --low-rank=, --quantize=, --max-bytes=, "
            "--max-latency=, --max-kl=, --max-drop=, --smooth=, --cascade=, --validate=, --cpu=, found '--emit=lib'");
  EXPECT_EQ(errorOf({"a=--quantize dynamic"}).find("expected the options of variant 'a' to be among"), 0u);
  EXPECT_EQ(errorOf({"a=", "a="}), "expected variants of different names, found two named 'a'");
  EXPECT_EQ(errorOf({"original="}), "expected variants of different names, of which the first one is that of the model "
                                    "as it is, found two named 'original'");
  EXPECT_EQ(errorOf({"a\nb="}),
            "expected the name of a variant to be UTF-8 without control characters, found 'a\\0Ab'");
}

/// A variant of this accuracy, bytes of weights and milliseconds.
Variant makeVariant(StringRef name, double accuracy, int64_t bytes, double milliseconds) {
  Variant variant;
  variant.name = name.str();
  Results &results = variant.results.emplace();
  results.facts.classes = {"cat", "dog"};
  results.facts.weightBytes = bytes;
  results.score.accuracy.value = accuracy;
  results.latencies = {{1, milliseconds, milliseconds, milliseconds}, {32, 1, 1, 1}};
  results.profile.milliseconds = 1;
  results.profile.kernels = {{"linear_1x2x3", WorkKind::linear, 750, 0.5},
                             {"outside of loops", WorkKind::outside, 250, std::nullopt}};
  return variant;
}

TEST(Findings, MarkParetoFronts) {
  Report report;
  report.confusion = {40, 7, 3, 50};
  report.images = 100;
  report.variants = {makeVariant("a", 0.9, 100, 4), makeVariant("b", 0.9, 50, 5), makeVariant("c", 0.8, 60, 1),
                     makeVariant("d", 0.9, 50, 5), Variant()};
  report.variants.back().name = "failed";
  conclude(report);
  std::vector<bool> smallest, fastest;
  for (const Variant &variant : llvm::ArrayRef(report.variants).drop_back()) {
    smallest.push_back(variant.results->isSmallest);
    fastest.push_back(variant.results->isFastest);
  }
  EXPECT_EQ(smallest, (std::vector<bool>{false, true, false, true}));
  EXPECT_EQ(fastest, (std::vector<bool>{true, false, true, false}));
  auto has = [&](StringRef text) { return llvm::is_contained(report.findings, text); };
  EXPECT_TRUE(has("Not measured, for the reasons in the table: \"failed\"."));
  EXPECT_TRUE(has("The original model confuses \"cat\" and \"dog\" most often: 10 of 100 images."));
  EXPECT_TRUE(
      has("In the original model, 75 % of the time of one image is spent in linear layers, at 50 % of the limit."));
}

TEST(Findings, CompareWithTheOriginal) {
  Report report;
  report.confusion = {1, 0, 0, 1};
  report.variants = {makeVariant("original", 0.9, 100, 4), makeVariant("loses", 0.7, 25, 8),
                     makeVariant("equal", 0.9, 50, 1)};
  report.variants[1].results->score.difference = {-0.2, {-0.3, -0.1}};
  report.variants[2].results->score.difference = {0.0012, {-0.01, 0.02}};
  conclude(report);
  auto has = [&](StringRef text) { return llvm::is_contained(report.findings, text); };
  EXPECT_TRUE(
      has("\"loses\" loses 20.00 points of accuracy (95 % interval -30.00 to -10.00), is 4.00 times smaller and "
          "2.00 times as slow for one image."));
  EXPECT_TRUE(has("\"equal\" gains 0.12 points of accuracy (95 % interval -1.00 to +2.00, which contains no change), "
                  "is 2.00 times smaller and 4.00 times as fast for one image."));
  EXPECT_TRUE(has("Of the variants that these 0 images cannot tell from the original model in accuracy, "
                  "\"equal\" is the smallest and \"equal\" is the fastest for one image."));
}

TEST(Logits, MustHaveTheRightSize) {
  llvm::Expected<LogitsView> view = LogitsView::read("1234", /*images=*/2, /*classes=*/3);
  ASSERT_FALSE(static_cast<bool>(view));
  EXPECT_EQ(llvm::toString(view.takeError()), "expected 24 bytes of logits, found 4");
}

TEST(ReadResults, NamesWhatIsMissing) {
  llvm::Expected<BenchRun> run = readBench(R"({"batch": 1, "threads": 2, "latency_ms": {"min": 0.5, "p50": 0.6},
                                               "peak_gflops": 0, "integer_peak_gflops": 0})",
                                           /*deferred=*/0);
  ASSERT_TRUE(static_cast<bool>(run));
  EXPECT_EQ(run->median, 0.6);
  EXPECT_EQ(llvm::toString(readBench("{\"batch\": 1}", 0).takeError()), "missing value at bench.threads");
  EXPECT_NE(llvm::toString(readBench("{", 0).takeError()).find("expected JSON of bench: "), std::string::npos);
}

// A quarter of all images takes the time of both models of a cascade, the others that of the first one.
TEST(ReadResults, ExpectsTheTimeOfACascade) {
  BenchRun run = llvm::cantFail(readBench(R"({"batch": 1, "threads": 2, "latency_ms": {"min": 1, "p50": 2},
                                              "deferred_latency_ms": {"min": 5, "p50": 10},
                                              "peak_gflops": 0, "integer_peak_gflops": 0})",
                                          /*deferred=*/0.25));
  EXPECT_EQ(run.best, 2);
  EXPECT_EQ(run.median, 4);
}

TEST(Tables, EscapeTheirForm) {
  Table table;
  table.head = {"a<b", ""};
  table.rows = {{"x|y", "1.5"}};
  std::string html, markdown;
  llvm::raw_string_ostream htmlStream(html), markdownStream(markdown);
  writeHtml(table, htmlStream);
  writeMarkdown(table, markdownStream);
  EXPECT_TRUE(StringRef(html).contains("<th>a&lt;b</th>"));
  EXPECT_TRUE(StringRef(html).contains("<td class=\"number\">1.5</td>"));
  EXPECT_TRUE(StringRef(markdown).contains("| x\\|y | 1.5 |"));
  EXPECT_EQ(threeDigits(0.012345), "0.0123");
  EXPECT_EQ(threeDigits(12345), "12345");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(byteText(59432), "59.4 kB");
  EXPECT_EQ(byteText(10778176), "10.78 MB");
}

TEST(Machine, QuotesWordsForShells) {
  EXPECT_EQ(shellWord("--low-rank=keep=0.5,method=joint"), "--low-rank=keep=0.5,method=joint");
  EXPECT_EQ(shellWord("a b"), "'a b'");
  EXPECT_EQ(shellWord("it's"), "'it'\\''s'");
  EXPECT_EQ(shellWord(""), "''");
}

// The longest bar ends where the space for bars ends, and labels are escaped.
TEST(Charts, DrawBars) {
  std::string svg;
  llvm::raw_string_ostream os(svg);
  writeBars("Title", {{"a<b", 2, std::nullopt, "two", true}, {"c", 1, vitya::numerics::Interval{0.5, 1.5}, "one"}}, os);
  EXPECT_TRUE(StringRef(svg).contains("a&lt;b"));
  EXPECT_TRUE(StringRef(svg).contains("width=\"254.0\""));
  EXPECT_TRUE(StringRef(svg).contains("width=\"127.0\""));
  EXPECT_TRUE(StringRef(svg).contains("H376.5"));
}

// Points at one place have their numbers at different ones.
TEST(Charts, KeepNumbersApart) {
  std::string svg;
  llvm::raw_string_ostream os(svg);
  Estimate half{0.5, {0.4, 0.6}};
  writePoints("Title", "MB", {{1, "a", 1, half, true}, {2, "b", 1, half, false}}, os);
  std::vector<StringRef> places;
  for (auto [before, after] = StringRef(svg).split("<text "); !after.empty();
       std::tie(before, after) = after.split("<text "))
    if (StringRef text = after.split("</text>").first; text.contains("class=\"number\""))
      places.push_back(text.split(" class").first);
  ASSERT_EQ(places.size(), 2u);
  EXPECT_NE(places[0], places[1]);
}

TEST(Charts, SplitNamesOfLayers) {
  EXPECT_EQ(splitNumbers("blocks.11.mlp.fc1"), std::pair(std::string("blocks.*.mlp.fc1"), std::string("11")));
  EXPECT_EQ(splitNumbers("head"), std::pair(std::string("head"), std::string()));
}

} // namespace
