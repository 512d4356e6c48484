// What a checkpoint of a compressed model says about its layers beside their tensors: what no shape tells.
#ifndef VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H
#define VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H

#include "dialect/VityaOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace vitya {

/// Two keys of the `vitya` entry: "attentions", {NAME: {"scale", "value_width"}} of attentions whose heads were
/// narrowed, and "linears", {NAME: {"in", "out", "rank" (absent: dense), "reason"}}, as `vitya.linear_info` has them.
struct CompressionRecord {
  struct Attention {
    double scale;       ///< of the scores
    int64_t valueWidth; ///< of all heads together
  };
  llvm::StringMap<Attention> attentions;
  llvm::StringMap<LinearInfoAttr> linears;

  /// Takes its keys out of `settings`. Values of another form are an error that names the key.
  static llvm::Expected<CompressionRecord> take(mlir::MLIRContext &context, llvm::json::Object &settings);

  /// Its keys, without those that would be empty.
  llvm::json::Object toJson() const;
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H
