// Tables of a report, which its page and its Markdown have in common.
#ifndef VITYA_TOOLS_LIB_REPORT_TABLE_H
#define VITYA_TOOLS_LIB_REPORT_TABLE_H

#include "tools/lib/report/Report.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya::report {

/// Cells are plain text.
struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows; ///< the last cell of one that is shorter than the head is for the rest
  /// By row, whether its second cell is emphasised; empty if none is.
  std::vector<bool> isStrong;
};

/// All variants: accuracy, loss, bytes and latency, compared with the original model; or why there are none.
Table variantsTable(const Report &report);
/// The layers of a variant, with the columns for which there are values.
Table layersTable(const Results &results);
/// The kernels of a variant.
Table kernelsTable(const Profile &profile);
/// Machine, versions, data and what else a reader needs to repeat the measurement.
Table circumstances(const Report &report);

/// Writes a table element.
void writeHtml(const Table &table, llvm::raw_ostream &os);
/// Writes a table of GitHub's Markdown.
void writeMarkdown(const Table &table, llvm::raw_ostream &os);

/// A whole number with a comma between groups of three digits.
std::string grouped(int64_t number);
/// A share in percent, such as "86.56 %".
std::string percent(double share);
/// Bytes in units of 1,000 or 1,000,000, such as "10.78 MB".
std::string byteText(int64_t bytes);
/// A number with three significant digits, or more if it has more before the point.
std::string threeDigits(double value);
/// A difference of accuracies in points with its interval, such as "-0.18 (-0.40 to +0.04)".
std::string differenceText(const Estimate &difference);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_TABLE_H
