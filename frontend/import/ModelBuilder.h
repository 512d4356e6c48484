// Builds the module of a model from matched steps.
#ifndef VITYA_FRONTEND_IMPORT_MODELBUILDER_H
#define VITYA_FRONTEND_IMPORT_MODELBUILDER_H

#include "frontend/import/Geometry.h"
#include "frontend/import/LayerBuilder.h"
#include "frontend/import/ModelSettings.h"
#include "mlir/IR/OwningOpRef.h"

namespace vitya {

class ModelBuilder {
public:
  /// All arguments outlive the builder; the dialects of phase `import` are loaded. The settings on which the model
  /// depends are added to `used`.
  ModelBuilder(mlir::MLIRContext &context, const Checkpoint &checkpoint, const Settings &settings,
               const CompressionRecord &record, ModelSettings &used);

  /// Builds the module of a model called `name` from `steps`, which are those of a match.
  llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>> build(const Steps &steps, llvm::StringRef name);

private:
  struct AttentionInputs {
    Tokens query, key, value;
  };

  // Each step reads `tokens` and replaces them by its result.
  llvm::Error buildSteps(const Steps &steps);
  llvm::Error buildStep(const PatchifyStep &step);
  llvm::Error buildStep(const LinearStep &step);
  llvm::Error buildStep(const NormStep &step);
  llvm::Error buildStep(const ActivationStep &step);
  llvm::Error buildStep(const AttentionStep &step);
  llvm::Error buildStep(const ResidualStep &step);
  llvm::Error buildStep(const RepeatStep &step);
  llvm::Error buildStep(const TokensStep &step);
  llvm::Error buildStep(const PoolStep &step);
  llvm::Error buildStep(const AverageStep &step);
  llvm::Error buildStep(const ProductStep &step);
  llvm::Error buildStep(const IfStep &step);
  llvm::Error buildStep(const ConvolutionStep &step);
  llvm::Error buildStep(const MaxPoolStep &step);
  llvm::Error checkWindow(llvm::StringRef name, Sizes window, const WindowStep &step) const;
  llvm::Expected<AttentionInputs> fusedInputs(const AttentionStep &step, const CompressionRecord::Attention &how);
  llvm::Expected<AttentionInputs> separateInputs(const AttentionStep &step, const CompressionRecord::Attention &how);
  llvm::Expected<Tokens> norm(const Layer &layer, Tokens input);
  llvm::Expected<Tokens> normHeads(const std::optional<Layer> &layer, Tokens input, int64_t heads);
  llvm::Expected<Tokens> rotate(const AttentionStep &step, Tokens input, int64_t first, int64_t heads);
  llvm::Error buildSequencePool(const Layer &layer);
  void compress(AttentionOp op, const CompressionRecord::Attention &how);

  /// A tensor with tokens that are no patches.
  struct TokenTensor {
    TensorName name;
    int64_t rows;
  };
  llvm::Expected<TokenTensor> tokenTensor(const TensorName &name, bool isOne) const;
  llvm::Error insertTokens(int64_t row, llvm::ArrayRef<TokenTensor> inserted);
  llvm::Expected<mlir::Value> position(const TokensStep &step, int64_t before);
  Tokens sliceRows(Tokens input, int64_t first, int64_t count, mlir::Location loc);
  Tokens slice(Tokens input, llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> sizes, mlir::Location loc);

  llvm::Expected<mlir::Value> buildBody(const Steps &steps, mlir::Value image);

  mlir::Location location(llvm::StringRef name) { return nameLocation(builder, name); }
  mlir::RankedTensorType type(llvm::ArrayRef<int64_t> shape);
  int64_t rows() const { return tokens.getType().getDimSize(0); }
  int64_t columns() const { return tokens.getType().getDimSize(1); }

  mlir::MLIRContext &context;
  const Settings &settings;
  const CompressionRecord &record;
  ModelSettings &used;
  mlir::OpBuilder builder;
  Weights weights;
  LayerBuilder layers;
  Geometry geometry = {};
  Grid grid = {}; ///< of the patches, which convolutions and pooling change
  Tokens tokens;  ///< the result of the steps built so far; the image before the first
  struct RotaryConstants {
    mlir::Value cos, sin;
    int64_t first; ///< the token of their first row
  };
  llvm::SmallVector<RotaryConstants, 2> rotaryConstants;
  /// The tokens that precede the patches.
  struct TokensBefore {
    int64_t rows = 0;
    std::optional<int64_t> classToken, distillation; ///< their rows
    int64_t dropped = 0;                             ///< rows in front of them that an attention has left out
    void drop(int64_t count);
  } others;
};

} // namespace vitya

#endif // VITYA_FRONTEND_IMPORT_MODELBUILDER_H
