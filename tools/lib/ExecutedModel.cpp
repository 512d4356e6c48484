// The module outlives the machine code, which reads its weights.
#include "tools/lib/ExecutedModel.h"
#include "dialect/Constants.h"
#include "dialect/support/Errors.h"
#include "mlir/Pass/PassManager.h"
#include "runtime/threads/Processors.h"

using namespace mlir;

namespace vitya {

llvm::Expected<ExecutedModel> compressAndExecute(const DialectRegistry &registry, const ModelLoader &load,
                                                 StringRef tool, const CompressOptions &options, bool isTimed,
                                                 const ImageSet *images) {
  std::unique_ptr<MLIRContext> context = makeErrorContext(registry, tool);
  llvm::Expected<OwningOpRef<ModuleOp>> module = load(*context);
  if (!module)
    return module.takeError();
  PassManager pm(context.get());
  buildCompressPipeline(pm, options);
  if (failed(pm.run(**module)))
    return reportedError();
  llvm::Expected<Target> target = makeTarget("native");
  if (!target)
    return target.takeError();
  ExecutedModel result;
  if (!isTimed && !images) {
    // The bytes of packed weights are known before there is machine code.
    if (llvm::Error error = lower(**module, Phase::compress, Phase::loops, target->info()))
      return std::move(error);
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
  if (images) {
    llvm::Expected<std::vector<float>> logits =
        model->run(images->count(), availableProcessors(),
                   [&](int64_t index, llvm::MutableArrayRef<float> pixels) { images->read(index, pixels); });
    if (!logits)
      return logits.takeError();
    result.logits = std::move(*logits);
  }
  return result;
}

} // namespace vitya
