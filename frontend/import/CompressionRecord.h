// The properties of a compressed model's layers that do not follow from the shapes of their tensors.
#ifndef VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H
#define VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H

#include "dialect/VityaOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace vitya {

/// Two keys of the `vitya` entry. "attentions" is {NAME: {"scale", "value_width"}} for attentions whose heads were
/// narrowed; "linears" is {NAME: {"in", "out", "rank", "reason"}} with the fields of `vitya.linear_info`, without a
/// rank for dense layers.
struct CompressionRecord {
  struct Attention {
    double scale;       ///< of the scores
    int64_t valueWidth; ///< the sum over all heads
  };
  llvm::StringMap<Attention> attentions;
  llvm::StringMap<LinearInfoAttr> linears;

  /// Reads both keys and removes them from `settings`. Values of another form are an error that names the key.
  static llvm::Expected<CompressionRecord> take(mlir::MLIRContext &context, llvm::json::Object &settings);

  /// Returns an object with the keys that are not empty.
  llvm::json::Object toJson() const;
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H
