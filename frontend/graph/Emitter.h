// Turns views into values of the IR.
#ifndef VITYA_FRONTEND_GRAPH_EMITTER_H
#define VITYA_FRONTEND_GRAPH_EMITTER_H

#include "dialect/VityaOps.h"
#include "frontend/graph/View.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"

namespace vitya {

class Emitter {
public:
  explicit Emitter(mlir::OpBuilder &builder) : builder(builder) {}

  /// A matrix, and the map from a view to its elements. Each row of the view is a row of the matrix, whose columns may
  /// be in another order.
  struct Rows {
    mlir::Value value;
    IndexMap map;
    /// The number of the column of the view at each column of the matrix.
    IndexMap columns() const { return *map.slice(0, 0, 1)->reshape({map.size(1)})->inverse(); }
  };

  /// The functions of each element that the dialect has.
  enum class Activation { geluErf, geluTanh, geluQuick, relu, silu };

  /// Returns the rows of a view of two dimensions.
  mlir::FailureOr<Rows> rows(const View &view);

  /// Returns a view of two dimensions as `tensor<NxD>`. A layer that computes only some outputs of a layer of the
  /// model, or in another order, gets the name of that layer with ".`part`", unless `part` is empty.
  mlir::FailureOr<mlir::Value> matrix(const View &view, llvm::StringRef part = "");

  /// Returns a matrix with all elements of `view` and the map to it. The last dimension of a view that does not use all
  /// of its source becomes the columns.
  mlir::FailureOr<Rows> whole(const View &view);

  /// Returns the elements of a constant in the order of the view.
  mlir::FailureOr<std::vector<float>> read(const View &view);

  /// Replaces memory that was written part by part by the constant or the tokens in it.
  llvm::LogicalResult fillBuffer(const View &written);

  /// Returns a constant of the shape of the view as an op.
  mlir::FailureOr<mlir::Value> constant(const View &view);

  /// Returns a constant with computed elements as a view.
  static View makeConstant(std::string name, llvm::ArrayRef<int64_t> shape, std::vector<float> values);

  /// Returns tokens as a view of `shape`, which has as many elements.
  static View tokens(mlir::Value value, llvm::ArrayRef<int64_t> shape);

  /// A norm of rows.
  struct Norm {
    bool isRms; ///< RMSNorm, which has no bias, or LayerNorm
    std::optional<View> weight, bias;
    double eps;
    std::string name;
  };

  /// Returns the norm of the last dimensions of `input`, which have `width` elements.
  mlir::FailureOr<View> normalize(const View &input, int64_t width, const Norm &norm);

  /// Returns the name of the layer whose weight has this name.
  static llvm::StringRef layerOf(llvm::StringRef weight);

  /// Returns `name`, with a number if a layer has this name already.
  std::string uniqueName(llvm::StringRef name);

  mlir::Location location(llvm::StringRef name);

  /// Records a problem, unless there is one already.
  template <typename... Arguments>
  llvm::LogicalResult fail(const char *format, Arguments &&...arguments) {
    if (problem.empty())
      problem = llvm::formatv(format, std::forward<Arguments>(arguments)...);
    return mlir::failure();
  }
  /// `map`, or a problem: the elements are in an order that no op gives them.
  mlir::FailureOr<IndexMap> arranged(std::optional<IndexMap> map);
  /// `other` at the elements of the matrix `anchor`, both views of one shape.
  mlir::FailureOr<View> inPlaceOf(const Rows &anchor, const View &other);

  mlir::OpBuilder &builder;
  std::string problem;

private:
  /// How the columns of heads lie in a matrix of tokens. The view is [..., tokens, heads, width], or, if `isHeadFirst`,
  /// [..., heads, tokens, width].
  struct HeadRows {
    int64_t tokens, heads, width;
    bool isHeadFirst;
    /// A view of that shape as [tokens, heads * width].
    std::optional<IndexMap> matrix(const IndexMap &map) const;
    /// A matrix [tokens, heads * width] as a view of the shape `shape`.
    View apart(mlir::Value matrix, llvm::ArrayRef<int64_t> shape) const;
  };
  static std::optional<HeadRows> headRows(const View &view);
  mlir::FailureOr<View> patches(const View &view, mlir::Value image);
  mlir::FailureOr<mlir::Value> valueOf(const View &view);
  static bool isComputedInSteps(const View &view) {
    return getSource<FunctionSource>(view) || getSource<NormSource>(view) || getSource<ScaledSource>(view) ||
           getSource<RotarySource>(view);
  }
  mlir::FailureOr<View> evaluate(const View &view);
  mlir::FailureOr<View> evaluateNorm(const View &view);
  mlir::FailureOr<View> evaluateScaled(const View &view);
  mlir::FailureOr<View> evaluateRotary(const View &view);
  mlir::FailureOr<mlir::Value> rotaryTable(const View &factors, const HeadRows &heads, bool interleaved,
                                           llvm::StringRef name);
  mlir::FailureOr<mlir::Value> normalizeRows(mlir::Value rows, const Norm &norm, std::optional<IndexMap> columns);
  std::optional<mlir::FailureOr<View>> normalizeHeads(const View &input, const Norm &norm);
  mlir::Value activate(Activation activation, mlir::Value operand);
  /// Where the rows of a view lie in a matrix of tokens.
  struct Position {
    int64_t row;
    IndexMap columns; ///< from the columns of the view to those of the matrix
    bool isRange() const { return columns.isCounting(0, 1); }
  };
  mlir::FailureOr<Position> locate(const View &view, int64_t width);
  mlir::FailureOr<View> gatherOutputs(const View &view, const LinearSource &linear, const Position &position);
  static View scaled(const View &view);
  mlir::FailureOr<std::vector<float>> readStored(const ExportedProgram::StoredTensor &stored);
  llvm::LogicalResult fillConstant(const View &written);

  llvm::StringMap<unsigned> layerNames;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<PatchifyOp>> patchifies;
  llvm::DenseMap<std::pair<const Source *, Activation>, View> functions; ///< those that are ops now
  std::vector<std::shared_ptr<Source>> evaluatedSources;                 ///< keeps the keys
  struct EmittedConstant {
    View view; ///< keeps its source
    mlir::Value value;
  };
  llvm::DenseMap<const Source *, std::vector<EmittedConstant>> constants;
  std::vector<View> tables; ///< constants of sines and cosines
};

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_EMITTER_H
