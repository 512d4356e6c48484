// The page: findings first, then what they follow from, then how it was measured.
#include "dialect/support/Chart.h"
#include "tools/lib/report/Charts.h"
#include "tools/lib/report/Findings.h"
#include "tools/lib/report/PageParts.h"
#include "tools/lib/report/Table.h"
#include "tools/lib/report/WriteReport.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace llvm;

namespace vitya::report {
namespace {

class Page {
public:
  Page(const Report &report, raw_ostream &os) : report(report), os(os) {
    for (const Variant &variant : report.variants)
      if (variant.results)
        measured.push_back(&variant);
  }

  void write() {
    StringRef name = report.original().facts.name;
    os << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>";
    text(name + ": compression");
    os << "</title>\n<style>" << kPageStyle;
    writeChartColours(os);
    os << "</style>\n</head>\n<body>\n<h1>";
    text(name + ": compression");
    os << "</h1>\n<p class=\"faint\">";
    text(formatv("{0} variants on {1} images of {2}, {3}", report.variants.size(), grouped(report.images), report.data,
                 report.date)
             .str());
    os << "</p>\n";
    writePictures(report, os);
    writeFindings();
    writeVariants();
    writeBeforeAndAfter();
    writeTradeOffs();
    writeLayers();
    writePredictions(report, os);
    writeTime();
    writeCircumstances();
    os << "</body>\n</html>\n";
  }

private:
  void text(const Twine &content) { printHTMLEscaped(content.str(), os); }
  void heading(StringRef title) { os << "<h2>" << title << "</h2>\n"; }
  void paragraph(StringRef sentences) { os << "<p>" << sentences << "</p>\n"; }

  void writeFindings() {
    heading("Findings");
    os << "<ul>\n";
    for (StringRef finding : report.findings) {
      os << "<li>";
      text(finding);
      os << "</li>\n";
    }
    os << "</ul>\n";
  }

  void writeVariants() {
    heading("Variants");
    paragraph(
        "Variants on a Pareto front are in bold: no other variant is at least as accurate and needs fewer bytes of "
        "weights, or less time for one image. Differences are paired: both models see the same images. Divergence "
        "is the mean Kullback-Leibler divergence from the predictions of the original model, in nats. Factors in "
        "parentheses say how many times smaller or faster a variant is than the original model.");
    writeHtml(variantsTable(report), os);
  }

  using Value = function_ref<double(const Results &)>;
  using Text = function_ref<std::string(const Results &)>;
  using Bounds = function_ref<std::optional<numerics::Interval>(const Results &)>;

  void bars(StringRef title, Value value, Text describe, Bounds bounds) {
    std::vector<Bar> result;
    for (const Variant *variant : measured) {
      const Results &results = *variant->results;
      result.push_back({variant->name, value(results), bounds(results), describe(results), variant == measured[0]});
    }
    writeBars(title, result, os);
  }

  /// Bars of a cost, with the factor by which it is smaller than that of the original model.
  void costs(StringRef title, Value value, Text describe) {
    double original = value(report.original());
    bars(
        title, value,
        [&](const Results &results) {
          double ratio = ratioOf(original, value(results));
          return describe(results) + (&results == &report.original() ? "" : formatv(", {0:f2}x", ratio).str());
        },
        [](const Results &) { return std::nullopt; });
  }

  void writeBeforeAndAfter() {
    heading("Before and after");
    paragraph("Lines at the ends of bars are 95 % intervals. Factors say how many times smaller or faster a variant is "
              "than the original model.");
    os << "<div class=\"charts\">\n";
    bars(
        "Accuracy", [](const Results &results) { return results.score.accuracy.value; },
        [](const Results &results) { return percent(results.score.accuracy.value); },
        [](const Results &results) { return results.score.accuracy.interval; });
    bars(
        "Loss in nats", [](const Results &results) { return results.score.loss.value; },
        [](const Results &results) { return formatv("{0:f4}", results.score.loss.value).str(); },
        [](const Results &results) { return results.score.loss.interval; });
    for (int64_t batch : kBatches)
      costs(
          batch == 1 ? "Latency of one image in ms" : formatv("Latency of {0} images in ms", batch).str(),
          [&](const Results &results) { return latencyOf(results, batch).best; },
          [&](const Results &results) { return threeDigits(latencyOf(results, batch).best); });
    costs(
        "Weights in bytes", [](const Results &results) { return static_cast<double>(results.facts.weightBytes); },
        [](const Results &results) { return byteText(results.facts.weightBytes); });
    costs(
        "Executable in bytes", [](const Results &results) { return static_cast<double>(results.executableBytes); },
        [](const Results &results) { return byteText(results.executableBytes); });
    costs(
        "Parameters", [](const Results &results) { return static_cast<double>(results.facts.parameters); },
        [](const Results &results) { return grouped(results.facts.parameters); });
    os << "</div>\n";
  }

  void points(StringRef title, StringRef xLabel, Value cost, bool Results::*isOnFront) {
    std::vector<NumberedPoint> result;
    for (auto [index, variant] : enumerate(report.variants)) {
      if (!variant.results)
        continue;
      const Estimate &accuracy = variant.results->score.accuracy;
      result.push_back({index + 1,
                        variant.name,
                        cost(*variant.results),
                        {100 * accuracy.value, {100 * accuracy.interval.low, 100 * accuracy.interval.high}},
                        (*variant.results).*isOnFront});
    }
    writePoints(title, xLabel, result, os);
  }

  void writeTradeOffs() {
    heading("Accuracy over cost");
    paragraph(
        "Numbers are those of the table. Filled points are on the Pareto front, vertical lines are 95 % intervals.");
    os << "<div class=\"charts\">\n";
    points(
        "Accuracy in percent over bytes of weights", "MB",
        [](const Results &results) { return 1e-6 * static_cast<double>(results.facts.weightBytes); },
        &Results::isSmallest);
    points(
        "Accuracy in percent over the time of one image", "ms",
        [](const Results &results) { return latencyOf(results, 1).best; }, &Results::isFastest);
    os << "</div>\n<p class=\"faint\">";
    interleave(
        enumerate(report.variants), os,
        [&](const auto &each) { text(formatv("{0} {1}", each.index() + 1, each.value().name).str()); }, " &middot; ");
    os << "</p>\n";
  }

  /// One chart for each kind of layer, with the spectra of this kind in all blocks.
  void writeSpectraOf(const Variant &variant) {
    std::vector<std::pair<std::string, std::vector<const Spectrum *>>> kinds;
    for (const Spectrum &spectrum : variant.results->spectra) {
      std::string kind = splitNumbers(spectrum.layer).first;
      auto found = find_if(kinds, [&](const auto &each) { return each.first == kind; });
      if (found == kinds.end())
        found = kinds.insert(found, {kind, {}});
      found->second.push_back(&spectrum);
    }
    os << "<h3>Singular values</h3>\n<p>Those by which ";
    text("\"" + variant.name + "\" (method " + variant.results->lowRankMethod + ")");
    os << " chose its ranks, as powers of ten relative to the largest value of each layer.</p>\n<div "
          "class=\"charts\">\n";
    for (const auto &[kind, spectra] : kinds)
      writeSpectra(kind, spectra, os);
    os << "</div>\n";
  }

  /// How many calibrated operands clip which share of their values.
  void writeClipping(const Variant &variant) {
    constexpr double kBounds[] = {0, 1e-5, 1e-4, 1e-3, 1e-2, 1};
    constexpr StringLiteral kLabels[] = {"nothing",     "up to 0.001 %", "up to 0.01 %",
                                         "up to 0.1 %", "up to 1 %",     "more"};
    std::vector<Bar> result;
    for (auto [index, label] : enumerate(kLabels)) {
      double low = index ? kBounds[index - 1] : -1, high = kBounds[index];
      auto count = llvm::count_if(variant.results->clipped, [&](double share) { return share > low && share <= high; });
      result.push_back({label.str(), static_cast<double>(count), std::nullopt, std::to_string(count)});
    }
    writeBars("Clipped values: " + variant.name, result, os);
  }

  void writeLayers() {
    heading("Layers");
    const Variant *most = *llvm::max_element(measured, [](const Variant *a, const Variant *b) {
      return a->results->spectra.size() < b->results->spectra.size();
    });
    if (!most->results->spectra.empty())
      writeSpectraOf(*most);
    if (any_of(measured, [](const Variant *variant) { return !variant->results->clipped.empty(); })) {
      os << "<h3>Clipping</h3>\n<p>The number of quantized operands by the share of their values on the calibration "
            "images that is outside of the range.</p>\n<div class=\"charts\">\n";
      for (const Variant *variant : measured)
        if (!variant->results->clipped.empty())
          writeClipping(*variant);
      os << "</div>\n";
    }
    os << "<h3>All layers</h3>\n<p>Signal-to-noise ratios are in decibels. Output noise is the mean squared difference "
          "from the output in the original model, relative to its variance. A short sum is the largest that can occur "
          "in "
          "16 bits, which hold at most 32,767.</p>\n";
    for (const Variant *variant : measured)
      writeDetails(os, variant->name, [&] { writeHtml(layersTable(*variant->results), os); });
  }

  void writeTime() {
    heading("Time");
    paragraph(
        "The time of one image by kind of work, in the fastest run. The full colour is the time at the limit of the "
        "processor, which was measured in the same run: of multiply-adds, or of reading and writing operands if that "
        "takes longer. The pale rest is above the limit, or its limit is not known.");
    std::vector<StringRef> kinds;
    kinds.reserve(kWorkKinds);
    for (size_t kind = 0; kind < kWorkKinds; ++kind)
      kinds.push_back(nameOf(static_cast<WorkKind>(kind)));
    std::vector<StackedBar> result;
    for (const Variant *variant : measured) {
      const Profile &profile = variant->results->profile;
      StackedBar bar{variant->name, threeDigits(profile.milliseconds) + " ms", {}};
      for (const WorkTime &time : workTimes(profile))
        bar.parts.push_back({time.microseconds, time.limit});
      result.push_back(std::move(bar));
    }
    writeStackedBars("Time of one image", kinds, result, os);
    for (const Variant *variant : measured)
      writeDetails(os, variant->name, [&] { writeHtml(kernelsTable(variant->results->profile), os); });
  }

  void writeCircumstances() {
    heading("How this was measured");
    writeHtml(circumstances(report), os);
    os << "<h3>Commands</h3>\n<pre>";
    for (const Variant &variant : report.variants)
      text(variant.command + "\n");
    os << "</pre>\n<h3>Compilation</h3>\n";
    Table table;
    table.head = {"variant", "seconds", "fingerprint", "remarks of the compiler"};
    table.rows.reserve(measured.size());
    for (const Variant *variant : measured)
      table.rows.push_back({variant->name, formatv("{0:f1}", variant->results->compileSeconds).str(),
                            variant->results->facts.fingerprint, join(variant->results->remarks, " ")});
    writeHtml(table, os);
  }

  const Report &report;
  raw_ostream &os;
  std::vector<const Variant *> measured; ///< the variants with results
};

} // namespace

void writePage(const Report &report, raw_ostream &os) { Page(report, os).write(); }

} // namespace vitya::report
