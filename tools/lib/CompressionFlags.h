// The command line options that select and bound compression.
#ifndef VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H
#define VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H

#include "passes/report/ModelReport.h"
#include "tools/lib/CompressionSearch.h"
#include "llvm/Support/CommandLine.h"

namespace vitya {

/// --low-rank, --smooth, --quantize, --precision, --calibrate and --report; --max-kl, --max-drop, --max-bytes,
/// --max-latency, --validate, --report-sensitivity.
class CompressionFlags {
public:
  /// Registers the options in `category` of --help.
  explicit CompressionFlags(llvm::cl::OptionCategory &category);

  /// The first flag that requests compression, such as "--quantize"; empty if there is none.
  llvm::StringRef requested() const;

  /// The options of compression for `model`. Fails if a flag does not parse, if the flags do not fit together, or if
  /// `model` has layers to quantize statically and there are no images. `looksAtHeldOut` says that other options make
  /// use of the images of --validate.
  llvm::Expected<CompressOptions> parse(mlir::ModuleOp model, bool looksAtHeldOut = false) const;

  /// The bounds, once parse() has succeeded.
  SearchGoal goal() const;

  /// Whether ranks and bits are to be chosen for the bounds: if the cost is bounded, or if the loss is and no
  /// compression was asked for.
  bool choosesFormats() const;
  /// The options to which the chosen ranks and bits are added. Those that are not given are low rank by `joint`, and
  /// dynamic quantization with weights rounded by GPTQ.
  CompressText base() const;
  /// The file of held-out images; empty if there is none.
  llvm::StringRef heldOut() const { return validate; }
  /// The file of calibration images; empty if there is none.
  llvm::StringRef calibration() const { return calibrate; }

  /// Whether --report requests a report.
  bool wantsReport() const { return !report.empty(); }
  /// Protects the files of images from outputs, and fails if the file of --report is an input.
  llvm::Error checkFiles() const;
  /// Writes the file of --report about a model that was compressed with `options`.
  llvm::Error writeReport(const ModelReport &modelReport, const CompressOptions &options) const;

private:
  llvm::Error checkImages(mlir::ModuleOp model, const CompressOptions &options) const;
  llvm::Error checkSearch(const CompressOptions &options, bool looksAtHeldOut) const;
  llvm::Error checkBounds() const;
  llvm::Error checkChoice(const CompressOptions &options) const;
  /// The first flag that is a bound; empty if there is none.
  llvm::StringRef firstBound() const;
  bool isBounded() const { return maxKl.getNumOccurrences() || maxDrop.getNumOccurrences(); }

  llvm::cl::opt<std::string> lowRank, smooth, quantize, precision, calibrate, report, validate, maxBytes, maxLatency;
  llvm::cl::opt<double> maxKl, maxDrop;
  llvm::cl::opt<bool> reportSensitivity;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H
