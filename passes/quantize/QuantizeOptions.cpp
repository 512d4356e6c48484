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

llvm::Expected<QuantizeOptions> parseQuantizeOptions(const std::string &flag, StringRef text) {
  size_t end = text.find_first_of(", ");
  StringRef mode = text.substr(0, end), options = end == StringRef::npos ? "" : text.substr(end + 1);
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
