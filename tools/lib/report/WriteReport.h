// The forms of a report.
#ifndef VITYA_TOOLS_LIB_REPORT_WRITEREPORT_H
#define VITYA_TOOLS_LIB_REPORT_WRITEREPORT_H

#include "tools/lib/report/Report.h"
#include "llvm/Support/raw_ostream.h"

namespace vitya::report {

/// Writes one HTML page that needs no other file and no network.
void writePage(const Report &report, llvm::raw_ostream &os);
/// Writes one JSON object with all data of the report but the pictures.
void writeJson(const Report &report, llvm::raw_ostream &os);
/// Writes the findings and the tables of variants and circumstances as GitHub's Markdown.
void writeMarkdown(const Report &report, llvm::raw_ostream &os);

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_WRITEREPORT_H
