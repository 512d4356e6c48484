// Operators that become layers: matrix products, norms.
#include "frontend/graph/Converter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <numeric>

using namespace mlir;

namespace vitya {

//===----------------------------------------------------------------------===//
// Linear layers
//===----------------------------------------------------------------------===//

/// The name of the layer whose weight has this name.
static StringRef layerOf(StringRef weight) {
  if (!weight.consume_back(".weight"))
    weight.consume_back("_weight");
  return weight;
}

/// input weight^T + bias for a constant input [n, in], as a constant.
FailureOr<View> Converter::foldLinear(const View &input, const View &weight, std::optional<View> bias) {
  int64_t count = input.map.size(0), in = input.map.size(1), out = weight.map.size(0);
  FailureOr<std::vector<float>> rows = emitter.read(input), matrix = emitter.read(weight);
  FailureOr<std::vector<float>> addends = bias ? emitter.read(*bias) : std::vector<float>(out, 0.0F);
  if (failed(rows) || failed(matrix) || failed(addends))
    return failure();
  if (count > kMaxViewElements / out)
    return emitter.fail("expected a smaller constant, found {0} rows of {1} columns", count, out);
  std::vector<float> result;
  for (int64_t row = 0; row < count; ++row)
    for (auto [column, addend] : llvm::enumerate(*addends))
      result.push_back(static_cast<float>(std::inner_product(rows->begin() + row * in, rows->begin() + (row + 1) * in,
                                                             matrix->begin() + column * in, double(addend))));
  return Emitter::makeConstant(getSource<ConstantSource>(input)->name + ".projected", {count, out}, std::move(result));
}

/// input weight^T + bias for a constant weight [out, in].
FailureOr<View> Converter::linearLayer(const View &input, const View &weight, std::optional<View> bias) {
  if (weight.map.rank() != 2 || input.map.rank() == 0 || input.map.size(input.map.rank() - 1) != weight.map.size(1))
    return emitter.fail("expected a weight [out, in] for the columns of the input, found another shape");
  int64_t in = weight.map.size(1), out = weight.map.size(0), count = input.map.elements() / in;
  SmallVector<int64_t> shape = input.map.shape();
  shape.back() = out;
  FailureOr<View> tokens = reshaped(input, {count, in});
  if (succeeded(tokens) && getSource<ConstantSource>(input) && (!bias || bias->map.elements() == out)) {
    FailureOr<View> folded = foldLinear(*tokens, weight, bias);
    return failed(folded) ? folded : reshaped(*folded, shape);
  }
  FailureOr<Emitter::Rows> rows =
      failed(tokens) ? FailureOr<Emitter::Rows>(failure()) : emitter.rows({tokens->source, tokens->map, 1});
  if (failed(rows))
    return failure();
  // The weight has its columns in the order of the matrix.
  FailureOr<View> ordered(weight);
  if (!rows->map.isRowMajor())
    ordered = rearranged(weight, weight.map.compose(IndexMap::counting(out, in).product(rows->columns())));
  if (failed(ordered))
    return failure();
  ordered->factor *= input.factor;
  StringRef name = layerOf(getSource<ConstantSource>(weight)->name);
  LinearSource layer{rows->value, *ordered, std::nullopt, name.empty() ? node->module : name.str(), Value()};
  if (bias) {
    if (bias->map.elements() != out || !getSource<ConstantSource>(*bias))
      return emitter.fail("expected a constant bias of {0} elements, found another", out);
    FailureOr<View> vector = reshaped(*bias, {out});
    if (failed(vector))
      return failure();
    layer.bias = *vector;
  }
  FailureOr<IndexMap> map = emitter.arranged(IndexMap::rowMajor(shape));
  if (failed(map))
    return failure();
  return View{std::make_shared<Source>(std::move(layer)), *map};
}

FailureOr<Converter::Results> Converter::linear() {
  FailureOr<View> input = view("input"), weight = view("weight");
  std::optional<View> bias = optionalView("bias");
  if (failed(input) || failed(weight))
    return failure();
  if (!getSource<ConstantSource>(*weight))
    return emitter.fail("expected a constant weight, found one that depends on the image");
  FailureOr<View> result = linearLayer(*input, *weight, bias);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

/// left [b, n, k] times right [b, k, m]: a linear layer, scores of queries and keys, or a mixture of values.
FailureOr<View> Converter::multiplyBatches(const View &left, const View &right) {
  int64_t batch = left.map.size(0), rows = left.map.size(1), inner = left.map.size(2), columns = right.map.size(2);
  if (right.map.size(0) != batch || right.map.size(1) != inner)
    return emitter.fail("expected matrices of fitting sizes, found others");
  bool rightIsConstant = getSource<ConstantSource>(right);
  FailureOr<View> swapped = rearranged(right, right.map.permute({0, 2, 1}));
  if (failed(swapped))
    return failure();
  if (rightIsConstant && right.map.isCounting(0, 0)) {
    FailureOr<View> weight = rearranged(*swapped, swapped->map.slice(0, 0, 1));
    weight = failed(weight) ? weight : reshaped(*weight, {columns, inner});
    return failed(weight) ? weight : linearLayer(left, *weight, std::nullopt);
  }
  // A weight is a tensor of the file and the same for each batch, unlike queries that were computed from constants.
  auto *constant = getSource<ConstantSource>(left);
  if (constant && constant->stored && left.map.isCounting(0, 0) && !rightIsConstant) {
    FailureOr<View> other = rearranged(left, left.map.permute({0, 2, 1}));
    FailureOr<View> result = failed(other) ? other : multiplyBatches(*swapped, *other);
    return failed(result) ? result : rearranged(*result, result->map.permute({0, 2, 1}));
  }
  if (auto *weights = getSource<ProbabilitiesSource>(left)) {
    if (!left.map.isRowMajor() || left.factor != 1)
      return emitter.fail(
          "expected attention weights [heads, queries, keys] in the order of the scores, found another");
    return attend(weights->query, weights->key, right, weights->scale);
  }
  FailureOr<IndexMap> map = emitter.arranged(IndexMap::rowMajor({batch, rows, columns}));
  if (failed(map))
    return failure();
  return View{std::make_shared<Source>(ScoresSource{left, *swapped}), *map};
}

/// torch.matmul
FailureOr<View> Converter::multiplyMatrices(const View &left, const View &right) {
  size_t a = left.map.rank(), b = right.map.rank();
  if (a < 2 || b < 2)
    return emitter.fail("expected matrices, found vectors");
  SmallVector<int64_t> shape, batch(std::max(a, b) - 2, 1), leftShape = left.map.shape(),
                                                            rightShape = right.map.shape();
  int64_t count = 1;
  for (size_t dim = 0; dim < batch.size(); ++dim) {
    if (dim + a >= batch.size() + 2)
      batch[dim] = leftShape[dim + a - batch.size() - 2];
    if (dim + b >= batch.size() + 2)
      batch[dim] = std::max(batch[dim], rightShape[dim + b - batch.size() - 2]);
    count *= batch[dim];
  }
  auto flatten = [&](const View &view) -> FailureOr<View> {
    SmallVector<int64_t> all(batch), own = view.map.shape();
    all.append(own.end() - 2, own.end());
    FailureOr<View> whole = rearranged(view, view.map.expand(all));
    return failed(whole) ? whole : reshaped(*whole, {count, own[own.size() - 2], own.back()});
  };
  FailureOr<View> first = flatten(left), second = flatten(right);
  FailureOr<View> result =
      failed(first) || failed(second) ? FailureOr<View>(failure()) : multiplyBatches(*first, *second);
  if (failed(result))
    return failure();
  shape = batch;
  shape.append({leftShape[a - 2], rightShape[b - 1]});
  return reshaped(*result, shape);
}

FailureOr<Converter::Results> Converter::matmul() {
  FailureOr<View> self = view("self"), other = view(node->op == "matmul" ? "other" : "mat2");
  if (failed(self) || failed(other))
    return failure();
  FailureOr<View> result = multiplyMatrices(*self, *other);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

FailureOr<Converter::Results> Converter::addmm() {
  FailureOr<View> self = view("self"), left = view("mat1"), right = view("mat2");
  if (failed(self) || failed(left) || failed(right))
    return failure();
  if (number("alpha").value_or(1) != 1 || number("beta").value_or(1) != 1)
    return emitter.fail("expected factors 1, found others");
  FailureOr<View> product = multiplyMatrices(*left, *right);
  FailureOr<View> result = failed(product) ? product : sum(*product, *self);
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

/// A product of two tensors: letters of both and of the result are batches, letters of both alone are summed over.
FailureOr<Converter::Results> Converter::einsum() {
  FailureOr<SmallVector<View>> tensors = views("tensors");
  const Argument *argument = node->find("equation");
  const auto *equation = argument ? argument->as<std::string>() : nullptr;
  if (failed(tensors) || !equation)
    return emitter.fail("expected an equation and tensors, found others");
  std::string text = *equation;
  llvm::erase(text, ' ');
  auto [operands, result] = StringRef(text).split("->");
  auto [a, b] = operands.split(',');
  auto isUsable = [](StringRef letters, const View &view) {
    return letters.size() == view.map.rank() && llvm::all_of(letters, llvm::isAlpha) &&
           llvm::all_of(letters, [&](char letter) { return letters.count(letter) == 1; });
  };
  if (tensors->size() != 2 || !isUsable(a, (*tensors)[0]) || !isUsable(b, (*tensors)[1]))
    return emitter.fail("expected an equation of two tensors, such as 'bhid,bhjd->bhij', found '{0}'", *equation);
  std::string batch, rows, columns, inner;
  for (char letter : a)
    (!b.contains(letter) ? rows : result.contains(letter) ? batch : inner).push_back(letter);
  for (char letter : b)
    if (!a.contains(letter))
      columns.push_back(letter);
  auto arrange = [&](const View &view, StringRef letters, StringRef first, StringRef second) -> FailureOr<View> {
    SmallVector<int64_t> order, shape{1, 1, 1};
    StringRef groups[] = {batch, first, second};
    for (auto [index, group] : llvm::enumerate(groups))
      for (char letter : group) {
        order.push_back(letters.find(letter));
        shape[index] *= view.map.size(order.back());
      }
    FailureOr<View> permuted = rearranged(view, view.map.permute(order));
    return failed(permuted) ? permuted : reshaped(*permuted, shape);
  };
  FailureOr<View> left = arrange((*tensors)[0], a, rows, inner), right = arrange((*tensors)[1], b, inner, columns);
  FailureOr<View> product = failed(left) || failed(right) ? FailureOr<View>(failure()) : multiplyBatches(*left, *right);
  if (failed(product))
    return failure();
  std::string letters = batch + rows + columns;
  SmallVector<int64_t> shape, order;
  for (char letter : letters)
    shape.push_back(a.contains(letter) ? (*tensors)[0].map.size(a.find(letter))
                                       : (*tensors)[1].map.size(b.find(letter)));
  for (char letter : result)
    order.push_back(StringRef(letters).find(letter));
  FailureOr<View> whole = reshaped(*product, shape);
  return failed(whole) ? FailureOr<Results>(failure()) : arranged(*whole, whole->map.permute(order));
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// The number of columns of the matrix of tokens that `view` is a view of.
static std::optional<int64_t> sourceColumns(const View &view) {
  if (auto *linear = getSource<LinearSource>(view))
    return linear->weight.map.size(0);
  auto *tokens = getSource<TokensSource>(view);
  return tokens ? std::optional(cast<RankedTensorType>(tokens->value.getType()).getDimSize(1)) : std::nullopt;
}

/// The layer norm of the node for rows whose columns are those of the input, or `columns` of them.
FailureOr<Value> Converter::normalizeRows(Value rows, std::optional<IndexMap> columns) {
  int64_t width = cast<RankedTensorType>(rows.getType()).getDimSize(1);
  SmallVector<Value> parameters;
  std::string name = node->module;
  for (bool isWeight : {true, false}) {
    std::optional<View> given = optionalView(isWeight ? "weight" : "bias");
    if (given && getSource<ConstantSource>(*given) && isWeight)
      name = layerOf(getSource<ConstantSource>(*given)->name).str();
    View vector = given.value_or(Emitter::makeConstant(name + (isWeight ? ".weight" : ".bias"), {width},
                                                       std::vector<float>(width, isWeight ? 1.0F : 0.0F)));
    FailureOr<View> ordered = reshaped(vector, {width});
    if (succeeded(ordered) && columns)
      ordered = rearranged(*ordered, ordered->map.compose(*columns));
    FailureOr<Value> value = failed(ordered) ? FailureOr<Value>(failure()) : emitter.constant(*ordered);
    if (failed(value))
      return failure();
    parameters.push_back(*value);
  }
  double eps = number("eps").value_or(1e-5);
  if (!std::isfinite(eps) || eps < 0)
    return emitter.fail("expected an eps that is finite and not negative, found {0}", eps);
  name = emitter.uniqueName(name);
  return LayerNormOp::create(builder, emitter.location(name), name, rows, parameters[0], parameters[1],
                             llvm::APFloat(eps))
      .getResult();
}

/// A norm of the columns of each head. `input` is [..., tokens, heads, width] or [..., heads, tokens, width]. Returns
/// nothing if it is neither.
std::optional<FailureOr<View>> Converter::normalizeHeads(const View &input) {
  size_t rank = input.map.rank();
  std::optional<int64_t> columns = sourceColumns(input);
  if (rank < 3 || !columns || input.map.size(rank - 1) == *columns)
    return std::nullopt;
  int64_t width = input.map.size(rank - 1), inner = input.map.size(rank - 2),
          outer = input.map.elements() / (width * inner);
  std::optional<IndexMap> split = input.map.reshape({outer, inner, width});
  for (bool isHeadFirst : {false, true}) {
    int64_t heads = isHeadFirst ? outer : inner, tokens = isHeadFirst ? inner : outer;
    std::optional<IndexMap> map = split && isHeadFirst ? split->permute({1, 0, 2}) : split;
    bool isUsual = heads > 1 && tokens > 1;
    map = isUsual && map && map->isCounting(0, *columns) ? map->reshape({tokens, heads * width}) : std::nullopt;
    if (!map)
      continue;
    FailureOr<Value> matrix = emitter.matrix({input.source, *map, input.factor});
    if (failed(matrix))
      return FailureOr<View>(failure());
    SmallVector<ReassociationIndices> ofHeads = {{0}, {1, 2}}, ofRows = {{0, 1}, {2}};
    auto type = [&](ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, builder.getF32Type()); };
    Location loc = matrix->getLoc();
    Value apart = tensor::ExpandShapeOp::create(builder, loc, type({tokens, heads, width}), *matrix, ofHeads);
    Value rows = tensor::CollapseShapeOp::create(builder, loc, type({tokens * heads, width}), apart, ofRows);
    FailureOr<Value> normal = normalizeRows(rows, std::nullopt);
    if (failed(normal))
      return FailureOr<View>(failure());
    apart = tensor::ExpandShapeOp::create(builder, normal->getLoc(), apart.getType(), *normal, ofRows);
    Value whole = tensor::CollapseShapeOp::create(builder, normal->getLoc(), matrix->getType(), apart, ofHeads);
    View result = Emitter::tokens(whole, {tokens, heads, width});
    FailureOr<View> ordered = isHeadFirst ? rearranged(result, result.map.permute({1, 0, 2})) : FailureOr<View>(result);
    return failed(ordered) ? ordered : reshaped(*ordered, input.map.shape());
  }
  return std::nullopt;
}

FailureOr<Converter::Results> Converter::layerNorm() {
  FailureOr<View> input = view("input");
  FailureOr<SmallVector<int64_t>> normalized = integers("normalized_shape");
  if (failed(input) || failed(normalized))
    return failure();
  int64_t width = 1;
  for (int64_t size : *normalized)
    width *= std::clamp<int64_t>(size, 1, IndexMap::kMaxElements / width);
  if (normalized->size() == 1)
    if (std::optional<FailureOr<View>> heads = normalizeHeads(*input))
      return failed(*heads) ? FailureOr<Results>(failure()) : Results{**heads};
  FailureOr<View> tokens = reshaped(*input, {input->map.elements() / width, width});
  FailureOr<Emitter::Rows> rows = failed(tokens) ? FailureOr<Emitter::Rows>(failure()) : emitter.rows(*tokens);
  if (failed(rows))
    return failure();
  std::optional<IndexMap> columns = rows->map.isRowMajor() ? std::nullopt : std::optional(rows->columns());
  FailureOr<Value> result = normalizeRows(rows->value, columns);
  if (failed(result))
    return failure();
  View normal{std::make_shared<Source>(TokensSource{*result}), rows->map};
  return arranged(normal, normal.map.reshape(input->map.shape()));
}

} // namespace vitya
