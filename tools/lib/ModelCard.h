// The card of a compiled model: a page of Markdown that says where it is from, how it was made and what it does.
#ifndef VITYA_TOOLS_LIB_MODELCARD_H
#define VITYA_TOOLS_LIB_MODELCARD_H

#include "passes/emit/Object.h"
#include "tools/lib/Validation.h"

namespace vitya {

/// What the predictions of a compressed model lose on held-out images.
struct MeasuredLossOnImages {
  std::string images; ///< the file
  int64_t count = 0;
  Quality quality;
  /// In percent, of the f32 model and of the compressed one; absent if the images have no labels.
  std::optional<double> accuracyBefore, accuracyAfter;
};

/// What a card says besides the description in the module itself.
struct CardFacts {
  std::string source;            ///< the file of the model
  std::string sourceFingerprint; ///< of the model as it was read
  std::vector<std::string> arguments;
  std::string calibration; ///< the file of calibration images; empty: none
  std::optional<MeasuredLossOnImages> loss;
  std::string output;
  bool isLibrary = false;
};

/// Runs `compressed`, a module at the end of phase `compress`, and the model that `load` returns on the images of the
/// file `images`. See Validation::create for the other arguments.
llvm::Expected<MeasuredLossOnImages> measureLossOn(mlir::ModuleOp compressed, const mlir::DialectRegistry &registry,
                                                   const ModelLoader &load, llvm::StringRef tool,
                                                   llvm::StringRef images);

/// Calls `emit`, which writes `facts.output` from `levels`, and writes the card of the result to the file `path`. If
/// that fails, no output is left.
llvm::Error writeCard(llvm::StringRef path, llvm::ArrayRef<Level> levels, const CardFacts &facts,
                      llvm::function_ref<llvm::Error()> emit);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_MODELCARD_H
