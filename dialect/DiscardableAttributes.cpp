// Verifies where the discardable attributes of the dialect are attached, and what their values are.
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace vitya;

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

template <typename Op, typename Attr>
bool isOn(Operation *op, Attribute value) {
  return isa<Op>(op) && isa<Attr>(value);
}

template <typename Element>
bool isArrayOf(Attribute value) {
  auto array = dyn_cast<ArrayAttr>(value);
  return array && llvm::all_of(array, llvm::IsaPred<Element>);
}

template <typename Element>
bool isArrayOnModule(Operation *op, Attribute value) {
  return isa<ModuleOp>(op) && isArrayOf<Element>(value);
}

bool isCountOnModule(Operation *op, Attribute value) {
  auto count = dyn_cast<IntegerAttr>(value);
  return isa<ModuleOp>(op) && count && count.getType().isInteger(64) && !count.getValue().isNegative();
}

bool isShortSumsOnModule(Operation *op, Attribute value) {
  auto counts = dyn_cast<DenseI64ArrayAttr>(value);
  return isa<ModuleOp>(op) && counts && counts.size() == 4 &&
         llvm::all_of(counts.asArrayRef(), [](int64_t count) { return count >= 0; });
}

/// The number of entries is checked by verifyLayer, when the operands of the layer are known to be valid.
bool isRangesOfLayer(Operation *op, Attribute value) {
  auto array = dyn_cast<ArrayAttr>(value);
  return isa<LayerOpInterface>(op) && array && llvm::all_of(array, isArrayOf<ObservedRangeAttr>);
}

bool isNoiseOfWeight(Operation *op, Attribute value) {
  auto noise = dyn_cast<FloatAttr>(value);
  return isa<quant::StorageCastOp>(op) && noise && noise.getType().isF64() && noise.getValue().isFinite() &&
         !noise.getValue().isNegative();
}

bool isShortSumsOfLinear(Operation *op, Attribute value) {
  auto linear = dyn_cast<LinearOp>(op);
  return linear && linear.isQuantized() && isa<ShortSumsAttr>(value);
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

constexpr llvm::StringLiteral kStringExpected = "a string on a module";
constexpr llvm::StringLiteral kCountExpected = "an i64 on a module that is not negative";

const AttributeRule kRules[] = {
    {VityaDialect::ModelAttrHelper::getNameStr(), "#vitya.model on a module", isOn<ModuleOp, ModelAttr>},
    {VityaDialect::SettingsAttrHelper::getNameStr(), "an array of #vitya.setting on a module",
     isArrayOnModule<SettingAttr>},
    {VityaDialect::StoredTensorsAttrHelper::getNameStr(), "an array of #vitya.stored_tensor on a module",
     isArrayOnModule<StoredTensorAttr>},
    {VityaDialect::PhaseAttrHelper::getNameStr(), kStringExpected, isOn<ModuleOp, StringAttr>},
    {VityaDialect::FingerprintAttrHelper::getNameStr(), kStringExpected, isOn<ModuleOp, StringAttr>},
    {VityaDialect::CalibratedAttrHelper::getNameStr(), kStringExpected, isOn<ModuleOp, StringAttr>},
    {VityaDialect::LinearsAttrHelper::getNameStr(), "an array of #vitya.linear_info on a module",
     isArrayOnModule<LinearInfoAttr>},
    {VityaDialect::AttentionsAttrHelper::getNameStr(), "an array of #vitya.attention_info on a module",
     isArrayOnModule<AttentionInfoAttr>},
    {VityaDialect::ParametersAttrHelper::getNameStr(), kCountExpected, isCountOnModule},
    {VityaDialect::MultiplyAddsAttrHelper::getNameStr(), kCountExpected, isCountOnModule},
    {VityaDialect::IntegerMultiplyAddsAttrHelper::getNameStr(), kCountExpected, isCountOnModule},
    {VityaDialect::Bf16MultiplyAddsAttrHelper::getNameStr(), kCountExpected, isCountOnModule},
    {VityaDialect::WorkspaceBytesAttrHelper::getNameStr(), kCountExpected, isCountOnModule},
    {VityaDialect::ShortSumMultiplyAddsAttrHelper::getNameStr(), "four i64 on a module that are not negative",
     isShortSumsOnModule},
    // cascade_c3
    {VityaDialect::CascadeAttrHelper::getNameStr(), kCascadeExpected, isCascadeOfModels},
    {VityaDialect::WeightsAttrHelper::getNameStr(), "a resource of bytes on a module", isWeightsOfModule},
    {VityaDialect::LayersAttrHelper::getNameStr(), "an array of strings on a module", isArrayOnModule<StringAttr>},
    {VityaDialect::AttentionInfoAttrHelper::getNameStr(), "#vitya.attention_info on an attention",
     isOn<AttentionOp, AttentionInfoAttr>},
    {VityaDialect::RangesAttrHelper::getNameStr(), kRangesExpected, isRangesOfLayer},
    {VityaDialect::RoundedAttrHelper::getNameStr(), kRoundedExpected, isOn<LinearOp, RoundedWeightAttr>},
    {VityaDialect::NoiseAttrHelper::getNameStr(), "a finite f64 that is not negative on a quant.scast",
     isNoiseOfWeight},
    {VityaDialect::ShortSumsAttrHelper::getNameStr(), "#vitya.short_sums on a quantized linear layer",
     isShortSumsOfLinear},
    {VityaDialect::WorkAttrHelper::getNameStr(), "#vitya.work on a function", isOn<FunctionOpInterface, WorkAttr>},
    {VityaDialect::LayerAttrHelper::getNameStr(), "a string on a call", isOn<CallOpInterface, StringAttr>},
    {VityaDialect::LoopAttrHelper::getNameStr(), "a unit attribute on a call", isOn<CallOpInterface, UnitAttr>},
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
