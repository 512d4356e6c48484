// Reading and making the constants that hold weights.
#include "dialect/Constants.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include <cstring>

using namespace mlir;

ArrayRef<char> vitya::rawBytes(ElementsAttr attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? blob->getData() : ArrayRef<char>();
  }
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute); dense && !dense.isSplat())
    return dense.getRawData();
  return {};
}

/// The elements of a constant whose type the caller has checked.
template <typename T>
static FailureOr<std::vector<T>> readElements(ElementsAttr attribute) {
  if (!attribute.getShapedType().hasStaticShape())
    return failure();
  size_t count = attribute.getShapedType().getNumElements();
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute); dense && dense.isSplat())
    return std::vector<T>(count, dense.getSplatValue<T>());
  ArrayRef<char> bytes = vitya::rawBytes(attribute);
  if (bytes.size() != count * sizeof(T))
    return failure();
  std::vector<T> values(count);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

FailureOr<std::vector<float>> vitya::readFloats(ElementsAttr attribute) {
  if (!attribute.getElementType().isF32())
    return failure();
  return readElements<float>(attribute);
}

FailureOr<std::vector<int8_t>> vitya::readBytes(ElementsAttr attribute) {
  if (!attribute.getElementType().isSignlessInteger(8))
    return failure();
  return readElements<int8_t>(attribute);
}

DenseResourceElementsAttr vitya::makeResource(ShapedType type, StringRef name, ArrayRef<char> bytes) {
  return DenseResourceElementsAttr::get(type, name, HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64));
}

void vitya::releaseResource(Attribute attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    DenseResourceElementsHandle handle = resource.getRawHandle();
    auto &manager = DenseResourceElementsHandle::getManagerInterface(attribute.getContext());
    manager.getBlobManager().update(handle.getKey(), AsmResourceBlob());
  }
}
