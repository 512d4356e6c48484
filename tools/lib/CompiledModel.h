// A model that is compiled and loaded in this process.
#ifndef VITYA_TOOLS_LIB_COMPILEDMODEL_H
#define VITYA_TOOLS_LIB_COMPILEDMODEL_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/Phases.h"
#include "passes/emit/Target.h"
#include "runtime/Abi.h"
#include "runtime/model/Weights.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <vector>

namespace vitya {

/// The time of one image, in milliseconds.
struct ImageTime {
  double total = 0;
  llvm::StringMap<double> layers; ///< of the loops of each layer
};

/// Checks that `module`, a model or a cascade, fulfils the contract of phase `reached`, and lowers it from there to
/// `goal`. The passes report errors; the result then is a ReportedError.
llvm::Error lower(mlir::ModuleOp module, Phase reached, Phase goal, const TargetInfo &target);

/// Loaded machine code, accessed through the same descriptor as in an executable. The weights stay in the module, which
/// must outlive this object.
class CompiledModel {
public:
  /// Takes `module`, a model or a cascade, from phase `reached` through the remaining pipelines, generates code for
  /// `target` and loads it. Fails if this processor lacks a feature that the code needs. If a pass reported the reason,
  /// the error is a ReportedError.
  static llvm::Expected<CompiledModel> create(mlir::ModuleOp module, Phase reached, const Target &target);

  const vitya_model &model() const { return *descriptor; }

  /// Fills `image`, f32 [channels, height, width], with the pixels of image `index`. Called from several threads.
  using ImageSource = llvm::function_ref<void(int64_t index, llvm::MutableArrayRef<float> image)>;
  /// The logits of `count` images, [image, class], computed by `threads` threads.
  llvm::Expected<std::vector<float>> run(int64_t count, int threads, ImageSource source) const;

  /// Measures one image as `bench` of an executable does, on all processors: the fastest of many runs. The loops are
  /// measured in runs of their own, because that takes time, too. Of a cascade, measures the first model.
  llvm::Expected<ImageTime> time() const;

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
  const vitya_model *descriptor = nullptr;
  ModelWeights weights;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_COMPILEDMODEL_H
