// Which attributes have a binary encoding, and the version that files begin with.
#include "dialect/Bytecode.h"
#include "dialect/VityaDialect.h"

using namespace mlir;

namespace vitya {
namespace {

/// Encodes `#vitya.rounded`, because the text of an attribute cannot refer to a resource in bytecode. Other attributes
/// are encoded as text.
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

  void writeVersion(DialectBytecodeWriter &writer) const override {
    FailureOr<const DialectVersion *> asked = writer.getDialectVersion<VityaDialect>();
    writer.writeVarInt(succeeded(asked) ? static_cast<const BytecodeVersion *>(*asked)->number
                                        : BytecodeVersion::kCurrent);
  }

  std::unique_ptr<DialectVersion> readVersion(DialectBytecodeReader &reader) const override {
    uint64_t number;
    if (failed(reader.readVarInt(number)))
      return nullptr;
    if (number > BytecodeVersion::kCurrent) {
      reader.emitError() << "expected bytecode of the vitya dialect up to version " << BytecodeVersion::kCurrent
                         << ", found version " << number << ", which a newer compiler has written";
      return nullptr;
    }
    return std::make_unique<BytecodeVersion>(number);
  }
};

} // namespace

void addBytecodeInterface(VityaDialect &dialect) { dialect.addInterfaces<BytecodeInterface>(); }

} // namespace vitya
