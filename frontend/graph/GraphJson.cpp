// Members of the file that do not matter here are ignored.
#include "frontend/graph/GraphJson.h"
#include "frontend/graph/JsonMembers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include <limits>

using namespace llvm;

namespace vitya {

using json::Path;
using json::Value;

namespace {

class GraphReader {
public:
  explicit GraphReader(Graph &graph) : graph(graph) {}

  bool read(const Value &root, Path path) {
    Member file{&root, path}, program = file.get("graph_module"), body = program.get("graph"),
                              signature = program.get("signature");
    return readTensors(body.get("tensor_values")) && readNodes(body.get("nodes")) &&
           readInputs(signature.get("input_specs")) && readOutputs(signature.get("output_specs"));
  }

private:
  ValueId define(StringRef name) {
    auto [entry, isNew] = ids.try_emplace(name, ValueId(graph.values.size()));
    if (isNew)
      graph.values.push_back({name.str(), false, {}, {}});
    return entry->second;
  }

  bool readTensors(const Member &member) {
    const json::Object *tensors = member.object();
    if (!tensors)
      return false;
    for (const auto &[name, description] : *tensors) {
      GraphValue &value = graph.values[unsigned(define(StringRef(name)))];
      value.isTensor = true;
      Member meta{&description, member.path.field(StringRef(name))};
      if (!readSizes(meta.get("sizes"), value.shape))
        return false;
      if (Member type = meta.get("dtype"); type.value)
        value.type = ScalarType(type.value->getAsInteger().value_or(0));
    }
    return true;
  }

  /// Reads {"name": NAME}.
  bool readReference(const Member &member, StringRef key, Argument &argument) {
    std::optional<StringRef> name = member.get(key).string();
    if (name)
      argument.value = define(*name);
    return name.has_value();
  }

  bool readList(const Member &member, function_ref<bool(const Member &, Argument &)> readItem, Argument &argument) {
    const json::Array *array = member.array();
    if (!array)
      return false;
    Argument::List list(array->size());
    for (auto [index, item] : llvm::enumerate(*array))
      if (!readItem({&item, member.path.index(index)}, list[index]))
        return false;
    argument.value = std::move(list);
    return true;
  }

  static bool readInt(const Member &member, Argument &argument) {
    std::optional<int64_t> number = member.integer();
    if (number)
      argument.value = *number;
    return number.has_value();
  }

  static bool readFloat(const Member &member, Argument &argument) {
    std::optional<double> number = member.value->getAsNumber();
    if (std::optional<StringRef> text = member.value->getAsString())
      number = StringSwitch<std::optional<double>>(*text)
                   .Case("Infinity", std::numeric_limits<double>::infinity())
                   .Case("-Infinity", -std::numeric_limits<double>::infinity())
                   .Case("NaN", std::numeric_limits<double>::quiet_NaN())
                   .Default(std::nullopt);
    if (!number)
      member.report("expected number");
    else
      argument.value = *number;
    return number.has_value();
  }

  /// Reads an argument or a result. Kinds that no operator of a Vision Transformer has become their name.
  bool readArgument(const Member &member, Argument &argument) {
    auto read = member.getUnion();
    if (!read)
      return false;
    const auto &[kind, value] = *read;
    auto readNested = [&](const Member &item, Argument &into) { return readArgument(item, into); };
    auto readTensor = [&](const Member &item, Argument &into) { return readReference(item, "name", into); };
    if (kind == "as_none") {
      argument.value = std::monostate();
      return true;
    }
    if (kind == "as_tensor")
      return readTensor(value, argument);
    if (kind == "as_tensors")
      return readList(value, readTensor, argument);
    if (kind == "as_optional_tensors" || kind == "as_sym_ints")
      return readList(value, readNested, argument);
    if (kind == "as_optional_tensor" || kind == "as_sym_int")
      return readArgument(value, argument);
    if (kind == "as_name") {
      std::optional<StringRef> name = value.string();
      if (name)
        argument.value = define(*name);
      return name.has_value();
    }
    if (kind == "as_int" || kind == "as_scalar_type")
      return readInt(value, argument);
    if (kind == "as_ints")
      return readList(value, readInt, argument);
    if (kind == "as_float")
      return readFloat(value, argument);
    if (kind == "as_floats")
      return readList(value, readFloat, argument);
    if (std::optional<bool> boolean = value.value->getAsBoolean(); boolean && kind == "as_bool")
      argument.value = *boolean;
    else if (std::optional<StringRef> text = value.value->getAsString(); text && kind == "as_string")
      argument.value = text->str();
    else
      argument.value = kind.str();
    return true;
  }

  bool readNodes(const Member &member) {
    const json::Array *nodes = member.array();
    if (!nodes)
      return false;
    for (auto [index, item] : llvm::enumerate(*nodes)) {
      Member description{&item, member.path.index(index)};
      std::optional<StringRef> target = description.get("target").string();
      if (!target || !readNode(*target, description))
        return false;
    }
    return true;
  }

  bool readNode(StringRef target, const Member &description) {
    GraphNode node;
    Member inputs = description.get("inputs"), outputs = description.get("outputs");
    const json::Array *arguments = inputs.array(), *results = arguments ? outputs.array() : nullptr;
    if (!results)
      return false;
    // "torch.ops.aten.add.Tensor", "_operator.mul"
    target.consume_front("torch.ops.");
    node.op = target.split('.').second.split('.').first.str();
    for (auto [index, item] : llvm::enumerate(*arguments)) {
      Member argument{&item, inputs.path.index(index)};
      std::optional<StringRef> name = argument.get("name").string();
      if (!name)
        return false;
      node.arguments.push_back({name->str(), {}});
      if (!readArgument(argument.get("arg"), node.arguments.back().argument))
        return false;
    }
    for (auto [index, item] : llvm::enumerate(*results)) {
      Argument result;
      if (!readArgument({&item, outputs.path.index(index)}, result))
        return false;
      const auto *list = result.as<Argument::List>();
      for (const Argument &each : list ? ArrayRef<Argument>(*list) : ArrayRef<Argument>(result)) {
        const auto *id = each.as<ValueId>();
        // What an operator does not return has no name.
        node.results.push_back(id ? *id : define(("unnamed " + Twine(graph.values.size())).str()));
      }
    }
    Member metadata = description.get("metadata");
    node.module = innermostModule(getText(metadata, "nn_module_stack"));
    node.source = innermostSource(getText(metadata, "stack_trace"));
    graph.nodes.push_back(std::move(node));
    return true;
  }

  static StringRef getText(const Member &member, StringRef key) {
    Member text = member.get(key);
    return text.value ? text.value->getAsString().value_or("") : "";
  }

  /// The path of the last module of "KEY,PATH,CLASS;KEY,PATH,CLASS".
  static std::string innermostModule(StringRef stack) {
    StringRef path = stack.rsplit(';').second.empty() ? stack : stack.rsplit(';').second;
    path = path.split(',').second.split(',').first;
    return path.starts_with("_empty_nn_module") ? "" : path.str();
  }

  /// "FILE:LINE" of the innermost call that is not in PyTorch's own code, from a trace as Python prints it.
  static std::string innermostSource(StringRef trace) {
    std::string source;
    for (StringRef line : llvm::split(trace, '\n')) {
      line = line.trim();
      if (!line.consume_front("File \""))
        continue;
      auto [file, rest] = line.split("\", line ");
      if (!rest.empty() && !file.starts_with("torch/") && !file.contains("/torch/"))
        source = (file + ":" + rest.split(',').first).str();
    }
    return source;
  }

  bool readInputs(const Member &member) {
    const json::Array *inputs = member.array();
    if (!inputs)
      return false;
    bool hasInput = false;
    for (auto [index, item] : llvm::enumerate(*inputs)) {
      Member spec{&item, member.path.index(index)};
      auto input = spec.getUnion();
      if (!input)
        return false;
      const auto &[kind, description] = *input;
      if (kind == "constant_input")
        continue;
      Argument argument;
      if (kind == "user_input") {
        if (!readArgument(description.get("arg"), argument))
          return false;
        const auto *id = argument.as<ValueId>();
        if (!id)
          continue;
        if (hasInput)
          return description.report("expected one input, the images");
        graph.input = *id;
        hasInput = true;
        continue;
      }
      StringRef key = StringSwitch<StringRef>(kind)
                          .Case("parameter", "parameter_name")
                          .Case("buffer", "buffer_name")
                          .Case("tensor_constant", "tensor_constant_name")
                          .Default("");
      if (key.empty())
        return description.report("expected kind 'parameter', 'buffer', 'tensor_constant' or 'user_input'");
      std::optional<StringRef> name = description.get(key).string();
      if (!name || !readReference(description.get("arg"), "name", argument))
        return false;
      graph.weights.push_back({std::get<ValueId>(argument.value), name->str()});
    }
    if (!hasInput)
      member.report("expected an input, the images");
    return hasInput;
  }

  bool readOutputs(const Member &member) {
    const json::Array *outputs = member.array();
    if (!outputs)
      return false;
    if (outputs->size() != 1)
      return member.report("expected one output, the logits");
    Member spec{&outputs->front(), member.path.index(0)};
    auto output = spec.getUnion();
    if (!output)
      return false;
    Argument argument;
    if (output->first != "user_output" || !readArgument(output->second.get("arg"), argument) || !argument.as<ValueId>())
      return output->second.report("expected tensor as output, the logits");
    graph.output = *argument.as<ValueId>();
    return true;
  }

  Graph &graph;
  StringMap<ValueId> ids;
};

} // namespace

// Found by JsonFile::map.
static bool fromJSON(const Value &value, Graph &graph, Path path) { return GraphReader(graph).read(value, path); }

Expected<Graph> parseGraph(StringRef name, StringRef text) { return parseEntry<Graph>(name, text); }

} // namespace vitya
