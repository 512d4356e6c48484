// Rounds with the functions of the quantization passes and the reference interpreter, then returns to f32.
#include "passes/quantize/FakeQuantization.h"
#include "dialect/reference/Ops.h"
#include "mlir/IR/Threading.h"
#include "passes/analysis/AttentionMaps.h"

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {
namespace {

using reference::Tensor;
using Tensors = std::vector<Tensor>;

Tensor roundStatically(const Tensor &values, const AffineParameters &parameters) {
  Tensor result(values.shape(), values.elementType());
  for (auto [rounded, value] : llvm::zip_equal(result.mutableValues(), values.values()))
    rounded = parameters.dequantize(parameters.quantize(value));
  return result;
}

Tensor roundDynamically(const Tensor &values, Granularity granularity, Levels levels) {
  Type storage = IntegerType::get(values.elementType().getContext(), 8);
  Tensor params = reference::chooseQParams(values, granularity, levels.max);
  reference::IntMatrix integers =
      reference::integers(reference::quantize(values, params, levels, storage), /*isSigned=*/false);
  Tensor result(values.shape(), values.elementType());
  auto matrix = result.mutableMatrix();
  for (int64_t row = 0; row < integers.rows(); ++row) {
    auto [scale, zero] =
        std::pair(params.matrix()(params.dim(0) == 1 ? 0 : row, 0), params.matrix()(params.dim(0) == 1 ? 0 : row, 1));
    matrix.row(row) = (integers.row(row).cast<float>().array() - zero) * scale;
  }
  return result;
}

} // namespace

FakeQuantization::FakeQuantization(const QuantizeOptions &options) : options(options) {
  auto select = [&](const auto &chosen) {
    filter.emplace(chosen.layers, chosen.except, chosen.keepF32, chosen.bits);
    weights = chosen.weights;
    activationBits = chosen.activationBits;
  };
  if (auto *chosen = std::get_if<QuantizeStaticPassOptions>(&options))
    select(*chosen);
  if (auto *chosen = std::get_if<QuantizeDynamicPassOptions>(&options))
    select(*chosen);
}

bool FakeQuantization::quantizes(Operation *op) const {
  auto isSelected = [&](auto layer) {
    return filter && layer.isF32() && !filter->whyNot(layer) && !whyNotInteger(layer);
  };
  if (auto linear = dyn_cast<LinearOp>(op))
    return isSelected(linear);
  auto attention = dyn_cast<AttentionOp>(op);
  auto *chosen = std::get_if<QuantizeStaticPassOptions>(&options);
  return attention && chosen && chosen->attention && isSelected(attention);
}

Tensors FakeQuantization::roundOperand(const QuantizableOperand &operand, ArrayRef<Tensor> values) const {
  MLIRContext *context = operand.operand->getOwner()->getContext();
  Tensors result(values.size());
  if (auto *chosen = std::get_if<QuantizeDynamicPassOptions>(&options)) {
    parallelFor(context, 0, values.size(), [&](size_t i) {
      result[i] = roundDynamically(values[i], chosen->granularity, levelsOf(activationBits));
    });
    return result;
  }
  Observer observer(int64_t(values.size()));
  for (auto [i, tensor] : llvm::enumerate(values))
    observer.add(int64_t(i), tensor.values().data(), tensor.size());
  Levels levels = levelsOf(operand, activationBits);
  AffineParameters parameters =
      parametersOf(observer.range(std::get<QuantizeStaticPassOptions>(options).observer, levels), levels);
  parallelFor(context, 0, values.size(), [&](size_t i) { result[i] = roundStatically(values[i], parameters); });
  return result;
}

FailureOr<Tensors> FakeQuantization::run(Operation *op, ArrayRef<Tensors> operands) const {
  if (auto linear = dyn_cast<LinearOp>(op)) {
    FailureOr<Eigen::MatrixXd> weight = weightOf(linear);
    FailureOr<Eigen::VectorXd> bias = biasOf(linear);
    if (failed(weight) || failed(bias))
      return failure();
    RowMajorOf<float> exact = weight->cast<float>();
    FailureOr<QuantizedWeight> rounded =
        numerics::quantizeWeight(exact, weights == WeightGranularity::channel, int(bitsOf(linear)));
    if (auto attribute = getDiscardable<VityaDialect::RoundedAttrHelper>(op))
      rounded = quantizedWeightOf(linear, attribute);
    if (failed(rounded))
      return failure();
    return applyLinear(op->getContext(), {rounded->dequantize().cast<double>(), *bias}, operands.front());
  }
  auto attention = cast<AttentionOp>(op);
  FailureOr<std::optional<Tensor>> bias = scoreBiasOf(attention);
  if (failed(bias))
    return failure();
  Tensors results(operands.front().size());
  parallelFor(op->getContext(), 0, results.size(), [&](size_t i) {
    results[i] = reference::attention(operands[0][i], operands[1][i], operands[2][i], attention.getHeads(),
                                      attention.getScale().convertToDouble(), *bias ? &**bias : nullptr);
  });
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
  for (const QuantizableOperand &operand : cast<LayerOpInterface>(layer).getQuantizableOperands())
    operands.push_back(rounded(operand));
  FailureOr<Tensors> results = quantization.run(layer, operands);
  return failed(results) ? failure() : replay.assume(layer, std::move(*results));
}

const Tensors &QuantizedReplay::rounded(const QuantizableOperand &operand) {
  if (latest.value != operand.value() || latest.isSigned != operand.isSigned)
    latest = {operand.value(), operand.isSigned, quantization.roundOperand(operand, replay.valuesOf(operand.value()))};
  return latest.tensors;
}

Tensors QuantizedReplay::inputOf(LinearOp op) {
  return quantization.quantizes(op) ? rounded(op.getQuantizableOperands().front())
                                    : replay.valuesOf(op.getInput()).vec();
}

PairedReplay::PairedReplay(ModuleOp module, const ImageSet &images, const FakeQuantization &quantization)
    : clone(cast<ModuleOp>(module->clone(clones))),
      original(clone->lookupSymbol<func::FuncOp>(kEntryName), images, images.count()),
      quantized(module.lookupSymbol<func::FuncOp>(kEntryName), images, images.count(), quantization) {}

LogicalResult PairedReplay::advanceTo(LinearOp op) {
  return success(succeeded(original.advanceTo(clones.lookup(op.getOperation()))) && succeeded(quantized.advanceTo(op)));
}

Value PairedReplay::originalInput(LinearOp op) const {
  return cast<LinearOp>(clones.lookup(op.getOperation())).getInput();
}

} // namespace vitya
