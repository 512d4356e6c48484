// Finds the tensors of a model among the values of a pickle.
#ifndef VITYA_FRONTEND_CHECKPOINT_STATEDICT_H
#define VITYA_FRONTEND_CHECKPOINT_STATEDICT_H

#include "frontend/checkpoint/PickleValue.h"

namespace vitya {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Returns the tensors under `key`, a path of dict keys separated by dots, in the order of the file. An empty key
/// chooses the only state dict or module in `root`; if there are several, the error lists them. The tensors of a dict
/// have the names of its keys. The parameters and buffers of a module, Python's or LibTorch's, have the names that they
/// would have in its state dict. The linear layers that `quantize_dynamic` packed have a quantized tensor "NAME.weight"
/// and a tensor "NAME.bias". `dropWrappers` is applied to the names.
llvm::Expected<std::vector<NamedTensor>> findStateDict(const PickleValue &root, llvm::StringRef key);

/// Removes the components that PyTorch's wrappers (DataParallel, DistributedDataParallel, torch.compile, activation
/// checkpointing, FSDP) add to names, at any depth, and the counter `n_averaged` of an AveragedModel. Fails if two
/// tensors then have the same name.
llvm::Error dropWrappers(std::vector<NamedTensor> &tensors);

/// Returns the tensors whose names begin with `prefix`, without it.
std::vector<NamedTensor> tensorsBehind(llvm::StringRef prefix, llvm::ArrayRef<NamedTensor> tensors);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_STATEDICT_H
