// Resolves the calls and the control flow of TorchScript, and records the operators on tensors.
#ifndef VITYA_FRONTEND_GRAPH_TORCHSCRIPT_EVALUATOR_H
#define VITYA_FRONTEND_GRAPH_TORCHSCRIPT_EVALUATOR_H

#include "frontend/graph/torchscript/Recorder.h"
#include <torch/csrc/jit/api/module.h>

namespace vitya {

/// A value. The result of an operator that is not supported has a problem instead, which is an error if it is needed.
struct Evaluated {
  c10::IValue value;
  std::string problem = "";
  std::vector<Evaluated> parts = {}; ///< of a tuple that was built from values, of which some may have problems
};

class Evaluator {
public:
  using Values = std::vector<Evaluated>;

  /// All arguments outlive the evaluator.
  Evaluator(const torch::jit::Module &model, llvm::ArrayRef<llvm::StringRef> operators, Recorder &recorder);

  /// Returns the result of the model for `image`.
  Evaluated run(const at::Tensor &image);

private:
  using Frame = std::unordered_map<const torch::jit::Value *, Evaluated>;
  struct Call {
    std::string module;
    torch::jit::SourceRange place;
  };

  Evaluated call(torch::jit::Function &function, Values arguments);
  Values runBlock(const torch::jit::Block &block, Frame &frame);
  void runNode(torch::jit::Node &node, Frame &frame);
  void runIf(torch::jit::Node &node, Frame &frame);
  void runLoop(torch::jit::Node &node, Frame &frame);
  void runCall(torch::jit::Node &node, Frame &frame);
  void runOperator(torch::jit::Node &node, Values inputs, Frame &frame);
  std::vector<c10::IValue> execute(torch::jit::Node &node, llvm::StringRef name, std::vector<c10::IValue> arguments);
  // Build or take apart lists, dicts and tuples. They return false for other nodes.
  bool runContainer(torch::jit::Node &node, const Values &inputs, Frame &frame);
  bool runTuple(torch::jit::Node &node, const Values &inputs, Frame &frame);
  void bind(torch::jit::Node &node, llvm::ArrayRef<c10::IValue> results, Frame &frame);
  c10::IValue constant(torch::jit::Node &node);
  c10::IValue attribute(torch::jit::Node &node, const c10::IValue &object);
  const c10::IValue &required(const torch::jit::Value *value, Frame &frame);

  std::string source(const torch::jit::Node &node) const;
  std::string describe(const torch::jit::Node &node) const;
  [[noreturn]] void fail(const torch::jit::Node &node, const std::string &problem) const;

  const torch::jit::Module &model;
  llvm::ArrayRef<llvm::StringRef> operators;
  Recorder &recorder;
  std::unordered_map<const c10::ivalue::Object *, std::string> paths; ///< of modules
  std::vector<Call> calls;
  size_t steps = 0, constants = 0;
};

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_TORCHSCRIPT_EVALUATOR_H
