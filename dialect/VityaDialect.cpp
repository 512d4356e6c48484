// Registers the dialect, verifies its attributes, and verifies where its discardable attributes may be attached.
#include "dialect/VityaDialect.h"
#include "dialect/Constants.h"
#include "dialect/QuantTypes.h"
#include "dialect/ShortFloat.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Json.h"
#include "mlir/Bytecode/BytecodeImplementation.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vitya;

#include "dialect/VityaDialect.cpp.inc"
#include "dialect/VityaEnums.cpp.inc"

std::array<unsigned, 3> vitya::patchDimensions(PatchOrder order) {
  switch (order) {
  case PatchOrder::channel_row_column:
    return {0, 1, 2};
  case PatchOrder::row_column_channel:
    return {1, 2, 0};
  case PatchOrder::channel_column_row:
    return {0, 2, 1};
  case PatchOrder::row_channel_column:
    return {1, 0, 2};
  case PatchOrder::column_channel_row:
    return {2, 0, 1};
  case PatchOrder::column_row_channel:
    return {2, 1, 0};
  }
  llvm_unreachable("every order is handled");
}

SmallVector<PatchOrder> vitya::allPatchOrders() {
  SmallVector<PatchOrder> orders;
  for (uint64_t index = 0; index <= getMaxEnumValForPatchOrder(); ++index)
    orders.push_back(*symbolizePatchOrder(index));
  return orders;
}

SmallVector<ModuleOp, 2> vitya::modelsOf(ModuleOp module) {
  if (!getDiscardable<VityaDialect::CascadeAttrHelper>(module))
    return {module};
  return llvm::to_vector<2>(module.getOps<ModuleOp>());
}

/// Parses a format as a string.
static FailureOr<LayerFormat> parseLayerFormat(AsmParser &parser) {
  SMLoc location = parser.getCurrentLocation();
  std::string text;
  if (parser.parseString(&text))
    return failure();
  if (std::optional<LayerFormat> format = LayerFormat::parse(text))
    return *format;
  return parser.emitError(location)
         << "expected a format (f32, mixed, or activations of u7 or u8 x weights of s4 to s8, "
            "static or dynamic, such as u8 x s6 static), found '"
         << text << "'";
}

#define GET_ATTRDEF_CLASSES
#include "dialect/VityaAttributes.cpp.inc"

namespace {

/// Encodes `#vitya.rounded` in bytecode, because the text of an attribute cannot refer to a resource there. Other
/// attributes are encoded as text.
struct BytecodeInterface : BytecodeDialectInterface {
  explicit BytecodeInterface(Dialect *dialect) : BytecodeDialectInterface(dialect) {}

  LogicalResult writeAttribute(Attribute attribute, DialectBytecodeWriter &writer) const override {
    auto rounded = dyn_cast<RoundedWeightAttr>(attribute);
    if (!rounded)
      return failure();
    writer.writeAttribute(rounded.getIntegers());
    writer.writeType(rounded.getType());
    writer.writeOwnedString(rounded.getReason());
    return success();
  }

  Attribute readAttribute(DialectBytecodeReader &reader) const override {
    ElementsAttr integers;
    quant::QuantizedType type;
    StringRef reason;
    if (failed(reader.readAttribute(integers)) || failed(reader.readType(type)) || failed(reader.readString(reason)))
      return {};
    return RoundedWeightAttr::getChecked([&] { return reader.emitError(); }, getContext(), integers, type, reason);
  }
};

} // namespace

void VityaDialect::initialize() {
  addInterfaces<BytecodeInterface>();
  addOperations<
#define GET_OP_LIST
#include "dialect/Vitya.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/VityaAttributes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

LogicalResult PreprocessingAttr::verify(function_ref<InFlightDiagnostic()> emitError, PictureFilter filter,
                                        bool antialias, ArrayRef<int64_t> resize, CropRounding) {
  // preprocessing_c1
  if (resize.size() > 2 || llvm::any_of(resize, [](int64_t size) { return size <= 0; }))
    return emitError() << "expected at most two positive sizes to resize to, found [" << resize << "]";
  // preprocessing_c2
  if (!antialias && filter != PictureFilter::bilinear)
    return emitError() << "expected the filter bilinear without antialiasing, found " << stringifyPictureFilter(filter);
  return success();
}

std::pair<int64_t, int64_t> PreprocessingAttr::resizedSize(ArrayRef<int64_t> image) const {
  switch (getResize().size()) {
  case 0:
    return {image[1], image[2]};
  case 1:
    return {getResize().front(), 0};
  default:
    return {getResize().front(), getResize().back()};
  }
}

LogicalResult ModelAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, ArrayRef<int64_t> image,
                                ArrayRef<StringAttr> classes, PreprocessingAttr preprocessing) {
  // model_c1
  if (image.size() != 3 || llvm::any_of(image, [](int64_t size) { return size <= 0; }))
    return emitError() << "expected image to be three positive sizes (channels, height, width), found [" << image
                       << "]";
  // model_c2
  if (classes.empty())
    return emitError() << "expected at least one class, found none";
  // model_c3
  ArrayRef<int64_t> resize = preprocessing.getResize();
  if (!resize.empty() && (resize.front() < image[1] || resize.back() < image[2]))
    return emitError() << "expected pictures to be resized to at least the image, " << image[1] << "x" << image[2]
                       << ", found [" << resize << "]";
  return success();
}

LogicalResult SettingAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, StringRef value,
                                  SettingSource source) {
  // setting_c1
  if (llvm::Expected<llvm::json::Value> parsed = parseJson(value); !parsed)
    return emitError() << "expected the value of setting '" << name << "' to be JSON, found '" << value
                       << "': " << llvm::toString(parsed.takeError());
  return success();
}

LogicalResult StoredTensorAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef constant, StringRef name,
                                       ArrayRef<int64_t> shape, ArrayRef<int64_t> order, FloatAttr) {
  // stored_tensor_c1
  if (name.empty() != shape.empty() || llvm::any_of(shape, [](int64_t size) { return size <= 0; }))
    return emitError() << "expected a name and positive sizes, or neither, of the tensor of constant '" << constant
                       << "', found '" << name << "' and [" << shape << "]";
  // stored_tensor_c2
  if (!order.empty() && (order.size() != shape.size() || !isPermutationVector(order)))
    return emitError() << "expected a permutation of the " << shape.size() << " dimensions of the tensor of constant '"
                       << constant << "', found [" << order << "]";
  return success();
}

LogicalResult LinearInfoAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t in,
                                     int64_t out, LayerFormat format, StringRef reason, std::optional<int64_t> rank,
                                     ShortSumsAttr) {
  // linear_info_c1
  if (in <= 0 || out <= 0 || rank.value_or(1) <= 0)
    return emitError() << "expected positive sizes of layer '" << name << "', found in " << in << ", out " << out
                       << ", rank " << rank.value_or(0);
  return success();
}

LogicalResult ShortSumsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t group, int64_t largest,
                                    int64_t row, int64_t column, bool ordered) {
  // short_sums_c1
  if (group != 0 && group != 1 && group != 2 && group != 4 && group != 8)
    return emitError() << "expected a group of 0, 1, 2, 4 or 8 blocks, found " << group;
  // short_sums_c2
  int64_t limit = std::numeric_limits<int16_t>::max();
  if (largest < 0 || (largest <= limit) != (group > 0))
    return emitError() << "expected a largest short sum " << (group > 0 ? "from 0 to " : "above ") << limit
                       << " in groups of " << group << " blocks, found " << largest;
  // short_sums_c3
  if (ordered && group == 0)
    return emitError() << "expected columns to be ordered for a group of blocks, found group 0";
  return success();
}

LogicalResult ObservedRangeAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef observer, APFloat min,
                                        APFloat max, APFloat clipped, APFloat noise) {
  auto isNegative = [](const APFloat &value) { return value.isNegative() && !value.isZero(); };
  // observed_c1
  if (!min.isFinite() || !max.isFinite() || isNegative(max) || (!min.isNegative() && !min.isZero()))
    return emitError() << "expected a finite range that includes zero, found min " << min.convertToDouble() << ", max "
                       << max.convertToDouble();
  // observed_c2
  if (!clipped.isFinite() || !noise.isFinite() || isNegative(clipped) || isNegative(noise))
    return emitError() << "expected clipped and noise to be finite and not negative, found "
                       << clipped.convertToDouble() << " and " << noise.convertToDouble();
  return success();
}

Attribute ObservedRangeAttr::parse(AsmParser &parser, Type) {
  std::string observer;
  APFloat min(0.0), max(0.0), clipped(0.0), noise(0.0);
  auto parseField = [&](StringRef name, APFloat &value) -> ParseResult {
    return failure(parser.parseComma() || parser.parseKeyword(name) || parser.parseEqual() ||
                   parseShortFloat(parser, value));
  };
  if (parser.parseLess() || parser.parseString(&observer) || parseField("min", min) || parseField("max", max) ||
      parseField("clipped", clipped) || parseField("noise", noise) || parser.parseGreater())
    return {};
  return parser.getChecked<ObservedRangeAttr>(parser.getContext(), StringRef(observer), min, max, clipped, noise);
}

void ObservedRangeAttr::print(AsmPrinter &printer) const {
  printer << "<\"" << getObserver() << "\", min = ";
  printShortFloat(printer, getMin());
  printer << ", max = ";
  printShortFloat(printer, getMax());
  printer << ", clipped = ";
  printShortFloat(printer, getClipped());
  printer << ", noise = ";
  printShortFloat(printer, getNoise());
  printer << '>';
}

LogicalResult CascadeAttr::verify(function_ref<InFlightDiagnostic()> emitError, FloatAttr margin, int64_t images,
                                  int64_t deferred, int64_t disagreements) {
  // cascade_c1
  const APFloat &value = margin.getValue();
  if (!margin.getType().isF32() || !value.isFinite() || (value.isNegative() && !value.isZero()))
    return emitError() << "expected an f32 margin that is finite and not negative, found " << margin;
  // cascade_c2
  if (deferred < 0 || disagreements < 0 || deferred > images || disagreements > images - deferred)
    return emitError() << "expected deferred images and disagreements among " << images << " images, found " << deferred
                       << " and " << disagreements;
  return success();
}

LogicalResult RoundedWeightAttr::verify(function_ref<InFlightDiagnostic()> emitError, ElementsAttr integers,
                                        quant::QuantizedType type, StringRef) {
  // rounded_c1
  ArrayRef<int64_t> shape = integers.getShapedType().getShape();
  if (shape.size() != 2 || integers.getElementType() != type.getStorageType())
    return emitError() << "expected integers [out, in] of " << type.getStorageType() << ", which " << type
                       << " stores, found " << integers.getType();
  return success(succeeded(weightScales(RankedTensorType::get(shape, type), emitError)));
}

//===----------------------------------------------------------------------===//
// Discardable attributes
//===----------------------------------------------------------------------===//

/// Checks that an @main that works on tensors maps one image to one logit for each class.
static LogicalResult verifyEntry(ModuleOp module, ModelAttr model) {
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  if (!entry || !llvm::all_of(entry.getResultTypes(), llvm::IsaPred<TensorType>) || entry.getNumResults() == 0)
    return success();
  auto f32 = Float32Type::get(module.getContext());
  auto image = RankedTensorType::get(model.getImage(), f32);
  auto logits = RankedTensorType::get({1, static_cast<int64_t>(model.getClasses().size())}, f32);
  auto expected = FunctionType::get(module.getContext(), image, logits);
  // model_c4
  if (entry.getFunctionType() != expected)
    return entry.emitOpError() << "expected " << expected << " to match " << VityaDialect::ModelAttrHelper::getNameStr()
                               << ", found " << entry.getFunctionType();
  return success();
}

/// Checks that each resource has all of its bytes or none. Upstream does not check the size.
static LogicalResult verifyResources(ModuleOp module) {
  WalkResult result = module.walk([](arith::ConstantOp constant) {
    auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
    if (!resource || !resource.getElementType().isIntOrFloat() || resource.getElementType().isInteger(1))
      return WalkResult::advance();
    size_t found = rawBytes(resource).size();
    // model_c5
    if (found == 0)
      return WalkResult::advance();
    StringRef key = resource.getRawHandle().getKey();
    if (!isCountable(resource.getType().getShape())) {
      constant.emitOpError() << "expected positive sizes and less than 2^31 elements in resource '" << key
                             << "', found " << resource.getType();
      return WalkResult::interrupt();
    }
    size_t expected = resource.getNumElements() * bytesOf(resource.getElementType());
    if (found == expected)
      return WalkResult::advance();
    constant.emitOpError() << "expected " << expected << " bytes in resource '" << key << "' of type "
                           << resource.getType() << ", found " << found;
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

namespace {

/// The rule for one discardable attribute: the error is "expected attribute NAME to be `expected`".
struct AttributeRule {
  StringRef name, expected;
  bool (*holds)(Operation *op, Attribute value);
};

bool isString(Operation *op, Attribute value) { return isa<StringAttr>(value); }

bool isCount(Operation *op, Attribute value) {
  auto count = dyn_cast<IntegerAttr>(value);
  return count && count.getType().isInteger(64) && !count.getValue().isNegative();
}

template <typename Element>
bool isArrayOf(Operation *op, Attribute value) {
  auto array = dyn_cast<ArrayAttr>(value);
  return array && llvm::all_of(array, llvm::IsaPred<Element>);
}

/// The number of entries is checked by verifyLayer, when the operands of the layer are known to be valid.
bool isRangesOfLayer(Operation *op, Attribute value) {
  auto isOfOperand = [](Attribute each) { return isArrayOf<ObservedRangeAttr>(nullptr, each); };
  auto array = dyn_cast<ArrayAttr>(value);
  return isa<LayerOpInterface>(op) && array && llvm::all_of(array, isOfOperand);
}

bool isNoiseOfWeight(Operation *op, Attribute value) {
  auto noise = dyn_cast<FloatAttr>(value);
  return isa<quant::StorageCastOp>(op) && noise && noise.getType().isF64() && noise.getValue().isFinite() &&
         !noise.getValue().isNegative();
}

bool isCascadeOfModels(Operation *op, Attribute value) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module || !isa<CascadeAttr>(value) || !llvm::all_of(*module.getBody(), llvm::IsaPred<ModuleOp>))
    return false;
  auto models = llvm::to_vector(module.getOps<ModuleOp>());
  if (models.size() != 2)
    return false;
  auto first = getDiscardable<VityaDialect::ModelAttrHelper>(models.front());
  return first && first.getClasses().size() > 1 &&
         first == getDiscardable<VityaDialect::ModelAttrHelper>(models.back());
}

bool isWeightsOfModule(Operation *op, Attribute value) {
  auto weights = dyn_cast<DenseResourceElementsAttr>(value);
  return isa<ModuleOp>(op) && weights && weights.getElementType().isInteger(8);
}

constexpr llvm::StringLiteral kRoundedExpected = "#vitya.rounded of the sizes of the weight on an f32 vitya.linear";
constexpr llvm::StringLiteral kCascadeExpected =
    "#vitya.cascade on a module of two modules with the same `vitya.model` of at least two classes";
constexpr llvm::StringLiteral kRangesExpected = "an array of #vitya.observed for each operand that can be quantized";

const AttributeRule kRules[] = {
    {VityaDialect::ModelAttrHelper::getNameStr(), "#vitya.model on a module",
     [](Operation *op, Attribute value) { return isa<ModuleOp>(op) && isa<ModelAttr>(value); }},
    {VityaDialect::SettingsAttrHelper::getNameStr(), "an array of #vitya.setting", isArrayOf<SettingAttr>},
    {VityaDialect::StoredTensorsAttrHelper::getNameStr(), "an array of #vitya.stored_tensor",
     isArrayOf<StoredTensorAttr>},
    {VityaDialect::PhaseAttrHelper::getNameStr(), "a string", isString},
    {VityaDialect::FingerprintAttrHelper::getNameStr(), "a string", isString},
    {VityaDialect::CalibratedAttrHelper::getNameStr(), "a string", isString},
    {VityaDialect::LinearsAttrHelper::getNameStr(), "an array of #vitya.linear_info", isArrayOf<LinearInfoAttr>},
    {VityaDialect::AttentionsAttrHelper::getNameStr(), "an array of #vitya.attention_info",
     isArrayOf<AttentionInfoAttr>},
    {VityaDialect::ParametersAttrHelper::getNameStr(), "an i64 that is not negative", isCount},
    {VityaDialect::MultiplyAddsAttrHelper::getNameStr(), "an i64 that is not negative", isCount},
    {VityaDialect::IntegerMultiplyAddsAttrHelper::getNameStr(), "an i64 that is not negative", isCount},
    {VityaDialect::Bf16MultiplyAddsAttrHelper::getNameStr(), "an i64 that is not negative", isCount},
    {VityaDialect::ShortSumMultiplyAddsAttrHelper::getNameStr(), "four i64 that are not negative",
     [](Operation *, Attribute value) {
       auto counts = dyn_cast<DenseI64ArrayAttr>(value);
       return counts && counts.size() == 4 &&
              llvm::all_of(counts.asArrayRef(), [](int64_t count) { return count >= 0; });
     }},
    {VityaDialect::WorkspaceBytesAttrHelper::getNameStr(), "an i64 that is not negative", isCount},
    {VityaDialect::AttentionInfoAttrHelper::getNameStr(), "#vitya.attention_info on an attention",
     [](Operation *op, Attribute value) { return isa<AttentionOp>(op) && isa<AttentionInfoAttr>(value); }},
    // cascade_c3
    {VityaDialect::CascadeAttrHelper::getNameStr(), kCascadeExpected, isCascadeOfModels},
    {VityaDialect::RangesAttrHelper::getNameStr(), kRangesExpected, isRangesOfLayer},
    {VityaDialect::RoundedAttrHelper::getNameStr(), kRoundedExpected,
     [](Operation *op, Attribute value) { return isa<LinearOp>(op) && isa<RoundedWeightAttr>(value); }},
    {VityaDialect::NoiseAttrHelper::getNameStr(), "a finite f64 that is not negative on a quant.scast",
     isNoiseOfWeight},
    {VityaDialect::ShortSumsAttrHelper::getNameStr(), "#vitya.short_sums on a quantized linear layer",
     [](Operation *op, Attribute value) {
       auto linear = dyn_cast<LinearOp>(op);
       return linear && linear.isQuantized() && isa<ShortSumsAttr>(value);
     }},
    {VityaDialect::WorkAttrHelper::getNameStr(), "#vitya.work on a function",
     [](Operation *op, Attribute value) { return isa<FunctionOpInterface>(op) && isa<WorkAttr>(value); }},
    {VityaDialect::LayerAttrHelper::getNameStr(), "a string", isString},
    {VityaDialect::LoopAttrHelper::getNameStr(), "a unit attribute",
     [](Operation *op, Attribute value) { return isa<UnitAttr>(value); }},
    {VityaDialect::WeightsAttrHelper::getNameStr(), "a resource of bytes on a module", isWeightsOfModule},
    {VityaDialect::LayersAttrHelper::getNameStr(), "an array of strings", isArrayOf<StringAttr>},
};

InFlightDiagnostic emitRuleError(Operation *op, StringRef name, StringRef expected, Attribute found) {
  return op->emitOpError() << "expected attribute '" << name << "' to be " << expected << ", found " << found;
}

/// Checks that a kernel is a private function that can be inlined: one block.
LogicalResult verifyKernel(Operation *op, Attribute value) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (isa<UnitAttr>(value) && function && function.isPrivate() && llvm::hasSingleElement(function.getFunctionBody()))
    return success();
  return op->emitOpError() << "expected the unit attribute '" << VityaDialect::KernelAttrHelper::getNameStr()
                           << "' on a private function with a body of one block";
}

} // namespace

LogicalResult VityaDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  for (const AttributeRule &rule : kRules)
    if (attribute.getName() == rule.name && !rule.holds(op, attribute.getValue()))
      return emitRuleError(op, rule.name, rule.expected, attribute.getValue());
  if (attribute.getName() == KernelAttrHelper::getNameStr())
    return verifyKernel(op, attribute.getValue());
  if (attribute.getName() != ModelAttrHelper::getNameStr())
    return success();
  auto module = cast<ModuleOp>(op);
  return failure(failed(verifyEntry(module, cast<ModelAttr>(attribute.getValue()))) || failed(verifyResources(module)));
}

LogicalResult vitya::verifyLayer(Operation *layer) {
  // rounded_c2
  if (auto rounded = getDiscardable<VityaDialect::RoundedAttrHelper>(layer)) {
    auto linear = cast<LinearOp>(layer);
    if (!linear.isF32() || linear.getWeight().getType().getShape() != rounded.getIntegers().getShapedType().getShape())
      return emitRuleError(layer, VityaDialect::RoundedAttrHelper::getNameStr(), kRoundedExpected, rounded);
  }
  auto ranges = getDiscardable<VityaDialect::RangesAttrHelper>(layer);
  size_t operands = cast<LayerOpInterface>(layer).getQuantizableOperands().size();
  if (!ranges || (operands != 0 && ranges.size() == operands))
    return success();
  return emitRuleError(layer, VityaDialect::RangesAttrHelper::getNameStr(), kRangesExpected, ranges);
}
