// The command line options that select and bound compression.
#ifndef VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H
#define VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H

#include "passes/report/ModelReport.h"
#include "tools/lib/CompressionSearch.h"
#include "llvm/Support/CommandLine.h"

namespace vitya {

/// --low-rank, --smooth, --quantize, --calibrate and --report; --max-kl, --max-drop, --validate, --report-sensitivity.
class CompressionFlags {
public:
  /// Registers the options in `category` of --help.
  explicit CompressionFlags(llvm::cl::OptionCategory &category);

  /// The first flag that requests a compression pass, such as "--quantize"; empty if there is none.
  llvm::StringRef requested() const;

  /// The options of compression. Fails if a flag does not parse or the flags do not fit together.
  llvm::Expected<CompressOptions> parse() const;

  SearchGoal goal() const;

  /// Whether --report requests a report.
  bool wantsReport() const { return !report.empty(); }
  /// Protects the files of images from outputs, and fails if the file of --report is an input.
  llvm::Error checkFiles() const;
  /// Writes the file of --report about a model that was compressed with `options`.
  llvm::Error writeReport(const ModelReport &modelReport, const CompressOptions &options) const;

private:
  llvm::Error checkImages(const CompressOptions &options) const;
  llvm::Error checkSearch(const CompressOptions &options) const;
  bool isBounded() const { return maxKl.getNumOccurrences() || maxDrop.getNumOccurrences(); }

  llvm::cl::opt<std::string> lowRank, smooth, quantize, calibrate, report, validate;
  llvm::cl::opt<double> maxKl, maxDrop;
  llvm::cl::opt<bool> reportSensitivity;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H
