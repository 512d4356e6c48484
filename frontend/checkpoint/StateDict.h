// Finds the tensors of a model among the values of a pickle.
#ifndef VITYA_FRONTEND_CHECKPOINT_STATEDICT_H
#define VITYA_FRONTEND_CHECKPOINT_STATEDICT_H

#include "frontend/checkpoint/PickleMemory.h"
#include "frontend/checkpoint/PickleValue.h"

namespace vitya {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// A state dict among the values of a pickle.
struct StateDict {
  std::vector<NamedTensor> tensors;
  std::string key;                    ///< a path of dict keys separated by dots; empty for the root
  std::vector<std::string> otherKeys; ///< of the state dicts that were not chosen, if no key was given
};

/// Returns the tensors under `key`, in the order of the file. An empty key chooses the only state dict or module in
/// `root`, or among several the one under the key that training scripts use for the model to evaluate: averaged weights
/// before the weights themselves, a teacher before its student. If that does not choose one, the error lists them. The
/// tensors of a dict have the names of its keys. The parameters and buffers of a module, Python's or LibTorch's, have
/// the names that they would have in its state dict. The linear layers that `quantize_dynamic` packed have a quantized
/// tensor "NAME.weight" and a tensor "NAME.bias". Fails if names and tensors exceed `memory`, that of the pickle.
llvm::Expected<StateDict> findStateDict(const PickleValue &root, llvm::StringRef key, PickleMemory &memory);

/// Removes the components that PyTorch's wrappers (DataParallel, DistributedDataParallel, torch.compile, activation
/// checkpointing, FSDP) add to names, at any depth, and the counter `n_averaged` of an AveragedModel. Returns the
/// components that were found, in the order of the names. Fails if two tensors then have the same name.
llvm::Expected<std::vector<std::string>> dropWrappers(std::vector<NamedTensor> &tensors);

/// Returns the tensors whose names begin with `prefix`, without it.
std::vector<NamedTensor> tensorsBehind(llvm::StringRef prefix, llvm::ArrayRef<NamedTensor> tensors);

} // namespace vitya

#endif // VITYA_FRONTEND_CHECKPOINT_STATEDICT_H
