// Fills the messages of a graph.
#include "passes/emit/onnx/Graph.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;

namespace vitya {

/// The first dimension of inputs and outputs, which has any size.
static constexpr StringLiteral kBatch = "batch";

static onnx::TypeProto &addValue(onnx::ValueInfoProto &info, StringRef name, ArrayRef<int64_t> sizes) {
  info.set_name(name.str());
  onnx::TypeProto::Tensor &type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param(kBatch.str());
  for (int64_t size : sizes)
    type.mutable_shape()->add_dim()->set_dim_value(size);
  return *info.mutable_type();
}

onnx::TypeProto &OnnxGraph::addInput(StringRef name, ArrayRef<int64_t> sizes) {
  names.insert(name);
  return addValue(*graph.add_input(), name, sizes);
}

void OnnxGraph::addOutput(StringRef name, ArrayRef<int64_t> sizes) {
  names.insert(name);
  addValue(*graph.add_output(), name, sizes);
}

/// Sets the fields of `to` that belong to the kind of value.
static void setValue(onnx::AttributeProto &to, int64_t value) {
  to.set_type(onnx::AttributeProto::INT);
  to.set_i(value);
}

static void setValue(onnx::AttributeProto &to, float value) {
  to.set_type(onnx::AttributeProto::FLOAT);
  to.set_f(value);
}

static void setValue(onnx::AttributeProto &to, StringRef value) {
  to.set_type(onnx::AttributeProto::STRING);
  to.set_s(value.str());
}

static void setValue(onnx::AttributeProto &to, const std::vector<int64_t> &values) {
  to.set_type(onnx::AttributeProto::INTS);
  to.mutable_ints()->Add(values.begin(), values.end());
}

static onnx::NodeProto &addNodeTo(onnx::GraphProto &graph, StringRef name, StringRef type,
                                  ArrayRef<std::string> inputs) {
  onnx::NodeProto &node = *graph.add_node();
  node.set_name(name.str());
  node.set_op_type(type.str());
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output(name.str());
  return node;
}

std::string OnnxGraph::addNode(StringRef scope, StringRef type, ArrayRef<std::string> inputs,
                               ArrayRef<OnnxAttribute> attributes) {
  std::string name = unique((scope + "/" + type).str());
  onnx::NodeProto &node = addNodeTo(graph, name, type, inputs);
  for (const OnnxAttribute &attribute : attributes) {
    onnx::AttributeProto &to = *node.add_attribute();
    to.set_name(attribute.name.str());
    std::visit([&](const auto &value) { setValue(to, value); }, attribute.value);
  }
  return name;
}

void OnnxGraph::addOutputNode(StringRef name, StringRef type, ArrayRef<std::string> inputs) {
  addNodeTo(graph, name, type, inputs);
}

/// Packs integers of 4 bits, one in each byte, into two in a byte, the first in the low half.
static std::string packNibbles(ArrayRef<char> bytes) {
  std::string packed((bytes.size() + 1) / 2, '\0');
  for (auto [index, byte] : enumerate(bytes))
    packed[index / 2] |= static_cast<char>((byte & 15) << (index % 2 * 4));
  return packed;
}

std::string OnnxGraph::addConstant(StringRef name, OnnxType type, ArrayRef<int64_t> shape, ArrayRef<char> bytes) {
  onnx::TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(unique(name));
  tensor.set_data_type(static_cast<int32_t>(type));
  tensor.mutable_dims()->Add(shape.begin(), shape.end());
  tensor.set_raw_data(type == OnnxType::i4 ? packNibbles(bytes) : std::string(bytes.begin(), bytes.end()));
  return tensor.name();
}

template <typename T>
static ArrayRef<char> bytesOf(ArrayRef<T> values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

std::string OnnxGraph::addFloats(StringRef name, ArrayRef<int64_t> shape, ArrayRef<float> values) {
  return addConstant(name, OnnxType::f32, shape, bytesOf(values));
}

std::string OnnxGraph::addIntegers(StringRef name, ArrayRef<int64_t> shape, ArrayRef<int64_t> values) {
  return addConstant(name, OnnxType::i64, shape, bytesOf(values));
}

std::string OnnxGraph::unique(StringRef name) {
  std::string result = name.str();
  for (int number = 2; !names.insert(result).second; ++number)
    result = (name + "_" + Twine(number)).str();
  return result;
}

} // namespace vitya
