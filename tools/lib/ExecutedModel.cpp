// The module outlives the machine code, which reads its weights.
#include "tools/lib/ExecutedModel.h"
#include "dialect/Constants.h"
#include "dialect/support/Errors.h"
#include "mlir/Pass/PassManager.h"
#include "passes/analysis/ImageSet.h"
#include "runtime/threads/Processors.h"

using namespace mlir;

namespace vitya {

llvm::Expected<ExecutedModel> compressAndExecute(const DialectRegistry &registry, const ModelLoader &load,
                                                 StringRef tool, const CompressOptions &options, bool isTimed,
                                                 StringRef images) {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, tool);
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  PassManager pm(context.get());
  buildCompressPipeline(pm, options);
  if (failed(pm.run(**module)))
    return reportedError();
  std::optional<ImageSet> set;
  if (!images.empty()) {
    FailureOr<ImageSet> opened = ImageSet::open(**module, images, /*count=*/0);
    if (failed(opened))
      return reportedError();
    set = std::move(*opened);
  }
  llvm::Expected<Target> target = makeTarget("native");
  if (!target)
    return target.takeError();
  ExecutedModel result;
  if (!isTimed && !set) {
    // The bytes of packed weights are known before there is machine code.
    PassManager lowering(context.get());
    buildLinalgPipeline(lowering, target->info());
    buildLoopsPipeline(lowering, target->info());
    if (failed(lowering.run(**module)))
      return reportedError();
    result.weightBytes = int64_t(rawBytes(getDiscardable<VityaDialect::WeightsAttrHelper>(**module)).size());
    return result;
  }
  llvm::Expected<CompiledModel> model = CompiledModel::create(**module, Phase::compress, *target);
  if (!model)
    return model.takeError();
  result.weightBytes = model->model().weight_bytes;
  if (isTimed) {
    llvm::Expected<ImageTime> time = model->time();
    if (!time)
      return time.takeError();
    result.time = std::move(*time);
  }
  if (set) {
    llvm::Expected<std::vector<float>> logits =
        model->run(set->count(), availableProcessors(),
                   [&](int64_t index, llvm::MutableArrayRef<float> pixels) { set->read(index, pixels); });
    if (!logits)
      return logits.takeError();
    result.logits = std::move(*logits);
  }
  return result;
}

} // namespace vitya
