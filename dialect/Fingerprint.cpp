// Hashes ops in program order: name, types, attributes, and operands by the index of their definition. Constants
// contribute their bytes, so a resource and a dense literal of equal elements have the same hash.
#include "dialect/Fingerprint.h"
#include "dialect/VityaDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using vitya::VityaDialect;

static std::string hashOf(ModuleOp module, bool hasElements) {
  llvm::SHA256 hash;
  llvm::DenseMap<Value, uint64_t> indices;
  auto addInteger = [&](uint64_t integer) {
    hash.update(ArrayRef(reinterpret_cast<const uint8_t *>(&integer), sizeof(integer)));
  };
  auto addPrinted = [&](auto printable) {
    std::string text;
    llvm::raw_string_ostream(text) << printable;
    addInteger(text.size());
    hash.update(text);
  };
  module.getBody()->walk<WalkOrder::PreOrder>([&](Operation *op) {
    addPrinted(op->getName());
    for (Value operand : op->getOperands())
      addInteger(indices.lookup(operand));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          indices.try_emplace(argument, indices.size() + 1);
    for (Value result : op->getResults()) {
      indices.try_emplace(result, indices.size() + 1);
      addPrinted(result.getType());
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      if (!hasElements && isa<ElementsAttr>(constant.getValue()))
        return;
      if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getValue())) {
        if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
          hash.update(ArrayRef(reinterpret_cast<const uint8_t *>(blob->getData().data()), blob->getData().size()));
        return;
      }
      if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()); dense && !dense.isSplat()) {
        hash.update(ArrayRef(reinterpret_cast<const uint8_t *>(dense.getRawData().data()), dense.getRawData().size()));
        return;
      }
    }
    for (NamedAttribute attribute : op->getAttrDictionary()) {
      if (attribute.getName() == VityaDialect::RangesAttrHelper::getNameStr() ||
          attribute.getName() == VityaDialect::RoundedAttrHelper::getNameStr() ||
          attribute.getName() == VityaDialect::NoiseAttrHelper::getNameStr())
        continue;
      addPrinted(attribute.getName().getValue());
      addPrinted(attribute.getValue());
    }
  });
  return llvm::toHex(ArrayRef<uint8_t>(hash.final()).take_front(16), /*LowerCase=*/true);
}

std::string vitya::fingerprint(ModuleOp module) { return hashOf(module, /*hasElements=*/true); }

std::string vitya::structureFingerprint(ModuleOp module) { return hashOf(module, /*hasElements=*/false); }
