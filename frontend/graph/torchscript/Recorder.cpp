// Shapes, the types of arguments, and the bytes of weights.
#include "frontend/graph/torchscript/Recorder.h"
#include "frontend/graph/GraphJson.h"
#include <ATen/ATen.h>

namespace vitya {

/// More values than any Vision Transformer has; a loop in a hostile file could make any number.
constexpr size_t kMaxValues = 1 << 20;

std::string messageOf(const std::exception &error) {
  const auto *own = dynamic_cast<const c10::Error *>(&error);
  llvm::StringRef message = own ? own->what_without_backtrace() : error.what();
  return message.trim().split('\n').first.split(". ").first.str();
}

/// The name of an element type in PyTorch, or an empty string.
static const char *typeName(at::ScalarType type) {
  switch (type) {
  case at::kByte:
    return "uint8";
  case at::kChar:
    return "int8";
  case at::kShort:
    return "int16";
  case at::kInt:
    return "int32";
  case at::kLong:
    return "int64";
  case at::kHalf:
    return "float16";
  case at::kFloat:
    return "float32";
  case at::kDouble:
    return "float64";
  case at::kBool:
    return "bool";
  case at::kBFloat16:
    return "bfloat16";
  default:
    return "";
  }
}

ValueId Recorder::define(const at::Tensor &tensor) {
  Graph &graph = program.graph;
  if (graph.values.size() == kMaxValues)
    throw ScriptProblem("expected at most " + std::to_string(kMaxValues) + " tensors, found more");
  auto id = ValueId(graph.values.size());
  GraphValue value{"value_" + std::to_string(graph.values.size()), true, {}, {}};
  value.shape.append(tensor.sizes().begin(), tensor.sizes().end());
  if (const ElementType *type = findTorchType(typeName(tensor.scalar_type())))
    value.type = ScalarType(scalarTypeNumber(*type));
  graph.values.push_back(std::move(value));
  if (ids.insert_or_assign(tensor.unsafeGetTensorImpl(), id).second)
    alive.push_back(tensor);
  return id;
}

ValueId Recorder::find(const at::Tensor &tensor) const {
  auto found = ids.find(tensor.unsafeGetTensorImpl());
  if (found == ids.end())
    throw ScriptProblem("expected a tensor that is computed from the image or from weights, found a constant");
  return found->second;
}

at::Tensor Recorder::input(llvm::ArrayRef<int64_t> shape) {
  at::Tensor images = at::empty(at::IntArrayRef(shape.data(), shape.size()), at::device(at::kMeta).dtype(at::kFloat));
  program.graph.input = define(images);
  return images;
}

at::Tensor Recorder::weight(const at::Tensor &stored, const std::string &name) {
  at::Tensor &result = weights[stored.unsafeGetTensorImpl()];
  if (result.defined())
    return result;
  const ElementType *type =
      stored.layout() == at::kStrided && stored.is_cpu() ? findTorchType(typeName(stored.scalar_type())) : nullptr;
  if (!type || stored.is_quantized())
    throw ScriptProblem("expected tensor '" + name + "' to be dense and of a known type, found type '" +
                        c10::toString(stored.scalar_type()) + "'");
  at::Tensor elements = stored.detach().resolve_neg().contiguous();
  alive.push_back(stored);
  alive.push_back(elements);
  result = at::empty(stored.sizes(), at::device(at::kMeta).dtype(stored.scalar_type()));
  program.graph.weights.push_back({define(result), name});
  program.tensors.push_back({name, type, stored.sizes().vec(),
                             llvm::StringRef(static_cast<const char *>(elements.data_ptr()), elements.nbytes())});
  auto owner = std::make_shared<std::pair<std::shared_ptr<const void>, at::Tensor>>(program.storage, elements);
  program.storage = std::move(owner);
  return result;
}

std::optional<std::string> Recorder::owner(const at::Tensor &tensor) const {
  auto found = ids.find(tensor.unsafeGetTensorImpl());
  for (const GraphWeight &weight : program.graph.weights)
    if (found != ids.end() && weight.value == found->second)
      return llvm::StringRef(weight.tensor).rsplit('.').first.str();
  return std::nullopt;
}

/// The number of an element type in the schema of exported graphs.
static Argument elementType(int64_t number) {
  const ElementType *type = findTorchType(typeName(static_cast<at::ScalarType>(number)));
  return type ? Argument{scalarTypeNumber(*type)} : Argument{int64_t(0)};
}

Argument Recorder::convert(const c10::IValue &value) const {
  if (value.isBool())
    return {value.toBool()};
  if (value.isInt())
    return {value.toInt()};
  if (value.isDouble())
    return {value.toDouble()};
  if (value.isString())
    return {value.toStringRef()};
  if (value.isTensor()) {
    const at::Tensor &tensor = value.toTensor();
    if (!tensor.defined())
      return {};
    if (tensor.is_meta() || tensor.dim() > 0)
      return {find(tensor)};
    return at::isFloatingType(tensor.scalar_type()) ? Argument{tensor.item<double>()}
                                                    : Argument{tensor.item<int64_t>()};
  }
  if (!value.isList())
    return {};
  Argument::List list;
  for (const c10::IValue &item : value.toListRef())
    list.push_back(convert(item));
  return {std::move(list)};
}

/// Calls `visit` for each tensor in a result.
template <typename Visit>
static void forEachTensor(const c10::IValue &value, Visit visit) {
  if (value.isTensor())
    visit(value.toTensor());
  else if (value.isTensorList())
    for (const c10::IValue &item : value.toListRef())
      visit(item.toTensor());
}

void Recorder::record(const std::string &op, const c10::FunctionSchema &schema, llvm::ArrayRef<c10::IValue> arguments,
                      llvm::ArrayRef<c10::IValue> results, const CallPlace &place) {
  bool hasNews = schema.is_mutable();
  for (const c10::IValue &result : results)
    forEachTensor(result, [&](const at::Tensor &tensor) {
      hasNews |= tensor.is_meta() && ids.count(tensor.unsafeGetTensorImpl()) == 0;
    });
  if (!hasNews)
    return;
  GraphNode node;
  node.op = op;
  node.module = place.module;
  node.source = place.source;
  for (size_t index = 0; index < arguments.size(); ++index) {
    const std::string &name = schema.arguments()[index].name();
    const c10::IValue &value = arguments[index];
    bool isType = (name == "dtype") && value.isInt();
    Argument argument = isType ? elementType(value.toInt()) : convert(value);
    if (!argument.isNone())
      node.arguments.push_back({name, std::move(argument)});
  }
  for (const c10::IValue &result : results)
    forEachTensor(result, [&](const at::Tensor &tensor) {
      if (tensor.is_meta())
        node.results.push_back(define(tensor));
    });
  program.graph.nodes.push_back(std::move(node));
}

} // namespace vitya
