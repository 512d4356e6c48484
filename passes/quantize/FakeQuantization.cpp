// Rounds with the functions of the quantization passes and the reference interpreter, then returns to f32.
#include "passes/quantize/FakeQuantization.h"
#include "dialect/reference/Ops.h"
#include "mlir/IR/Threading.h"

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {
namespace {

using reference::Tensor;
using Tensors = std::vector<Tensor>;

/// The layers that the options of a static or dynamic quantization select.
template <typename Options>
LayerFilter filterOf(const Options &options) {
  return {options.layers, options.except, options.keepF32};
}
LayerFilter filterOf(const QuantizeOptions &options) {
  if (auto *chosen = std::get_if<QuantizeStaticPassOptions>(&options))
    return filterOf(*chosen);
  if (auto *chosen = std::get_if<QuantizeDynamicPassOptions>(&options))
    return filterOf(*chosen);
  return {"", "", {}};
}

Tensor roundStatically(const Tensor &values, const AffineParameters &parameters) {
  Tensor result(values.shape(), values.elementType());
  for (auto [rounded, value] : llvm::zip_equal(result.mutableValues(), values.values()))
    rounded = parameters.dequantize(parameters.quantize(value));
  return result;
}

Tensor roundDynamically(const Tensor &values, Granularity granularity) {
  Type storage = IntegerType::get(values.elementType().getContext(), 8);
  Tensor params = reference::chooseQParams(values, granularity, kUnsignedLevels.max);
  reference::IntMatrix levels =
      reference::integers(reference::quantize(values, params, kUnsignedLevels, storage), /*isSigned=*/false);
  Tensor result(values.shape(), values.elementType());
  auto matrix = result.mutableMatrix();
  for (int64_t row = 0; row < levels.rows(); ++row) {
    auto [scale, zero] =
        std::pair(params.matrix()(params.dim(0) == 1 ? 0 : row, 0), params.matrix()(params.dim(0) == 1 ? 0 : row, 1));
    matrix.row(row) = (levels.row(row).cast<float>().array() - zero) * scale;
  }
  return result;
}

} // namespace

FakeQuantization::FakeQuantization(const QuantizeOptions &options) : options(options), filter(filterOf(options)) {
  if (auto *chosen = std::get_if<QuantizeStaticPassOptions>(&options))
    weights = chosen->weights;
  if (auto *chosen = std::get_if<QuantizeDynamicPassOptions>(&options))
    weights = chosen->weights;
}

bool FakeQuantization::quantizes(Operation *op) const {
  auto *chosen = std::get_if<QuantizeStaticPassOptions>(&options);
  if (auto attention = dyn_cast<AttentionOp>(op))
    return chosen && chosen->attention && !attention.isQuantized() && !filter.whyNot(attention) &&
           !whyNotInteger(attention);
  auto linear = dyn_cast<LinearOp>(op);
  return linear && !std::holds_alternative<std::monostate>(options) && !linear.isQuantized() &&
         !filter.whyNot(linear) && !whyNotInteger(linear);
}

FailureOr<Tensors> FakeQuantization::roundOperand(Operation *op, size_t index, ArrayRef<Tensor> values) const {
  auto layer = cast<LayerOpInterface>(op);
  if (!llvm::all_of(values, [](const Tensor &each) { return each.matrix().allFinite(); }))
    return op->emitOpError("expected finite operands of layer '")
           << layer.getLayer() << "' on the calibration images, found NaN or infinity";
  Tensors result(values.size());
  if (auto *chosen = std::get_if<QuantizeDynamicPassOptions>(&options)) {
    parallelFor(op->getContext(), 0, values.size(),
                [&](size_t i) { result[i] = roundDynamically(values[i], chosen->granularity); });
    return result;
  }
  Observer observer(int64_t(values.size()));
  for (auto [i, tensor] : llvm::enumerate(values))
    observer.add(int64_t(i), tensor.values().data(), tensor.size());
  Symmetry symmetry = layer.getQuantizableOperands()[index].isSigned ? Symmetry::symmetric : Symmetry::affine;
  AffineParameters parameters =
      parametersOf(observer.range(std::get<QuantizeStaticPassOptions>(options).observer, symmetry), symmetry);
  parallelFor(op->getContext(), 0, values.size(),
              [&](size_t i) { result[i] = roundStatically(values[i], parameters); });
  return result;
}

FailureOr<Tensors> FakeQuantization::run(Operation *op, ArrayRef<Tensors> operands) const {
  Tensors results(operands.front().size());
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    parallelFor(op->getContext(), 0, results.size(), [&](size_t i) {
      results[i] = reference::attention(operands[0][i], operands[1][i], operands[2][i], attention.getHeads(),
                                        attention.getScale().convertToDouble());
    });
    return results;
  }
  auto linear = cast<LinearOp>(op);
  FailureOr<Eigen::MatrixXd> weight = weightOf(linear);
  FailureOr<Eigen::VectorXd> bias = biasOf(linear);
  if (failed(weight) || failed(bias))
    return failure();
  Type f32 = linear.getType().getElementType();
  RowMajorOf<float> exact = weight->cast<float>();
  RowMajorOf<float> rounded = numerics::quantizeWeight(exact, weights == WeightGranularity::channel).dequantize();
  PackedMatrix packed = reference::packed(toTensor(Eigen::MatrixXd(rounded.cast<double>()), f32));
  Tensor biasTensor = toTensor(*bias, f32);
  parallelFor(op->getContext(), 0, results.size(),
              [&](size_t i) { results[i] = reference::linear(operands[0][i], packed, &biasTensor); });
  return results;
}

LogicalResult QuantizedReplay::advanceTo(Operation *op) {
  for (Operation *each = replay.next(); each != op; each = each->getNextNode())
    if (quantization.quantizes(each) && failed(execute(each)))
      return failure();
  return replay.advanceTo(op);
}

LogicalResult QuantizedReplay::execute(Operation *layer) {
  if (failed(replay.advanceTo(layer)))
    return failure();
  SmallVector<Tensors> operands;
  for (auto [index, operand] : llvm::enumerate(cast<LayerOpInterface>(layer).getQuantizableOperands())) {
    FailureOr<Tensors> rounded = quantization.roundOperand(layer, index, replay.valuesOf(operand.value()));
    if (failed(rounded))
      return failure();
    operands.push_back(std::move(*rounded));
  }
  FailureOr<Tensors> results = quantization.run(layer, operands);
  if (failed(results))
    return failure();
  replay.assume(layer->getResult(0), std::move(*results));
  return success();
}

FailureOr<Tensors> QuantizedReplay::inputOf(LinearOp op) const {
  ArrayRef<Tensor> values = replay.valuesOf(op.getInput());
  return quantization.quantizes(op) ? quantization.roundOperand(op, 0, values) : FailureOr<Tensors>(values.vec());
}

} // namespace vitya
