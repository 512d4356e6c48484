// The report as Markdown, for a pull request or a log.
#include "tools/lib/report/Table.h"
#include "tools/lib/report/WriteReport.h"

using namespace llvm;

void vitya::report::writeMarkdown(const Report &report, raw_ostream &os) {
  os << "# " << report.original().facts.name << ": compression\n\n";
  for (StringRef finding : report.findings)
    os << "* " << finding << '\n';
  os << '\n';
  writeMarkdown(variantsTable(report), os);
  os << "Variants on a Pareto front of accuracy over bytes of weights or over the time of one image are in bold. "
        "Differences "
        "are paired by image.\n\n";
  writeMarkdown(circumstances(report), os);
  for (const Variant &variant : report.variants)
    os << "    " << variant.command << '\n';
}
