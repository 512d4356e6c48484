// Parses the choice of a quantization pass together with its options.
#include "dialect/support/Errors.h"
#include "passes/quantize/Passes.h"

using namespace mlir;

namespace vitya {

WeightRounding roundingOf(const QuantizeOptions &options) {
  if (auto *chosen = std::get_if<QuantizeStaticPassOptions>(&options))
    return chosen->rounding;
  if (auto *chosen = std::get_if<QuantizeDynamicPassOptions>(&options))
    return chosen->rounding;
  return WeightRounding::nearest;
}

/// `text` before and after its first comma or space.
static std::pair<StringRef, StringRef> splitChoice(StringRef text) {
  size_t end = text.find_first_of(", ");
  return {text.substr(0, end), end == StringRef::npos ? "" : text.substr(end + 1)};
}

llvm::Expected<std::optional<ConvertToBf16PassOptions>> parsePrecisionOptions(const std::string &flag, StringRef text) {
  auto [precision, options] = splitChoice(text);
  if (precision == "bf16") {
    llvm::Expected<ConvertToBf16PassOptions> parsed = parseConvertToBf16Options(flag + "=bf16", options);
    if (!parsed)
      return parsed.takeError();
    return std::optional(std::move(*parsed));
  }
  if (precision != "f32")
    return makeError("expected " + flag + " to be f32 or bf16, found '" + precision + "'");
  if (text != "f32")
    return makeError("expected " + flag + "=f32 without options, found '" + text + "'");
  return std::optional<ConvertToBf16PassOptions>();
}

llvm::Expected<QuantizeOptions> parseQuantizeOptions(const std::string &flag, StringRef text) {
  auto [mode, options] = splitChoice(text);
  if (mode == "static")
    return parseQuantizeStaticOptions(flag + "=static", options);
  if (mode == "dynamic")
    return parseQuantizeDynamicOptions(flag + "=dynamic", options);
  if (mode != "none")
    return makeError("expected " + flag + " to be none, static or dynamic, found '" + mode + "'");
  if (text != "none")
    return makeError("expected " + flag + "=none without options, found '" + text + "'");
  return QuantizeOptions();
}

FailureOr<QuantizeOptions> requireQuantization(ModuleOp module, StringRef quantize, StringRef use) {
  llvm::Expected<QuantizeOptions> options = parseQuantizeOptions("quantize", quantize);
  if (!options)
    return module.emitError() << llvm::toString(options.takeError());
  if (std::holds_alternative<std::monostate>(*options))
    return module.emitError("expected quantize=static or quantize=dynamic, ") << use << ", found none";
  return *options;
}

} // namespace vitya
