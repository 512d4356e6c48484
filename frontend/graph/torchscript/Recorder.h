// Records the operators that a model calls on tensors without elements, on LibTorch's device `meta`.
#ifndef VITYA_FRONTEND_GRAPH_TORCHSCRIPT_RECORDER_H
#define VITYA_FRONTEND_GRAPH_TORCHSCRIPT_RECORDER_H

#include "frontend/graph/torchscript/ScriptedProgram.h"
#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <stdexcept>
#include <unordered_map>

namespace vitya {

/// What is wrong with a model, as a message to the user.
struct ScriptProblem : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Returns the first sentence of an exception of LibTorch.
std::string messageOf(const std::exception &error);

/// Where a model calls an operator.
struct CallPlace {
  std::string module, source;
};

class Recorder {
public:
  explicit Recorder(ScriptedProgram &program) : program(program) {}

  /// Returns the images, the input of the graph.
  at::Tensor input(llvm::ArrayRef<int64_t> shape);
  void output(const at::Tensor &logits) { program.graph.output = find(logits); }

  /// Returns the tensor without elements that stands for a weight, which it adds to the program if it is new.
  at::Tensor weight(const at::Tensor &stored, const std::string &name);

  /// Returns the path of the module that owns a weight, or nothing for other tensors.
  std::optional<std::string> owner(const at::Tensor &tensor) const;

  /// Adds the call of an operator with these arguments, unless it returns its argument unchanged. `op` is its name in
  /// the graph.
  void record(const std::string &op, const c10::FunctionSchema &schema, llvm::ArrayRef<c10::IValue> arguments,
              llvm::ArrayRef<c10::IValue> results, const CallPlace &place);

private:
  ValueId find(const at::Tensor &tensor) const;
  ValueId define(const at::Tensor &tensor);
  Argument convert(const c10::IValue &value) const;

  ScriptedProgram &program;
  // A tensor that is changed in place has the same address and a new name.
  std::unordered_map<const c10::TensorImpl *, ValueId> ids;
  std::vector<at::Tensor> alive; ///< so that no address is used twice
  std::unordered_map<const c10::TensorImpl *, at::Tensor> weights;
};

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_TORCHSCRIPT_RECORDER_H
