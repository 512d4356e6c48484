// The inverse of GraphJson and WeightList. Only members that these read are written.
#include "frontend/graph/GraphWriter.h"
#include "dialect/support/Errors.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/checkpoint/ZipWriter.h"
#include "frontend/graph/GraphJson.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/JSON.h"

using namespace llvm;

namespace vitya {
namespace {

class GraphPrinter {
public:
  GraphPrinter(const Graph &graph, json::OStream &json) : graph(graph), json(json) {}

  void print() {
    json.object([&] {
      json.attributeObject("graph_module", [&] {
        json.attributeObject("graph", [&] {
          json.attributeObject("tensor_values", [&] {
            for (const GraphValue &value : graph.values)
              if (value.isTensor)
                json.attributeObject(value.name, [&] {
                  json.attribute("dtype", static_cast<int64_t>(value.type));
                  sizes("sizes", value.shape);
                });
          });
          json.attributeArray("nodes", [&] {
            for (const GraphNode &node : graph.nodes)
              json.object([&] { print(node); });
          });
        });
        json.attributeObject("signature", [&] { printSignature(); });
      });
    });
  }

private:
  void sizes(StringRef key, ArrayRef<int64_t> numbers) {
    json.attributeArray(key, [&] {
      for (int64_t number : numbers)
        json.object([&] { json.attribute("as_int", number); });
    });
  }

  void reference(ValueId id) { json.attribute("name", graph[id].name); }
  void tensor(ValueId id) {
    json.attributeObject("as_tensor", [&] { reference(id); });
  }

  void print(const Argument &argument) {
    if (argument.isNone())
      json.attribute("as_none", true);
    else if (const auto *boolean = argument.as<bool>())
      json.attribute("as_bool", *boolean);
    else if (const auto *integer = argument.as<int64_t>())
      json.attribute("as_int", *integer);
    else if (const auto *real = argument.as<double>())
      printReal(*real);
    else if (const auto *text = argument.as<std::string>())
      json.attribute("as_string", json::fixUTF8(*text));
    else if (const auto *id = argument.as<ValueId>())
      tensor(*id);
    else
      printList(*argument.as<Argument::List>());
  }

  /// JSON has no infinities; PyTorch writes their names.
  void printReal(double real) {
    if (std::isfinite(real))
      json.attribute("as_float", real);
    else
      json.attribute("as_float", std::isnan(real) ? "NaN" : real > 0 ? "Infinity" : "-Infinity");
  }

  /// Lists have items of one kind.
  void printList(const Argument::List &list) {
    auto all = [&](auto isKind) { return llvm::all_of(list, isKind); };
    if (all([](const Argument &item) { return item.as<int64_t>(); }))
      return json.attributeArray("as_ints", [&] {
        for (const Argument &item : list)
          json.value(*item.as<int64_t>());
      });
    bool areTensors = all([](const Argument &item) { return item.as<ValueId>(); });
    json.attributeArray(areTensors ? "as_tensors" : "as_optional_tensors", [&] {
      for (const Argument &item : list)
        json.object([&] { areTensors ? reference(*item.as<ValueId>()) : print(item); });
    });
  }

  void print(const GraphNode &node) {
    json.attribute("target", "torch.ops.aten." + node.op);
    json.attributeArray("inputs", [&] {
      for (const NamedArgument &each : node.arguments)
        json.object([&] {
          json.attribute("name", each.name);
          json.attributeObject("arg", [&] { print(each.argument); });
        });
    });
    json.attributeArray("outputs", [&] {
      for (ValueId id : node.results)
        json.object([&] { tensor(id); });
    });
    json.attributeObject("metadata", [&] {
      json.attribute("nn_module_stack", "," + node.module + ",");
      auto [file, line] = StringRef(node.source).rsplit(':');
      if (!line.empty())
        json.attribute("stack_trace", json::fixUTF8(formatv("File \"{0}\", line {1}", file, line).str()));
    });
  }

  void printSignature() {
    json.attributeArray("input_specs", [&] {
      for (const GraphWeight &weight : graph.weights)
        json.object([&] {
          json.attributeObject("parameter", [&] {
            json.attributeObject("arg", [&] { reference(weight.value); });
            json.attribute("parameter_name", weight.tensor);
          });
        });
      json.object([&] { user("user_input", graph.input); });
    });
    json.attributeArray("output_specs", [&] { json.object([&] { user("user_output", graph.output); }); });
  }

  void user(StringRef kind, ValueId id) {
    json.attributeObject(kind, [&] { json.attributeObject("arg", [&] { tensor(id); }); });
  }

  const Graph &graph;
  json::OStream &json;
};

std::string recordOf(size_t index) { return "weight_" + std::to_string(index); }

void printWeights(ArrayRef<GraphTensor> tensors, json::OStream &json) {
  auto number = [&](int64_t value) { json.object([&] { json.attribute("as_int", value); }); };
  json.object([&] {
    json.attributeObject("config", [&] {
      for (auto [index, tensor] : llvm::enumerate(tensors)) {
        std::vector<int64_t> strides(tensor.shape.size(), 1);
        for (size_t dim = strides.size(); dim-- > 1;)
          strides[dim - 1] = strides[dim] * std::max<int64_t>(tensor.shape[dim], 1);
        json.attributeObject(tensor.name, [&, index = index, &tensor = tensor] {
          json.attribute("path_name", recordOf(index));
          json.attribute("use_pickle", false);
          json.attributeObject("tensor_meta", [&] {
            json.attribute("dtype", scalarTypeNumber(*tensor.type));
            json.attributeArray("sizes", [&] { llvm::for_each(tensor.shape, number); });
            json.attributeArray("strides", [&] { llvm::for_each(strides, number); });
            json.attributeBegin("storage_offset");
            number(0);
            json.attributeEnd();
          });
        });
      }
    });
  });
}

template <typename Print>
std::string jsonOf(Print print) {
  std::string text;
  raw_string_ostream os(text);
  json::OStream json(os);
  print(json);
  return text;
}

} // namespace

Error writeProgram(const Graph &graph, ArrayRef<GraphTensor> tensors, StringRef settings, raw_ostream &os) {
  std::string model = jsonOf([&](json::OStream &json) { GraphPrinter(graph, json).print(); });
  std::string weights = jsonOf([&](json::OStream &json) { printWeights(tensors, json); });
  ZipWriter zip;
  bool done = zip.open() && zip.add("archive/archive_format", "pt2") && zip.add("archive/byteorder", "little") &&
              zip.add("archive/models/model.json", model) &&
              zip.add("archive/data/weights/model_weights_config.json", weights) &&
              zip.add("archive/data/constants/model_constants_config.json", "{\"config\":{}}");
  for (size_t index = 0; done && index < tensors.size(); ++index)
    done = zip.add("archive/data/weights/" + recordOf(index), tensors[index].bytes);
  if (done && !settings.empty())
    done = zip.add(("archive/extra/" + kMetadataKey).str(), settings);
  if (!done || !zip.close() || !zip.copyTo(os))
    return makeError("expected memory for an archive of {0} tensors, found: {1}", tensors.size(), zip.problem());
  return Error::success();
}

} // namespace vitya
