// Reads TorchScript, what torch.jit.trace and torch.jit.script make, as a graph of ATen operators.
//
// Nothing here has types of LibTorch, so that code without RTTI and exceptions can include it.
#ifndef VITYA_FRONTEND_GRAPH_TORCHSCRIPT_SCRIPTEDPROGRAM_H
#define VITYA_FRONTEND_GRAPH_TORCHSCRIPT_SCRIPTEDPROGRAM_H

#include "frontend/graph/GraphWriter.h"
#include <memory>

namespace vitya {

struct ScriptedProgram {
  Graph graph;
  std::vector<GraphTensor> tensors;
  std::string settings;                ///< the extra file `vitya`; empty if there is none
  std::shared_ptr<const void> storage; ///< owns the bytes of `tensors`
};

struct ScriptedOptions {
  std::vector<int64_t> image;             ///< channels, height, width
  std::vector<llvm::StringRef> operators; ///< those that the converter knows
};

/// Reads the archive of torch.jit.save at `path`. No code of the model is executed: calls and control flow are resolved
/// with the values of its attributes and the shapes that follow from those of the image. Returns what is wrong, or an
/// empty string.
std::string readScripted(const std::string &path, const ScriptedOptions &options, ScriptedProgram &program);

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_TORCHSCRIPT_SCRIPTEDPROGRAM_H
