// JSON from files that are not trusted, and values of JSON documents, which have no NaN and no infinity.
#ifndef VITYA_DIALECT_SUPPORT_JSON_H
#define VITYA_DIALECT_SUPPORT_JSON_H

#include "llvm/Support/JSON.h"
#include <cmath>
#include <optional>

namespace vitya {

/// Does what `llvm::json::parse` does, and fails for values that are nested so deeply that its recursion would overflow
/// the stack.
llvm::Expected<llvm::json::Value> parseJson(llvm::StringRef text);

/// `value`, or null if it is NaN or infinite.
inline llvm::json::Value toJson(double value) {
  return std::isfinite(value) ? llvm::json::Value(value) : llvm::json::Value(nullptr);
}
/// The value, or null.
inline llvm::json::Value toJson(std::optional<double> value) { return value ? toJson(*value) : nullptr; }
inline llvm::json::Value toJson(std::optional<int64_t> value) {
  return value ? llvm::json::Value(*value) : llvm::json::Value(nullptr);
}

} // namespace vitya

#endif // VITYA_DIALECT_SUPPORT_JSON_H
