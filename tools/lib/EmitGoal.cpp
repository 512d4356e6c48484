// Phases and products share the names of --emit.
#include "tools/lib/EmitGoal.h"
#include "dialect/support/Errors.h"

using llvm::StringRef;

namespace vitya {
namespace {

struct ProductInfo {
  Product product;
  llvm::StringLiteral name, suffix;
};

constexpr ProductInfo kProducts[] = {{Product::checkpoint, "checkpoint", ".pth"},
                                     {Product::onnx, "onnx", ".onnx"},
                                     {Product::assembly, "asm", ".s"},
                                     {Product::object, "obj", ".o"},
                                     {Product::library, "lib", ".so"},
                                     {Product::executable, "exe", ""}};

} // namespace

llvm::Expected<EmitGoal> parseEmitGoal(StringRef name) {
  if (std::optional<Phase> phase = symbolizePhase(name))
    return EmitGoal{*phase};
  for (const ProductInfo &info : kProducts)
    if (info.name == name)
      return EmitGoal{info.product < Product::assembly ? Phase::compress : Phase::llvm, info.product, info.suffix};
  std::string known;
  for (const PhaseInfo &info : kPhases)
    known += info.name.str() + ", ";
  for (const ProductInfo &info : kProducts)
    known += info.name.str() + (info.product == Product::executable ? "" : ", ");
  return makeError("expected --emit to be one of {0}, found '{1}'", known, name);
}

} // namespace vitya
