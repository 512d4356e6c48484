// Constructors, options and registration of the passes of passes/quantize/, generated from its Passes.td.
#ifndef VITYA_PASSES_QUANTIZE_PASSES_H
#define VITYA_PASSES_QUANTIZE_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "passes/PassOptions.h"
#include "passes/quantize/QuantizationOptions.h"
#include <optional>
#include <variant>

namespace vitya {

#define GEN_PASS_DECL
#include "passes/quantize/Passes.h.inc"

/// Parse `text`, the options of vitya-convert-to-bf16, vitya-smooth, vitya-quantize-static and vitya-quantize-dynamic;
/// the error names `flag`, for which it was given.
llvm::Expected<ConvertToBf16PassOptions> parseConvertToBf16Options(llvm::StringRef flag, llvm::StringRef text);
llvm::Expected<SmoothPassOptions> parseSmoothOptions(llvm::StringRef flag, llvm::StringRef text);
llvm::Expected<QuantizeStaticPassOptions> parseQuantizeStaticOptions(llvm::StringRef flag, llvm::StringRef text);
llvm::Expected<QuantizeDynamicPassOptions> parseQuantizeDynamicOptions(llvm::StringRef flag, llvm::StringRef text);

/// Parses `text`: "f32", or "bf16" and options of vitya-convert-to-bf16 after a comma or space; nothing for f32. The
/// error names `flag`, for which the text was given.
llvm::Expected<std::optional<ConvertToBf16PassOptions>> parsePrecisionOptions(const std::string &flag,
                                                                              llvm::StringRef text);

/// The options of the pass that quantizes a model; by default none does.
using QuantizeOptions = std::variant<std::monostate, QuantizeStaticPassOptions, QuantizeDynamicPassOptions>;

/// How `options` round weights; nearest without quantization.
WeightRounding roundingOf(const QuantizeOptions &options);

/// Parses `text`: "none", "static" or "dynamic", then options of that pass after a comma or space. The error names
/// `flag`, for which the text was given.
llvm::Expected<QuantizeOptions> parseQuantizeOptions(const std::string &flag, llvm::StringRef text);

/// The quantization that the option `quantize` of a pass on `module` names. An error at `module` if it names none;
/// `use` is what the pass needs it for, a relative clause.
mlir::FailureOr<QuantizeOptions> requireQuantization(mlir::ModuleOp module, llvm::StringRef quantize,
                                                     llvm::StringRef use);

#define GEN_PASS_REGISTRATION
#include "passes/quantize/Passes.h.inc"

} // namespace vitya

#endif // VITYA_PASSES_QUANTIZE_PASSES_H
