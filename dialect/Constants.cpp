// Reads and creates the constants that hold weights.
#include "dialect/Constants.h"
#include "dialect/arithmetic/Bf16.h"
#include "dialect/arithmetic/FloatArithmetic.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <limits>

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

bool vitya::isCountable(ArrayRef<int64_t> shape) {
  constexpr int64_t limit = std::numeric_limits<int32_t>::max();
  int64_t elements = 1;
  for (int64_t size : shape) {
    if (size <= 0 || size > limit / elements)
      return false;
    elements *= size;
  }
  return true;
}

int64_t vitya::bytesOf(Type element) { return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8); }

FailureOr<std::vector<char>> vitya::readRaw(ElementsAttr attribute) {
  if (!attribute.getShapedType().hasStaticShape())
    return failure();
  size_t count = attribute.getShapedType().getNumElements(), width = bytesOf(attribute.getElementType());
  ArrayRef<char> raw = rawBytes(attribute);
  std::vector<char> bytes(raw.begin(), raw.end());
  if (bytes.size() != count * width) {
    auto splat = dyn_cast<SplatElementsAttr>(attribute);
    if (!splat)
      return failure();
    APInt bits = isa<FloatType>(splat.getElementType()) ? splat.getSplatValue<APFloat>().bitcastToAPInt()
                                                        : splat.getSplatValue<APInt>();
    bits = bits.sextOrTrunc(width * 8);
    bytes.resize(count * width);
    for (size_t i = 0; i < bytes.size(); ++i) // little endian
      bytes[i] = static_cast<char>(bits.extractBitsAsZExtValue(8, i % width * 8));
  }
  if (attribute.getElementType().isInteger(4))
    for (char &byte : bytes)
      byte = static_cast<char>(llvm::SignExtend32<4>(static_cast<uint8_t>(byte)));
  return bytes;
}

FailureOr<std::vector<float>> vitya::readFloats(ElementsAttr attribute) {
  Type element = attribute.getElementType();
  FailureOr<std::vector<char>> bytes = failure();
  if (element.isF32() || element.isBF16())
    bytes = readRaw(attribute);
  if (failed(bytes))
    return failure();
  // The bytes of a bf16 are the upper ones of an f32, which are the last (little endian).
  size_t width = bytesOf(element), offset = sizeof(float) - width;
  std::vector<float> values(bytes->size() / width);
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(reinterpret_cast<char *>(&values[i]) + offset, bytes->data() + i * width, width);
  return values;
}

std::vector<char> vitya::roundToBf16(ArrayRef<float> values) {
  numerics::FloatArithmetic a;
  std::vector<char> bytes(values.size() * sizeof(Eigen::bfloat16));
  for (auto [i, value] : llvm::enumerate(values)) {
    Eigen::bfloat16 rounded = numerics::toBf16(a, value);
    std::memcpy(bytes.data() + i * sizeof(rounded), &rounded, sizeof(rounded));
  }
  return bytes;
}

DenseResourceElementsAttr vitya::makeResource(ShapedType type, StringRef name, ArrayRef<char> bytes) {
  return DenseResourceElementsAttr::get(type, name, HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64));
}

DenseResourceElementsAttr vitya::makeResource(ShapedType type, StringRef name,
                                              llvm::function_ref<LogicalResult(MutableArrayRef<char>)> fill) {
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(type.getNumElements() * bytesOf(type.getElementType()), 64);
  if (failed(fill(blob.getMutableData())))
    return {};
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

Value vitya::createConstant(OpBuilder &builder, Location loc, ShapedType type, StringRef name, ArrayRef<char> bytes) {
  return arith::ConstantOp::create(builder, loc, makeResource(type, name, bytes));
}

OwningOpRef<ModuleOp> vitya::cloneWithResources(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  AttrTypeReplacer replacer;
  replacer.addReplacement([](DenseResourceElementsAttr attribute) -> Attribute {
    ArrayRef<char> bytes = rawBytes(attribute);
    if (bytes.empty()) // elided
      return attribute;
    return makeResource(attribute.getType(), resourceNameOf(attribute), bytes);
  });
  replacer.recursivelyReplaceElementsIn(*copy);
  return copy;
}

void vitya::releaseResource(Attribute attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    DenseResourceElementsHandle handle = resource.getRawHandle();
    auto &manager = DenseResourceElementsHandle::getManagerInterface(attribute.getContext());
    manager.getBlobManager().update(handle.getKey(), AsmResourceBlob());
  }
}
