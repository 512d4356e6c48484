// Cascades: a compressed model and the dense one in one module.
#ifndef VITYA_TOOLS_LIB_CASCADE_H
#define VITYA_TOOLS_LIB_CASCADE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tools/lib/CompressionFlags.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace vitya {

/// What --cascade asks for: exactly one of the two.
struct CascadeGoal {
  std::optional<float> margin;     ///< the threshold
  std::optional<double> agreement; ///< the share of images, in (0, 1), that are to get the class of the dense model
};

/// --cascade.
class CascadeFlag {
public:
  explicit CascadeFlag(llvm::cl::OptionCategory &category);

  explicit operator bool() const { return flag.getNumOccurrences() > 0; }
  /// Parses the flag, if it is given, else returns nothing. Fails if the value is not `margin=` or `agreement=` and a
  /// number in range, or if it does not fit `compression`: there has to be some, and images for an agreement.
  llvm::Expected<std::optional<CascadeGoal>> parse(const CompressionFlags &compression) const;

private:
  llvm::cl::opt<std::string> flag;
};

/// Returns a cascade of `first`, a module at the end of phase `compress`, and `dense`, the same model before
/// compression, in the same context. With the file `images`, both models are compiled for this machine and executed on
/// its images, from which the outcome and, for an agreement, the threshold come; a remark says so. Without images,
/// `goal` has a threshold. Fails if there are fewer than two classes, if the images cannot be used, or if they are too
/// few for the agreement.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> makeCascade(mlir::OwningOpRef<mlir::ModuleOp> first,
                                                              mlir::OwningOpRef<mlir::ModuleOp> dense,
                                                              const CascadeGoal &goal, llvm::StringRef images);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_CASCADE_H
