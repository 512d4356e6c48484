// Converts a graph to ops. The shape of a tensor has a batch of one image in the graph, and none in the ops.
#ifndef VITYA_FRONTEND_GRAPH_CONVERTER_H
#define VITYA_FRONTEND_GRAPH_CONVERTER_H

#include "frontend/graph/Emitter.h"

namespace vitya {

class Converter {
public:
  /// Both arguments outlive the converter. Ops are built at the insertion point of `builder`.
  Converter(mlir::OpBuilder &builder, const ExportedProgram &program)
      : builder(builder), program(program), graph(program.graph()), emitter(builder), values(graph.values.size()) {}

  /// Returns the shape [channels, height, width] of the image that the graph takes.
  static llvm::Expected<llvm::SmallVector<int64_t>> imageShape(const Graph &graph);

  /// Returns the names of the operators that can be converted.
  static std::vector<llvm::StringRef> operatorNames();

  /// Builds the ops of the graph for `image`, and returns the logits, `tensor<1xC>`. Errors name the operator, its
  /// module and the line of the model's code.
  llvm::Expected<mlir::Value> convert(mlir::Value image);

private:
  using Results = llvm::SmallVector<View, 1>;
  using Handler = mlir::FailureOr<Results> (Converter::*)();
  struct Operator;
  static llvm::ArrayRef<Operator> operators();

  llvm::LogicalResult convertNode();
  llvm::LogicalResult bind(const Results &results);
  /// Gives each constant that the node reads a source of its own, so that it can be rearranged in any way.
  bool copyConstants();
  bool convertSize();
  llvm::Error problem() const;
  std::string describeNode() const;

  // The arguments of the current node.
  mlir::FailureOr<View> view(llvm::StringRef name);
  mlir::FailureOr<View> viewOf(const Argument &argument);
  std::optional<View> optionalView(llvm::StringRef name);
  mlir::FailureOr<llvm::SmallVector<View>> views(llvm::StringRef name);
  std::optional<int64_t> integerOf(const Argument &argument) const;
  mlir::FailureOr<int64_t> integer(llvm::StringRef name, std::optional<int64_t> fallback = std::nullopt);
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  integers(llvm::StringRef name, std::optional<llvm::SmallVector<int64_t>> fallback = std::nullopt);
  std::optional<double> number(llvm::StringRef name) const;
  bool flag(llvm::StringRef name, bool fallback) const;
  /// A number of a dimension of `view`, which may be counted from the end.
  mlir::FailureOr<int64_t> dimension(llvm::StringRef name, size_t rank, std::optional<int64_t> fallback = std::nullopt);
  mlir::FailureOr<int64_t> wrap(int64_t dim, size_t rank);
  static mlir::FailureOr<Results> results(mlir::FailureOr<View> view) {
    return mlir::failed(view) ? mlir::FailureOr<Results>(mlir::failure()) : Results{*view};
  }
  /// `map` over the source of `view`.
  mlir::FailureOr<Results> arranged(const View &view, std::optional<IndexMap> map);
  mlir::FailureOr<View> rearranged(const View &view, std::optional<IndexMap> map);
  mlir::FailureOr<View> reshaped(const View &view, llvm::ArrayRef<int64_t> shape) {
    return rearranged(view, view.map.reshape(shape));
  }

  // Rearrangements (ShapeOps.cpp).
  mlir::FailureOr<Results> same();
  mlir::FailureOr<Results> clone();
  mlir::FailureOr<Results> dropout();
  mlir::FailureOr<Results> convertType();
  mlir::FailureOr<Results> reshape();
  mlir::FailureOr<Results> flatten();
  mlir::FailureOr<Results> unflatten();
  mlir::FailureOr<Results> permute();
  mlir::FailureOr<Results> transpose();
  mlir::FailureOr<Results> squeeze();
  mlir::FailureOr<Results> unsqueeze();
  mlir::FailureOr<Results> expand();
  mlir::FailureOr<Results> repeat();
  mlir::FailureOr<Results> repeatInterleave();
  mlir::FailureOr<Results> select();
  mlir::FailureOr<Results> slice();
  mlir::FailureOr<Results> narrow();
  mlir::FailureOr<Results> unbind();
  mlir::FailureOr<Results> chunk();
  mlir::FailureOr<Results> split();
  mlir::FailureOr<Results> unfold();
  mlir::FailureOr<Results> pad();
  mlir::FailureOr<Results> cutDim(const View &view, int64_t dim, llvm::ArrayRef<int64_t> sizes);

  // Elements (ElementOps.cpp).
  mlir::FailureOr<Results> add();
  mlir::FailureOr<Results> subtract();
  mlir::FailureOr<Results> multiply();
  mlir::FailureOr<Results> divide();
  mlir::FailureOr<Results> mean();
  mlir::FailureOr<Results> sumOver();
  mlir::FailureOr<Results> averagePool();
  mlir::FailureOr<Results> concatenate();
  mlir::FailureOr<Results> stack();
  mlir::FailureOr<Results> concatenate(llvm::MutableArrayRef<View> parts, int64_t dim);
  mlir::FailureOr<llvm::SmallVector<int64_t>> reducedDims(size_t rank);
  mlir::FailureOr<View> sum(const View &left, const View &right);
  mlir::FailureOr<View> product(const View &left, const View &right);
  mlir::FailureOr<View> scaledBy(const View &view, double factor);
  /// Two operands of an op whose elements are in the same places, and the view of its result.
  struct Operands {
    mlir::Value first, second;
    IndexMap map;
  };
  mlir::FailureOr<Operands> operandsOf(const View &a, const View &b);
  /// Repeats dimensions of size 1, so that all have one shape.
  llvm::LogicalResult broadcast(llvm::MutableArrayRef<View> views);
  mlir::FailureOr<std::pair<View, View>> broadcast(const View &left, const View &right);
  std::optional<View> normalizedBy(const View &image, llvm::ArrayRef<float> values, bool isDivision);
  std::optional<View> normalized(const View &image, const View &constant, bool isDivision);
  std::optional<View> normalized(const View &image, double number, bool isDivision);
  mlir::FailureOr<View> plus(const View &view, double number);
  /// `other`, a constant that is broadcast to the rows of a linear layer or an RMSNorm, as a vector [outputs].
  std::optional<View> vectorFor(const View &layer, const View &other);
  /// The mean over dimensions, or the sum.
  mlir::FailureOr<View> meanOf(const View &view, llvm::ArrayRef<int64_t> dims, bool keepDims, bool isSum = false);

  // Attention (AttentionOps.cpp).
  mlir::FailureOr<Results> softmax();
  mlir::FailureOr<Results> softmaxOfTokens(const View &scores, int64_t dim);
  mlir::FailureOr<View> sumWeighted(const View &weighted, llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> shape);
  mlir::FailureOr<Results> attention();
  mlir::FailureOr<View> attend(const ScoresSource &scores, const View &value);
  mlir::FailureOr<View> biased(const View &scores, const View &bias, bool areTruthValues = false);

  // Rotary position embeddings (RotaryOps.cpp).
  std::optional<View> quarterTurn(llvm::ArrayRef<View> parts, int64_t dim);
  std::optional<View> rotation(const View &left, const View &right);
  std::optional<View> joinRotated(llvm::ArrayRef<View> parts, int64_t dim);
  static std::pair<View, View> pairsApart(const View &query, const View &key);

  // Functions of each element (ActivationOps.cpp).
  mlir::FailureOr<Results> elementFunction();
  mlir::FailureOr<Results> negate();
  mlir::FailureOr<Results> gelu();
  mlir::FailureOr<Results> clamp();
  /// `function` of each element, a constant if `view` is one.
  mlir::FailureOr<View> applied(const View &view, std::function<double(double)> function);
  /// The function that an operation on two functions of the same elements gives. Fails if they are of different
  /// elements.
  mlir::FailureOr<View> combine(const View &left, const View &right, double (*operation)(double, double));
  mlir::FailureOr<View> makeFunction(FunctionSource function);

  // Memory (MemoryOps.cpp).
  mlir::FailureOr<Results> allocate();
  mlir::FailureOr<Results> copy();
  mlir::FailureOr<Results> scatter();
  mlir::FailureOr<Results> compare();

  // Constants (ConstantOps.cpp).
  mlir::FailureOr<Results> binaryFunction();
  mlir::FailureOr<Results> arange();
  mlir::FailureOr<Results> linspace();
  mlir::FailureOr<Results> scalarTensor();
  mlir::FailureOr<Results> meshgrid();
  mlir::FailureOr<Results> choose();
  mlir::FailureOr<Results> interpolate();
  /// A constant as the first result of the node, whose element type its values are converted to.
  mlir::FailureOr<View> computed(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, std::vector<float> values);
  /// `view`, whose elements will not change any more if it is a constant.
  mlir::FailureOr<View> settled(const View &view);
  mlir::FailureOr<View> operand(llvm::StringRef name);
  mlir::FailureOr<View> foldConstants(const View &left, const View &right, double (*function)(double, double));
  mlir::FailureOr<View> foldFunction(const View &view, llvm::function_ref<double(double)> function);
  mlir::FailureOr<View> foldConcatenation(llvm::ArrayRef<View> parts, int64_t dim);
  mlir::FailureOr<View> foldSum(const View &sorted, int64_t count, llvm::ArrayRef<int64_t> shape, double factor);
  std::optional<View> maskedScores(const View &truths, const View &whenTrue, const View &whenFalse);

  // Elements at indices (GatherOps.cpp).
  mlir::FailureOr<Results> index();
  mlir::FailureOr<Results> indexSelect();
  mlir::FailureOr<Results> embedding();
  mlir::FailureOr<Results> flip();
  mlir::FailureOr<Results> asStrided();
  mlir::FailureOr<View> indexed(const View &self, size_t first, llvm::ArrayRef<View> indices);

  // Layers (LayerOps.cpp).
  mlir::FailureOr<Results> linear();
  mlir::FailureOr<Results> matmul();
  mlir::FailureOr<Results> addmm();
  mlir::FailureOr<Results> einsum();
  mlir::FailureOr<View> multiplyMatrices(const View &left, const View &right);
  mlir::FailureOr<View> multiplyBatches(const View &left, const View &right);
  mlir::FailureOr<View> foldLinear(const View &input, const View &weight, std::optional<View> bias);
  mlir::FailureOr<View> linearLayer(const View &input, const View &weight, std::optional<View> bias);

  // Norms (NormOps.cpp).
  mlir::FailureOr<Results> norm();
  mlir::FailureOr<Results> vectorNorm();
  std::optional<View> meanOfSquares(const View &view, llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> shape,
                                    bool isSum);
  std::optional<View> rmsNormalized(const View &values, const View &factors);

  // Windows of pixels (StemOps.cpp).
  using Sizes = std::array<int64_t, 2>;
  /// Heights and widths.
  struct Windows {
    Sizes grid, window, stride, padding;
    /// Whether the windows are the patches of the image.
    bool areSideBySide() const {
      return stride == window && padding == Sizes{0, 0} && grid[0] % window[0] == 0 && grid[1] % window[1] == 0;
    }
  };
  mlir::FailureOr<Results> convolution();
  mlir::FailureOr<Results> maxPool();
  mlir::FailureOr<Results> batchNorm();
  mlir::FailureOr<Results> unfoldImage();
  mlir::FailureOr<Windows> windows(const View &image, llvm::ArrayRef<int64_t> kernel, Sizes defaultStride);
  mlir::FailureOr<View> cutPatches(const View &image, const Windows &windows);
  mlir::FailureOr<View> embedPatches(const View &image, const Windows &windows, const View &weight,
                                     std::optional<View> bias);
  mlir::FailureOr<View> imageOf(const View &tokens, Sizes grid);
  mlir::FailureOr<mlir::Value> pixels(const View &image);

  mlir::OpBuilder &builder;
  const ExportedProgram &program;
  const Graph &graph;
  Emitter emitter;
  const GraphNode *node = nullptr;
  int64_t computedElements = 0, constantLimit = 0; ///< of constants
  std::vector<std::variant<std::monostate, View, int64_t>> values;
};

/// An operator and how it is converted.
struct Converter::Operator {
  llvm::StringLiteral name;
  Handler convert;
};

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_CONVERTER_H
