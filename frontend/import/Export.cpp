// Tensors are named after their layers if possible, because a resource gets a numbered name if two have the same name.
#include "frontend/import/Export.h"
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/CheckpointWriter.h"
#include "frontend/checkpoint/IntegerWeights.h"
#include "frontend/import/CompressionRecord.h"
#include "frontend/import/StoredTensors.h"
#include "frontend/layout/Settings.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"
#include <cmath>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {
namespace {

class Exporter {
public:
  explicit Exporter(ModuleOp module) : module(module), stored(module) {}

  Error run(CheckpointFormat format, llvm::raw_ostream &os) {
    auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
    auto model = getDiscardable<VityaDialect::ModelAttrHelper>(module);
    if (!entry || entry.isExternal() || !model)
      return makeError("expected a model with a function @{0} to write as a checkpoint, found none", kEntryName);
    llvm::json::Array classes;
    for (StringAttr each : model.getClasses())
      classes.push_back(each.getValue());
    settings["name"] = model.getName();
    settings["classes"] = std::move(classes);
    settings["image"] = llvm::json::Array{model.getImage()[1], model.getImage()[2]};
    PreprocessingAttr preprocessing = model.getPreprocessing();
    settings["antialias"] = preprocessing.getAntialias();
    settings["interpolation"] = stringifyPictureFilter(preprocessing.getFilter());
    auto [height, width] = preprocessing.resizedSize(model.getImage());
    settings["resize"] = preprocessing.getResize().empty() ? llvm::json::Value("image")
                         : width == 0                      ? llvm::json::Value(height)
                                                           : llvm::json::Array{height, width};
    settings["crop_rounding"] = stringifyCropRounding(preprocessing.getCrop());
    if (entry.getOps<GeluOp>().empty() && !entry.getOps<ReluOp>().empty())
      settings["activation"] = "relu";
    else if (entry.getOps<GeluOp>().empty() && !entry.getOps<SiluOp>().empty())
      settings["activation"] = "silu";
    // Layouts can differ in what the names of tensors do not show.
    if (auto all = getDiscardable<VityaDialect::SettingsAttrHelper>(module))
      for (auto setting : all.getAsRange<SettingAttr>())
        if (setting.getName() == "layout")
          settings["layout"] = cantFail(llvm::json::parse(setting.getValue()));
    settings["pool"] = entry.getOps<MeanPoolOp>().empty() ? "class" : "mean";
    for (Operation &op : entry.getBody().front())
      if (Error error = add(&op))
        return error;
    for (auto &[key, value] : record.toJson())
      settings[key] = std::move(value);
    if (!weights.empty())
      settings[kWeightsKey] = std::move(weights);
    for (const StoredTensorAttr &filled : stored.filled())
      addBytes(filled.getName().str(), "float32", filled.getShape().vec(), bytesOf(ArrayRef(filledValues(filled))));
    return writeCheckpoint(tensors, settings, format, os);
  }

private:
  /// Sets a setting that a checkpoint has only once.
  Error set(StringRef key, llvm::json::Value value) {
    if (const llvm::json::Value *old = settings.get(key); old && *old != value)
      return makeError("expected one '{0}' for all layers of a checkpoint, found {1} and {2}", key, *old, value);
    settings[key] = std::move(value);
    return Error::success();
  }

  Error add(Operation *op) {
    if (auto normalize = dyn_cast<NormalizeOp>(op)) {
      auto list = [](ArrayRef<float> values) {
        return llvm::json::Array(llvm::map_range(values, [](float value) { return llvm::json::Value(double(value)); }));
      };
      settings["mean"] = list(normalize.getMean());
      settings["std"] = list(normalize.getStd());
      return Error::success();
    }
    if (auto gelu = dyn_cast<GeluOp>(op))
      return set("gelu", stringifyGeluForm(gelu.getForm()));
    if (auto norm = dyn_cast<LayerNormOp>(op)) {
      if (Error error = addNorm(norm.getEps(), NormKind::layer))
        return error;
      return addLayer(norm.getLayer(), norm.getWeight(), norm.getBias());
    }
    if (auto norm = dyn_cast<RmsNormOp>(op)) {
      if (Error error = addNorm(norm.getEps(), NormKind::rms))
        return error;
      return addLayer(norm.getLayer(), norm.getWeight(), /*bias=*/Value());
    }
    if (auto linear = dyn_cast<LinearOp>(op)) {
      if (LinearInfoAttr info = linear.getInfoAttr())
        record.linears[info.getName()] = info;
      if (Error error = addInputFactors(linear))
        return error;
      if (Error error = addConstantInput(linear.getInput()))
        return error;
      if (linear.isQuantized())
        return addQuantized(linear);
      bool isFactor = linear.getInfoAttr() && linear.getInfoAttr().getName() != linear.getLayer();
      return addLayer(linear.getLayer(), linear.getWeight(), linear.getBias(), isFactor);
    }
    if (auto attention = dyn_cast<AttentionOp>(op)) {
      addAttention(attention);
      // No layout has biases of scores, so a file with them is refused and not read without them.
      if (Value bias = attention.getBias())
        if (Error error = addTensor("", bias))
          return error;
      // The query of sequence pooling is a weight, and its only head is no setting.
      Value query = attention.getQuery();
      if (auto cast = query.getDefiningOp<quant::QuantizeCastOp>())
        query = cast.getInput();
      if (query.getDefiningOp<arith::ConstantOp>())
        return addTensor((attention.getLayer() + ".weight").str(), query);
      return set("heads", attention.getHeads());
    }
    // The casts, params and scaled columns of layers are written with these layers.
    if (isa<quant::StorageCastOp, quant::QuantizeCastOp, QuantizeOp, ToBf16Op, ChooseQParamsOp, ScaleColumnsOp>(op))
      return Error::success();
    // Constants that belong to no layer, such as a class token or a position embedding.
    for (Value operand : op->getOperands())
      if (operand.getDefiningOp<arith::ConstantOp>())
        if (Error error = addTensor("", operand))
          return error;
    return Error::success();
  }

  /// Adds the settings of a norm.
  Error addNorm(const llvm::APFloat &eps, NormKind kind) {
    if (Error error = set("norm", stringifyNormKind(kind)))
      return error;
    return set("eps", eps.convertToDouble());
  }

  /// Adds the input of a layer if it is a constant, such as the token from which attention pooling computes its query.
  Error addConstantInput(Value input) {
    while (isRounding(input.getDefiningOp()) || input.getDefiningOp<ScaleColumnsOp>())
      input = input.getDefiningOp()->getOperand(0);
    return input.getDefiningOp<arith::ConstantOp>() ? addTensor("", input) : Error::success();
  }

  /// The range of calibration for operand `index` of `op`; null if there is none, or several.
  static ObservedRangeAttr rangeOf(Operation *op, size_t index) {
    auto operands = getDiscardable<VityaDialect::RangesAttrHelper>(op);
    auto ranges = operands ? cast<ArrayAttr>(operands[index]) : ArrayAttr();
    return ranges && ranges.size() == 1 ? cast<ObservedRangeAttr>(ranges[0]) : ObservedRangeAttr();
  }

  static quant::QuantizedType quantizedType(Value value) {
    return dyn_cast<quant::QuantizedType>(getElementTypeOrSelf(value.getType()));
  }

  /// Records the factors of the columns of the input of `op`, if it has some.
  Error addInputFactors(LinearOp op) {
    Operation *source = op.getInput().getDefiningOp();
    if (isRounding(source))
      source = source->getOperand(0).getDefiningOp();
    auto scale = dyn_cast_or_null<ScaleColumnsOp>(source);
    if (!scale)
      return Error::success();
    ElementsAttr factors;
    FailureOr<std::vector<float>> values = failure();
    if (matchPattern(scale.getFactors(), m_Constant(&factors)))
      values = readFloats(factors);
    if (failed(values))
      return makeError("expected constant factors of the input of layer '{0}' of a checkpoint, found none",
                       op.getLayer());
    record.inputFactors[op.getLayer()] = std::move(*values);
    return Error::success();
  }

  /// The first row of the tokens from which `value` is computed, row by row, as the slice says that selects them.
  static int64_t firstRowOf(Value value) {
    while (Operation *op = value.getDefiningOp()) {
      if (op->getNumOperands() == 0 || isa<arith::AddFOp>(op))
        break;
      auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
      if (slice && slice.getStaticSizes()[0] != slice.getSourceType().getDimSize(0))
        return slice.getStaticOffsets()[0];
      value = op->getOperand(0);
    }
    return 0;
  }

  void addAttention(AttentionOp op) {
    int64_t width = op.getQuery().getType().getDimSize(1), valueWidth = op.getValue().getType().getDimSize(1),
            queries = op.getQuery().getType().getDimSize(0);
    double scale = op.getScale().convertToDouble();
    CompressionRecord::Attention attention;
    if (width != valueWidth ||
        scale != 1 / std::sqrt(double(width / op.getHeads()))) // NOLINT: as the importer computes it
      attention.narrowed = {scale, valueWidth};
    if (queries != op.getKey().getType().getDimSize(0)) {
      attention.queries = queries;
      attention.firstQuery = firstRowOf(op.getQuery());
    }
    if (auto info = getDiscardable<VityaDialect::AttentionInfoAttrHelper>(op)) {
      attention.format = info.getScores();
      attention.reason = info.getReason().str();
    }
    if (op.isQuantized()) {
      for (auto [index, operand] : llvm::enumerate(op->getOperands()))
        attention.inputs.push_back({quantizedType(operand), rangeOf(op, index)});
      attention.weights = cast<quant::QuantizedType>(*op.getWeights());
    }
    if (attention.narrowed || attention.queries || attention.format || attention.weights)
      record.attentions[op.getLayer()] = std::move(attention);
  }

  /// Adds how a quantized layer computes, its weight and its bias. They are named after the layer, because their
  /// resources are those of integers.
  Error addQuantized(LinearOp op) {
    CompressionRecord::Linear linear{
        {quantizedType(op.getInput()), rangeOf(op, 0)}, Granularity::token, 0, std::nullopt, op.getBias() != nullptr};
    if (op.getParams()) {
      auto params = op.getParams().getDefiningOp<ChooseQParamsOp>();
      auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
      if (!params || !quantize || quantize.getParams() != params || quantize.getInput() != params.getInput())
        return makeError("expected the input of layer '{0}' to be quantized with the scales of all its tokens to write "
                         "it as a checkpoint, found other scales",
                         op.getLayer());
      linear.granularity = params.getGranularity();
      linear.levels = params.getLevels();
    }
    auto weight = op.getWeight().getDefiningOp<quant::StorageCastOp>();
    if (auto noise = weight ? getDiscardable<VityaDialect::NoiseAttrHelper>(weight) : FloatAttr())
      linear.noise = noise.getValueAsDouble();
    record.quantized[op.getLayer()] = linear;
    if (Error error = addWeight((op.getLayer() + ".weight").str(), weight))
      return error;
    return op.getBias() ? addBias((op.getLayer() + ".bias").str(), op.getBias()) : Error::success();
  }

  /// Adds the integers and the scales of a weight.
  Error addWeight(const std::string &name, quant::StorageCastOp op) {
    ElementsAttr elements;
    FailureOr<std::vector<char>> integers = failure();
    if (op && matchPattern(op.getInput(), m_Constant(&elements)))
      integers = readRaw(elements);
    if (failed(integers))
      return makeError("expected constant integers with all their bytes as '{0}' of a checkpoint, found none", name);
    auto type = cast<RankedTensorType>(op.getType());
    auto element = cast<quant::QuantizedType>(type.getElementType());
    IntegerRange range{element.getStorageTypeMin(), element.getStorageTypeMax()};
    int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
    weights[name] = describeWeight(range, columns);
    bool isPacked = range.isPacked();
    int64_t rowBytes = isPacked ? llvm::divideCeil(columns, 2) : columns;
    addBytes(name, isPacked ? "uint8" : "int8", {rows, rowBytes},
             isPacked ? packNibbles(*integers, columns) : std::move(*integers));
    auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element);
    std::vector<double> scales;
    if (perAxis)
      llvm::append_range(scales, perAxis.getScales());
    else
      scales.push_back(cast<quant::UniformQuantizedType>(element).getScale());
    addBytes(name + kScaleSuffix.str(), "float64", perAxis ? std::vector{rows} : std::vector<int64_t>(),
             bytesOf(ArrayRef(scales)));
    return Error::success();
  }

  /// Adds the bias of a quantized layer, f32 or i32.
  Error addBias(const std::string &name, Value bias) {
    ElementsAttr elements;
    FailureOr<std::vector<char>> bytes = failure();
    if (matchPattern(bias, m_Constant(&elements)))
      bytes = readRaw(elements);
    if (failed(bytes))
      return makeError("expected a constant with all its bytes as '{0}' of a checkpoint, found none", name);
    ShapedType type = elements.getShapedType();
    addBytes(name, type.getElementType().isF32() ? "float32" : "int32", type.getShape().vec(), std::move(*bytes));
    return Error::success();
  }

  template <typename Number>
  static std::vector<char> bytesOf(ArrayRef<Number> numbers) {
    auto *bytes = reinterpret_cast<const char *>(numbers.data());
    return std::vector<char>(bytes, bytes + numbers.size() * sizeof(Number));
  }

  /// Adds a tensor of a type with this name in PyTorch. Layers that share a tensor add it once.
  void addBytes(const std::string &name, StringRef torchType, std::vector<int64_t> shape, std::vector<char> bytes) {
    if (names.insert(name).second)
      tensors.push_back({name, findTorchType(torchType), std::move(shape), std::move(bytes)});
  }

  /// Adds a tensor of f32, or of bf16, which hold the values exactly then.
  void addFloats(const std::string &name, bool isBf16, std::vector<int64_t> shape, ArrayRef<float> values) {
    addBytes(name, isBf16 ? "bfloat16" : "float32", std::move(shape), isBf16 ? roundToBf16(values) : bytesOf(values));
  }

  /// Adds weight and bias. The bias of a factor may still have the name of the dense layer's bias.
  Error addLayer(StringRef layer, Value weight, Value bias, bool isFactor = false) {
    if (Error error = addTensor((layer + ".weight").str(), weight, isFactor))
      return error;
    return bias ? addTensor((layer + ".bias").str(), bias, isFactor) : Error::success();
  }

  /// Adds a constant. It has the name of its resource, or `ofLayer` if there is no resource or if its name is `ofLayer`
  /// with a number.
  Error addTensor(const std::string &ofLayer, Value value, bool isFactor = false) {
    ElementsAttr elements;
    if (!matchPattern(value, m_Constant(&elements)))
      return makeError("expected a constant as '{0}' of a checkpoint, found one that is computed", ofLayer);
    std::string name = ofLayer;
    StoredTensorAttr form;
    if (auto resource = isFactor ? DenseResourceElementsAttr() : dyn_cast<DenseResourceElementsAttr>(elements)) {
      StringRef key = resource.getRawHandle().getKey();
      if (stored.isComputed(key))
        return Error::success();
      form = stored.use(key, elements.getNumElements());
      StringRef number = key;
      if (!(!name.empty() && number.consume_front(name) && llvm::Regex("^(_[0-9]+)?$").match(number)))
        name = key.str();
      else if (!form) // a weight that compression has replaced by one of the same sizes
        form = stored.use(name, elements.getNumElements());
    }
    if (name.empty())
      return makeError("expected resources as tensors that belong to no layer, with their names, found a constant "
                       "without one");
    FailureOr<std::vector<float>> values = readFloats(elements);
    if (failed(values))
      return makeError("expected f32 weights with all their bytes to write as a checkpoint, found '{0}' of type {1}",
                       name, llvm::formatv("{0}", elements.getType()).str());
    bool isBf16 = elements.getElementType().isBF16();
    if (form)
      addFloats(form.getName().str(), isBf16, form.getShape().vec(), storedOrder(form, *values));
    else
      addFloats(name, isBf16, elements.getShapedType().getShape().vec(), *values);
    return Error::success();
  }

  ModuleOp module;
  StoredTensors stored;
  llvm::json::Object settings;
  llvm::json::Object weights; ///< how those of quantized layers are stored
  CompressionRecord record;
  std::vector<TensorToWrite> tensors;
  llvm::StringSet<> names;
};

} // namespace

Error exportCheckpoint(ModuleOp module, CheckpointFormat format, llvm::raw_ostream &os) {
  return Exporter(module).run(format, os);
}

} // namespace vitya
