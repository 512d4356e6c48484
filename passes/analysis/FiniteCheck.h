// The check that a model computes finite numbers on the images that compression is fitted to or judged by.
#ifndef VITYA_PASSES_ANALYSIS_FINITECHECK_H
#define VITYA_PASSES_ANALYSIS_FINITECHECK_H

#include "dialect/reference/Tensor.h"
#include "mlir/IR/Operation.h"
#include <mutex>
#include <optional>

namespace vitya {

/// Looks for NaN and infinity in the results of the ops of a model, whose images may be executed by several threads.
class FiniteCheck {
public:
  /// Examines the results of `op` for image `image`. To be called in program order for each image.
  void add(int64_t image, mlir::Operation *op, llvm::ArrayRef<reference::Tensor> results);

  /// Emits an error if a result was not finite: at the first op that computed one for the first such image of the file
  /// `images`.
  mlir::LogicalResult verify(llvm::StringRef images) const;

private:
  struct Finding {
    int64_t image;
    mlir::Operation *op;
    int64_t element; ///< row-major, in the result
    float value;
  };

  std::mutex mutex;
  std::optional<Finding> first;
};

} // namespace vitya

#endif // VITYA_PASSES_ANALYSIS_FINITECHECK_H
