// The `vitya` dialect: registration, attributes and the names of the attributes it puts on modules.
#ifndef VITYA_DIALECT_VITYADIALECT_H
#define VITYA_DIALECT_VITYADIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include <optional>

#include "dialect/VityaDialect.h.inc"
#include "dialect/VityaEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/VityaAttributes.h.inc"

namespace vitya {

/// Module attribute `vitya.model`, a `ModelAttr`.
inline constexpr llvm::StringLiteral kModelAttrName = "vitya.model";
/// Module attribute `vitya.linears`, an array of `LinearInfoAttr`.
inline constexpr llvm::StringLiteral kLinearsAttrName = "vitya.linears";
/// Module attribute `vitya.fingerprint`, a string: see dialect/Fingerprint.h.
inline constexpr llvm::StringLiteral kFingerprintAttrName = "vitya.fingerprint";
/// Module attribute `vitya.parameters`, an i64: elements of all constants at the end of the compress phase.
inline constexpr llvm::StringLiteral kParametersAttrName = "vitya.parameters";
/// Module attribute `vitya.multiply_adds`, an i64: of one inference.
inline constexpr llvm::StringLiteral kMultiplyAddsAttrName = "vitya.multiply_adds";
/// Module attribute `vitya.integer_multiply_adds`, an i64: those of them between integers; absent where there are none.
inline constexpr llvm::StringLiteral kIntegerMultiplyAddsAttrName = "vitya.integer_multiply_adds";
/// Module attribute `vitya.phase`, a string: the phase of compilation the module has reached.
inline constexpr llvm::StringLiteral kPhaseAttrName = "vitya.phase";
/// On an op whose operands can be quantized: an array with, for each of them in order, an array of the
/// `ObservedRangeAttr` that observers propose for it on calibration images.
inline constexpr llvm::StringLiteral kRangesAttrName = "vitya.ranges";
/// On the cast that makes a quantized weight of integers, an f64: the mean squared error of quantizing it over the mean
/// square of the weight. Absent where the f32 weight is not known.
inline constexpr llvm::StringLiteral kNoiseAttrName = "vitya.noise";
/// Module attribute `vitya.calibrated`, a string: the fingerprint of the model that its `vitya.ranges` belong to.
inline constexpr llvm::StringLiteral kCalibratedAttrName = "vitya.calibrated";
/// On an attention op: an `AttentionInfoAttr`. Module attribute `vitya.attentions`, an array of them.
inline constexpr llvm::StringLiteral kAttentionInfoAttrName = "vitya.attention_info";
inline constexpr llvm::StringLiteral kAttentionsAttrName = "vitya.attentions";
/// The reason in the record of a layer that no pass has looked at.
inline constexpr llvm::StringLiteral kUntouched = "no compression asked for";
/// Marks a private function of one block that computes one group of ops: a unit attribute.
inline constexpr llvm::StringLiteral kKernelAttrName = "vitya.kernel";
/// Name of the function that maps one image to logits.
inline constexpr llvm::StringLiteral kEntryName = "main";

} // namespace vitya

#endif // VITYA_DIALECT_VITYADIALECT_H
