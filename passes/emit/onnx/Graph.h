// Builds a graph of ONNX. Its values are known by their names.
#ifndef VITYA_PASSES_EMIT_ONNX_GRAPH_H
#define VITYA_PASSES_EMIT_ONNX_GRAPH_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include <onnx.pb.h>
#include <string>
#include <variant>
#include <vector>

namespace vitya {

/// The element types of tensors; the numbers are those of onnx::TensorProto::DataType.
enum class OnnxType : int32_t {
  f32 = onnx::TensorProto::FLOAT,
  u8 = onnx::TensorProto::UINT8,
  i8 = onnx::TensorProto::INT8,
  i32 = onnx::TensorProto::INT32,
  i64 = onnx::TensorProto::INT64,
  bf16 = onnx::TensorProto::BFLOAT16,
  i4 = 22, ///< schemas before version 1.16 of ONNX do not name it
};

/// An attribute of a node.
struct OnnxAttribute {
  llvm::StringRef name;
  std::variant<int64_t, float, llvm::StringRef, std::vector<int64_t>> value;
};

/// A graph of which nodes are added in the order in which they are executed.
class OnnxGraph {
public:
  explicit OnnxGraph(onnx::GraphProto &graph) : graph(graph) {}

  /// Adds f32 `name` [batch, sizes...] to the inputs of the graph.
  onnx::TypeProto &addInput(llvm::StringRef name, llvm::ArrayRef<int64_t> sizes);
  /// The same for the outputs. addOutputNode() adds the node that computes it.
  void addOutput(llvm::StringRef name, llvm::ArrayRef<int64_t> sizes);

  /// Adds a node with one result and returns the name of that. The names of node and result begin with `scope`.
  std::string addNode(llvm::StringRef scope, llvm::StringRef type, llvm::ArrayRef<std::string> inputs,
                      llvm::ArrayRef<OnnxAttribute> attributes = {});
  /// Adds a node whose result is the output `name`.
  void addOutputNode(llvm::StringRef name, llvm::StringRef type, llvm::ArrayRef<std::string> inputs);

  /// Adds a constant of `bytes`, in row-major order, and returns its name, which is or begins with `name`. An i4 takes
  /// a byte.
  std::string addConstant(llvm::StringRef name, OnnxType type, llvm::ArrayRef<int64_t> shape,
                          llvm::ArrayRef<char> bytes);

  /// The same for one kind of elements.
  std::string addFloats(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values);
  std::string addIntegers(llvm::StringRef name, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> values);
  std::string addScalar(llvm::StringRef name, float value) { return addFloats(name, {}, {value}); }

private:
  std::string unique(llvm::StringRef name);

  onnx::GraphProto &graph;
  llvm::StringSet<> names;
};

} // namespace vitya

#endif // VITYA_PASSES_EMIT_ONNX_GRAPH_H
