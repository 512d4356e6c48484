// Builds the IR of a model from a checkpoint whose tensors have been matched with a layout.
#ifndef VITYA_FRONTEND_IMPORT_MODELBUILDER_H
#define VITYA_FRONTEND_IMPORT_MODELBUILDER_H

#include "dialect/VityaOps.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/import/CompressionRecord.h"
#include "frontend/layout/Match.h"
#include "frontend/layout/Settings.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OwningOpRef.h"

namespace vitya {

class ModelBuilder {
public:
  /// All arguments outlive the builder; the dialects of phase `import` are loaded.
  ModelBuilder(mlir::MLIRContext &context, const Checkpoint &checkpoint, const Settings &settings,
               const CompressionRecord &record);

  /// The module of a model called `name` whose steps are `steps`.
  llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> build(const Steps &steps, llvm::StringRef name);

private:
  /// Sizes that follow from weights and settings before any op is built.
  struct Geometry {
    int64_t channels, patchHeight, patchWidth, height, width;
  };

  // Sizes and weights.
  const Tensor &tensor(const TensorName &name) const;
  llvm::Error checkShape(const TensorName &name, bool holds, const llvm::Twine &expected) const;
  llvm::Expected<Geometry> inferGeometry(const Steps &steps) const;
  llvm::Expected<mlir::Value> weight(const TensorName &name, llvm::ArrayRef<int64_t> shape,
                                     llvm::ArrayRef<float> scale = {});
  llvm::Expected<mlir::Value> quantizedWeight(const TensorName &name, llvm::ArrayRef<int64_t> shape);
  mlir::Location location(llvm::StringRef name);
  mlir::RankedTensorType type(llvm::ArrayRef<int64_t> shape);
  int64_t rows() const { return tokens.getType().getDimSize(0); }
  int64_t columns() const { return tokens.getType().getDimSize(1); }

  // Steps, from `tokens` to `tokens`.
  using Tokens = mlir::TypedValue<mlir::RankedTensorType>;
  llvm::Error buildSteps(const Steps &steps);
  llvm::Error buildStep(const PatchifyStep &step);
  llvm::Error buildStep(const LinearStep &step);
  llvm::Error buildStep(const NormStep &step);
  llvm::Error buildStep(const GeluStep &step);
  llvm::Error buildStep(const AttentionStep &step);
  llvm::Error buildStep(const ResidualStep &step);
  llvm::Error buildStep(const RepeatStep &step);
  llvm::Error buildStep(const TokensStep &step);
  llvm::Error buildStep(const PoolStep &step);
  llvm::Expected<Tokens> linear(const Layer &layer, Tokens input);
  /// The input of a quantized linear layer in 8 bits, and its scale and zero point: found at run time for all tokens.
  std::pair<mlir::Value, mlir::Value> quantize(Tokens input);
  Tokens slice(Tokens input, llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> sizes, mlir::Location loc);

  mlir::MLIRContext &context;
  const Checkpoint &checkpoint;
  const Settings &settings;
  const CompressionRecord &record;
  mlir::OpBuilder builder;
  llvm::StringMap<const NamedTensor *> tensors;
  Geometry geometry = {};
  Tokens tokens; ///< what the steps so far have computed; the image before the first
  bool hasClassToken = false;
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, mlir::Value>> quantized; ///< by what was quantized
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_MODELBUILDER_H
