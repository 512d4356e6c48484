// Checks the type of @main, then interprets it once for each image, in parallel. Of a cascade, it then runs the dense
// model on the images that the first one defers.
#include "dialect/reference/RunImages.h"
#include "dialect/VityaDialect.h"
#include "mlir/IR/Threading.h"
#include "runtime/Margin.h"

using namespace mlir;

namespace vitya::reference {

static bool isStaticF32Tensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getElementType().isF32();
}

/// Runs a single model.
static FailureOr<std::vector<float>> runModel(ModuleOp module, int64_t count, ImageSource source,
                                              ImageObserver observe) {
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  if (!entry)
    return module.emitError("expected a function @") << kEntryName << ", found none";
  FunctionType type = entry.getFunctionType();
  if (type.getNumInputs() != 1 || type.getNumResults() != 1 || !isStaticF32Tensor(type.getInput(0)) ||
      !isStaticF32Tensor(type.getResult(0)) || cast<RankedTensorType>(type.getInput(0)).getRank() != 3)
    return entry.emitError("expected @") << kEntryName
                                         << " to map one f32 image [channels, height, width] to one f32 tensor, found "
                                         << type;
  FailureOr<Interpreter> interpreter = Interpreter::create(entry);
  if (failed(interpreter))
    return failure();

  auto image = cast<RankedTensorType>(type.getInput(0));
  int64_t size = cast<RankedTensorType>(type.getResult(0)).getNumElements();
  std::vector<float> results(count * size);
  parallelFor(module.getContext(), 0, count, [&](size_t index) {
    Tensor pixels(image.getShape(), image.getElementType());
    source(index, pixels.mutableValues());
    auto observeOp = [&](Operation *op, ArrayRef<Tensor> values) { observe(index, op, values); };
    SmallVector<Tensor> logits = interpreter->run(pixels, observe ? Observer(observeOp) : Observer(nullptr));
    llvm::copy(logits.front().values(), results.begin() + index * size);
  });
  return results;
}

FailureOr<std::vector<float>> runImages(ModuleOp module, int64_t count, ImageSource source, ImageObserver observe) {
  SmallVector<ModuleOp, 2> models = modelsOf(module);
  FailureOr<std::vector<float>> logits = runModel(models.front(), count, source, observe);
  auto cascade = getDiscardable<VityaDialect::CascadeAttrHelper>(module);
  if (failed(logits) || !cascade)
    return logits;
  auto classes = static_cast<int64_t>(logits->size()) / count;
  SmallVector<int64_t> deferred;
  for (int64_t index = 0; index < count; ++index)
    if (isDeferred(&(*logits)[index * classes], classes, cascade.getMargin().getValueAsDouble()))
      deferred.push_back(index);
  auto observeDeferred = [&](int64_t index, Operation *op, ArrayRef<Tensor> values) {
    observe(deferred[index], op, values);
  };
  FailureOr<std::vector<float>> dense = runModel(
      models.back(), static_cast<int64_t>(deferred.size()),
      [&](int64_t index, MutableArrayRef<float> image) { source(deferred[index], image); },
      observe ? ImageObserver(observeDeferred) : ImageObserver(nullptr));
  if (failed(dense))
    return failure();
  for (auto [position, index] : llvm::enumerate(deferred))
    llvm::copy(ArrayRef(*dense).slice(position * classes, classes), logits->begin() + index * classes);
  return logits;
}

} // namespace vitya::reference
