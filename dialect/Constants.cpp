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

FailureOr<std::vector<float>> vitya::readFloats(ElementsAttr attribute) {
  if (!attribute.getElementType().isF32() || !attribute.getShapedType().hasStaticShape())
    return failure();
  size_t count = attribute.getShapedType().getNumElements();
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute); dense && dense.isSplat())
    return std::vector<float>(count, dense.getSplatValue<float>());
  ArrayRef<char> bytes = rawBytes(attribute);
  if (bytes.size() != count * sizeof(float))
    return failure();
  std::vector<float> values(count);
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
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
