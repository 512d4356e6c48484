// Runs the pipelines, emits an object and loads it with ORC. Generated code calls `vitya_parallel_for`, which is linked
// into this program, and functions of the C library.
#include "tools/lib/CompiledModel.h"
#include "dialect/Constants.h"
#include "dialect/support/Errors.h"
#include "mlir/Pass/PassManager.h"
#include "passes/emit/Object.h"
#include "passes/lower/Kernel.h"
#include "passes/pipelines/Pipelines.h"
#include "runtime/processor/Features.h"
#include "runtime/threads/Batch.h"
#include "runtime/threads/Processors.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"

using namespace llvm;

namespace vitya {

Error lower(mlir::ModuleOp module, Phase reached, Phase goal, const TargetInfo &target) {
  mlir::PassManager pm(module.getContext());
  mlir::OpPassManager &models = nestOnModels(pm, module);
  buildContractPipeline(models, reached);
  for (const PhaseInfo &info : kPhases)
    if (info.phase > reached && info.phase <= goal)
      buildPhasePipeline(models, info.phase, target);
  return failed(pm.run(module)) ? reportedError() : Error::success();
}

Expected<CompiledModel> CompiledModel::create(mlir::ModuleOp module, Phase reached, const Target &target) {
  char missing[512];
  if (missingFeatures(target.requiredFeatures.c_str(), missing, sizeof(missing)))
    return makeError("expected a processor with " + target.requiredFeatures + " to run what is compiled for " +
                     target.cpu() + ", found one without " + missing);
  if (Error error = lower(module, reached, Phase::llvm, target.info()))
    return std::move(error);

  CompiledModel result;
  SmallVector<char, 0> object;
  raw_svector_ostream os(object);
  // Emit code without weights: the code reads them from the module.
  if (Error error = emitObject(Level{module, target}, EmitOptions{"", "(in memory)"}, os))
    return std::move(error);

  Expected<std::unique_ptr<orc::LLJIT>> jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  result.jit = std::move(*jit);
  orc::SymbolMap runtime{{result.jit->mangleAndIntern("vitya_parallel_for"),
                          {orc::ExecutorAddr::fromPtr(&vitya_parallel_for), JITSymbolFlags::Exported}}};
  if (Error error = result.jit->getMainJITDylib().define(orc::absoluteSymbols(std::move(runtime))))
    return std::move(error);
  if (Error error =
          result.jit->addObjectFile(std::make_unique<SmallVectorMemoryBuffer>(std::move(object), "model.o", false)))
    return std::move(error);
  Expected<orc::ExecutorAddr> address = result.jit->lookup("vitya_levels");
  if (!address)
    return address.takeError();
  result.descriptor = *address->toPtr<const vitya_model *const *>();
  SmallVector<mlir::ModuleOp, 2> models = modelsOf(module);
  auto takeWeights = [&](const vitya_model &model, mlir::ModuleOp from, const void *&weights) -> Error {
    ArrayRef<char> bytes = rawBytes(getDiscardable<VityaDialect::WeightsAttrHelper>(from));
    weights = bytes.data();
    if (model.weight_bytes == static_cast<int64_t>(bytes.size()) && isAddrAligned(Align(64), bytes.data()))
      return Error::success();
    return makeError("expected " + Twine(model.weight_bytes) + " bytes of weights, aligned to 64 bytes, found " +
                     Twine(bytes.size()) + " bytes");
  };
  if (Error error = takeWeights(*result.descriptor, models.front(), result.weights.own))
    return std::move(error);
  if (result.descriptor->cascade)
    if (Error error = takeWeights(*result.descriptor->cascade->dense, models.back(), result.weights.dense))
      return std::move(error);
  return result;
}

Expected<std::vector<float>> CompiledModel::run(int64_t count, int threads, ImageSource source) const {
  Session *session = createSession(descriptor, weights, threads);
  if (!session)
    return makeError("expected memory for " + Twine(threads) + " threads, found too little");
  scope_exit end([&] { destroySession(session); });
  auto read = [&](int64_t index, float *pixels) {
    source(index, {pixels, static_cast<size_t>(descriptor->channels * descriptor->height * descriptor->width)});
  };
  std::vector<float> logits(count * descriptor->classes);
  runBatch(
      session, [](void *data, int64_t index, float *pixels) { (*static_cast<decltype(read) *>(data))(index, pixels); },
      &read, 0, count, logits.data());
  return logits;
}

Expected<ImageTime> CompiledModel::time() const {
  // Runs end when for a while none has been faster, so that other work on this machine matters little.
  constexpr int64_t leastRuns = 20, patience = 400'000'000, longest = 4'000'000'000;
  int threads = availableProcessors();
  Session *session = createSession(descriptor, weights, threads);
  if (!session)
    return makeError("expected memory for " + Twine(threads) + " threads, found too little");
  scope_exit end([&] { destroySession(session); });
  Profile profile(*descriptor), fastest(*descriptor);
  if (!profile.layers || !fastest.layers)
    return makeError("expected memory for a profile, found too little");
  std::vector<float> image(descriptor->channels * descriptor->height * descriptor->width, 0.5F);
  auto copy = [](void *data, int64_t, float *pixels) { llvm::copy(*static_cast<std::vector<float> *>(data), pixels); };
  std::vector<float> logits(descriptor->classes);
  // The shortest run, in nanoseconds; afterwards `fastest` has its loops if `isProfiled`.
  auto shortest = [&](bool isProfiled) {
    int64_t best = std::numeric_limits<int64_t>::max();
    int64_t start = nanoseconds(), improved = start;
    for (int64_t runs = 0, now = start; runs < leastRuns || now < std::min(improved + patience, start + longest);
         ++runs, now = nanoseconds()) {
      profile.clear();
      int64_t before = nanoseconds();
      runBatch(session, copy, &image, 0, 1, logits.data(), {isProfiled ? &profile : nullptr, nullptr, Deferral::none});
      int64_t after = nanoseconds(), taken = after - before;
      if (taken >= best)
        continue;
      best = taken;
      improved = after;
      fastest.copy(profile);
    }
    return best;
  };
  ImageTime result;
  shortest(/*isProfiled=*/true);
  for (int64_t i = 0; i < descriptor->layer_count; ++i)
    result.layers[descriptor->layer_names[i]] += 1e-6 * double(fastest.layers[i].nanoseconds);
  result.total = 1e-6 * double(shortest(/*isProfiled=*/false));
  return result;
}

} // namespace vitya
