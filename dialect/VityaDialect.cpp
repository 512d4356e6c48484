// Registration of the dialect, its attributes, and the checks on the attributes it puts on modules.
#include "dialect/VityaDialect.h"
#include "dialect/VityaOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

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

LogicalResult ModelAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef name, ArrayRef<int64_t> image,
                                ArrayRef<StringAttr> classes) {
  if (image.size() != 3 || llvm::any_of(image, [](int64_t size) { return size <= 0; }))
    return emitError() << "expected image to be three positive sizes (channels, height, width), found [" << image
                       << "]";
  if (classes.empty())
    return emitError() << "expected at least one class";
  return success();
}

LogicalResult VityaDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  auto expect = [&](bool holds, StringRef what) -> LogicalResult {
    if (holds)
      return success();
    return op->emitOpError() << "expected attribute '" << attribute.getName().getValue() << "' to be " << what
                             << ", found " << attribute.getValue();
  };
  StringRef name = attribute.getName();
  if (name == kModelAttrName)
    return expect(isa<ModelAttr>(attribute.getValue()), "#vitya.model");
  if (name == kFingerprintAttrName || name == kPhaseAttrName)
    return expect(isa<StringAttr>(attribute.getValue()), "a string");
  if (name == kLinearsAttrName) {
    auto array = dyn_cast<ArrayAttr>(attribute.getValue());
    return expect(array && llvm::all_of(array, llvm::IsaPred<LinearInfoAttr>), "an array of #vitya.linear_info");
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
