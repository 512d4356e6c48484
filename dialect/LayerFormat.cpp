// Formats as text, and back.
#include "dialect/LayerFormat.h"
#include "dialect/QuantTypes.h"
#include "llvm/Support/FormatVariadic.h"

namespace vitya {

std::string LayerFormat::str() const {
  switch (kind) {
  case Kind::f32:
    return "f32";
  case Kind::bf16:
    return "bf16";
  case Kind::mixed:
    return "mixed";
  case Kind::integersStatic:
  case Kind::integersDynamic:
    return llvm::formatv("u{0} x s{1} {2}", activationBits, weightBits,
                         kind == Kind::integersStatic ? "static" : "dynamic");
  }
  llvm_unreachable("expected one of the formats above");
}

std::optional<LayerFormat> LayerFormat::parse(llvm::StringRef text) {
  llvm::SmallVector<LayerFormat> formats{f32(), bf16(), mixed()};
  for (unsigned activationBits : {7, 8})
    for (unsigned weightBits = kLeastWeightBits; weightBits <= 8; ++weightBits)
      for (bool isDynamic : {false, true})
        formats.push_back(integers(activationBits, weightBits, isDynamic));
  auto *found = llvm::find_if(formats, [&](const LayerFormat &format) { return format.str() == text; });
  return found == formats.end() ? std::nullopt : std::optional(*found);
}

} // namespace vitya
