// Registration of the dialect, its attributes, and the checks on the attributes it puts on modules.
#include "dialect/VityaDialect.h"
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace vitya;

#include "dialect/VityaDialect.cpp.inc"
#include "dialect/VityaEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/VityaAttributes.cpp.inc"

void VityaDialect::initialize() {
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

LogicalResult ModelAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, ArrayRef<int64_t> image,
                                ArrayRef<StringAttr> classes) {
  // model_c1
  if (image.size() != 3 || llvm::any_of(image, [](int64_t size) { return size <= 0; }))
    return emitError() << "expected image to be three positive sizes (channels, height, width), found [" << image
                       << "]";
  // model_c2
  if (classes.empty())
    return emitError() << "expected at least one class, found none";
  return success();
}

LogicalResult LinearInfoAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, int64_t in,
                                     int64_t out, StringRef format, StringRef reason, std::optional<int64_t> rank) {
  // linear_info_c1
  if (in <= 0 || out <= 0 || rank.value_or(1) <= 0)
    return emitError() << "expected positive sizes of layer '" << name << "', found in " << in << ", out " << out
                       << ", rank " << rank.value_or(0);
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
  double numbers[4];
  if (parser.parseLess() || parser.parseString(&observer))
    return {};
  constexpr llvm::StringLiteral names[] = {"min", "max", "clipped", "noise"};
  for (auto [name, number] : llvm::zip_equal(names, numbers))
    if (parser.parseComma() || parser.parseKeyword(name) || parser.parseEqual() || parser.parseFloat(number))
      return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<ObservedRangeAttr>(parser.getContext(), StringRef(observer), APFloat(numbers[0]),
                                              APFloat(numbers[1]), APFloat(numbers[2]), APFloat(numbers[3]));
}

void ObservedRangeAttr::print(AsmPrinter &printer) const {
  printer << "<\"" << getObserver() << "\", min = ";
  printer.printFloat(getMin());
  printer << ", max = ";
  printer.printFloat(getMax());
  printer << ", clipped = ";
  printer.printFloat(getClipped());
  printer << ", noise = ";
  printer.printFloat(getNoise());
  printer << '>';
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

/// An @main that works on tensors maps one image to one logit for each class.
static LogicalResult verifyEntry(ModuleOp module, ModelAttr model) {
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  if (!entry || !llvm::all_of(entry.getResultTypes(), llvm::IsaPred<TensorType>) || entry.getNumResults() == 0)
    return success();
  auto f32 = Float32Type::get(module.getContext());
  auto image = RankedTensorType::get(model.getImage(), f32);
  auto logits = RankedTensorType::get({1, static_cast<int64_t>(model.getClasses().size())}, f32);
  auto expected = FunctionType::get(module.getContext(), image, logits);
  // model_c3
  if (entry.getFunctionType() != expected)
    return entry.emitOpError() << "expected " << expected << ", as " << kModelAttrName << " says, found "
                               << entry.getFunctionType();
  return success();
}

/// Constants have all their bytes, which nothing upstream checks, or none.
static LogicalResult verifyResources(ModuleOp module) {
  WalkResult result = module.walk([](arith::ConstantOp constant) {
    auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue());
    if (!resource || !resource.getElementType().isIntOrFloat() || resource.getElementType().isInteger(1))
      return WalkResult::advance();
    size_t found = rawBytes(resource).size();
    size_t expected =
        resource.getNumElements() * llvm::divideCeil(resource.getElementType().getIntOrFloatBitWidth(), 8);
    // model_c4
    if (found == 0 || found == expected)
      return WalkResult::advance();
    constant.emitOpError() << "expected " << expected << " bytes in resource '" << resource.getRawHandle().getKey()
                           << "' of type " << resource.getType() << ", found " << found;
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

LogicalResult VityaDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  auto expect = [&](bool holds, StringRef what) -> LogicalResult {
    if (holds)
      return success();
    return op->emitOpError() << "expected attribute '" << attribute.getName().getValue() << "' to be " << what
                             << ", found " << attribute.getValue();
  };
  StringRef name = attribute.getName();
  if (name == kModelAttrName) {
    auto model = dyn_cast<ModelAttr>(attribute.getValue());
    auto module = dyn_cast<ModuleOp>(op);
    if (failed(expect(model && module, "#vitya.model on a module")))
      return failure();
    return failure(failed(verifyEntry(module, model)) || failed(verifyResources(module)));
  }
  if (name == kFingerprintAttrName || name == kPhaseAttrName || name == kCalibratedAttrName)
    return expect(isa<StringAttr>(attribute.getValue()), "a string");
  if (name == kParametersAttrName || name == kMultiplyAddsAttrName || name == kIntegerMultiplyAddsAttrName) {
    auto number = dyn_cast<IntegerAttr>(attribute.getValue());
    return expect(number && number.getType().isInteger(64) && !number.getValue().isNegative(),
                  "an i64 that is not negative");
  }
  if (name == kLinearsAttrName) {
    auto array = dyn_cast<ArrayAttr>(attribute.getValue());
    return expect(array && llvm::all_of(array, llvm::IsaPred<LinearInfoAttr>), "an array of #vitya.linear_info");
  }
  if (name == kAttentionsAttrName) {
    auto array = dyn_cast<ArrayAttr>(attribute.getValue());
    return expect(array && llvm::all_of(array, llvm::IsaPred<AttentionInfoAttr>), "an array of #vitya.attention_info");
  }
  if (name == kAttentionInfoAttrName)
    return expect(isa<AttentionOp>(op) && isa<AttentionInfoAttr>(attribute.getValue()),
                  "#vitya.attention_info on an attention");
  if (name == kRangesAttrName) {
    auto isOfOperand = [](Attribute each) {
      auto ranges = dyn_cast<ArrayAttr>(each);
      return ranges && llvm::all_of(ranges, llvm::IsaPred<ObservedRangeAttr>);
    };
    size_t operands = isa<LinearOp>(op) ? 1 : isa<AttentionOp>(op) ? 3 : 0;
    auto array = dyn_cast<ArrayAttr>(attribute.getValue());
    return expect(array && operands && array.size() == operands && llvm::all_of(array, isOfOperand),
                  "an array of #vitya.observed for each operand that can be quantized");
  }
  if (name == kNoiseAttrName) {
    auto noise = dyn_cast<FloatAttr>(attribute.getValue());
    return expect(isa<quant::StorageCastOp>(op) && noise && noise.getType().isF64() && noise.getValue().isFinite() &&
                      !noise.getValue().isNegative(),
                  "a finite f64 that is not negative on a quant.scast");
  }
  if (name == kKernelAttrName) {
    auto function = dyn_cast<FunctionOpInterface>(op);
    if (!isa<UnitAttr>(attribute.getValue()) || !function || !function.isPrivate() ||
        !llvm::hasSingleElement(function.getFunctionBody()) || function.getNumResults() > 1)
      return op->emitOpError() << "expected the unit attribute '" << kKernelAttrName
                               << "' on a private function with a body of one block and at most one result";
  }
  return success();
}
