// The graph of a model as PyTorch exports it: calls of ATen operators on named values. It does not depend on the kind
// of file; each reader produces it, and the converter turns it into ops.
#ifndef VITYA_FRONTEND_GRAPH_GRAPH_H
#define VITYA_FRONTEND_GRAPH_GRAPH_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace vitya {

/// The number of a value in its graph.
enum class ValueId : unsigned {};

/// An argument of a call; `std::monostate` is Python's None.
struct Argument {
  using List = std::vector<Argument>;
  std::variant<std::monostate, bool, int64_t, double, std::string, ValueId, List> value;

  template <typename T>
  const T *as() const {
    return std::get_if<T>(&value);
  }
  bool isNone() const { return as<std::monostate>(); }
};

struct NamedArgument {
  std::string name; ///< in the schema of the operator
  Argument argument;
};

/// A call of an operator.
struct GraphNode {
  std::string op;                       ///< without namespace and overload: "linear"; in-place operators end in '_'
  std::vector<NamedArgument> arguments; ///< without those that have their default
  llvm::SmallVector<ValueId, 1> results;
  std::string module; ///< path of the innermost module whose code makes the call: "blocks.0.attn"; empty if unknown
  std::string source; ///< "vit.py:12", the line of the model's code that makes the call; empty if unknown

  /// Returns the argument `name`, or null if it has its default.
  const Argument *find(llvm::StringRef name) const;
};

/// The size of a dimension that depends on the size of a batch.
inline constexpr int64_t kSymbolicSize = -1;

/// The numbers of element types in the schema of exported graphs.
enum class ScalarType : int64_t { unknown = 0, u8 = 1, i64 = 5, f16 = 6, f32 = 7, f64 = 8, truth = 12, bf16 = 13 };

inline bool isInteger(ScalarType type) { return type >= ScalarType::u8 && type <= ScalarType::i64; }
inline bool isFloating(ScalarType type) {
  return (type >= ScalarType::f16 && type <= ScalarType::f64) || type == ScalarType::bf16;
}

struct GraphValue {
  std::string name;
  bool isTensor = false;
  llvm::SmallVector<int64_t, 4> shape;   ///< of a tensor, with `kSymbolicSize` where it is not a number
  ScalarType type = ScalarType::unknown; ///< of a tensor

  bool hasElements() const { return !llvm::is_contained(shape, 0); }
};

/// A parameter, buffer or constant.
struct GraphWeight {
  ValueId value;
  std::string tensor; ///< name of the tensor in the file
};

struct Graph {
  std::vector<GraphValue> values;
  std::vector<GraphWeight> weights;
  std::vector<GraphNode> nodes; ///< in the order of execution
  ValueId input, output;        ///< the images and the logits

  const GraphValue &operator[](ValueId id) const { return values[static_cast<unsigned>(id)]; }
};

} // namespace vitya

#endif // VITYA_FRONTEND_GRAPH_GRAPH_H
