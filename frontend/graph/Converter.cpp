// The table of operators, their arguments, and errors.
#include "frontend/graph/Converter.h"
#include "dialect/support/Errors.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

ArrayRef<Converter::Operator> Converter::operators() {
  using C = Converter;
  static constexpr Operator table[] = {
      {"_native_batch_norm_legit_no_training", &C::batchNorm},
      {"_softmax", &C::softmax},
      {"_to_copy", &C::convertType},
      {"_unsafe_view", &C::reshape},
      {"adaptive_avg_pool1d", &C::averagePool},
      {"adaptive_avg_pool2d", &C::averagePool},
      {"add", &C::add},
      {"addmm", &C::addmm},
      {"alias", &C::same},
      {"any", &C::same},
      {"batch_norm", &C::batchNorm},
      {"bmm", &C::matmul},
      {"cat", &C::concatenate},
      {"chunk", &C::chunk},
      {"clone", &C::clone},
      {"concat", &C::concatenate},
      {"contiguous", &C::clone},
      {"conv2d", &C::convolution},
      {"convolution", &C::convolution},
      {"copy", &C::copy},
      {"detach", &C::same},
      {"div", &C::divide},
      {"dropout", &C::dropout},
      {"einsum", &C::einsum},
      {"embedding", &C::embedding},
      {"empty", &C::allocate},
      {"eq", &C::compare},
      {"erf", &C::elementFunction},
      {"expand", &C::expand},
      {"feature_dropout", &C::dropout},
      {"flatten", &C::flatten},
      {"full", &C::allocate},
      {"full_like", &C::allocate},
      {"gelu", &C::gelu},
      {"im2col", &C::unfoldImage},
      {"layer_norm", &C::layerNorm},
      {"lift_fresh_copy", &C::same},
      {"linear", &C::linear},
      {"logical_not", &C::negateTruth},
      {"matmul", &C::matmul},
      {"max_pool2d", &C::maxPool},
      {"max_pool2d_with_indices", &C::maxPool},
      {"mean", &C::mean},
      {"mm", &C::matmul},
      {"mul", &C::multiply},
      {"narrow", &C::narrow},
      {"native_layer_norm", &C::layerNorm},
      {"new_empty", &C::allocate},
      {"new_zeros", &C::allocate},
      {"permute", &C::permute},
      {"pow", &C::elementFunction},
      {"relu", &C::elementFunction},
      {"repeat", &C::repeat},
      {"reshape", &C::reshape},
      {"scaled_dot_product_attention", &C::attention},
      {"select", &C::select},
      {"select_scatter", &C::scatter},
      {"sigmoid", &C::elementFunction},
      {"silu", &C::elementFunction},
      {"slice", &C::slice},
      {"slice_scatter", &C::scatter},
      {"softmax", &C::softmax},
      {"split", &C::split},
      {"split_with_sizes", &C::split},
      {"squeeze", &C::squeeze},
      {"sub", &C::subtract},
      {"t", &C::transpose},
      {"tanh", &C::elementFunction},
      {"to", &C::convertType},
      {"transpose", &C::transpose},
      {"unbind", &C::unbind},
      {"unflatten", &C::unflatten},
      {"unfold", &C::unfold},
      {"unsqueeze", &C::unsqueeze},
      {"view", &C::reshape},
      {"where", &C::choose},
      {"zeros", &C::allocate},
      {"zeros_like", &C::allocate},
  };
  return table;
}

std::vector<StringRef> Converter::operatorNames() {
  auto names = llvm::map_range(operators(), [](const Operator &each) -> StringRef { return each.name; });
  return {names.begin(), names.end()};
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

std::string Converter::describeNode() const {
  std::string text = node->source.empty() ? "" : node->source + ": ";
  text += "operator '" + node->op + "'";
  return node->module.empty() ? text : text + " of module '" + node->module + "'";
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

FailureOr<View> Converter::viewOf(const Argument &argument) {
  const auto *id = argument.as<ValueId>();
  const auto *view = id ? std::get_if<View>(&values[unsigned(*id)]) : nullptr;
  if (!view)
    return emitter.fail("expected a tensor that was computed before as argument, found {0}",
                        id ? "'" + graph[*id].name + "'" : std::string("another value"));
  if (auto *unsupported = getSource<UnsupportedSource>(*view)) {
    emitter.problem = unsupported->problem;
    return failure();
  }
  return *view;
}

FailureOr<View> Converter::view(StringRef name) {
  const Argument *argument = node->find(name);
  if (!argument)
    return emitter.fail("expected an argument '{0}', found none", name);
  return viewOf(*argument);
}

std::optional<View> Converter::optionalView(StringRef name) {
  const Argument *argument = node->find(name);
  if (!argument || argument->isNone())
    return std::nullopt;
  FailureOr<View> result = viewOf(*argument);
  return succeeded(result) ? std::optional<View>(*result) : std::nullopt;
}

FailureOr<SmallVector<View>> Converter::views(StringRef name) {
  const Argument *argument = node->find(name);
  const auto *list = argument ? argument->as<Argument::List>() : nullptr;
  if (!list || list->empty())
    return emitter.fail("expected a list of tensors as argument '{0}', found none", name);
  SmallVector<View> result;
  for (const Argument &item : *list) {
    FailureOr<View> view = viewOf(item);
    if (failed(view))
      return failure();
    result.push_back(*view);
  }
  return result;
}

std::optional<int64_t> Converter::integerOf(const Argument &argument) const {
  if (const auto *number = argument.as<int64_t>())
    return *number;
  if (const auto *id = argument.as<ValueId>())
    if (const auto *number = std::get_if<int64_t>(&values[unsigned(*id)]))
      return *number;
  return std::nullopt;
}

FailureOr<int64_t> Converter::integer(StringRef name, std::optional<int64_t> fallback) {
  const Argument *argument = node->find(name);
  bool isGiven = argument && (!argument->isNone() || !fallback);
  std::optional<int64_t> result = isGiven ? integerOf(*argument) : fallback;
  if (!result)
    return emitter.fail("expected an integer as argument '{0}', found none", name);
  return *result;
}

FailureOr<SmallVector<int64_t>> Converter::integers(StringRef name, std::optional<SmallVector<int64_t>> fallback) {
  const Argument *argument = node->find(name);
  if (fallback && (!argument || argument->isNone()))
    return *fallback;
  SmallVector<int64_t> result;
  const auto *list = argument ? argument->as<Argument::List>() : nullptr;
  if (std::optional<int64_t> single = argument && !list ? integerOf(*argument) : std::nullopt)
    return SmallVector<int64_t>{*single};
  if (!list)
    return emitter.fail("expected integers as argument '{0}', found none", name);
  for (const Argument &item : *list) {
    std::optional<int64_t> number = integerOf(item);
    if (!number)
      return emitter.fail("expected integers as argument '{0}', found another value", name);
    result.push_back(*number);
  }
  return result;
}

std::optional<double> Converter::number(StringRef name) const {
  const Argument *argument = node->find(name);
  if (const auto *real = argument ? argument->as<double>() : nullptr)
    return *real;
  std::optional<int64_t> integer = argument ? integerOf(*argument) : std::nullopt;
  return integer ? std::optional<double>(*integer) : std::nullopt;
}

bool Converter::flag(StringRef name, bool fallback) const {
  const Argument *argument = node->find(name);
  const bool *value = argument ? argument->as<bool>() : nullptr;
  return value ? *value : fallback;
}

FailureOr<int64_t> Converter::wrap(int64_t dim, size_t rank) {
  auto count = static_cast<int64_t>(rank);
  if (dim < -count || dim >= count)
    return emitter.fail("expected a dimension of a tensor with {0}, found {1}", count, dim);
  return dim < 0 ? dim + count : dim;
}

FailureOr<int64_t> Converter::dimension(StringRef name, size_t rank, std::optional<int64_t> fallback) {
  FailureOr<int64_t> dim = integer(name, fallback);
  return failed(dim) ? dim : wrap(*dim, rank);
}

FailureOr<View> Converter::rearranged(const View &view, std::optional<IndexMap> map) {
  FailureOr<IndexMap> checked = emitter.arranged(std::move(map));
  if (failed(checked))
    return failure();
  return View{view.source, *checked, view.factor};
}

FailureOr<Converter::Results> Converter::arranged(const View &view, std::optional<IndexMap> map) {
  FailureOr<View> result = rearranged(view, std::move(map));
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

//===----------------------------------------------------------------------===//
// The graph
//===----------------------------------------------------------------------===//

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
    values[unsigned(id)] = result;
  }
  return success();
}

LogicalResult Converter::convertNode() {
  if (convertSize())
    return success();
  StringRef name = node->op;
  bool isInPlace = name.ends_with("_") && name.drop_back() != "copy" && name.size() > 1;
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
  FailureOr<Results> results = (this->*found->convert)();
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
  std::string problem =
      describeNode() + ": expected no use of other views of a tensor that is changed in place, found one";
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
