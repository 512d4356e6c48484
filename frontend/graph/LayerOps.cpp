// Operators that become linear layers, and other products of matrices.
#include "frontend/graph/Converter.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

using namespace mlir;

namespace vitya {

//===----------------------------------------------------------------------===//
// Linear layers
//===----------------------------------------------------------------------===//

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
  StringRef name = Emitter::layerOf(getSource<ConstantSource>(weight)->name);
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
    return attend(weights->scores, right);
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

} // namespace vitya
