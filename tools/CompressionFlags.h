// The options of the command line that say how to compress a model, and the passes that they stand for.
#ifndef VITYA_TOOLS_COMPRESSIONFLAGS_H
#define VITYA_TOOLS_COMPRESSIONFLAGS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

namespace vitya {

/// --low-rank, --smooth, --quantize, --calibrate and --report.
class CompressionFlags {
public:
  /// Registers them in `category` of --help.
  explicit CompressionFlags(llvm::cl::OptionCategory &category);

  /// The flag that asks for a compression, such as "--quantize"; empty where none does.
  llvm::StringRef asked() const;

  /// Fails where the flags do not fit together.
  llvm::Error check() const;

  /// Adds the passes of --low-rank, then those of --smooth and --quantize: to a module at the end of phase `import`.
  llvm::Error addPasses(mlir::OpPassManager &pm) const;

  /// Writes what --report asks for about `module`, which is at the end of phase `compress`.
  llvm::Error writeReport(mlir::ModuleOp module) const;

private:
  llvm::Error addQuantization(mlir::OpPassManager &pm) const;
  llvm::Error addPass(mlir::OpPassManager &pm, std::unique_ptr<mlir::Pass> pass, llvm::StringRef flag,
                      llvm::StringRef options, bool takesImages) const;

  llvm::cl::opt<std::string> lowRank, smooth, quantize, calibrate, report;
};

} // namespace vitya

#endif // VITYA_TOOLS_COMPRESSIONFLAGS_H
