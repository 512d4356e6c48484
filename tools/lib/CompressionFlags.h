// The command line options that select and bound compression.
#ifndef VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H
#define VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H

#include "mlir/IR/BuiltinOps.h"
#include "tools/lib/CompressionSearch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"

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

  /// Writes the report that --report requests about `module`, which is at the end of phase `compress` and was
  /// compressed with `options`: the report of vitya-low-rank, which is there already, that of quantization, and `more`.
  llvm::Error writeReport(mlir::ModuleOp module, const CompressOptions &options, llvm::json::Object more) const;

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
