// What is known about operators before they are called.
#ifndef VITYA_FRONTEND_GRAPH_TORCHSCRIPT_OPERATORS_H
#define VITYA_FRONTEND_GRAPH_TORCHSCRIPT_OPERATORS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <ATen/core/stack.h>
#include <torch/csrc/jit/api/function_impl.h>

namespace vitya {

/// Makes known the operators of later versions that this LibTorch lacks, so that their calls can be parsed.
void registerLaterOperators();

/// Whether an operator computes with numbers, lists and properties of tensors, and does nothing else.
bool isBookkeeping(llvm::StringRef name);

/// Returns the operator that exported graphs have instead, or `name`.
llvm::StringRef exportedName(llvm::StringRef name);

/// Returns the result of an operator that LibTorch cannot compute without elements, or nothing. `arguments` are all.
std::optional<at::Tensor> shapeOnly(llvm::StringRef name, llvm::ArrayRef<c10::IValue> arguments);

/// Returns code that computes the first result of an operator by others, with the same arguments, or null.
torch::jit::Function *decomposition(llvm::StringRef name, llvm::ArrayRef<c10::IValue> arguments);

/// The function with the attention of a fused layer, and the number of its argument that the attention's own module
/// owns.
inline constexpr const char *kFusedAttention = "fused_self_attention";
inline constexpr size_t kFusedWeight = 2;

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_TORCHSCRIPT_OPERATORS_H
