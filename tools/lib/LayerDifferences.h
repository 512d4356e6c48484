// Executes a model in LibTorch and with the reference interpreter, and compares the results of its layers.
#ifndef VITYA_TOOLS_LIB_LAYERDIFFERENCES_H
#define VITYA_TOOLS_LIB_LAYERDIFFERENCES_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace vitya {

/// How far two results of a layer are apart.
struct LayerDifference {
  std::string name;      ///< of the layer
  double difference = 0; ///< the largest between two elements
  double largest = 0;    ///< magnitude of an element of the first result
};

LayerDifference differenceOf(llvm::StringRef name, llvm::ArrayRef<float> expected, llvm::ArrayRef<float> found);

/// What a model computed in LibTorch and with the reference interpreter.
struct ComparedModel {
  std::vector<float> torch;            ///< logits of all images, [image, class]
  std::vector<float> reference;        ///< the same of the first images, on which layers were compared
  std::vector<LayerDifference> layers; ///< in the order of the model
};

/// Executes `module`, of phase `import` or `compress`, on `count` images, and compares the layers on the first
/// `layerCount`. Errors of ops are diagnostics; the error is then a ReportedError.
llvm::Expected<ComparedModel>
compareLayers(mlir::ModuleOp module, int64_t count, int64_t layerCount,
              llvm::function_ref<void(int64_t index, llvm::MutableArrayRef<float> image)> source);

} // namespace vitya

#endif // VITYA_TOOLS_LIB_LAYERDIFFERENCES_H
