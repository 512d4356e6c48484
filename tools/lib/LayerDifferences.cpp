// An image at a time, so that the results of one image are in memory.
#include "tools/lib/LayerDifferences.h"
#include "dialect/VityaOps.h"
#include "dialect/reference/Interpreter.h"
#include "dialect/support/Errors.h"
#include "dialect/torch/Ops.h"
#include "dialect/torch/Program.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>

using namespace mlir;

namespace vitya {

LayerDifference differenceOf(StringRef name, ArrayRef<float> expected, ArrayRef<float> found) {
  LayerDifference result{name.str()};
  auto raise = [](double &largest, double value) {
    if (!(value <= largest)) // NaN stays
      largest = value;
  };
  for (auto [a, b] : llvm::zip_equal(expected, found)) {
    raise(result.largest, std::abs(double(a)));
    raise(result.difference, std::abs(double(a) - b));
  }
  return result;
}

namespace {

/// Images that LibTorch computes at once.
constexpr int64_t kBatch = 100;

class Execution {
public:
  Execution(autograd::Program program, reference::Interpreter interpreter, RankedTensorType image)
      : program(std::move(program)), interpreter(std::move(interpreter)), image(image) {
    for (const autograd::Parameter &parameter : this->program.parameters())
      weights.push_back(autograd::makeTensor(parameter.shape, parameter.values));
  }

  /// Compares the layers on `pixels`.
  void compare(ArrayRef<float> pixels, ComparedModel &result) {
    llvm::DenseMap<Operation *, reference::Tensor> expected;
    auto bytes = ArrayRef(reinterpret_cast<const char *>(pixels.data()), pixels.size() * sizeof(float));
    reference::Tensor logits =
        interpreter.run({reference::Tensor::view(image.getShape(), image.getElementType(), bytes)},
                        [&](Operation *op, ArrayRef<reference::Tensor> results) {
                          if (isa<LayerOpInterface>(op) && results[0].elementType().isF32())
                            expected[op] = results[0];
                        })[0];
    llvm::append_range(result.reference, logits.values());
    runTorch(pixels, [&](Operation *op, const autograd::Tensor &tensor) {
      auto known = expected.find(op);
      if (known == expected.end())
        return;
      LayerDifference found =
          differenceOf(cast<LayerOpInterface>(op).getLayer(), known->second.values(), autograd::elementsOf(tensor));
      auto [layer, isNew] = differences.try_emplace(op, found);
      if (!isNew && !(found.difference <= layer->second.difference))
        layer->second.difference = found.difference;
      layer->second.largest = std::max(layer->second.largest, found.largest);
    });
  }

  /// The logits of LibTorch for images [n, channels, height, width].
  std::vector<float> runTorch(ArrayRef<float> pixels, autograd::Program::Observer observe = nullptr) {
    SmallVector<int64_t> shape(image.getShape());
    shape.insert(shape.begin(), static_cast<int64_t>(pixels.size()) / image.getNumElements());
    return autograd::elementsOf(program.run(autograd::makeTensor(shape, pixels), weights, {}, observe));
  }

  llvm::MapVector<Operation *, LayerDifference> differences;

private:
  autograd::Program program;
  reference::Interpreter interpreter;
  RankedTensorType image;
  std::vector<autograd::Tensor> weights;
};

} // namespace

llvm::Expected<ComparedModel> compareLayers(ModuleOp module, int64_t count, int64_t layerCount,
                                            llvm::function_ref<void(int64_t, MutableArrayRef<float>)> source) {
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  auto image = entry && entry.getNumArguments() == 1 ? dyn_cast<RankedTensorType>(entry.getArgumentTypes().front())
                                                     : RankedTensorType();
  if (!image || !image.hasStaticShape() || image.getRank() != 3 || !image.getElementType().isF32())
    return makeError("expected @{0} to take one f32 image [channels, height, width]", kEntryName);
  FailureOr<autograd::Program> program = autograd::Program::create(entry);
  if (failed(program))
    return reportedError();
  FailureOr<reference::Interpreter> interpreter = reference::Interpreter::create(entry);
  if (failed(interpreter))
    return reportedError();
  ComparedModel result;
  int64_t size = image.getNumElements();
  llvm::Error error = autograd::guarded([&] {
    Execution execution(std::move(*program), std::move(*interpreter), image);
    std::vector<float> pixels;
    for (int64_t first = 0; first < count; first += kBatch) {
      int64_t batch = std::min(kBatch, count - first);
      pixels.resize(batch * size);
      MutableArrayRef<float> all(pixels);
      for (int64_t i = 0; i < batch; ++i) {
        source(first + i, all.slice(i * size, size));
        if (first + i < layerCount)
          execution.compare(all.slice(i * size, size), result);
      }
      llvm::append_range(result.torch, execution.runTorch(pixels));
    }
    for (auto &[op, difference] : execution.differences)
      result.layers.push_back(std::move(difference));
  });
  if (error)
    return std::move(error);
  return result;
}

} // namespace vitya
