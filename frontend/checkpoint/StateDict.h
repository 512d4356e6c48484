// Finds the tensors of a model among the values of a pickle.
#ifndef VITYA_FRONTEND_CHECKPOINT_STATEDICT_H
#define VITYA_FRONTEND_CHECKPOINT_STATEDICT_H

#include "frontend/checkpoint/PickleValue.h"

namespace vitya {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// The tensors under `key`, a path of dict keys with dots between, in the file's order. With an empty key, those of
/// the one state dict or module in `root`; where there are several, the error lists them. A dict's tensors have the
/// names of its keys; a module's parameters and buffers, Python's or LibTorch's, have the names they would have in its
/// state dict. Weight and bias of linear layers that `quantize_dynamic` packed are "NAME.weight", a quantized tensor,
/// and "NAME.bias". Names that DataParallel and torch.compile put before every tensor's are dropped.
llvm::Expected<std::vector<NamedTensor>> findStateDict(const PickleValue &root, llvm::StringRef key);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_STATEDICT_H
