// How to compress a model, in the words of the command line, and the passes that they stand for.
#ifndef VITYA_TOOLS_LIB_RECIPE_H
#define VITYA_TOOLS_LIB_RECIPE_H

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace vitya {

/// The options that `text` holds, NAME=VALUE each. A comma separates two where a name and "=" follow; others belong to
/// a value.
std::vector<std::string> optionsOf(llvm::StringRef text);

/// Options of a pass are as in vitya-opt, with commas between them.
struct Recipe {
  std::string lowRank;               ///< options of vitya-low-rank; empty: none
  std::string smooth;                ///< options of vitya-smooth; empty: none
  std::string quantize = "none";     ///< none, static or dynamic, then options of that pass
  std::string images;                ///< what passes look at a model with; may be empty
  std::string lowRankReport;         ///< a file that vitya-low-rank writes; empty: none
  std::vector<std::string> restored; ///< names of layers and attentions that stay f32 besides what `quantize` says

  /// none, static or dynamic.
  llvm::StringRef mode() const { return llvm::StringRef(quantize).split(',').first; }
  bool quantizes() const { return mode() != "none"; }

  /// Adds the passes of all: to a module at the end of phase `import`.
  llvm::Error addPasses(mlir::OpPassManager &pm) const;
  /// Adds those before quantization itself: low rank, smoothing, calibration.
  llvm::Error addPreparation(mlir::OpPassManager &pm) const;
  /// Adds quantization to what preparation made.
  llvm::Error addQuantization(mlir::OpPassManager &pm) const;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_RECIPE_H
