// Reads and creates the constants that hold weights.
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

StringRef vitya::resourceNameOf(ElementsAttr attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
    return resource.getRawHandle().getKey();
  return "weight";
}

FailureOr<std::vector<char>> vitya::readRaw(ElementsAttr attribute) {
  if (!attribute.getShapedType().hasStaticShape())
    return failure();
  size_t count = attribute.getShapedType().getNumElements(),
         width = attribute.getElementType().getIntOrFloatBitWidth() / 8;
  ArrayRef<char> raw = rawBytes(attribute);
  std::vector<char> bytes(raw.begin(), raw.end());
  if (bytes.size() == count * width)
    return bytes;
  auto splat = dyn_cast<SplatElementsAttr>(attribute);
  if (!splat)
    return failure();
  APInt bits =
      splat.getElementType().isF32() ? splat.getSplatValue<APFloat>().bitcastToAPInt() : splat.getSplatValue<APInt>();
  bytes.resize(count * width);
  for (size_t i = 0; i < bytes.size(); ++i) // little endian
    bytes[i] = static_cast<char>(bits.extractBitsAsZExtValue(8, i % width * 8));
  return bytes;
}

FailureOr<std::vector<float>> vitya::readFloats(ElementsAttr attribute) {
  FailureOr<std::vector<char>> bytes = failure();
  if (attribute.getElementType().isF32())
    bytes = readRaw(attribute);
  if (failed(bytes))
    return failure();
  std::vector<float> values(bytes->size() / sizeof(float));
  std::memcpy(values.data(), bytes->data(), bytes->size());
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
