// Quantizes weights from f32 constants, and merges the records of the parts of a layer.
#include "passes/quantize/QuantizedLayers.h"
#include "dialect/Constants.h"
#include "dialect/Fingerprint.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#include "passes/quantize/PassEnums.cpp.inc"

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {

//===----------------------------------------------------------------------===//
// Which layers
//===----------------------------------------------------------------------===//

LayerFilter::LayerFilter(StringRef layers, StringRef except, ArrayRef<std::string> keepF32, BitsByLayer bits)
    : layers(layers), except(except), bits(std::move(bits)) {
  this->keepF32.insert_range(keepF32);
}

FailureOr<LayerFilter> LayerFilter::create(ModuleOp module, StringRef layers, StringRef except,
                                           ArrayRef<std::string> keepF32, const BitsByLayer &bits) {
  FailureOr<func::FuncOp> entry = entryOf(module);
  if (failed(entry))
    return failure();
  SmallVector<SmallVector<StringRef, 2>> names;
  entry->walk([&](LinearOp op) { names.push_back({op.getLayer(), layerNameOf(op)}); });
  entry->walk([&](AttentionOp op) { names.push_back({op.getLayer()}); });
  for (auto [option, pattern] : {std::pair(StringRef("layers"), layers), std::pair(StringRef("except"), except)}) {
    if (option == "except" && pattern.empty())
      continue;
    if (failed(patternOf(module, option, pattern)))
      return failure();
    if (llvm::none_of(names, [pattern = pattern](ArrayRef<StringRef> each) { return matchesAny(pattern, each); }))
      return module.emitError("expected ") << option << " to match the name of a linear layer or attention, found '"
                                           << pattern << "' to match none of " << names.size();
  }
  for (StringRef name : keepF32)
    if (llvm::none_of(names, [&](ArrayRef<StringRef> each) { return llvm::is_contained(each, name); }))
      return module.emitError("expected keep-f32 to name linear layers or attentions, found '")
             << name << "', which is none of " << names.size();
  LayerFilter filter(layers, except, keepF32, bits);
  if (failed(filter.checkBits(*entry)))
    return failure();
  return filter;
}

/// Layers that `keepF32` restores to f32 count as selected: a search adds names to it.
LogicalResult LayerFilter::checkBits(func::FuncOp entry) const {
  llvm::SmallPtrSet<const BitsByLayer::Rule *, 4> used;
  entry.walk([&](LinearOp op) {
    SmallVector<StringRef, 2> names = namesOf(op);
    if (matchesAny(layers, names) && (except.empty() || !matchesAny(except, names)))
      used.insert(bits.ruleOf(names));
  });
  for (const BitsByLayer::Rule &rule : bits.getRules())
    if (!used.contains(&rule))
      return entry->getParentOfType<ModuleOp>().emitError(
                 "expected each pattern of bits to decide for a selected linear "
                 "layer, found '")
             << rule.pattern << "' to match none, or only layers that patterns before it match";
  return success();
}

std::optional<std::string> LayerFilter::whyNot(ArrayRef<StringRef> names) const {
  if (!matchesAny(layers, names))
    return "name does not match '" + layers + "'";
  if (!except.empty() && matchesAny(except, names))
    return "its name is excepted";
  if (llvm::any_of(names, [&](StringRef name) { return keepF32.contains(name); }))
    return "its name is in keep-f32";
  return std::nullopt;
}

/// The largest magnitude among the elements of `weight`; nothing if they cannot be read.
static std::optional<float> magnitudeOf(ElementsAttr weight) {
  FailureOr<std::vector<float>> values = readFloats(weight);
  if (failed(values) || values->empty())
    return std::nullopt;
  return Eigen::Map<const Eigen::ArrayXf>(values->data(), static_cast<Eigen::Index>(values->size())).abs().maxCoeff();
}

std::optional<std::string> whyNotInteger(LinearOp op) {
  int64_t inner = op.getInput().getType().getDimSize(1);
  ElementsAttr weight;
  if (!matchPattern(op.getWeight(), m_Constant(&weight)))
    return "its weight is computed";
  constexpr float least = kLeastScale * static_cast<float>(kSignedLevels.max);
  if (std::optional<float> magnitude = magnitudeOf(weight); magnitude && *magnitude > 0 && *magnitude < least)
    return llvm::formatv("its largest weight, {0:e2}, is too small for a normal f32 scale", *magnitude).str();
  if (inner > kMaxProducts)
    return llvm::formatv("32 bits do not hold the sum of {0} products", inner).str();
  return std::nullopt;
}

std::optional<std::string> whyNotInteger(AttentionOp op) {
  if (Value bias = op.getBias(); bias && !matchPattern(bias, m_Constant()))
    return "its bias is computed";
  int64_t inner =
      std::max(op.getQuery().getType().getDimSize(1) / int64_t(op.getHeads()), op.getKey().getType().getDimSize(0));
  if (inner > kMaxProducts)
    return llvm::formatv("32 bits do not hold the sum of {0} products", inner).str();
  return std::nullopt;
}

LogicalResult checkCalibrated(ModuleOp module) {
  auto calibrated = getDiscardable<VityaDialect::CalibratedAttrHelper>(module);
  std::string expected = fingerprint(module);
  if (calibrated && calibrated.getValue() == expected)
    return success();
  return module.emitError("expected ranges of this very model from vitya-calibrate, found ")
         << (calibrated ? "those of another one: was it changed since?" : "none");
}

//===----------------------------------------------------------------------===//
// Types and weights
//===----------------------------------------------------------------------===//

/// The decimal number with the fewest digits, at least 6, that rounds to `scale` in f32. It keeps types readable.
static double shortest(float scale) {
  double result = scale;
  for (int digits = 6; digits <= 9; ++digits) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%.*g", digits, double(scale));
    result = std::strtod(text.c_str(), nullptr);
    if (float(result) == scale)
      break;
  }
  return result;
}

Levels levelsOf(const QuantizableOperand &operand, ActivationBits bits) {
  if (operand.isSigned)
    return kSignedLevels;
  return isa<LinearOp>(operand.operand->getOwner()) ? levelsOf(bits) : kUnsignedLevels;
}

quant::QuantizedType dynamicType(MLIRContext *context, ActivationBits bits) {
  return quant::AnyQuantizedType::get(/*flags=*/0, IntegerType::get(context, 8), Float32Type::get(context),
                                      levelsOf(bits).min, levelsOf(bits).max);
}

/// The type that stores `levels`.
static IntegerType storageOf(MLIRContext *context, Levels levels) {
  return IntegerType::get(context, levels.max <= signedLevels(4).max ? 4 : 8);
}

quant::QuantizedType uniformType(MLIRContext *context, const AffineParameters &parameters) {
  unsigned flags = parameters.levels.min < 0 ? quant::QuantizationFlags::Signed : 0;
  return quant::UniformQuantizedType::get(flags, storageOf(context, parameters.levels), Float32Type::get(context),
                                          shortest(parameters.scale), parameters.zeroPoint, parameters.levels.min,
                                          parameters.levels.max);
}

RoundedWeightAttr makeRounded(LinearOp op, const QuantizedWeight &quantized, WeightGranularity granularity,
                              unsigned bits, const Twine &reason) {
  MLIRContext *context = op.getContext();
  Levels levels = signedLevels(int(bits));
  IntegerType storage = storageOf(context, levels);
  quant::QuantizedType element;
  if (granularity == WeightGranularity::tensor)
    element = uniformType(context, {quantized.scales.front(), 0, levels});
  else
    element = quant::UniformQuantizedPerAxisType::get(
        quant::QuantizationFlags::Signed, storage, Float32Type::get(context),
        llvm::map_to_vector(quantized.scales, shortest), SmallVector<int64_t>(quantized.scales.size(), 0),
        /*quantizedDimension=*/0, levels.min, levels.max);
  std::string name = llvm::formatv("{0}.weight.i{1}", op.getLayer(), storage.getWidth());
  ArrayRef<char> bytes(reinterpret_cast<const char *>(quantized.values.data()),
                       static_cast<size_t>(quantized.values.size()));
  auto type = RankedTensorType::get(op.getWeight().getType().getShape(), storage);
  return RoundedWeightAttr::get(context, makeResource(type, name, bytes), element, reason.str());
}

FailureOr<QuantizedWeight> quantizedWeightOf(LinearOp op, RoundedWeightAttr rounded) {
  RankedTensorType type = RankedTensorType::get(rounded.getIntegers().getShapedType().getShape(), rounded.getType());
  FailureOr<SmallVector<double>> scales = weightScales(type, [&] { return op.emitOpError(); });
  FailureOr<std::vector<char>> bytes = readRaw(rounded.getIntegers());
  if (failed(scales))
    return failure();
  if (failed(bytes))
    return op.emitOpError("expected all integers of '")
           << VityaDialect::RoundedAttrHelper::getNameStr() << "', found none";
  return QuantizedWeight{Eigen::Map<const RowMajorOf<int8_t>>(reinterpret_cast<const int8_t *>(bytes->data()),
                                                              type.getDimSize(0), type.getDimSize(1)),
                         std::vector<float>(scales->begin(), scales->end())};
}

/// The record of the weight of `op` that `rounding` asks for, which has to be of `bits` bits.
static FailureOr<RoundedWeightAttr> roundedOf(LinearOp op, unsigned bits, WeightRounding rounding) {
  auto rounded = getDiscardable<VityaDialect::RoundedAttrHelper>(op);
  std::optional<unsigned> found = rounded ? weightBits(rounded.getType()) : std::nullopt;
  if (found == bits)
    return rounded;
  InFlightDiagnostic error = op.emitOpError("expected a weight of ")
                             << bits << " bits in '" << VityaDialect::RoundedAttrHelper::getNameStr()
                             << "', from vitya-fit-weights, for rounding=" << stringifyWeightRounding(rounding)
                             << ", found ";
  return found ? error << "one of " << *found : error << "none";
}

FailureOr<WeightCast> quantizeWeight(LinearOp op, WeightGranularity granularity, unsigned bits,
                                     WeightRounding rounding) {
  FailureOr<Eigen::MatrixXd> weight = weightOf(op);
  if (failed(weight))
    return failure();
  RowMajorOf<float> exact = weight->cast<float>();
  FailureOr<RoundedWeightAttr> rounded = failure();
  if (rounding == WeightRounding::nearest) {
    dropRounded(op);
    rounded = makeRounded(op, numerics::quantizeWeight(exact, granularity == WeightGranularity::channel, int(bits)),
                          granularity, bits, "");
  } else {
    rounded = roundedOf(op, bits, rounding);
    op->removeAttr(VityaDialect::RoundedAttrHelper::getNameStr());
  }
  FailureOr<QuantizedWeight> quantized = failure();
  if (succeeded(rounded))
    quantized = quantizedWeightOf(op, *rounded);
  if (failed(quantized))
    return failure();
  OpBuilder builder(op);
  Location loc = op.getWeight().getLoc();
  auto integers = arith::ConstantOp::create(builder, loc, cast<TypedAttr>(rounded->getIntegers()));
  auto type = RankedTensorType::get(op.getWeight().getType().getShape(), rounded->getType());
  auto cast = quant::StorageCastOp::create(builder, loc, type, integers);
  setDiscardable<VityaDialect::NoiseAttrHelper>(
      cast, builder.getF64FloatAttr(distortionOf(exact, *quantized).relativeNoise()));
  return WeightCast{cast.getResult(),
                    rounded->getReason().empty() ? std::string() : ("; weight: " + rounded->getReason()).str()};
}

Value quantizeBias(LinearOp op) {
  auto emitError = [&] { return op.emitOpError(); };
  FailureOr<SmallVector<double>> scales = weightScales(op.getWeight().getType(), emitError);
  ElementsAttr constant;
  FailureOr<std::vector<float>> bias = failure();
  if (succeeded(scales) && op.getBias() && matchPattern(op.getBias(), m_Constant(&constant)))
    bias = readFloats(constant);
  if (failed(bias))
    return op.getBias();
  std::optional<SmallVector<int32_t>> steps = biasInSteps(
      *bias, rowFactors(op.getInput().getType().getElementType(), *scales), op.getInput().getType().getDimSize(1));
  if (!steps)
    return op.getBias();
  OpBuilder builder(op);
  auto type = RankedTensorType::get(static_cast<int64_t>(steps->size()), builder.getI32Type());
  return createConstant<int32_t>(builder, op.getBias().getLoc(), type, (op.getLayer() + ".bias.i32").str(), *steps);
}

//===----------------------------------------------------------------------===//
// Records
//===----------------------------------------------------------------------===//

void LayerRecords::add(LinearOp op, LayerFormat format, const Twine &reason) {
  layers[layerNameOf(op)].push_back({op, format, reason.str()});
}

void LayerRecords::set(AttentionOp op, LayerFormat format, const Twine &reason) {
  setDiscardable<VityaDialect::AttentionInfoAttrHelper>(
      op, AttentionInfoAttr::get(op.getContext(), op.getLayer(), op.getHeads(), format, format, reason.str()));
}

void LayerRecords::write() const {
  for (const auto &[name, entries] : layers) {
    LayerFormat format = entries.front().format;
    std::string reason = entries.front().reason;
    if (!llvm::all_of(entries, [&](const Entry &entry) { return entry.format == format && entry.reason == reason; })) {
      if (!llvm::all_of(entries, [&](const Entry &entry) { return entry.format == format; }))
        format = LayerFormat::mixed();
      reason.clear();
      for (const Entry &entry : entries) {
        LinearOp op = entry.op;
        StringRef part = op.getLayer();
        if (part.consume_front(name))
          part.consume_front(".");
        reason += (reason.empty() ? "" : "; ") + part.str() + ": " + entry.reason;
      }
    }
    for (const Entry &entry : entries) {
      LinearOp op = entry.op;
      LinearInfoAttr info = infoOf(op);
      std::string before = info.getReason() == kNotCompressed ? "" : info.getReason().str() + "; ";
      op.setInfoAttr(LinearInfoAttr::get(op.getContext(), info.getName(), info.getIn(), info.getOut(), format,
                                         before + reason, info.getRank()));
    }
  }
}

} // namespace vitya
