// One function for each kind of step. Every shape is checked before the op that needs it is built, so that an error
// names the tensor instead of coming from the op's verifier.
#include "frontend/import/ModelBuilder.h"
#include "dialect/support/Errors.h"
#include "frontend/import/ModelModule.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

ModelBuilder::ModelBuilder(MLIRContext &context, const Checkpoint &checkpoint, const Settings &settings,
                           const CompressionRecord &record, ModelSettings &used)
    : context(context), settings(settings), record(record), used(used), builder(&context), weights(checkpoint),
      layers(builder, weights, record) {}

RankedTensorType ModelBuilder::type(ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, builder.getF32Type());
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

/// Moves `value` to `target`, or returns its error.
template <typename T>
static Error moveTo(T &target, Expected<T> value) {
  if (!value)
    return value.takeError();
  target = std::move(*value);
  return Error::success();
}

Error ModelBuilder::buildSteps(const Steps &steps) {
  for (const Step &step : steps)
    if (Error error = std::visit([&](const auto &kind) { return buildStep(kind); }, step.step))
      return error;
  return Error::success();
}

Error ModelBuilder::buildStep(const PatchifyStep &step) {
  int64_t patch[] = {geometry.patchHeight, geometry.patchWidth};
  auto [mean, meanSource] = settings.mean;
  auto [deviation, deviationSource] = settings.std;
  used.add("mean", ArrayRef(mean), meanSource);
  used.add("std", ArrayRef(deviation), deviationSource);
  tokens = NormalizeOp::create(builder, location("normalize"), tokens, mean, deviation);
  tokens = PatchifyOp::create(builder, location("patchify"), tokens, patch, step.order);
  grid = {geometry.height / patch[0], geometry.width / patch[1]};
  return Error::success();
}

Error ModelBuilder::buildStep(const LinearStep &step) { return moveTo(tokens, layers.linear(step.layer, tokens)); }

Expected<Tokens> ModelBuilder::norm(const Layer &layer, Tokens input) {
  Expected<Sourced<double>> eps = settings.eps();
  if (!eps)
    return eps.takeError();
  used.add("eps", eps->value, eps->source);
  auto [kind, source] = settings.norm;
  if (source != SettingSource::guess)
    used.add("norm", stringifyNormKind(kind), source);
  else if (!layer.bias)
    used.addDoubt("LayerNorm, although norms have no bias, as those of RMSNorm (norm=rms)");
  return layers.norm(layer, input, kind, eps->value);
}

Error ModelBuilder::buildStep(const NormStep &step) { return moveTo(tokens, norm(step.layer, tokens)); }

Error ModelBuilder::buildStep(const ActivationStep &step) {
  // GELU is what these families have, unless a source says otherwise.
  if (auto [activation, source] = settings.activation; !step.kind && source != SettingSource::guess)
    used.add("activation", stringifyActivation(activation), source);
  switch (step.kind.value_or(settings.activation.value)) {
  case Activation::gelu:
    used.add("gelu", stringifyGeluForm(settings.gelu.value), settings.gelu.source);
    tokens = GeluOp::create(builder, location("gelu"), settings.gelu.value, tokens);
    return Error::success();
  case Activation::relu:
    tokens = ReluOp::create(builder, location("relu"), tokens);
    return Error::success();
  case Activation::silu:
    tokens = SiluOp::create(builder, location("silu"), tokens);
    return Error::success();
  case Activation::swiglu:
    break;
  }
  if (columns() % 2 != 0)
    return makeError("expected an even number of columns for 'swiglu', found {0}", columns());
  Location loc = location("swiglu");
  int64_t half = columns() / 2;
  Tokens gate = slice(tokens, {0, 0}, {rows(), half}, loc), linear = slice(tokens, {0, half}, {rows(), half}, loc);
  gate = SiluOp::create(builder, loc, gate);
  tokens = cast<Tokens>(arith::MulFOp::create(builder, loc, gate, linear).getResult());
  return Error::success();
}

void ModelBuilder::TokensBefore::drop(int64_t count) {
  dropped += count;
  rows = std::max<int64_t>(rows - count, 0);
  for (std::optional<int64_t> *row : {&classToken, &distillation})
    *row = *row && **row >= count ? std::optional(**row - count) : std::nullopt;
}

Error ModelBuilder::buildStep(const ResidualStep &step) {
  Tokens before = tokens;
  int64_t dropped = others.dropped;
  if (Error error = buildSteps(step.steps))
    return error;
  // An attention may compute some of the tokens only.
  if (rows() < before.getType().getDimSize(0))
    before = slice(before, {others.dropped - dropped, 0}, {rows(), before.getType().getDimSize(1)}, before.getLoc());
  if (tokens.getType() != before.getType())
    return makeError("expected steps within a residual that keep the shape {0}, found {1} after them",
                     formatShape(before.getType().getShape()), formatShape(tokens.getType().getShape()));
  Location loc = tokens.getLoc();
  tokens = cast<Tokens>(arith::AddFOp::create(builder, loc, before, tokens).getResult());
  return Error::success();
}

Error ModelBuilder::buildStep(const RepeatStep &) { llvm_unreachable("repetitions are unrolled by the match"); }
Error ModelBuilder::buildStep(const IfStep &) { llvm_unreachable("the match contains the steps that apply"); }

Error ModelBuilder::buildStep(const ProductStep &step) {
  Tokens before = tokens, product;
  for (const Steps &branch : step.branches) {
    tokens = before;
    if (Error error = buildSteps(branch))
      return error;
    if (product && tokens.getType() != product.getType())
      return makeError("expected branches of a product with results of the same shape, found {0} and {1}",
                       formatShape(product.getType().getShape()), formatShape(tokens.getType().getShape()));
    product = product ? cast<Tokens>(arith::MulFOp::create(builder, location("product"), product, tokens).getResult())
                      : tokens;
  }
  tokens = product;
  return Error::success();
}

/// The rows of all branches, and then their mean.
Error ModelBuilder::buildStep(const AverageStep &step) {
  Tokens before = tokens;
  TokensBefore beforePatches = others;
  SmallVector<Value> results;
  for (const Steps &branch : step.branches) {
    tokens = before;
    others = beforePatches;
    if (Error error = buildSteps(branch))
      return error;
    if (rows() != 1 || (!results.empty() && tokens.getType() != results.front().getType()))
      return makeError("expected branches of an average that end with one token of the same width, found shape {0}",
                       formatShape(tokens.getType().getShape()));
    results.push_back(tokens);
  }
  if (results.size() == 1)
    return Error::success();
  Location loc = location("average");
  auto all = tensor::ConcatOp::create(builder, loc, type({static_cast<int64_t>(results.size()), columns()}), /*dim=*/0,
                                      results);
  tokens = MeanPoolOp::create(builder, loc, cast<Tokens>(all.getResult()));
  return Error::success();
}

Tokens ModelBuilder::slice(Tokens input, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes, Location loc) {
  SmallVector<OpFoldResult> strides(2, builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc, input, getAsIndexOpFoldResult(&context, offsets),
                                        getAsIndexOpFoldResult(&context, sizes), strides)
      .getResult();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Tokens ModelBuilder::sliceRows(Tokens input, int64_t first, int64_t count, Location loc) {
  return count == input.getType().getDimSize(0) ? input
                                                : slice(input, {first, 0}, {count, input.getType().getDimSize(1)}, loc);
}

/// Applies one layer and slices its result into queries, keys and values. Values have a width of their own in a model
/// whose heads were narrowed. A latent token is the first row.
Expected<ModelBuilder::AttentionInputs> ModelBuilder::fusedInputs(const AttentionStep &step,
                                                                  const CompressionRecord::Attention &how) {
  const Layer &layer = *step.fused;
  Expected<Tokens> stacked = layers.linear(layer, tokens);
  if (!stacked)
    return stacked.takeError();
  int64_t out = stacked->getType().getDimSize(1), valueWidth = how.narrowed ? how.narrowed->valueWidth : out / 3,
          width = (out - valueWidth) / 2, latent = step.latent ? 1 : 0;
  if (Error error =
          weights.checkShape(layer.left ? *layer.left : layer.weight, width > 0 && 2 * width + valueWidth == out,
                             how.narrowed ? "[2 * width + " + llvm::Twine(valueWidth) + ", in]" : "[3 * width, in]"))
    return std::move(error);
  Location loc = location(layer.name);
  AttentionInputs inputs;
  inputs.query = slice(*stacked, {how.firstQuery, 0}, {latent ? latent : how.queries.value_or(rows()), width}, loc);
  inputs.key = slice(*stacked, {latent, width}, {rows() - latent, width}, loc);
  inputs.value = slice(*stacked, {latent, 2 * width}, {rows() - latent, valueWidth}, loc);
  return inputs;
}

/// Applies the layers of queries, keys and values, or the left factors that these are.
Expected<ModelBuilder::AttentionInputs> ModelBuilder::separateInputs(const AttentionStep &step,
                                                                     const CompressionRecord::Attention &how) {
  Tokens input = tokens;
  if (step.fused)
    if (Error error = moveTo(input, layers.linear(*step.fused, tokens)))
      return std::move(error);
  int64_t inputWidth = input.getType().getDimSize(1), latent = step.latent ? 1 : 0;
  Location loc = location(step.query->name);
  Tokens queried = sliceRows(input, how.firstQuery, latent ? latent : how.queries.value_or(rows()), loc);
  Tokens others = sliceRows(input, latent, rows() - latent, loc);
  AttentionInputs inputs;
  if (Error error = moveTo(inputs.query, layers.linear(*step.query, queried)))
    return std::move(error);
  int64_t width = inputs.query.getType().getDimSize(1);
  if (step.keyValue)
    if (Error error = moveTo(others, layers.linear(*step.keyValue, others)))
      return std::move(error);
  if (step.keyValue && !step.key) {
    const TensorName &weight = step.keyValue->left ? *step.keyValue->left : step.keyValue->weight;
    int64_t valueWidth = how.narrowed ? how.narrowed->valueWidth : width, out = others.getType().getDimSize(1);
    if (Error error =
            weights.checkShape(weight, out == width + valueWidth, llvm::formatv("[{0}, in]", width + valueWidth).str()))
      return std::move(error);
    inputs.key = slice(others, {0, 0}, {rows() - latent, width}, loc);
    inputs.value = slice(others, {0, width}, {rows() - latent, valueWidth}, loc);
    return inputs;
  }
  if (Error error = moveTo(inputs.key, layers.linear(*step.key, others)))
    return std::move(error);
  if (Error error = moveTo(inputs.value, layers.linear(*step.value, others)))
    return std::move(error);
  if (inputs.key.getType().getDimSize(1) == width)
    return inputs;
  return weights.checkShape(step.key->weight, false, "[" + llvm::Twine(width) + ", " + llvm::Twine(inputWidth) + "]");
}

/// Normalizes queries or keys, head by head unless the norm is as wide as all of them; returns `input` without a norm.
Expected<Tokens> ModelBuilder::normHeads(const std::optional<Layer> &layer, Tokens input, int64_t heads) {
  if (!layer)
    return input;
  ArrayRef<int64_t> shape = input.getType().getShape();
  if (ArrayRef<int64_t>(weights.tensor(layer->weight).shape) == shape.take_back())
    return norm(*layer, input);
  Location loc = location(layer->name);
  int64_t width = shape[1] / heads;
  SmallVector<ReassociationIndices> ofHeads = {{0}, {1, 2}}, ofRows = {{0, 1}, {2}};
  auto apart = type({shape[0], heads, width});
  Value expanded = tensor::ExpandShapeOp::create(builder, loc, apart, input, ofHeads);
  Value rows = tensor::CollapseShapeOp::create(builder, loc, type({shape[0] * heads, width}), expanded, ofRows);
  Expected<Tokens> normal = norm(*layer, cast<Tokens>(rows));
  if (!normal)
    return normal;
  expanded = tensor::ExpandShapeOp::create(builder, loc, apart, *normal, ofRows);
  return cast<Tokens>(tensor::CollapseShapeOp::create(builder, loc, input.getType(), expanded, ofHeads).getResult());
}

/// Quantizes the operands of `op` and attaches its record, as far as `how` says so.
void ModelBuilder::compress(AttentionOp op, const CompressionRecord::Attention &how) {
  if (how.format)
    setDiscardable<VityaDialect::AttentionInfoAttrHelper>(
        op, AttentionInfoAttr::get(&context, op.getLayer(), op.getHeads(), *how.format, *how.format, how.reason));
  if (!how.weights)
    return;
  SmallVector<Attribute> ranges;
  for (auto [operand, input] : llvm::zip_equal(op->getOpOperands(), how.inputs)) {
    operand.set(layers.cast(operand.get(), input.type));
    if (input.observed)
      ranges.push_back(builder.getArrayAttr({input.observed}));
  }
  op.setWeightsAttr(TypeAttr::get(how.weights));
  if (ranges.size() == how.inputs.size())
    setDiscardable<VityaDialect::RangesAttrHelper>(op, builder.getArrayAttr(ranges));
}

Error ModelBuilder::buildStep(const AttentionStep &step) {
  CompressionRecord::Attention how = record.attentions.lookup(step.name);
  if (how.queries && *how.queries > rows() - how.firstQuery)
    return makeError("expected at most {0} 'queries' of attention '{1}' in the file's 'vitya' entry, found {2}",
                     std::max<int64_t>(rows() - how.firstQuery, 0), step.name, *how.queries);
  if (step.latent) {
    Expected<TokenTensor> latent = tokenTensor(*step.latent, /*isOne=*/true);
    if (!latent)
      return latent.takeError();
    if (Error error = weights.checkShape(*step.latent, latent->rows == 1, "[1, 1, " + llvm::Twine(columns()) + "]"))
      return error;
    if (Error error = insertTokens(0, *latent))
      return error;
    others = {};
  }
  Expected<AttentionInputs> inputs = step.query ? separateInputs(step, how) : fusedInputs(step, how);
  if (!inputs)
    return inputs.takeError();
  auto [query, key, value] = *inputs;
  int64_t width = query.getType().getDimSize(1), valueWidth = value.getType().getDimSize(1);
  Expected<Sourced<int64_t>> setting = settings.heads(width, step.name);
  if (!setting)
    return setting.takeError();
  auto [heads, source] = *setting;
  used.add("heads", heads, source);
  if (valueWidth % heads != 0)
    return makeError("expected heads that divide the width of the values of '{0}', found {1} heads and width {2}",
                     step.name, heads, valueWidth);
  if (Error error = moveTo(query, normHeads(step.queryNorm, query, heads)))
    return error;
  if (Error error = moveTo(key, normHeads(step.keyNorm, key, heads)))
    return error;
  if (step.rotary)
    for (Tokens *input : {&query, &key})
      if (Error error = moveTo(*input, rotate(step, *input, input == &query ? how.firstQuery : 0, heads)))
        return error;
  double scale = how.narrowed ? how.narrowed->scale : 1 / std::sqrt(static_cast<double>(width / heads));
  auto attention = AttentionOp::create(builder, location(step.name), step.name, query, key, value, /*bias=*/Value(),
                                       heads, llvm::APFloat(scale));
  compress(attention, how);
  tokens = attention;
  others.drop(how.firstQuery);
  return step.out ? moveTo(tokens, layers.linear(*step.out, attention)) : Error::success();
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

Expected<Value> ModelBuilder::buildBody(const Steps &steps, Value image) {
  tokens = cast<Tokens>(image);
  if (Error error = buildSteps(steps))
    return std::move(error);
  if (Error error = layers.checkRecords())
    return std::move(error);
  if (rows() != 1)
    return makeError("expected a layout that ends with one token, found {0}: a 'pool' step is missing", rows());
  return tokens;
}

Expected<OwningOpRef<ModuleOp>> ModelBuilder::build(const Steps &steps, StringRef name) {
  if (Error error = moveTo(geometry, inferGeometry(steps, weights, settings)))
    return std::move(error);
  int64_t size[] = {geometry.height, geometry.width};
  used.add("image", ArrayRef(size), geometry.source);
  if (!geometry.doubt.empty())
    used.addDoubt(geometry.doubt);
  int64_t image[] = {geometry.channels, geometry.height, geometry.width};
  Expected<OwningOpRef<ModuleOp>> module =
      buildModule(builder, name, image, settings, used, [&](Value input) { return buildBody(steps, input); });
  if (module && !weights.storedTensors().empty())
    setDiscardable<VityaDialect::StoredTensorsAttrHelper>(**module, builder.getArrayAttr(weights.storedTensors()));
  return module;
}

} // namespace vitya
