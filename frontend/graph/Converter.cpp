// Visits the operators in order.
#include "frontend/graph/Converter.h"
#include "dialect/support/Errors.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

std::string Converter::describeNode() const {
  std::string text = node->source.empty() ? "" : node->source + ": ";
  text += "operator '" + node->op + "'";
  return node->module.empty() ? text : text + " of module '" + node->module + "'";
}

Expected<SmallVector<int64_t>> Converter::imageShape(const Graph &graph) {
  ArrayRef<int64_t> shape = graph[graph.input].shape;
  std::string found = llvm::formatv("[{0:$[, ]}]", llvm::make_range(shape.begin(), shape.end()));
  if (shape.size() != 4)
    return makeError("expected a graph of images [1, channels, height, width], found an input of shape {0}", found);
  if (shape[0] != 1 && shape[0] != kSymbolicSize)
    return makeError("expected a graph exported for a batch of one image or of any number, found an input of shape {0}",
                     found);
  SmallVector<int64_t> image(shape.drop_front());
  if (llvm::is_contained(image, kSymbolicSize))
    return makeError("expected a graph of images of one size, found an input of shape {0}, in which -1 is a size that "
                     "may vary: export it with fixed channels, height and width",
                     found);
  if (!IndexMap::rowMajor(image))
    return makeError("expected positive sizes of the image, found an input of shape {0}", found);
  return image;
}

/// Converts what computes with sizes. Returns false for other operators.
bool Converter::convertSize() {
  const Argument *self = node->find("self"), *a = node->find("a"), *b = node->find("b");
  if (node->results.size() != 1)
    return false;
  std::optional<int64_t> result;
  if (node->op == "sym_size" && self) {
    FailureOr<View> tensor = viewOf(*self);
    FailureOr<int64_t> dim = failed(tensor) ? FailureOr<int64_t>(failure()) : dimension("dim", tensor->map.rank());
    if (succeeded(dim))
      result = tensor->map.size(*dim);
  } else if (a && b) {
    std::optional<int64_t> left = integerOf(*a), right = integerOf(*b);
    constexpr int64_t limit = IndexMap::kMaxElements;
    if (!left || !right || std::abs(*left) > limit || std::abs(*right) > limit)
      return false;
    if (node->op == "mul")
      result = *left * *right;
    else if (node->op == "add")
      result = *left + *right;
    else if (node->op == "sub")
      result = *left - *right;
    else if (node->op == "floordiv" && *right > 0 && *left >= 0)
      result = *left / *right;
  }
  if (!result)
    return false;
  values[unsigned(node->results.front())] = *result;
  return true;
}

/// Gives the results of the node their names.
LogicalResult Converter::bind(const Results &results) {
  if (results.size() > node->results.size())
    return emitter.fail("expected a name for each of {0} results, found {1}", results.size(), node->results.size());
  for (auto [id, result] : llvm::zip(node->results, results)) {
    ArrayRef<int64_t> expected = graph[id].shape;
    SmallVector<int64_t> shape = result.map.shape();
    auto fits = [](auto sizes) {
      return std::get<0>(sizes) == kSymbolicSize || std::get<0>(sizes) == std::get<1>(sizes);
    };
    bool isComputed = !getSource<TruthSource>(result) && !getSource<UnsupportedSource>(result);
    if (graph[id].isTensor && isComputed &&
        (expected.size() != shape.size() || !llvm::all_of(llvm::zip(expected, shape), fits)))
      return emitter.fail("expected a result of shape [{0:$[, ]}], as the file says, found [{1:$[, ]}]",
                          llvm::make_range(expected.begin(), expected.end()),
                          llvm::make_range(shape.begin(), shape.end()));
    // What a model computes from small constants must not need much memory.
    auto *constant = getSource<ConstantSource>(result);
    computedElements += constant && result.source.use_count() == 1 ? constant->values.size() : 0;
    if (computedElements > constantLimit)
      return emitter.fail("expected computed constants of at most {0} elements, found more", constantLimit);
    values[unsigned(id)] = result;
  }
  return success();
}

bool Converter::copyConstants() {
  bool isAny = false;
  SmallVector<Argument> arguments;
  for (const NamedArgument &each : node->arguments) {
    const auto *list = each.argument.as<Argument::List>();
    llvm::append_range(arguments, list ? *list : Argument::List{each.argument});
  }
  for (const Argument &argument : arguments) {
    const auto *id = argument.as<ValueId>();
    auto *view = id ? std::get_if<View>(&values[unsigned(*id)]) : nullptr;
    if (!view)
      continue;
    auto *constant = getSource<ConstantSource>(*view);
    if (!constant)
      return false;
    if (view->map.isRowMajor() && view->factor == 1)
      continue;
    FailureOr<std::vector<float>> elements = emitter.read(*view);
    if (failed(elements))
      return false;
    *view = Emitter::makeConstant(constant->name, view->map.shape(), std::move(*elements));
    isAny = true;
  }
  return isAny;
}

LogicalResult Converter::convertNode() {
  if (convertSize())
    return success();
  StringRef name = node->op;
  bool isInPlace = name.ends_with("_") && name != "copy_" && name != "fill_" && name.size() > 1;
  if (name.ends_with("_"))
    name = name.drop_back();
  const Operator *found = llvm::find_if(operators(), [&](const Operator &each) { return each.name == name; });
  // What checks sizes while a model runs has no results.
  if (node->results.empty() || llvm::StringRef(node->op).starts_with("_assert"))
    return success();
  if (found == operators().end()) {
    std::string names = llvm::join(operatorNames(), "', '");
    std::string problem = describeNode() + ": expected one of the operators '" + names + "', found another";
    if (isInPlace) {
      emitter.problem = problem;
      return failure();
    }
    for (ValueId id : node->results)
      values[unsigned(id)] = View{std::make_shared<Source>(UnsupportedSource{problem}), IndexMap()};
    return success();
  }
  if (node->results.size() == 1 && !graph[node->results.front()].hasElements()) {
    std::string problem = describeNode() + ": expected a result with elements, found none";
    values[unsigned(node->results.front())] = View{std::make_shared<Source>(UnsupportedSource{problem}), IndexMap()};
    return success();
  }
  FailureOr<Results> results = (this->*found->convert)();
  if (std::string problem = emitter.problem; !problem.empty() && copyConstants()) {
    emitter.problem.clear();
    results = (this->*found->convert)();
    if (failed(results))
      emitter.problem = problem;
  }
  if (failed(results) || !emitter.problem.empty() || failed(bind(*results)))
    return failure();
  if (!isInPlace || name == "dropout")
    return success();
  // The changed tensor is known under its old name too; of what else views it, nothing is known.
  const Argument *self = node->find("self");
  const auto *id = self ? self->as<ValueId>() : nullptr;
  const auto *changed = id ? std::get_if<View>(&values[unsigned(*id)]) : nullptr;
  if (!changed)
    return emitter.fail("expected a tensor to change in place, found none");
  std::shared_ptr<Source> source = changed->source;
  std::string problem = describeNode() +
                        ": expected no use of other views of a tensor that is changed in place, found one: "
                        "run_decompositions() of the exported program replaces such changes";
  for (auto &value : values)
    if (auto *other = std::get_if<View>(&value); other && other->source == source)
      other->source = std::make_shared<Source>(UnsupportedSource{problem});
  values[unsigned(*id)] = results->front();
  return success();
}

Error Converter::problem() const {
  // The problem of an operator that is not supported names it.
  bool isNamed = StringRef(emitter.problem).contains("operator '");
  return makeError("{0}", isNamed || !node ? emitter.problem : describeNode() + ": " + emitter.problem);
}

Expected<Value> Converter::convert(Value image) {
  auto inputShape = cast<RankedTensorType>(image.getType()).getShape();
  SmallVector<int64_t> batch{1};
  batch.append(inputShape.begin(), inputShape.end());
  values[unsigned(graph.input)] = View{std::make_shared<Source>(ImageSource{image}), *IndexMap::rowMajor(batch)};
  for (const GraphWeight &weight : graph.weights) {
    std::optional<ExportedProgram::StoredTensor> stored = program.find(weight.tensor);
    if (!stored)
      return makeError("expected a tensor '{0}' in the file, as its graph says, found none", weight.tensor);
    ArrayRef<int64_t> shape = stored->named->tensor.shape, expected = graph[weight.value].shape;
    std::optional<IndexMap> map = IndexMap::rowMajor(shape);
    if (shape != expected)
      return makeError("expected tensor '{0}' of shape {1}, as its graph says, found {2}", weight.tensor,
                       formatShape(expected), formatShape(shape));
    Source source = ConstantSource{weight.tensor, stored, {}};
    if (!map)
      source = UnsupportedSource{"expected elements in '" + weight.tensor + "', found shape " + formatShape(shape)};
    values[unsigned(weight.value)] = View{std::make_shared<Source>(std::move(source)), map.value_or(IndexMap())};
  }
  constantLimit = kMaxViewElements;
  for (const auto &part : program.parts())
    for (const NamedTensor &each : part->tensors())
      constantLimit += 2 * each.tensor.elements();
  for (const GraphNode &each : graph.nodes) {
    node = &each;
    if (failed(convertNode()))
      return problem();
  }
  node = nullptr;
  FailureOr<View> output = viewOf({graph.output});
  FailureOr<Value> logits = failure();
  if (succeeded(output)) {
    FailureOr<View> row = reshaped(*output, {1, output->map.elements()});
    if (succeeded(row))
      logits = emitter.matrix(*row);
  }
  if (failed(logits))
    return problem();
  // What only results that nothing uses need, and preprocessing that other preprocessing has replaced.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*builder.getInsertionBlock())))
    if (&op != logits->getDefiningOp() && isOpTriviallyDead(&op))
      op.erase();
  return *logits;
}

} // namespace vitya
