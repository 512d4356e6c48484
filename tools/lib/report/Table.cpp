// Fills and writes tables.
#include "tools/lib/report/Table.h"
#include "tools/lib/report/Findings.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace llvm;

namespace vitya::report {

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

std::string grouped(int64_t number) { return formatv("{0:N}", number); }
std::string percent(double share) { return formatv("{0:f2} %", 100 * share); }
std::string byteText(int64_t bytes) {
  return bytes < 1000000 ? formatv("{0:f1} kB", 1e-3 * static_cast<double>(bytes)).str()
                         : formatv("{0:f2} MB", 1e-6 * static_cast<double>(bytes)).str();
}

std::string threeDigits(double value) {
  int before = value != 0 && std::isfinite(value) ? static_cast<int>(std::floor(std::log10(std::abs(value)))) + 1 : 1;
  std::string text;
  raw_string_ostream(text) << format("%.*f", std::clamp(3 - before, 0, 9), value);
  return text;
}

static std::string points(double share) { return formatv("{0}{1:f2}", share >= 0 ? "+" : "-", std::abs(100 * share)); }

std::string differenceText(const Estimate &difference) {
  return formatv("{0} ({1} to {2})", points(difference.value), points(difference.interval.low),
                 points(difference.interval.high));
}

//===----------------------------------------------------------------------===//
// Contents
//===----------------------------------------------------------------------===//

/// `text` and the factor by which `value` is smaller than `base`.
static std::string withRatio(const std::string &text, double base, double value) {
  return formatv("{0} ({1:f2}x)", text, ratioOf(base, value));
}

Table variantsTable(const Report &report) {
  Table table;
  table.head = {"",
                "variant",
                "accuracy (95 % interval)",
                "difference in points",
                "same class",
                "loss",
                "divergence",
                "weights",
                "executable",
                "parameters"};
  for (int64_t batch : kBatches)
    table.head.push_back(batch == 1 ? "one image" : formatv("{0} images", batch).str());
  const Results &original = report.original();
  for (auto [index, variant] : enumerate(report.variants)) {
    std::vector<std::string> row = {std::to_string(index + 1), variant.name};
    if (variant.results) {
      const Results &results = *variant.results;
      const Score &score = results.score;
      const numerics::Interval &interval = score.accuracy.interval;
      double same = 1 - static_cast<double>(score.changed.size()) / static_cast<double>(report.images);
      auto bytes = [](int64_t count) { return static_cast<double>(count); };
      append_values(
          row,
          formatv("{0} ({1:f2} to {2:f2})", percent(score.accuracy.value), 100 * interval.low, 100 * interval.high)
              .str(),
          index ? differenceText(score.difference) : "", index ? percent(same) : "",
          formatv("{0:f4}", score.loss.value).str(), index ? threeDigits(score.divergence) : "",
          withRatio(byteText(results.facts.weightBytes), bytes(original.facts.weightBytes),
                    bytes(results.facts.weightBytes)),
          withRatio(byteText(results.executableBytes), bytes(original.executableBytes), bytes(results.executableBytes)),
          grouped(results.facts.parameters));
      for (int64_t batch : kBatches) {
        double best = latencyOf(results, batch).best;
        row.push_back(withRatio(threeDigits(best) + " ms", latencyOf(original, batch).best, best));
      }
    } else {
      row.push_back("not measured: " + variant.failure);
    }
    table.rows.push_back(std::move(row));
    table.isStrong.push_back(variant.results && (variant.results->isSmallest || variant.results->isFastest));
  }
  return table;
}

Table layersTable(const Results &results) {
  struct Column {
    StringLiteral head;
    std::string (*cell)(const Layer &);
  };
  const Column columns[] = {
      {"layer", [](const Layer &layer) { return layer.name; }},
      {"shape", [](const Layer &layer) { return layer.shape; }},
      {"rank", [](const Layer &layer) { return layer.rank ? std::to_string(*layer.rank) : ""; }},
      {"energy kept", [](const Layer &layer) { return layer.energyKept ? percent(*layer.energyKept) : ""; }},
      {"format", [](const Layer &layer) { return layer.format; }},
      {"weights, dB", [](const Layer &layer) { return layer.weightSnr ? threeDigits(*layer.weightSnr) : ""; }},
      {"inputs, dB", [](const Layer &layer) { return layer.inputSnr ? threeDigits(*layer.inputSnr) : ""; }},
      {"clipped", [](const Layer &layer) { return layer.clipped ? threeDigits(100 * *layer.clipped) + " %" : ""; }},
      {"output noise",
       [](const Layer &layer) { return layer.outputNoise ? threeDigits(100 * *layer.outputNoise) + " %" : ""; }},
      {"largest short sum",
       [](const Layer &layer) {
         if (!layer.bound)
           return std::string();
         std::string largest = grouped(layer.bound->largest);
         return layer.bound->group ? formatv("{0} in groups of {1}", largest, layer.bound->group).str()
                                   : largest + ", too large";
       }},
      {"reason", [](const Layer &layer) { return layer.reason; }},
  };
  Table table;
  table.rows.resize(results.layers.size());
  for (const auto &[head, cell] : columns) {
    std::vector<std::string> cells;
    cells.reserve(results.layers.size());
    for (const Layer &layer : results.layers)
      cells.push_back(cell(layer));
    if (all_of(cells, [](StringRef text) { return text.empty(); }))
      continue;
    table.head.push_back(head.str());
    for (auto [row, text] : zip_equal(table.rows, cells))
      row.push_back(std::move(text));
  }
  return table;
}

Table kernelsTable(const Profile &profile) {
  Table table;
  table.head = {"kernel", "kind", "us an image", "share", "share of the limit"};
  table.rows.reserve(profile.kernels.size());
  for (const KernelTime &kernel : profile.kernels)
    table.rows.push_back({kernel.name, nameOf(kernel.kind).str(), threeDigits(kernel.microseconds),
                          percent(1e-3 * kernel.microseconds / profile.milliseconds),
                          kernel.shareOfLimit ? formatv("{0:f1} %", 100 * *kernel.shareOfLimit).str() : ""});
  return table;
}

Table circumstances(const Report &report) {
  const Facts &facts = report.original().facts;
  const Machine &machine = report.machine;
  Table table;
  table.head = {"", ""};
  auto add = [&](StringRef label, const Twine &text) {
    if (std::string value = text.str(); !value.empty())
      table.rows.push_back({label.str(), std::move(value)});
  };
  add("date", report.date);
  add("duration", formatv("{0:f0} s", report.seconds).str());
  add("command", report.command);
  add("model", report.model + ", " + facts.name + ", fingerprint " + facts.fingerprint);
  add("data", formatv("{0}, {1} images{2}{3}", report.data, grouped(report.images),
                      report.digest.empty() ? "" : ", XXH3-128 of the file " + report.digest,
                      report.areClassesInOrder ? ", its folders are the classes in the order of their names" : "")
                  .str());
  add("calibration", report.calibration);
  add("processor",
      formatv("{0}, {1} for this process, {2} threads", machine.processor, machine.processors, machine.threads).str());
  add("system", machine.system);
  add("load average", machine.load < 0 ? "" : formatv("{0:f2} before this report", machine.load).str());
  add("compiler", "vitya " + report.version + " with LLVM " + report.llvmVersion + ", code for " + facts.cpu);
  add("latency", formatv("best of {0} rounds; all variants are measured by turns in each round", report.rounds).str());
  return table;
}

//===----------------------------------------------------------------------===//
// Forms
//===----------------------------------------------------------------------===//

/// Whether a cell begins with a number.
static bool isNumber(StringRef cell) {
  return !cell.empty() &&
         (isDigit(cell[0]) || (cell.size() > 1 && StringRef("+-").contains(cell[0]) && isDigit(cell[1])));
}

/// Whether most cells of a column that are not empty are numbers, so that it is aligned to the right.
static bool isNumeric(const Table &table, size_t column) {
  int numbers = 0, texts = 0;
  for (const std::vector<std::string> &row : table.rows)
    if (row.size() == table.head.size() && !row[column].empty())
      ++(isNumber(row[column]) ? numbers : texts);
  return numbers > texts;
}

/// Writes a number so that it is only broken before a parenthesis.
static void writeNumber(StringRef cell, raw_ostream &os) {
  for (size_t i = 0; i < cell.size(); ++i)
    if (cell[i] == ' ' && !cell.substr(i + 1).starts_with("("))
      os << "&nbsp;";
    else
      printHTMLEscaped(cell.substr(i, 1), os);
}

void writeHtml(const Table &table, raw_ostream &os) {
  auto writeRow = [&](ArrayRef<std::string> cells, StringRef element, bool isStrong) {
    os << (isStrong ? "<tr class=\"strong\">" : "<tr>");
    for (auto [column, cell] : enumerate(cells)) {
      os << '<' << element;
      size_t rest = table.head.size() - column;
      bool isRest = rest > 1 && column + 1 == cells.size(), isRight = !isRest && isNumeric(table, column);
      if (isRest)
        os << " colspan=\"" << rest << '"';
      os << (isRight ? " class=\"number\">" : ">");
      if (isRight && isNumber(cell))
        writeNumber(cell, os);
      else
        printHTMLEscaped(cell, os);
      os << "</" << element << '>';
    }
    os << "</tr>\n";
  };
  os << "<div class=\"scroll\"><table>\n";
  if (any_of(table.head, [](StringRef cell) { return !cell.empty(); })) {
    os << "<thead>";
    writeRow(table.head, "th", false);
    os << "</thead>";
  }
  os << "<tbody>\n";
  for (auto [index, row] : enumerate(table.rows))
    writeRow(row, "td", index < table.isStrong.size() && table.isStrong[index]);
  os << "</tbody></table></div>\n";
}

void writeMarkdown(const Table &table, raw_ostream &os) {
  auto writeRow = [&](ArrayRef<std::string> cells, bool isStrong) {
    for (auto [column, cell] : enumerate(cells)) {
      StringRef emphasis = isStrong && column == 1 ? "**" : "";
      os << "| " << emphasis;
      for (char c : cell)
        os << (StringRef("|\\*_<`").contains(c) ? "\\" : "") << c;
      os << emphasis << ' ';
    }
    os << "|\n";
  };
  writeRow(table.head, false);
  for (size_t i = 0; i < table.head.size(); ++i)
    os << "|---";
  os << "|\n";
  for (auto [index, row] : enumerate(table.rows))
    writeRow(row, index < table.isStrong.size() && table.isStrong[index]);
  os << '\n';
}

} // namespace vitya::report
