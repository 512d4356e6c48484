// One function for each form in which a checkpoint stores a linear layer.
#include "frontend/import/LayerBuilder.h"
#include "dialect/Constants.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

static int64_t widthOf(Tokens tokens) { return tokens.getType().getDimSize(1); }

//===----------------------------------------------------------------------===//
// Linear layers
//===----------------------------------------------------------------------===//

/// Checks the matrix that is applied to `input`, which may be the kernel of a convolution over whole patches.
Error LayerBuilder::checkWeight(const Layer &layer, Tokens input) const {
  ArrayRef<int64_t> shape = weights.tensor(layer.weight).shape;
  if (layer.isTransposed)
    return weights.checkShape(layer.weight, shape.size() == 2 && shape[0] == widthOf(input) && shape[1] > 0,
                              "[" + llvm::Twine(widthOf(input)) + ", out]");
  auto patchify = input.getDefiningOp<PatchifyOp>();
  if (!patchify || shape.size() != 4)
    return weights.checkShape(layer.weight, shape.size() == 2 && shape[0] > 0 && shape[1] == widthOf(input),
                              "[out, " + llvm::Twine(widthOf(input)) + "]");
  // The convolution is a matrix product if the pixels of a patch are in the order of its kernel.
  if (patchify.getOrder() == PatchOrder::channel_row_column)
    return Error::success();
  return makeError("expected a matrix as tensor '{0}' after patches in the order {1}, found shape {2}",
                   layer.weight.name, stringifyPatchOrder(patchify.getOrder()), formatShape(shape));
}

Expected<Tokens> LayerBuilder::linear(const Layer &layer, Tokens input) {
  if (Error error = checkWeight(layer, input))
    return std::move(error);
  if (layer.left)
    return factors(layer, input);
  return product(layer, layer.name, layer.weight, input, record.linears.lookup(layer.recordName()));
}

/// x right^T left^T + bias, as two layers
Expected<Tokens> LayerBuilder::factors(const Layer &layer, Tokens input) {
  int64_t in = widthOf(input), rank = weights.tensor(layer.weight).shape[0];
  ArrayRef<int64_t> left = weights.tensor(*layer.left).shape;
  if (Error error = weights.checkShape(*layer.left, left.size() == 2 && left[0] > 0 && left[1] == rank,
                                       "[out, " + llvm::Twine(rank) + "]"))
    return std::move(error);
  LinearInfoAttr info = record.linears.lookup(layer.name);
  if (!info)
    info = LinearInfoAttr::get(builder.getContext(), layer.name, in, left[0], LayerFormat::f32(),
                               llvm::formatv("factors in the checkpoint, rank {0}", rank).str(), rank);
  Layer right;
  right.name = layer.name + ".right";
  Expected<Tokens> reduced = product(right, right.name, layer.weight, input, info);
  if (!reduced)
    return reduced;
  return product(layer, layer.name + ".left", *layer.left, *reduced, info);
}

/// input matrix^T + bias, as the op called `name`. LayerScale is a factor of the rows of the matrix and of the bias.
Expected<Tokens> LayerBuilder::product(const Layer &layer, StringRef name, const TensorName &matrix, Tokens input,
                                       LinearInfoAttr info) {
  Expected<Tokens> scaledInput = scaleInput(name, input);
  if (!scaledInput)
    return scaledInput;
  input = *scaledInput;
  if (layer.isTransposed)
    return transposedProduct(layer, input, info);
  if (weights.tensor(matrix).isQuantized() || record.quantized.contains(name))
    return quantizedProduct(layer, name, matrix, input, info);
  int64_t out = weights.tensor(matrix).shape[0];
  Expected<std::vector<float>> rowScale = scale(layer, out);
  if (!rowScale)
    return rowScale.takeError();
  Expected<Value> weight = weights.constant(builder, matrix, {out, widthOf(input)}, *rowScale);
  if (!weight)
    return weight.takeError();
  recordScale(layer, *weight);
  Expected<Value> addend = bias(layer, out, *rowScale);
  if (!addend)
    return addend.takeError();
  return recorded(LinearOp::create(builder, nameLocation(builder, name), name, input, *weight, *addend, info), matrix);
}

/// `op`, whose weight is that of `matrix`. It multiplies bf16 if the record of the layer and the type of the tensor say
/// so: checkpoints that were trained in bf16 have no record.
Expected<Tokens> LayerBuilder::recorded(LinearOp op, const TensorName &matrix) {
  LinearInfoAttr info = op.getInfoAttr();
  if (info && !info.getFormat().isF32() && weights.tensor(matrix).type->torchType == "bfloat16" &&
      failed(bf16Layers.convert(op)))
    return makeError("expected a matrix as tensor '{0}' of a layer in bf16, found another", matrix.name);
  return op.getResult();
}

/// The same with a matrix that is stored transposed.
Expected<Tokens> LayerBuilder::transposedProduct(const Layer &layer, Tokens input, LinearInfoAttr info) {
  int64_t in = widthOf(input), out = weights.tensor(layer.weight).shape[1];
  Expected<std::vector<float>> rowScale = scale(layer, out);
  if (!rowScale)
    return rowScale.takeError();
  Expected<std::vector<float>> stored = weights.read(layer.weight);
  if (!stored)
    return stored.takeError();
  std::vector<float> values(stored->size());
  for (int64_t row = 0; row < out; ++row)
    for (int64_t column = 0; column < in; ++column)
      values[row * in + column] = (*stored)[column * out + row] * (rowScale->empty() ? 1 : (*rowScale)[row]);
  Expected<Value> addend = bias(layer, out, *rowScale);
  if (!addend)
    return addend.takeError();
  Value weight = computedConstant(layer.name + ".weight", {out, in}, values);
  weights.recordStored(weight, layer.weight, {in, out}, /*order=*/{1, 0});
  recordScale(layer, weight);
  return recorded(
      LinearOp::create(builder, nameLocation(builder, layer.name), layer.name, input, weight, *addend, info),
      layer.weight);
}

/// A constant whose values are not those of a tensor of the file. It is named as exported checkpoints name it.
Value LayerBuilder::computedConstant(const std::string &name, ArrayRef<int64_t> shape, ArrayRef<float> values) {
  return createConstant(builder, nameLocation(builder, name), RankedTensorType::get(shape, builder.getF32Type()), name,
                        values);
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// The tensor `name` of `size` elements; `value` for each if the file lacks it.
Expected<std::vector<float>> LayerBuilder::readVector(const TensorName &name, int64_t size, float value) const {
  if (name.name.empty())
    return std::vector<float>(size, value);
  if (Error error = weights.checkShape(name, {size}))
    return std::move(error);
  return weights.read(name);
}

/// The batch norm as a factor and a summand of each channel.
Expected<ChannelAffine> LayerBuilder::fold(const BatchNorm &norm, int64_t channels) const {
  std::vector<float> gamma, beta, mean, variance;
  for (auto [name, value, values] :
       {std::tuple(&norm.weight, 1.0f, &gamma), std::tuple(&norm.bias, 0.0f, &beta),
        std::tuple(&norm.mean, 0.0f, &mean), std::tuple(&norm.variance, 1.0f, &variance)}) {
    Expected<std::vector<float>> read = readVector(*name, channels, value);
    if (!read)
      return read.takeError();
    *values = std::move(*read);
  }
  Expected<ChannelAffine> affine = foldBatchNorm(gamma, beta, mean, variance, norm.eps);
  return affine ? std::move(affine) : prefixError("tensor '" + norm.variance.name + "'", affine.takeError());
}

Expected<Tokens> LayerBuilder::convolution(const ConvolutionStep &step, Sizes window, Tokens input) {
  const Layer &layer = step.layer;
  ArrayRef<int64_t> shape = weights.tensor(layer.weight).shape;
  if (shape.size() == 2 && !step.norm)
    return linear(layer, input);
  if (shape.size() == 2)
    return weights.checkShape(layer.weight, false, "[out, channels, height, width]");
  int64_t out = shape[0], channels = shape[1], pixels = window[0] * window[1];
  ChannelAffine affine{std::vector<double>(out, 1), std::vector<double>(out, 0)};
  if (step.norm) {
    Expected<ChannelAffine> folded = fold(*step.norm, out);
    if (!folded)
      return folded.takeError();
    affine = std::move(*folded);
  }
  Expected<std::vector<float>> kernel = weights.read(layer.weight);
  if (!kernel)
    return kernel.takeError();
  std::vector<float> values(kernel->size());
  for (int64_t row = 0; row < out; ++row)
    for (int64_t channel = 0; channel < channels; ++channel)
      for (int64_t pixel = 0; pixel < pixels; ++pixel)
        values[(row * pixels + pixel) * channels + channel] =
            (*kernel)[(row * channels + channel) * pixels + pixel] * affine.factors[row];
  Value addend;
  if (layer.bias || step.norm) {
    Expected<std::vector<float>> stored = readVector(layer.bias.value_or(TensorName()), out, 0);
    if (!stored)
      return stored.takeError();
    for (auto [value, factor, summand] : llvm::zip_equal(*stored, affine.factors, affine.summands))
      value = value * factor + summand;
    addend = computedConstant(layer.name + ".bias", {out}, *stored);
  }
  std::string name = layer.name + ".weight";
  Value weight = computedConstant(name, {out, pixels * channels}, values);
  weights.recordStored(weight, step.norm ? TensorName{name} : layer.weight, shape, /*order=*/{0, 2, 3, 1});
  return recorded(LinearOp::create(builder, nameLocation(builder, layer.name), layer.name, input, weight, addend,
                                   record.linears.lookup(layer.recordName())),
                  layer.weight);
}

//===----------------------------------------------------------------------===//
// Quantized layers
//===----------------------------------------------------------------------===//

/// How the op `name` computes with the quantized tensor `matrix`.
Expected<CompressionRecord::Linear> LayerBuilder::quantization(StringRef name, const TensorName &matrix) {
  const Tensor &tensor = weights.tensor(matrix);
  auto found = record.quantized.find(name);
  bool isRecorded = found != record.quantized.end();
  if (tensor.quantizer && !isRecorded) {
    // PyTorch's layers of this kind call quantized::linear_dynamic with reduce_range: activations have 7 bits.
    constexpr int64_t reducedLevels = 127;
    auto u8 = quant::AnyQuantizedType::get(/*flags=*/0, builder.getI8Type(), builder.getF32Type(), 0, 255);
    return CompressionRecord::Linear{{u8, {}}, Granularity::tensor, reducedLevels, std::nullopt, true};
  }
  if (!tensor.weight || !isRecorded)
    return makeError("expected layer '{0}' under 'quantized' and its weight '{1}' under 'weights' in the file's "
                     "'vitya' entry, found it only under '{2}'",
                     name, matrix.name, isRecorded ? "quantized" : "weights");
  quantizedLayers.insert(name);
  return found->getValue();
}

/// The same with a quantized matrix and input.
Expected<Tokens> LayerBuilder::quantizedProduct(const Layer &layer, StringRef name, const TensorName &matrix,
                                                Tokens input, LinearInfoAttr info) {
  int64_t in = widthOf(input), out = weights.tensor(matrix).shape[0];
  if (layer.scale)
    return makeError("expected an f32 tensor '{0}', because LayerScale '{1}' is multiplied into it, found one that is "
                     "quantized: import the f32 model and use --quantize=dynamic",
                     matrix.name, layer.scale->name);
  if (in > kMaxProducts)
    return makeError("expected a quantized tensor '{0}' of at most {1} columns, found {2}", matrix.name, kMaxProducts,
                     in);
  Expected<CompressionRecord::Linear> how = quantization(name, matrix);
  if (!how)
    return how.takeError();
  Expected<Value> weight = weights.quantizedConstant(builder, matrix, {out, in});
  if (!weight)
    return weight.takeError();
  if (how->noise)
    setDiscardable<VityaDialect::NoiseAttrHelper>(weight->getDefiningOp(), builder.getF64FloatAttr(*how->noise));
  bool isDynamic = isa<quant::AnyQuantizedType>(how->input.type);
  Expected<Value> addend = quantizedBias(layer, out, isDynamic);
  if (!addend)
    return addend.takeError();
  if (!info)
    info = LinearInfoAttr::get(builder.getContext(), layer.recordName(), in, out,
                               formatOf(how->input.type, weight->getType()), "quantized in the checkpoint",
                               /*rank=*/std::nullopt);
  auto [bytes, params] = quantize(input, *how);
  auto op = LinearOp::create(builder, nameLocation(builder, name), builder.getStringAttr(name), bytes, *weight, *addend,
                             params, info);
  if (how->input.observed)
    setDiscardable<VityaDialect::RangesAttrHelper>(op,
                                                   builder.getArrayAttr(builder.getArrayAttr({how->input.observed})));
  return op.getResult();
}

/// The bias of a quantized layer, in steps of its sums if it is i32; null if it has none.
Expected<Value> LayerBuilder::quantizedBias(const Layer &layer, int64_t out, bool isDynamic) {
  if (!layer.bias || weights.tensor(*layer.bias).type->name != "i32")
    return bias(layer, out, /*scale=*/{});
  if (isDynamic)
    return makeError("expected a floating-point bias '{0}', because its layer is quantized at run time, found i32",
                     layer.bias->name);
  if (Error error = weights.checkShape(*layer.bias, {out}))
    return std::move(error);
  return weights.integerConstant(builder, *layer.bias, {out});
}

Error LayerBuilder::checkRecords() const {
  for (const auto &entry : record.quantized)
    if (!quantizedLayers.contains(entry.getKey()))
      return makeError("expected the names of linear layers under 'quantized' in the file's 'vitya' entry, found '{0}'",
                       entry.getKey());
  for (const auto &entry : record.inputFactors)
    if (!scaledLayers.contains(entry.getKey()))
      return makeError(
          "expected the names of linear layers under 'input_factors' in the file's 'vitya' entry, found '{0}'",
          entry.getKey());
  return Error::success();
}

/// The LayerScale of a layer, one factor for each output; empty if it has none.
Expected<std::vector<float>> LayerBuilder::scale(const Layer &layer, int64_t out) const {
  if (!layer.scale)
    return std::vector<float>();
  if (Error error = weights.checkShape(*layer.scale, {out}))
    return std::move(error);
  return weights.read(*layer.scale);
}

/// The LayerScale that has been multiplied into `weight` is stored as ones.
void LayerBuilder::recordScale(const Layer &layer, Value weight) {
  if (layer.scale)
    weights.recordFilled(weight, *layer.scale, weights.tensor(*layer.scale).shape, 1);
}

/// The bias of a layer times `scale`, if that is not empty; null if it has none.
Expected<Value> LayerBuilder::bias(const Layer &layer, int64_t out, ArrayRef<float> scale) {
  if (!layer.bias)
    return Value();
  if (Error error = weights.checkShape(*layer.bias, {out}))
    return std::move(error);
  return weights.constant(builder, *layer.bias, {out}, scale);
}

Value LayerBuilder::cast(Value value, quant::QuantizedType element) {
  auto type = RankedTensorType::get(mlir::cast<RankedTensorType>(value.getType()).getShape(), element);
  Value &result = casts[{value, type}];
  if (!result) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(value);
    result = quant::QuantizeCastOp::create(builder, value.getLoc(), type, value);
  }
  return result;
}

Expected<Tokens> LayerBuilder::scaleInput(StringRef name, Tokens input) {
  auto found = record.inputFactors.find(name);
  if (found == record.inputFactors.end())
    return input;
  ArrayRef<float> factors = found->getValue();
  scaledLayers.insert(name);
  if (int64_t width = widthOf(input); int64_t(factors.size()) != width)
    return makeError("expected {0} input factors of layer '{1}' in the file's 'vitya' entry, found {2}", width, name,
                     factors.size());
  Tokens &result = scaled[input];
  if (result)
    return result;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfterValue(input);
  auto type = RankedTensorType::get({widthOf(input)}, builder.getF32Type());
  Value constant = createConstant(builder, nameLocation(builder, name), type, (name + ".input_factors").str(), factors);
  return result = ScaleColumnsOp::create(builder, input.getLoc(), input, constant).getResult();
}

LayerBuilder::QuantizedInput LayerBuilder::quantize(Tokens input, const CompressionRecord::Linear &how) {
  if (!isa<quant::AnyQuantizedType>(how.input.type))
    return {cast(input, how.input.type), Value()};
  QuantizedInput &result = dynamicInputs[{input, how.input.type, how.granularity, how.levels}];
  if (result.bytes)
    return result;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfterValue(input);
  auto levels = static_cast<int32_t>(how.levels);
  auto params = ChooseQParamsOp::create(builder, input.getLoc(), how.granularity, input, levels);
  auto type = RankedTensorType::get(input.getType().getShape(), how.input.type);
  auto bytes = QuantizeOp::create(builder, input.getLoc(), type, input, params, /*is_signed=*/false,
                                  static_cast<int32_t>(how.input.type.getStorageTypeMax()));
  return result = {bytes.getResult(), params.getResult()};
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

Expected<Tokens> LayerBuilder::norm(const Layer &layer, Tokens input, NormKind kind, double eps) {
  int64_t width = widthOf(input);
  if (Error error = weights.checkShape(layer.weight, {width}))
    return std::move(error);
  Expected<Value> weight = weights.constant(builder, layer.weight, {width});
  if (!weight)
    return weight.takeError();
  Location loc = nameLocation(builder, layer.name);
  if (kind == NormKind::rms) {
    if (layer.bias)
      return makeError("expected norms without a bias, because the setting 'norm' is 'rms', found tensor '{0}'",
                       layer.bias->name);
    return RmsNormOp::create(builder, loc, layer.name, input, *weight, llvm::APFloat(eps)).getResult();
  }
  Expected<Value> addend = layer.bias ? bias(layer, width, /*scale=*/{})
                                      : computedConstant(layer.name + ".bias", {width}, std::vector<float>(width));
  if (!addend)
    return addend.takeError();
  return LayerNormOp::create(builder, loc, layer.name, input, *weight, *addend, llvm::APFloat(eps)).getResult();
}

} // namespace vitya
