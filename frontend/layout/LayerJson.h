// The mapping from JSON to the names of tensors and layers.
#ifndef VITYA_FRONTEND_LAYOUT_LAYERJSON_H
#define VITYA_FRONTEND_LAYOUT_LAYERJSON_H

#include "frontend/layout/Layout.h"

namespace vitya {

/// Reads a name; a '?' at its end means that the tensor is optional.
bool fromJSON(const llvm::json::Value &value, TensorName &tensor, llvm::json::Path path);

/// Reads a layer: "norm1", or {"name": "attn.qkv", "weight": "attn.qkv.weight", "bias": "attn.qkv.bias?"}. Weight and
/// bias have default names unless they are given, and a null bias means that there is none. A layer has a scale only if
/// one is given.
bool fromJSON(const llvm::json::Value &value, Layer &layer, llvm::json::Path path);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_LAYERJSON_H
