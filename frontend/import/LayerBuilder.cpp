// One function for each form in which a checkpoint stores a linear layer.
#include "frontend/import/LayerBuilder.h"
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
  auto patchify = input.getDefiningOp<PatchifyOp>();
  if (!patchify || shape.size() != 4)
    return weights.checkShape(layer.weight, shape.size() == 2 && shape[0] > 0 && shape[1] == widthOf(input),
                              "[out, " + llvm::Twine(widthOf(input)) + "]");
  // The convolution is a matrix product if the pixels of a patch are in the order of its kernel.
  if (patchify.getOrder() == PatchOrder::channel_row_column)
    return Error::success();
  return makeError("expected a matrix as tensor '{0}' behind patches in the order {1}, found shape {2}",
                   layer.weight.name, stringifyPatchOrder(patchify.getOrder()), formatShape(shape));
}

Expected<Tokens> LayerBuilder::linear(const Layer &layer, Tokens input) {
  if (Error error = checkWeight(layer, input))
    return std::move(error);
  if (layer.left)
    return factors(layer, input);
  return product(layer, layer.name, layer.weight, input, record.linears.lookup(layer.name));
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
  Expected<Value> right = weights.constant(builder, layer.weight, {rank, in});
  if (!right)
    return right.takeError();
  std::string name = layer.name + ".right";
  auto reduced = LinearOp::create(builder, nameLocation(builder, name), name, input, *right, Value(), info);
  return product(layer, layer.name + ".left", *layer.left, reduced.getResult(), info);
}

/// input matrix^T + bias, as the op called `name`. LayerScale is a factor of the rows of the matrix and of the bias.
Expected<Tokens> LayerBuilder::product(const Layer &layer, StringRef name, const TensorName &matrix, Tokens input,
                                       LinearInfoAttr info) {
  if (weights.tensor(matrix).quantizer)
    return quantizedProduct(layer, name, matrix, input, info);
  int64_t out = weights.tensor(matrix).shape[0];
  Expected<std::vector<float>> rowScale = scale(layer, out);
  if (!rowScale)
    return rowScale.takeError();
  Expected<Value> weight = weights.constant(builder, matrix, {out, widthOf(input)}, *rowScale);
  if (!weight)
    return weight.takeError();
  Expected<Value> addend = bias(layer, out, *rowScale);
  if (!addend)
    return addend.takeError();
  return LinearOp::create(builder, nameLocation(builder, name), name, input, *weight, *addend, info).getResult();
}

/// The same with a matrix of type qint8, for an input that is quantized at run time.
Expected<Tokens> LayerBuilder::quantizedProduct(const Layer &layer, StringRef name, const TensorName &matrix,
                                                Tokens input, LinearInfoAttr info) {
  int64_t in = widthOf(input), out = weights.tensor(matrix).shape[0];
  if (layer.scale)
    return makeError("expected an f32 tensor '{0}', because LayerScale '{1}' is multiplied into it, found one that "
                     "PyTorch has quantized: import the f32 model and use --quantize=dynamic",
                     matrix.name, layer.scale->name);
  if (in > kMaxProducts)
    return makeError("expected a quantized tensor '{0}' of at most {1} columns, found {2}", matrix.name, kMaxProducts,
                     in);
  Expected<Value> weight = weights.quantizedConstant(builder, matrix, {out, in});
  if (!weight)
    return weight.takeError();
  Expected<Value> addend = bias(layer, out, /*scale=*/{});
  if (!addend)
    return addend.takeError();
  if (!info)
    info =
        LinearInfoAttr::get(builder.getContext(), layer.name, in, out, LayerFormat::integers(8, 8, /*isDynamic=*/true),
                            "quantized in the checkpoint", /*rank=*/std::nullopt);
  auto [bytes, params] = quantize(input);
  return LinearOp::create(builder, nameLocation(builder, name), builder.getStringAttr(name), bytes, *weight, *addend,
                          params, info)
      .getResult();
}

/// The LayerScale of a layer, one factor for each output; empty if it has none.
Expected<std::vector<float>> LayerBuilder::scale(const Layer &layer, int64_t out) const {
  if (!layer.scale)
    return std::vector<float>();
  if (Error error = weights.checkShape(*layer.scale, {out}))
    return std::move(error);
  return weights.read(*layer.scale);
}

/// The bias of a layer times `scale`, if that is not empty; null if it has none.
Expected<Value> LayerBuilder::bias(const Layer &layer, int64_t out, ArrayRef<float> scale) {
  if (!layer.bias)
    return Value();
  if (Error error = weights.checkShape(*layer.bias, {out}))
    return std::move(error);
  return weights.constant(builder, *layer.bias, {out}, scale);
}

LayerBuilder::QuantizedInput LayerBuilder::quantize(Tokens input) {
  auto [entry, isNew] = quantizedInputs.try_emplace(input);
  if (!isNew)
    return entry->second;
  // PyTorch's layers of this kind call quantized::linear_dynamic with reduce_range: activations have 7 bits.
  constexpr int32_t kReducedLevels = 127;
  auto params = ChooseQParamsOp::create(builder, input.getLoc(), Granularity::tensor, input, kReducedLevels);
  auto u8 = quant::AnyQuantizedType::get(/*flags=*/0, builder.getI8Type(), builder.getF32Type(), 0, 255);
  auto bytes = QuantizeOp::create(builder, input.getLoc(), RankedTensorType::get(input.getType().getShape(), u8), input,
                                  params, /*is_signed=*/false);
  return entry->second = {bytes.getResult(), params.getResult()};
}

//===----------------------------------------------------------------------===//
// Layer norms
//===----------------------------------------------------------------------===//

Expected<Tokens> LayerBuilder::layerNorm(const Layer &layer, Tokens input, double eps) {
  int64_t width = widthOf(input);
  if (!layer.bias)
    return makeError("expected a bias of norm '{0}', found none", layer.name);
  if (Error error = weights.checkShape(layer.weight, {width}))
    return std::move(error);
  Expected<Value> weight = weights.constant(builder, layer.weight, {width});
  if (!weight)
    return weight.takeError();
  Expected<Value> addend = bias(layer, width, /*scale=*/{});
  if (!addend)
    return addend.takeError();
  return LayerNormOp::create(builder, nameLocation(builder, layer.name), layer.name, input, *weight, *addend,
                             llvm::APFloat(eps))
      .getResult();
}

} // namespace vitya
