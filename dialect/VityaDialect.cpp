// Registers the dialect, and verifies and prints its attributes.
#include "dialect/VityaDialect.h"
#include "dialect/Bytecode.h"
#include "dialect/QuantTypes.h"
#include "dialect/ShortFloat.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Json.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/DialectResourceBlobManager.h"
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

void VityaDialect::initialize() {
  addBytecodeInterface(*this);
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
