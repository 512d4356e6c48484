// Numbers, lists and properties of tensors are computed by LibTorch's own operators. Tensors have shapes and no
// elements.
#include "frontend/graph/torchscript/Evaluator.h"
#include "frontend/graph/torchscript/Operators.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <ATen/ATen.h>
#include <torch/csrc/jit/ir/ir.h>

namespace vitya {

using namespace torch::jit;

// Far more than any Vision Transformer needs; a hostile file could loop and call forever.
constexpr size_t kMaxSteps = 1 << 20, kMaxCalls = 256, kMaxLength = 1 << 12;

Evaluator::Evaluator(const Module &model, llvm::ArrayRef<llvm::StringRef> operators, Recorder &recorder)
    : model(model), operators(operators), recorder(recorder) {
  for (const auto &named : model.named_modules())
    paths.try_emplace(named.value._ivalue().get(), named.name);
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

/// "FILE:LINE" in the code of the model, or in the code of the archive if the file does not have the former.
static std::string sourceOf(const SourceRange &range) {
  std::optional<std::tuple<std::string, size_t, size_t>> place;
  if (auto original =
          range.source() ? range.findSourceRangeThatGenerated() : decltype(range.findSourceRangeThatGenerated()){})
    if (auto found = original->file_line_col(); found && !std::get<0>(*found).empty())
      place = *found;
  if (!place && range.source())
    if (auto found = range.file_line_col())
      place = *found;
  return place && !std::get<0>(*place).empty() ? std::get<0>(*place) + ":" + std::to_string(std::get<1>(*place)) : "";
}

/// The innermost line that is not in PyTorch's own code.
std::string Evaluator::source(const Node &node) const {
  auto isOwn = [](llvm::StringRef source) {
    return !source.empty() && !source.starts_with("<") && !source.starts_with("torch/") && !source.contains("/torch/");
  };
  std::string innermost = sourceOf(node.sourceRange());
  if (isOwn(innermost))
    return innermost;
  for (const Call &call : llvm::reverse(calls))
    if (std::string source = sourceOf(call.place); isOwn(source))
      return source;
  return "";
}

std::string Evaluator::describe(const Node &node) const {
  std::string text = source(node), module = calls.empty() ? "" : calls.back().module;
  text += text.empty() ? "" : ": ";
  text += std::string("operator '") + node.kind().toUnqualString() + "'";
  return module.empty() ? text : text + " of module '" + module + "'";
}

void Evaluator::fail(const Node &node, const std::string &problem) const {
  throw ScriptProblem(describe(node) + ": " + problem);
}

const c10::IValue &Evaluator::required(const Value *value, Frame &frame) {
  const Evaluated &found = frame.at(value);
  if (!found.problem.empty())
    throw ScriptProblem(found.problem);
  return found.value;
}

//===----------------------------------------------------------------------===//
// Calls and control flow
//===----------------------------------------------------------------------===//

Evaluated Evaluator::run(const at::Tensor &image) {
  auto type = model.type();
  if (!type->getForwardHooks().empty() || !type->getForwardPreHooks().empty())
    throw ScriptProblem("expected a model without hooks, found some");
  auto forward = model.find_method("forward");
  if (!forward)
    throw ScriptProblem("expected a model with a method 'forward', found none");
  Values arguments{{model._ivalue()}, {image}};
  // Arguments that have defaults.
  for (const c10::Argument &argument : llvm::drop_begin(forward->function().getSchema().arguments(), 2)) {
    if (!argument.default_value())
      throw ScriptProblem("expected a model of one argument, the image, found also '" + argument.name() + "'");
    arguments.push_back({*argument.default_value()});
  }
  if (forward->function().getSchema().arguments().size() < 2)
    throw ScriptProblem("expected a model of one argument, the image, found none");
  calls.push_back({"", SourceRange()});
  return call(forward->function(), std::move(arguments));
}

Evaluated Evaluator::call(Function &function, Values arguments) {
  std::shared_ptr<torch::jit::Graph> graph = toGraphFunction(function).graph();
  if (calls.size() > kMaxCalls || graph->inputs().size() != arguments.size() || graph->outputs().size() != 1)
    throw ScriptProblem("expected a call of '" + function.name() +
                        "' with its arguments, not nested deeply, found another");
  Frame frame;
  for (size_t index = 0; index < arguments.size(); ++index)
    frame[graph->inputs()[index]] = std::move(arguments[index]);
  return runBlock(*graph->block(), frame).front();
}

Evaluator::Values Evaluator::runBlock(const Block &block, Frame &frame) {
  for (Node *node : const_cast<Block &>(block).nodes())
    runNode(*node, frame);
  Values results;
  for (const torch::jit::Value *output : block.outputs())
    results.push_back(frame.at(output));
  return results;
}

void Evaluator::runIf(Node &node, Frame &frame) {
  bool condition = required(node.input(0), frame).toBool();
  Values results = runBlock(*node.blocks()[condition ? 0 : 1], frame);
  for (size_t index = 0; index < results.size(); ++index)
    frame[node.outputs()[index]] = results[index];
}

void Evaluator::runLoop(Node &node, Frame &frame) {
  int64_t count = required(node.input(0), frame).toInt();
  bool goesOn = required(node.input(1), frame).toBool();
  Values carried;
  for (size_t index = 2; index < node.inputs().size(); ++index)
    carried.push_back(frame.at(node.input(index)));
  const Block &body = *node.blocks()[0];
  for (int64_t iteration = 0; goesOn && iteration < count; ++iteration) {
    if (++steps > kMaxSteps)
      fail(node, "expected at most " + std::to_string(kMaxSteps) + " operators, found more");
    frame[body.inputs()[0]] = {iteration};
    for (size_t index = 0; index < carried.size(); ++index)
      frame[body.inputs()[index + 1]] = carried[index];
    carried = runBlock(body, frame);
    goesOn = required(body.outputs()[0], frame).toBool();
    carried.erase(carried.begin());
  }
  for (size_t index = 0; index < carried.size(); ++index)
    frame[node.outputs()[index]] = carried[index];
}

void Evaluator::runCall(Node &node, Frame &frame) {
  Values arguments;
  bool isMethod = node.kind() == prim::CallMethod;
  std::string module = calls.back().module;
  Function *function = nullptr;
  if (isMethod) {
    auto object = required(node.input(0), frame).toObject();
    if (auto path = paths.find(object.get()); path != paths.end())
      module = path->second;
    function = &object->type()->getMethod(node.s(attr::name));
  } else {
    function = node.input(0)->type()->expect<FunctionType>()->function();
  }
  for (const torch::jit::Value *input : node.inputs().slice(isMethod ? 0 : 1))
    arguments.push_back(frame.at(input));
  if (function->name() == kFusedAttention)
    module = recorder.owner(required(node.input(1 + kFusedWeight), frame).toTensor()).value_or(module);
  calls.push_back({module, node.sourceRange()});
  frame[node.output()] = call(*function, std::move(arguments));
  calls.pop_back();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

c10::IValue Evaluator::constant(Node &node) {
  c10::IValue value = toIValue(node.output()).value_or(c10::IValue());
  if (!value.isTensor() || value.toTensor().dim() == 0)
    return value;
  return recorder.weight(value.toTensor(), "constant_" + std::to_string(constants++));
}

c10::IValue Evaluator::attribute(Node &node, const c10::IValue &value) {
  auto object = value.toObject();
  const std::string &name = node.s(attr::name);
  c10::IValue result = object->getAttr(name);
  if (!result.isTensor() || !result.toTensor().defined())
    return result;
  auto path = paths.find(object.get());
  std::string prefix = path == paths.end() || path->second.empty() ? "" : path->second + ".";
  return recorder.weight(result.toTensor(), prefix + name);
}

bool Evaluator::runContainer(Node &node, const Values &inputs, Frame &frame) {
  auto values = llvm::to_vector(llvm::map_range(inputs, [](const Evaluated &each) { return each.value; }));
  switch (node.kind()) {
  case prim::ListConstruct: {
    c10::impl::GenericList list(node.output()->type()->expect<ListType>()->getElementType());
    for (const c10::IValue &value : values)
      list.push_back(value);
    bind(node, {c10::IValue(std::move(list))}, frame);
    return true;
  }
  case prim::DictConstruct: {
    auto type = node.output()->type()->expect<DictType>();
    c10::impl::GenericDict dict(type->getKeyType(), type->getValueType());
    for (size_t index = 0; index + 1 < values.size(); index += 2)
      dict.insert_or_assign(values[index], values[index + 1]);
    bind(node, {c10::IValue(std::move(dict))}, frame);
    return true;
  }
  case prim::ListUnpack: {
    auto items = values[0].toListRef();
    if (items.size() != node.outputs().size())
      fail(node,
           "expected " + std::to_string(node.outputs().size()) + " values, found " + std::to_string(items.size()));
    bind(node, llvm::ArrayRef(items.data(), items.size()), frame);
    return true;
  }
  default:
    return false;
  }
}

/// The same for tuples, in which results of operators that are not supported may be left unused.
bool Evaluator::runTuple(Node &node, const Values &inputs, Frame &frame) {
  if (node.kind() == prim::TupleConstruct) {
    Evaluated result{c10::IValue(), "", inputs};
    std::vector<c10::IValue> values;
    for (const Evaluated &input : inputs) {
      values.push_back(input.value);
      result.problem = result.problem.empty() ? input.problem : result.problem;
    }
    result.value = c10::ivalue::Tuple::create(std::move(values));
    frame[node.output()] = std::move(result);
    return true;
  }
  if ((node.kind() != prim::TupleUnpack && node.kind() != prim::TupleIndex) ||
      (inputs[0].parts.empty() && !inputs[0].problem.empty()))
    return false;
  Values parts = inputs[0].parts;
  if (parts.empty())
    for (const c10::IValue &value : inputs[0].value.toTupleRef().elements())
      parts.push_back({value});
  if (node.kind() == prim::TupleIndex) {
    int64_t index = required(node.input(1), frame).toInt();
    index += index < 0 ? int64_t(parts.size()) : 0;
    if (index < 0 || index >= int64_t(parts.size()))
      fail(node, "expected an index of " + std::to_string(parts.size()) + " values, found " + std::to_string(index));
    parts = {parts[index]};
  }
  if (parts.size() != node.outputs().size())
    fail(node, "expected " + std::to_string(node.outputs().size()) + " values, found " + std::to_string(parts.size()));
  for (size_t index = 0; index < parts.size(); ++index)
    frame[node.outputs()[index]] = parts[index];
  return true;
}

void Evaluator::bind(Node &node, llvm::ArrayRef<c10::IValue> results, Frame &frame) {
  if (results.size() != node.outputs().size())
    fail(node,
         "expected " + std::to_string(node.outputs().size()) + " results, found " + std::to_string(results.size()));
  for (size_t index = 0; index < results.size(); ++index)
    frame[node.outputs()[index]] = {results[index]};
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

void Evaluator::runNode(Node &node, Frame &frame) {
  if (++steps > kMaxSteps)
    fail(node, "expected at most " + std::to_string(kMaxSteps) + " operators, found more");
  switch (node.kind()) {
  case prim::Constant:
    return bind(node, {constant(node)}, frame);
  case prim::GetAttr:
    return bind(node, {attribute(node, required(node.input(), frame))}, frame);
  case prim::If:
    return runIf(node, frame);
  case prim::Loop:
    return runLoop(node, frame);
  case prim::CallMethod:
  case prim::CallFunction:
    return runCall(node, frame);
  case prim::Uninitialized:
    return bind(node, {c10::IValue()}, frame);
  case prim::SetAttr:
    fail(node, "expected a model that does not change attribute '" + node.s(attr::name) + "', found one that does");
  case prim::RaiseException: {
    const c10::IValue &message = required(node.input(0), frame);
    std::string module = calls.back().module;
    throw ScriptProblem(source(node) + ": " + (module.empty() ? "" : "module '" + module + "': ") +
                        "expected no exception for images of this size, found: " +
                        (message.isString() ? message.toStringRef() : std::string("another")));
  }
  default:
    break;
  }
  Values inputs;
  std::string problem;
  for (const torch::jit::Value *input : node.inputs()) {
    inputs.push_back(frame.at(input));
    problem = problem.empty() ? inputs.back().problem : problem;
  }
  if (runTuple(node, inputs, frame))
    return;
  // What depends on an operator that is not supported is itself not supported.
  if (!problem.empty()) {
    for (const torch::jit::Value *output : node.outputs())
      frame[output] = {c10::IValue(), problem};
    return;
  }
  if (!runContainer(node, inputs, frame))
    runOperator(node, std::move(inputs), frame);
}

/// Whether one of the values is a tensor of the graph, or a list of such.
static bool hasGraphTensor(llvm::ArrayRef<c10::IValue> values) {
  return llvm::any_of(values, [](const c10::IValue &value) {
    if (value.isTensorList())
      return llvm::any_of(value.toListRef(), [](const c10::IValue &item) { return item.toTensor().is_meta(); });
    return value.isTensor() && value.toTensor().is_meta();
  });
}

std::vector<c10::IValue> Evaluator::execute(Node &node, llvm::StringRef name, std::vector<c10::IValue> arguments) {
  if (std::optional<at::Tensor> shape = shapeOnly(name, arguments))
    return {*shape};
  const auto &formal = node.schema().arguments();
  bool isCreation = llvm::none_of(arguments, [](const c10::IValue &value) { return value.isTensor(); });
  for (size_t index = 0; index < arguments.size(); ++index)
    if (formal[index].name() == "device" && (arguments[index].isDevice() || isCreation))
      arguments[index] = at::Device(at::kMeta);
    else if (formal[index].name() == "pin_memory")
      arguments[index] = c10::IValue();
  // The processor traps for these, and lists could have any length.
  bool isRemainder = name == "remainder" || name == "floordiv" || name == "floor_divide" || name == "fmod";
  if (isRemainder && arguments.size() > 1 && arguments[1].isInt() && arguments[1].toInt() <= 0)
    fail(node, "expected a positive divisor, found " + std::to_string(arguments[1].toInt()));
  if (name == "mul" && llvm::any_of(arguments, [](const c10::IValue &value) { return value.isList(); }))
    fail(node, "expected factors that are numbers or tensors, found a list");
  Stack stack(arguments.begin(), arguments.end());
  node.getOperation()(stack);
  for (const c10::IValue &result : stack)
    if (result.isList() && result.toListRef().size() > kMaxLength)
      fail(node, "expected at most " + std::to_string(kMaxLength) + " items of a list, found more");
  return {stack.begin(), stack.end()};
}

void Evaluator::runOperator(Node &node, Values inputs, Frame &frame) {
  llvm::StringRef name = node.kind().toUnqualString(), plain = name;
  plain.consume_back("_");
  std::vector<c10::IValue> arguments;
  for (Evaluated &input : inputs)
    arguments.push_back(std::move(input.value));
  if (Function *fused = decomposition(name, arguments)) {
    Values values;
    for (const c10::IValue &argument : arguments)
      values.push_back({argument});
    calls.push_back({calls.back().module, node.sourceRange()});
    frame[node.outputs()[0]] = call(*fused, std::move(values));
    calls.pop_back();
    for (const torch::jit::Value *other : node.outputs().slice(1))
      frame[other] = {c10::IValue(), describe(node) + ": expected no use of the weights of the attention, found one"};
    return;
  }
  // Text is only for messages.
  if (name == "format" || name == "str")
    return bind(node, {arguments.empty() || !arguments[0].isString() ? c10::IValue("") : arguments[0]}, frame);
  bool isConverted = llvm::is_contained(operators, exportedName(plain));
  if (!isConverted && !isBookkeeping(name)) {
    std::string problem =
        describe(node) + ": expected one of the operators '" + llvm::join(operators, "', '") + "', found another";
    if (node.maybeSchema() && node.schema().is_mutable())
      throw ScriptProblem(problem);
    for (const torch::jit::Value *output : node.outputs())
      frame[output] = {c10::IValue(), problem};
    return;
  }
  std::vector<c10::IValue> results;
  try {
    results = execute(node, name, arguments);
    if (isConverted && hasGraphTensor(results))
      recorder.record(exportedName(name).str(), node.schema(), arguments, results, {calls.back().module, source(node)});
  } catch (const ScriptProblem &error) {
    llvm::StringRef message = error.what();
    message.contains("operator '") ? throw : fail(node, message.str());
  } catch (const std::exception &error) {
    fail(node, "expected arguments that LibTorch accepts for images of this size, found: " + messageOf(error));
  }
  bind(node, results, frame);
}

} // namespace vitya
