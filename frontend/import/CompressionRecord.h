// The properties of a compressed model's layers that do not follow from the names and shapes of their tensors.
#ifndef VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H
#define VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H

#include "dialect/VityaOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"

namespace vitya {

/// Four keys of the `vitya` entry; docs/layouts.md describes them. "linears" has the records of the layers as they
/// were trained, "quantized" has how each quantized linear op computes, "input_factors" has the factors of the columns
/// of inputs, and "attentions" has what compression changed in attentions.
struct CompressionRecord {
  /// The type of an operand, or of the weights of an attention, and the range that calibration found for it, or null.
  struct Operand {
    mlir::quant::QuantizedType type;
    ObservedRangeAttr observed;
  };
  /// A quantized linear layer, or one of its parts or factors.
  struct Linear {
    Operand input;               ///< of a type without a scale if this is found at run time
    Granularity granularity;     ///< of such a scale
    int64_t levels;              ///< of such a scale
    std::optional<double> noise; ///< `vitya.noise` of the weight
    bool hasBias;                ///< zeros are left out
  };
  struct Narrowed {
    double scale;       ///< of the scores
    int64_t valueWidth; ///< the sum over all heads
  };
  struct Attention {
    std::optional<Narrowed> narrowed;     ///< of heads that were narrowed
    std::optional<int64_t> queries;       ///< the number of tokens whose results are read, unless all
    int64_t firstQuery = 0;               ///< the first of them
    std::optional<LayerFormat> format;    ///< of `vitya.attention_info`
    std::string reason;                   ///< of the same
    llvm::SmallVector<Operand, 3> inputs; ///< query, key and value, if these are quantized
    mlir::quant::QuantizedType weights;   ///< null unless these are quantized
  };
  llvm::StringMap<Attention> attentions;
  llvm::StringMap<LinearInfoAttr> linears;
  llvm::StringMap<Linear> quantized;
  llvm::StringMap<std::vector<float>> inputFactors; ///< of `vitya.scale_columns` before linear layers

  /// Reads the keys and removes them from `settings`. Values of another form are an error that names the key.
  static llvm::Expected<CompressionRecord> take(mlir::MLIRContext &context, llvm::json::Object &settings);

  /// Returns an object with the keys that are not empty.
  llvm::json::Object toJson() const;
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_COMPRESSIONRECORD_H
