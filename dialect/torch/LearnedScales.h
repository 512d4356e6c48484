// The scales of static quantization as parameters of training (learned step sizes, arXiv 1902.08153).
#ifndef VITYA_DIALECT_TORCH_LEARNEDSCALES_H
#define VITYA_DIALECT_TORCH_LEARNEDSCALES_H

#include "dialect/torch/Parameter.h"
#include "mlir/IR/Block.h"
#include "llvm/ADT/ArrayRef.h"

namespace vitya::autograd {

/// The scales of the quantized matrices among `weights`, and those of the activations that `body` quantizes. A
/// parameter holds the logarithms of the scales, so that a step of the optimizer changes all of them by the same share.
/// Zero points stay as they are.
std::vector<Parameter> findScales(mlir::Block &body, llvm::ArrayRef<Parameter> weights);

/// The value with the scale of `quantized`, an activation: the result of the op that quantizes it.
mlir::Value scaleSource(mlir::Value quantized);

/// Stores the scales with these `logarithms` in the types of the values of `parameter`, and of those that ops such as
/// slices make of them.
void storeScales(Parameter &parameter, llvm::ArrayRef<float> logarithms);

} // namespace vitya::autograd

#endif // VITYA_DIALECT_TORCH_LEARNEDSCALES_H
