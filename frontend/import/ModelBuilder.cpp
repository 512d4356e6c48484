// One function for each kind of step. Every shape is checked before the op that needs it is built, so that a wrong
// tensor is an error that names it and not a failure of the op's verifier.
#include "frontend/import/ModelBuilder.h"
#include "dialect/Constants.h"
#include "dialect/support/Errors.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

ModelBuilder::ModelBuilder(MLIRContext &context, const Checkpoint &checkpoint, const Settings &settings,
                           const CompressionRecord &record)
    : context(context), checkpoint(checkpoint), settings(settings), record(record), builder(&context) {
  for (const NamedTensor &named : checkpoint.tensors())
    tensors[named.name] = &named;
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

const Tensor &ModelBuilder::tensor(const TensorName &name) const { return tensors.at(name.name)->tensor; }

Error ModelBuilder::checkShape(const TensorName &name, bool holds, const llvm::Twine &expected) const {
  if (holds)
    return Error::success();
  return makeError("expected tensor '{0}' of shape {1}, found {2}", name.name, expected.str(),
                   formatShape(tensor(name).shape));
}

Location ModelBuilder::location(StringRef name) { return NameLoc::get(builder.getStringAttr(name)); }

RankedTensorType ModelBuilder::type(ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, builder.getF32Type());
}

/// The tensor `name` as a constant of `shape`, which has as many elements as the tensor. Rows are multiplied by
/// `scale`, one factor each, where it is not empty.
Expected<Value> ModelBuilder::weight(const TensorName &name, ArrayRef<int64_t> shape, ArrayRef<float> scale) {
  constexpr size_t alignment = 64;
  RankedTensorType resultType = type(shape);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(resultType.getNumElements() * sizeof(float), alignment,
                                                       /*dataIsMutable=*/true);
  auto *floats = reinterpret_cast<float *>(blob.getMutableData().data());
  if (Error error =
          checkpoint.readFloats(*tensors.at(name.name), MutableArrayRef<float>(floats, resultType.getNumElements())))
    return std::move(error);
  if (int64_t row = scale.empty() ? 0 : resultType.getNumElements() / shape[0])
    for (int64_t i = 0; i < resultType.getNumElements(); ++i)
      floats[i] *= scale[i / row];
  auto attribute = DenseResourceElementsAttr::get(resultType, name.name, std::move(blob));
  return arith::ConstantOp::create(builder, location(name.name), attribute).getResult();
}

/// The quantized tensor `name`, of `shape`: its integers as they are, behind a cast to their type.
Expected<Value> ModelBuilder::quantizedWeight(const TensorName &name, ArrayRef<int64_t> shape) {
  Expected<QuantizedTensor> read = checkpoint.readQuantized(*tensors.at(name.name));
  if (!read)
    return read.takeError();
  if (read->axis.value_or(0) != 0 || llvm::any_of(read->zeroPoints, [](int64_t zero) { return zero != 0; }))
    return makeError("expected tensor '{0}' with zero points 0 and one scale or one for each row, found others",
                     name.name);
  constexpr unsigned isSigned = quant::QuantizationFlags::Signed;
  Type i8 = builder.getI8Type(), f32 = builder.getF32Type();
  Type element = quant::UniformQuantizedType::get(isSigned, i8, f32, read->scales.front(), /*zeroPoint=*/0, -128, 127);
  if (read->axis)
    element = quant::UniformQuantizedPerAxisType::get(isSigned, i8, f32, read->scales, read->zeroPoints,
                                                      /*quantizedDimension=*/0, -128, 127);
  auto isNormal = [](double scale) {
    auto inUse = static_cast<float>(scale);
    return std::isnormal(inUse) && std::isnormal(1 / inUse);
  };
  if (!llvm::all_of(read->scales, isNormal))
    return makeError("expected scales of tensor '{0}' that are normal f32 numbers, as their reciprocals, found others",
                     name.name);
  ArrayRef<char> bytes(reinterpret_cast<const char *>(read->integers.data()), read->integers.size());
  auto integers = arith::ConstantOp::create(builder, location(name.name),
                                            makeResource(RankedTensorType::get(shape, i8), name.name, bytes));
  return quant::StorageCastOp::create(builder, location(name.name), RankedTensorType::get(shape, element), integers)
      .getResult();
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// The square root of `number`, if that is whole.
static std::optional<int64_t> wholeRoot(int64_t number) {
  auto root = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(number))));
  return root > 0 && root * root == number ? std::optional(root) : std::nullopt;
}

/// The layer behind the patches: its weight's columns are the pixels of a patch.
static const Layer *firstLayer(const Steps &steps) {
  for (const Step &step : steps) {
    if (auto *linear = std::get_if<LinearStep>(&step.step))
      return &linear->layer;
    if (auto *norm = std::get_if<NormStep>(&step.step))
      return &norm->layer;
    if (!std::holds_alternative<PatchifyStep>(step.step))
      return nullptr;
  }
  return nullptr;
}

Expected<ModelBuilder::Geometry> ModelBuilder::inferGeometry(const Steps &steps) const {
  Geometry result;
  const Layer *first = firstLayer(steps);
  if (!first)
    return makeError("expected a layout with a linear layer or a norm behind the patches, found none");
  if (settings.mean.empty() || settings.std.empty())
    return makeError("expected the mean and the standard deviation of each channel, found none in the file and in the "
                     "layout: give them with --set mean=R,G,B --set std=R,G,B (0,0,0 and 1,1,1 for pixels in [0, 1])");

  ArrayRef<int64_t> shape = tensor(first->weight).shape;
  if (shape.size() == 4) {
    result.channels = shape[1];
    result.patchHeight = shape[2];
    result.patchWidth = shape[3];
    if (Error error = checkShape(first->weight, llvm::all_of(shape, [](int64_t size) { return size > 0; }),
                                 "[width, channels, patch height, patch width]"))
      return std::move(error);
  } else {
    // A patch whose sides a matrix does not tell is square.
    result.channels = settings.mean.size();
    int64_t pixels = shape.empty() ? 0 : shape.back();
    std::optional<int64_t> side = pixels % result.channels == 0 ? wholeRoot(pixels / result.channels) : std::nullopt;
    if (!side)
      return makeError("expected tensor '{0}' to be as wide as a square patch of {1} channels, found shape {2}",
                       first->weight.name, result.channels, formatShape(shape));
    result.patchHeight = result.patchWidth = *side;
  }
  auto channels = static_cast<size_t>(result.channels);
  if (settings.mean.size() != channels || settings.std.size() != channels)
    return makeError("expected one mean and one std for each of {0} channels, found {1} and {2}", channels,
                     settings.mean.size(), settings.std.size());

  if (!settings.image.empty()) {
    result.height = settings.image[0];
    result.width = settings.image[1];
    if (result.height % result.patchHeight != 0 || result.width % result.patchWidth != 0)
      return makeError("expected an image that patches of {0}x{1} divide, found {2}x{3}", result.patchHeight,
                       result.patchWidth, result.height, result.width);
    return result;
  }
  // The position embedding has one row for each patch of a square grid, and one more where it includes the class token.
  for (const Step &step : steps) {
    auto *tokensStep = std::get_if<TokensStep>(&step.step);
    if (!tokensStep || !tokensStep->position)
      continue;
    ArrayRef<int64_t> position = tensor(*tokensStep->position).shape;
    int64_t count = position.size() < 2 ? 0 : position[position.size() - 2];
    std::optional<int64_t> side = wholeRoot(count);
    if (!side && tokensStep->classToken)
      side = wholeRoot(count - 1);
    if (!side)
      return makeError("expected a position embedding for a square image, found shape {0}: give the size of the image "
                       "with --set image=HEIGHT,WIDTH",
                       formatShape(position));
    result.height = *side * result.patchHeight;
    result.width = *side * result.patchWidth;
    return result;
  }
  return makeError("expected the size of the image, found no position embedding that tells it: give it with --set "
                   "image=HEIGHT,WIDTH");
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

Error ModelBuilder::buildSteps(const Steps &steps) {
  for (const Step &step : steps)
    if (Error error = std::visit([&](const auto &kind) { return buildStep(kind); }, step.step))
      return error;
  return Error::success();
}

Error ModelBuilder::buildStep(const PatchifyStep &step) {
  int64_t patch[] = {geometry.patchHeight, geometry.patchWidth};
  tokens = NormalizeOp::create(builder, location("normalize"), tokens, settings.mean, settings.std);
  tokens = PatchifyOp::create(builder, location("patchify"), tokens, patch, step.order);
  return Error::success();
}

Expected<ModelBuilder::Tokens> ModelBuilder::linear(const Layer &layer, Tokens input) {
  ArrayRef<int64_t> shape = tensor(layer.weight).shape;
  int64_t in = input.getType().getDimSize(1);
  auto patchify = input.getDefiningOp<PatchifyOp>();
  if (patchify && shape.size() == 4) {
    // A convolution over whole patches is a matrix product when pixels come in the order of its kernel.
    if (patchify.getOrder() != PatchOrder::channel_row_column)
      return makeError("expected a matrix as tensor '{0}' behind patches in the order {1}, found shape {2}",
                       layer.weight.name, stringifyPatchOrder(patchify.getOrder()), formatShape(shape));
  } else if (Error error = checkShape(layer.weight, shape.size() == 2 && shape[0] > 0 && shape[1] == in,
                                      "[out, " + llvm::Twine(in) + "]")) {
    return std::move(error);
  }
  if (layer.left)
    if (Error error = checkShape(*layer.left,
                                 tensor(*layer.left).shape.size() == 2 && tensor(*layer.left).shape[0] > 0 &&
                                     tensor(*layer.left).shape[1] == shape[0],
                                 "[out, " + llvm::Twine(shape[0]) + "]"))
      return std::move(error);
  int64_t out = layer.left ? tensor(*layer.left).shape[0] : shape[0];
  LinearInfoAttr info = record.linears.lookup(layer.name);
  if (layer.left) {
    if (!info)
      info = LinearInfoAttr::get(&context, layer.name, in, out, "f32",
                                 llvm::formatv("factors in the checkpoint, rank {0}", shape[0]).str(), shape[0]);
    Expected<Value> right = weight(layer.weight, {shape[0], in});
    if (!right)
      return right.takeError();
    std::string name = layer.name + ".right";
    input = LinearOp::create(builder, location(name), name, input, *right, Value(), info).getResult();
    in = shape[0];
  }
  std::vector<float> scale;
  if (layer.scale) {
    if (Error error = checkShape(*layer.scale, llvm::equal(tensor(*layer.scale).shape, ArrayRef(out)),
                                 "[" + llvm::Twine(out) + "]"))
      return std::move(error);
    scale.resize(out);
    if (Error error = checkpoint.readFloats(*tensors.at(layer.scale->name), scale))
      return std::move(error);
  }
  const auto &factor = layer.left ? *layer.left : layer.weight;
  bool isQuantized = tensor(factor).quantizer;
  if (isQuantized && layer.scale)
    return makeError("expected an f32 tensor '{0}', which '{1}' scales, found a quantized one", factor.name,
                     layer.scale->name);
  if (isQuantized && in > kMaxProducts)
    return makeError("expected a quantized tensor '{0}' of at most {1} columns, found {2}", factor.name, kMaxProducts,
                     in);
  Expected<Value> weightValue = isQuantized ? quantizedWeight(factor, {out, in}) : weight(factor, {out, in}, scale);
  if (!weightValue)
    return weightValue.takeError();
  Value bias;
  if (layer.bias) {
    if (Error error = checkShape(*layer.bias, llvm::equal(tensor(*layer.bias).shape, ArrayRef(out)),
                                 "[" + llvm::Twine(out) + "]"))
      return std::move(error);
    Expected<Value> biasValue = weight(*layer.bias, {out}, scale);
    if (!biasValue)
      return biasValue.takeError();
    bias = *biasValue;
  }
  std::string name = layer.left ? layer.name + ".left" : layer.name;
  if (!isQuantized)
    return LinearOp::create(builder, location(name), name, input, *weightValue, bias, info).getResult();
  if (!info)
    info = LinearInfoAttr::get(&context, layer.name, in, out, "u8 x s8 dynamic", "quantized in the checkpoint",
                               /*rank=*/std::nullopt);
  auto [bytes, params] = quantize(input);
  return LinearOp::create(builder, location(name), builder.getStringAttr(name), bytes, *weightValue, bias, params, info)
      .getResult();
}

std::pair<Value, Value> ModelBuilder::quantize(Tokens input) {
  auto [place, inserted] = quantized.try_emplace(input);
  if (!inserted)
    return place->second;
  // PyTorch's layers of this kind call quantized::linear_dynamic with reduce_range: activations have 7 bits.
  constexpr int32_t kReducedLevels = 127;
  auto params = ChooseQParamsOp::create(builder, input.getLoc(), Granularity::tensor, input, kReducedLevels);
  auto u8 = quant::AnyQuantizedType::get(/*flags=*/0, builder.getI8Type(), builder.getF32Type(), 0, 255);
  auto bytes = QuantizeOp::create(builder, input.getLoc(), RankedTensorType::get(input.getType().getShape(), u8), input,
                                  params, /*is_signed=*/false);
  return place->second = {bytes.getResult(), params.getResult()};
}

Error ModelBuilder::buildStep(const LinearStep &step) {
  Expected<Tokens> result = linear(step.layer, tokens);
  if (!result)
    return result.takeError();
  tokens = *result;
  return Error::success();
}

Error ModelBuilder::buildStep(const NormStep &step) {
  const Layer &layer = step.layer;
  Expected<double> eps = settings.eps();
  if (!eps)
    return eps.takeError();
  if (!layer.bias)
    return makeError("expected a bias of norm '{0}', found none", layer.name);
  Value parameters[2];
  for (auto [name, value] : llvm::zip_equal(std::array{&layer.weight, &*layer.bias}, parameters)) {
    if (Error error = checkShape(*name, llvm::equal(tensor(*name).shape, ArrayRef(columns())),
                                 "[" + llvm::Twine(columns()) + "]"))
      return error;
    Expected<Value> constant = weight(*name, {columns()});
    if (!constant)
      return constant.takeError();
    value = *constant;
  }
  tokens = LayerNormOp::create(builder, location(layer.name), layer.name, tokens, parameters[0], parameters[1],
                               llvm::APFloat(*eps));
  return Error::success();
}

Error ModelBuilder::buildStep(const GeluStep &) {
  tokens = GeluOp::create(builder, location("gelu"), settings.gelu, tokens);
  return Error::success();
}

ModelBuilder::Tokens ModelBuilder::slice(Tokens input, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                                         Location loc) {
  SmallVector<OpFoldResult> strides(2, builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc, input, getAsIndexOpFoldResult(&context, offsets),
                                        getAsIndexOpFoldResult(&context, sizes), strides)
      .getResult();
}

Error ModelBuilder::buildStep(const AttentionStep &step) {
  Tokens query, key, value;
  auto found = record.attentions.find(step.name);
  const CompressionRecord::Attention *narrowed = found == record.attentions.end() ? nullptr : &found->getValue();
  if (step.fused) {
    Expected<Tokens> stacked = linear(*step.fused, tokens);
    if (!stacked)
      return stacked.takeError();
    int64_t out = stacked->getType().getDimSize(1), valueColumns = narrowed ? narrowed->valueWidth : out / 3,
            width = (out - valueColumns) / 2;
    const TensorName &last = step.fused->left ? *step.fused->left : step.fused->weight;
    if (Error error = checkShape(last, width > 0 && 2 * width + valueColumns == out,
                                 narrowed ? "[2 * width + " + llvm::Twine(valueColumns) + ", in]" : "[3 * width, in]"))
      return error;
    int64_t column = 0;
    for (auto [part, columns] : {std::pair(&query, width), {&key, width}, {&value, valueColumns}}) {
      *part = slice(*stacked, {0, column}, {rows(), columns}, location(step.fused->name));
      column += columns;
    }
  } else {
    for (auto [layer, part] : {std::pair(&*step.query, &query), {&*step.key, &key}, {&*step.value, &value}}) {
      Expected<Tokens> result = linear(*layer, tokens);
      if (!result)
        return result.takeError();
      *part = *result;
    }
  }
  int64_t width = query.getType().getDimSize(1), valueWidth = value.getType().getDimSize(1);
  if (key.getType() != query.getType())
    return checkShape(step.key->weight, false, "[" + llvm::Twine(width) + ", " + llvm::Twine(columns()) + "]");
  Expected<int64_t> heads = settings.heads(width, step.name);
  if (!heads)
    return heads.takeError();
  if (valueWidth % *heads != 0)
    return makeError("expected heads that divide the width of '{0}', found {1} heads and width {2}", step.value->name,
                     *heads, valueWidth);
  double scale = narrowed ? narrowed->scale : 1 / std::sqrt(static_cast<double>(width / *heads));
  auto attention =
      AttentionOp::create(builder, location(step.name), step.name, query, key, value, *heads, llvm::APFloat(scale));
  Expected<Tokens> result = linear(step.out, attention);
  if (!result)
    return result.takeError();
  tokens = *result;
  return Error::success();
}

Error ModelBuilder::buildStep(const ResidualStep &step) {
  Tokens before = tokens;
  if (Error error = buildSteps(step.steps))
    return error;
  if (tokens.getType() != before.getType())
    return makeError("expected steps within a residual that keep the shape {0}, found {1} behind them",
                     formatShape(before.getType().getShape()), formatShape(tokens.getType().getShape()));
  Location loc = tokens.getLoc();
  tokens = cast<Tokens>(arith::AddFOp::create(builder, loc, before, tokens).getResult());
  return Error::success();
}

Error ModelBuilder::buildStep(const RepeatStep &) { llvm_unreachable("repetitions are unrolled by the match"); }

/// Whether `shape` is [...ones, sizes].
static bool isBatchOfOne(ArrayRef<int64_t> shape, ArrayRef<int64_t> sizes) {
  return shape.size() >= sizes.size() && shape.take_back(sizes.size()) == sizes &&
         llvm::all_of(shape.drop_back(sizes.size()), [](int64_t size) { return size == 1; });
}

Error ModelBuilder::buildStep(const TokensStep &step) {
  int64_t patches = rows(), width = columns();
  auto addPosition = [&]() -> Error {
    Expected<Value> position = weight(*step.position, {rows(), width});
    if (!position)
      return position.takeError();
    auto sum = arith::AddFOp::create(builder, location(step.position->name), tokens, *position);
    tokens = cast<Tokens>(sum.getResult());
    return Error::success();
  };
  bool forPatches = step.position && isBatchOfOne(tensor(*step.position).shape, {patches, width});
  bool forAll = step.position && step.classToken && isBatchOfOne(tensor(*step.position).shape, {patches + 1, width});
  if (step.position)
    if (Error error =
            checkShape(*step.position, forPatches || forAll,
                       llvm::formatv("[1, {0}{1}, {2}]", patches,
                                     step.classToken ? llvm::formatv(" or {0}", patches + 1).str() : "", width)
                           .str()))
      return error;

  if (forPatches)
    if (Error error = addPosition())
      return error;
  if (step.classToken) {
    if (Error error = checkShape(*step.classToken, isBatchOfOne(tensor(*step.classToken).shape, {width}),
                                 "[1, 1, " + llvm::Twine(width) + "]"))
      return error;
    Expected<Value> classToken = weight(*step.classToken, {1, width});
    if (!classToken)
      return classToken.takeError();
    auto all = tensor::ConcatOp::create(builder, location(step.classToken->name), type({patches + 1, width}),
                                        /*dim=*/0, ValueRange{*classToken, tokens});
    tokens = cast<Tokens>(all.getResult());
    hasClassToken = true;
  }
  return forAll ? addPosition() : Error::success();
}

Error ModelBuilder::buildStep(const PoolStep &step) {
  Pool pool = step.pool == Pool::automatic ? settings.pool : step.pool;
  if (pool == Pool::automatic)
    pool = hasClassToken && step.meanIf.empty() ? Pool::classToken : Pool::mean;
  Location loc = location("pool");
  if (pool == Pool::classToken) {
    if (!hasClassToken)
      return makeError("expected a class token to take the result from, found none: use --set pool=mean");
    tokens = slice(tokens, {0, 0}, {1, columns()}, loc);
    hasClassToken = false;
    return Error::success();
  }
  if (hasClassToken)
    tokens = slice(tokens, {1, 0}, {rows() - 1, columns()}, loc);
  hasClassToken = false;
  tokens = MeanPoolOp::create(builder, loc, tokens);
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

Expected<OwningOpRef<ModuleOp>> ModelBuilder::build(const Steps &steps, StringRef name) {
  Expected<Geometry> inferred = inferGeometry(steps);
  if (!inferred)
    return inferred.takeError();
  geometry = *inferred;

  Location loc = location(name);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  int64_t image[] = {geometry.channels, geometry.height, geometry.width};
  auto entry = func::FuncOp::create(builder, loc, kEntryName, builder.getFunctionType(type(image), {}));
  Block *body = entry.addEntryBlock();
  builder.setInsertionPointToStart(body);
  tokens = cast<Tokens>(body->getArgument(0));
  if (Error error = buildSteps(steps))
    return std::move(error);
  if (rows() != 1)
    return makeError("expected a layout that ends with one token, found {0}: a 'pool' step is missing", rows());
  func::ReturnOp::create(builder, loc, ValueRange{tokens});
  entry.setFunctionType(builder.getFunctionType(type(image), tokens.getType()));

  SmallVector<StringAttr> classes;
  for (const std::string &className : settings.classes)
    classes.push_back(builder.getStringAttr(className));
  if (classes.empty())
    for (int64_t index = 0; index < columns(); ++index)
      classes.push_back(builder.getStringAttr(llvm::Twine(index)));
  if (static_cast<int64_t>(classes.size()) != columns())
    return makeError("expected a name for each of {0} classes, found {1} names", columns(), classes.size());
  (*module)->setAttr(kModelAttrName, ModelAttr::get(&context, name, image, classes));
  (*module)->setAttr(kPhaseAttrName, builder.getStringAttr("import"));

  std::string problem;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { problem = diagnostic.str(); });
  if (failed(verify(*module)))
    return makeError("expected a valid model, found: {0}", problem);
  return module;
}

} // namespace vitya
