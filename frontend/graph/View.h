// What a value of a graph is while the graph is converted: an arrangement of the elements of a source.
#ifndef VITYA_FRONTEND_GRAPH_VIEW_H
#define VITYA_FRONTEND_GRAPH_VIEW_H

#include "frontend/graph/ExportedProgram.h"
#include "frontend/graph/IndexMap.h"
#include "mlir/IR/Value.h"
#include <functional>

namespace vitya {

struct Source;

/// A tensor of the graph: element i is `factor` times the element `map(i)` of the source.
struct View {
  std::shared_ptr<Source> source;
  IndexMap map;
  double factor = 1;
};

/// An image, `tensor<CxHxW>`.
struct ImageSource {
  mlir::Value value;
};
/// Tokens, `tensor<NxD>`.
struct TokensSource {
  mlir::Value value;
};
/// The result of a linear layer, tokens that are computed when they are needed. Until then, factors of its outputs and
/// a bias still become part of the layer, and outputs in another order need no copy.
struct LinearSource {
  mlir::Value input;
  View weight;              ///< [out, in], a constant
  std::optional<View> bias; ///< [out], a constant
  std::string name;
  mlir::Value value;  ///< null until it is needed
  bool isCut = false; ///< whether layers of their own compute some of the outputs, so that the others follow
};
/// A tensor of the file, or one that was computed from such tensors.
struct ConstantSource {
  std::string name;
  std::optional<ExportedProgram::StoredTensor> stored;
  std::vector<float> values; ///< if it is not stored
};
/// scale * query key^T + bias for each head, [heads, queries, keys]. Query and key are [heads, tokens, width].
struct ScoresSource {
  View query, key;
  double scale = 1;
  std::optional<View> bias; ///< [heads, queries, keys], a constant
};
/// The softmax of scores over the keys.
struct ProbabilitiesSource {
  ScoresSource scores;
};
/// Elements of attention weights times those of values, which are added up later. Both views have one shape.
struct WeightedSource {
  View weights, values;
};
/// A function of each element that the model computes in steps, such as x * sigmoid(1.702 * x).
struct FunctionSource {
  View operand;
  std::function<double(double)> function;
  unsigned steps; ///< that an evaluation takes
};
/// The mean of the squares in each row of `operand`, its last dimension.
struct MeanSquaresSource {
  View operand;
};
/// RMSNorm of the last dimension that the model computes in steps. The weight is a constant of as many elements.
struct NormSource {
  View operand;
  double eps;
  std::optional<View> weight;
  std::string name;
  std::optional<View> result; ///< the norm with the weight times `factor`, if it is an op now
};
/// Elements of `operand` times those of the constant `factors`, both of one shape.
struct ScaledSource {
  View operand, factors;
};
/// Pairs of columns of `operand`, its last dimension, turned by 90 degrees: (a, b) becomes (-b, a).
struct QuarterTurnSource {
  View operand;
  bool interleaved; ///< as in vitya.rotary_embedding
};
/// operand * cos + quarter turn of operand * sin, where all three have one shape: rotary position embeddings.
struct RotarySource {
  View operand, cos, sin;
  bool interleaved;
  std::string part;           ///< "q" or "k", as for Emitter::matrix
  std::optional<View> result; ///< if it is an op now
};
/// Memory that is written part by part.
struct BufferSource {
  llvm::SmallVector<int64_t> shape;
  std::optional<double> fill; ///< what is in places that are not written
  std::vector<View> parts;    ///< what was written
  std::vector<IndexMap> places;
};
/// Truth values that are all the same.
struct TruthSource {
  bool value;
};
/// The result of an operator that is not supported. It is an error only if something reads it.
struct UnsupportedSource {
  std::string problem;
};

struct Source : std::variant<ImageSource, TokensSource, LinearSource, ConstantSource, ScoresSource, ProbabilitiesSource,
                             WeightedSource, FunctionSource, MeanSquaresSource, NormSource, ScaledSource,
                             QuarterTurnSource, RotarySource, BufferSource, TruthSource, UnsupportedSource> {
  using variant::variant;
};

template <typename T>
T *getSource(const View &view) {
  return std::get_if<T>(view.source.get());
}

/// Whether no element depends on the image.
inline bool isConstant(const View &view) {
  auto *buffer = getSource<BufferSource>(view);
  return getSource<ConstantSource>(view) ||
         (buffer && (buffer->fill || !buffer->parts.empty()) && llvm::all_of(buffer->parts, isConstant));
}

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_VIEW_H
