#include "frontend/layout/OptionalTensors.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace vitya {

namespace {

class Collector {
public:
  void add(const Steps &steps) {
    for (const Step &step : steps)
      std::visit([&](const auto &kind) { addStep(kind); }, step.step);
  }

  std::vector<std::string> names; ///< each once

private:
  void insert(std::string name) {
    if (!is_contained(names, name))
      names.push_back(std::move(name));
  }
  void add(const TensorName &tensor) {
    if (tensor.optional)
      insert(tensor.name);
  }
  void add(const Layer &layer) {
    if (layer.weight.optional)
      insert(layer.name);
    add(layer.bias);
    add(layer.scale);
  }
  /// Norms of new models have their biases.
  void addNorm(const Layer &layer) {
    if (layer.weight.optional)
      insert(layer.name);
  }
  template <typename Name>
  void add(const std::optional<Name> &name) {
    if (name)
      add(*name);
  }
  void add(const std::vector<Steps> &branches) {
    for (const Steps &branch : branches)
      add(branch);
  }

  void addStep(const PatchifyStep &) {}
  void addStep(const ActivationStep &) {}
  void addStep(const MaxPoolStep &) {}
  void addStep(const LinearStep &step) { add(step.layer); }
  void addStep(const NormStep &step) { addNorm(step.layer); }
  void addStep(const ConvolutionStep &step) {
    if (!step.norm) // else the convolution of a new model has a bias in its place
      add(step.layer);
  }
  void addStep(const AttentionStep &step) {
    for (const auto *layer : {&step.fused, &step.query, &step.key, &step.value, &step.keyValue})
      add(*layer);
    for (const auto *norm : {&step.queryNorm, &step.keyNorm})
      if (*norm)
        addNorm(**norm);
    add(step.out);
  }
  void addStep(const ResidualStep &step) { add(step.steps); }
  void addStep(const RepeatStep &step) { add(step.steps); }
  void addStep(const AverageStep &step) { add(step.branches); }
  void addStep(const ProductStep &step) { add(step.branches); }
  void addStep(const PoolStep &step) { add(step.weights); }
  void addStep(const TokensStep &step) {
    for (const auto *name : {&step.classToken, &step.distillation, &step.position})
      add(*name);
    if (step.sinusoidal)
      insert(step.position->name);
  }
  void addStep(const IfStep &step) {
    insert(StringRef(step.prefix).rtrim('.').str());
    add(step.then);
    add(step.otherwise);
  }
};

} // namespace

std::vector<std::string> optionalNames(const Steps &steps) {
  Collector collector;
  collector.add(steps);
  return std::move(collector.names);
}

} // namespace vitya
