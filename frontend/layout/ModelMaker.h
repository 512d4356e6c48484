// The walk over the steps of a layout that makes the tensors of a new model.
#ifndef VITYA_FRONTEND_LAYOUT_MODELMAKER_H
#define VITYA_FRONTEND_LAYOUT_MODELMAKER_H

#include "frontend/layout/NewModelChoices.h"
#include "frontend/layout/NewTensors.h"

namespace vitya {

/// The widths of the results of the linear layers in a list of steps.
struct Widths {
  int64_t inner, last;
};

class ModelMaker {
public:
  ModelMaker(const Layout &layout, const NewModelOptions &options, NewModelChoices choices, uint64_t seed)
      : layout(layout), options(options), seed(seed), hidden(options.hidden.value_or(4 * options.width)),
        choices(std::move(choices)), tensors(seed) {}

  llvm::Expected<std::vector<TensorToWrite>> make();

private:
  llvm::Error checkOptions() const;
  llvm::Error checkUse() const;

  //===--------------------------------------------------------------------===//
  // Tensors
  //===--------------------------------------------------------------------===//

  llvm::Error addBias(const Layer &layer, int64_t out) {
    return choices.has(layer.bias) ? tensors.addConstant(layer.bias->name, {out}, 0) : llvm::Error::success();
  }
  llvm::Error addLinear(const Layer &layer, int64_t out, llvm::function_ref<std::vector<float>()> weight = nullptr);
  llvm::Error addNorm(const Layer &layer, int64_t width);
  llvm::Expected<int64_t> addTokens(const std::optional<TensorName> &name, int64_t rows);

  //===--------------------------------------------------------------------===//
  // Steps
  //===--------------------------------------------------------------------===//

  llvm::Error addSteps(const Steps &steps, std::optional<Widths> block = std::nullopt);
  llvm::Error addStep(const PatchifyStep &step, Widths);
  llvm::Error addStep(const LinearStep &step, Widths widths) { return addLinear(step.layer, widths.last); }
  llvm::Error addStep(const NormStep &step, Widths) { return addNorm(step.layer, columns); }
  llvm::Error addStep(const ActivationStep &step, Widths);
  llvm::Error addStep(const AttentionStep &step, Widths);
  llvm::Error addStep(const ResidualStep &step, Widths);
  llvm::Error addStep(const RepeatStep &step, Widths);
  llvm::Error addStep(const TokensStep &step, Widths);
  llvm::Error addStep(const PoolStep &step, Widths);
  llvm::Error addStep(const AverageStep &step, Widths);
  llvm::Error addStep(const ProductStep &step, Widths widths);
  llvm::Error addStep(const IfStep &, Widths) { llvm_unreachable("`choose` returns the steps that apply"); }
  llvm::Error addStep(const ConvolutionStep &step, Widths);
  llvm::Error addStep(const MaxPoolStep &step, Widths) { return moveWindow("max_pool", step.window, step); }
  llvm::Error moveWindow(llvm::StringRef name, Sizes window, const WindowStep &step);
  llvm::Error checkWidth(llvm::StringRef what) const;

  const Layout &layout;
  const NewModelOptions &options;
  uint64_t seed;
  int64_t hidden;
  NewModelChoices choices;
  NewTensors tensors;
  int64_t columns = 0;
  Sizes grid = {};
  int64_t patch = 0;     ///< 0 after the first layer that reads patches
  bool isKernel = false; ///< whether the next layer is the convolution that reads the patches
  bool isResidual = false, isPooled = false;
  size_t convolutions = 0;
  struct {
    bool patch, hidden, registers, layerScale, attention;
  } used = {};
};

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_MODELMAKER_H
