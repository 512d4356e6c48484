// The options of the command line that say how to compress a model.
#ifndef VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H
#define VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H

#include "mlir/IR/BuiltinOps.h"
#include "tools/lib/RecipeSearch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"

namespace vitya {

/// --low-rank, --smooth, --quantize, --calibrate and --report; --max-kl, --max-drop, --validate, --report-sensitivity.
class CompressionFlags {
public:
  /// Registers them in `category` of --help.
  explicit CompressionFlags(llvm::cl::OptionCategory &category);

  /// The flag that asks for a compression, such as "--quantize"; empty where none does.
  llvm::StringRef asked() const;

  /// Fails where the flags do not fit together.
  llvm::Error check() const;

  Recipe recipe() const;
  SearchGoal goal() const;

  /// Writes what --report asks for about `module`, which is at the end of phase `compress`: the report of
  /// vitya-low-rank, which is there already, what quantization did, and `more`.
  llvm::Error writeReport(mlir::ModuleOp module, llvm::json::Object more) const;

private:
  llvm::Error checkSearch() const;

  llvm::cl::opt<std::string> lowRank, smooth, quantize, calibrate, report, validate;
  llvm::cl::opt<double> maxKl, maxDrop;
  llvm::cl::opt<bool> reportSensitivity;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_COMPRESSIONFLAGS_H
