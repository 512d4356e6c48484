// The number format of the matrix products of a layer.
#ifndef VITYA_DIALECT_LAYERFORMAT_H
#define VITYA_DIALECT_LAYERFORMAT_H

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace vitya {

/// The format of a layer's matrix products: f32, bf16, or unsigned activations x signed weights with their bits, and
/// whether the ranges of activations are static or found at run time.
class LayerFormat {
public:
  static LayerFormat f32() { return LayerFormat(Kind::f32, 0, 0); }
  static LayerFormat bf16() { return LayerFormat(Kind::bf16, 0, 0); }
  /// The parts of the layer differ.
  static LayerFormat mixed() { return LayerFormat(Kind::mixed, 0, 0); }
  static LayerFormat integers(unsigned activationBits, unsigned weightBits, bool isDynamic) {
    return LayerFormat(isDynamic ? Kind::integersDynamic : Kind::integersStatic, activationBits, weightBits);
  }

  bool isF32() const { return kind == Kind::f32; }
  bool isBf16() const { return kind == Kind::bf16; }
  bool isInteger() const { return kind == Kind::integersStatic || kind == Kind::integersDynamic; }

  /// The text that IR, reports and `info` contain, such as "f32", "bf16", "mixed" or "u8 x s6 static".
  std::string str() const;
  /// The format with this text; nothing if there is none.
  static std::optional<LayerFormat> parse(llvm::StringRef text);

  bool operator==(const LayerFormat &other) const {
    return kind == other.kind && activationBits == other.activationBits && weightBits == other.weightBits;
  }
  bool operator!=(const LayerFormat &other) const { return !(*this == other); }
  friend llvm::hash_code hash_value(const LayerFormat &format) {
    return llvm::hash_combine(format.kind, format.activationBits, format.weightBits);
  }

private:
  enum class Kind { f32, bf16, integersStatic, integersDynamic, mixed };
  LayerFormat(Kind kind, unsigned activationBits, unsigned weightBits)
      : kind(kind), activationBits(activationBits), weightBits(weightBits) {}

  Kind kind;
  unsigned activationBits, weightBits; ///< 0 unless the products are those of integers
};

} // namespace vitya

#endif // VITYA_DIALECT_LAYERFORMAT_H
