// Translates linear layers, attention, norms and rotary embeddings.
#include "dialect/Constants.h"
#include "passes/emit/onnx/Translator.h"
#include <cstring>

using namespace mlir;

namespace vitya {

static int64_t rowsOf(Value matrix) { return cast<ShapedType>(matrix.getType()).getDimSize(0); }
static int64_t columnsOf(Value matrix) { return cast<ShapedType>(matrix.getType()).getDimSize(1); }

//===----------------------------------------------------------------------===//
// Linear layers
//===----------------------------------------------------------------------===//

/// The elements `bytes` of a constant of the sizes `sizes` with the last two dimensions exchanged.
static std::vector<char> exchangeLast(ArrayRef<char> bytes, const std::array<int64_t, 3> &sizes) {
  std::vector<char> result(bytes.size());
  auto [count, rows, columns] = sizes;
  size_t width = bytes.size() / (count * rows * columns);
  for (int64_t matrix = 0, from = 0; matrix < count; ++matrix)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column, ++from)
        std::memcpy(&result[((matrix * columns + column) * rows + row) * width], &bytes[from * width], width);
  return result;
}

/// The scales of a quantized weight, one for each row, also if all are the same.
static SmallVector<float> scalesOf(Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  FailureOr<SmallVector<double>> scales = weightScales(type, [&] { return emitError(weight.getLoc()); });
  return SmallVector<float>(scales->begin(), scales->end()); // the verifier of vitya.linear has checked the type
}

OnnxWeightForm matrixFormOf(LinearOp op) {
  int64_t out = rowsOf(op.getWeight()), in = columnsOf(op.getWeight());
  return {{1, out, in}, {in, out}, /*axis=*/1};
}

std::string OnnxTranslator::weightOf(LinearOp op, const OnnxWeightForm &form) {
  Value weight = op.getWeight();
  return graph.addConstant(resourceNameOf(constantOf(weight)), onnxTypeOf(weight), form.to,
                           exchangeLast(bytesOf(weight), form.from));
}

std::string OnnxTranslator::realWeightOf(LinearOp op, const OnnxWeightForm &form) {
  std::string weight = weightOf(op, form);
  if (onnxTypeOf(op.getWeight()) == OnnxType::bf16)
    return convert(weight, OnnxType::f32);
  if (!op.isQuantized())
    return weight;
  int64_t rows = rowsOf(op.getWeight());
  SmallVector<std::string> inputs{weight, graph.addFloats(scope + ".weight_scale", {rows}, scalesOf(op.getWeight()))};
  if (onnxTypeOf(op.getWeight()) == OnnxType::u8)
    inputs.push_back(graph.addConstant(scope + ".weight_zero_point", OnnxType::u8, {rows},
                                       std::string(rows, static_cast<char>(kSignedOffset))));
  return node("DequantizeLinear", inputs, {{"axis", form.axis}});
}

std::string OnnxTranslator::realBiasOf(LinearOp op) {
  std::string bias = vectorOf(op.getBias());
  if (onnxTypeOf(op.getBias()) == OnnxType::f32)
    return bias;
  FailureOr<SmallVector<double>> scales =
      weightScales(cast<RankedTensorType>(op.getWeight().getType()), [&] { return op.emitOpError(); });
  SmallVector<float> steps = rowFactors(getElementTypeOrSelf(op.getInput().getType()), *scales);
  return node("DequantizeLinear", {bias, graph.addFloats(scope + ".bias_scale", {rowsOf(op.getWeight())}, steps)},
              {{"axis", 0}});
}

/// The sum of the integers of each row of a weight.
static std::vector<int32_t> rowSums(Value weight, ElementsAttr elements) {
  std::vector<char> bytes = *readRaw(elements);
  std::vector<int32_t> sums(rowsOf(weight));
  for (auto [index, byte] : llvm::enumerate(bytes))
    sums[index / columnsOf(weight)] += static_cast<int8_t>(byte);
  return sums;
}

std::string OnnxTranslator::dynamicProduct(LinearOp op) {
  std::string stored = valueOf(op.getInput());
  std::string scale = columnOfParams(op.getParams(), 0), zero = columnOfParams(op.getParams(), 1);
  SmallVector<std::string> factors{stored, weightOf(op, matrixFormOf(op))};
  if (onnxTypeOf(op.getWeight()) == OnnxType::i4) { // which MatMulInteger does not multiply
    factors.back() = convert(factors.back(), OnnxType::i8);
  } else if (onnxTypeOf(op.getWeight()) == OnnxType::u8) {
    factors.push_back(""); // no zero point of the input
    factors.push_back(graph.addConstant(scope + ".weight_zero_point", OnnxType::u8, {},
                                        std::string(1, static_cast<char>(kSignedOffset))));
  }
  // sum (q - z) w = sum q w - z sum w, because a zero point of MatMulInteger holds for all tokens.
  int64_t out = rowsOf(op.getWeight());
  std::vector<int32_t> sums = rowSums(op.getWeight(), constantOf(op.getWeight()));
  std::string sumOfWeights =
      graph.addConstant(scope + ".weight_sums", OnnxType::i32, {out},
                        ArrayRef(reinterpret_cast<const char *>(sums.data()), sums.size() * sizeof(int32_t)));
  std::string offset = node("Mul", {convert(zero, OnnxType::i32), sumOfWeights});
  std::string sum = node("Sub", {node("MatMulInteger", factors), offset});
  std::string scales = graph.addFloats(scope + ".weight_scale", {out}, scalesOf(op.getWeight()));
  return node("Mul", {convert(sum, OnnxType::f32), node("Mul", {scale, scales})});
}

LogicalResult OnnxTranslator::translate(LinearOp op) {
  if (failed(requireConstants(op, {op.getWeight(), op.getBias()})))
    return failure();
  if (UnfoldOp windows = convolutionOf(op))
    return define(op, convolution(op, windows));
  std::string product =
      op.getParams()
          ? dynamicProduct(op)
          : node("MatMul", {dequantized(valueOf(op.getInput()), op.getInput()), realWeightOf(op, matrixFormOf(op))});
  return define(op, op.getBias() ? node("Add", {product, realBiasOf(op)}) : product);
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

std::string OnnxTranslator::headsOf(Value tokens, int64_t heads, bool transposed) {
  std::string apart = reshape(valueOf(tokens), {rowsOf(tokens), heads, columnsOf(tokens) / heads});
  std::string result =
      transpose(apart, transposed ? std::vector<int64_t>{0, 2, 3, 1} : std::vector<int64_t>{0, 2, 1, 3});
  return dequantized(result, tokens);
}

std::string OnnxTranslator::weightedSum(AttentionOp op, const std::string &scores, const std::string &values) {
  if (!op.getWeights())
    return node("MatMul", {node("Softmax", {scores}, {{"axis", -1}}), values});
  // The exponentials are quantized, not the quotients, so this is no Softmax.
  auto type = cast<quant::UniformQuantizedType>(*op.getWeights());
  std::string keys = integers("axes", {-1});
  std::string exponentials = node("Exp", {node("Sub", {scores, node("ReduceMax", {scores, keys})})});
  std::string weights = dequantize(quantize(exponentials, type), type);
  return node("Div", {node("MatMul", {weights, values}), node("ReduceSum", {weights, keys})});
}

LogicalResult OnnxTranslator::translate(AttentionOp op) {
  int64_t heads = op.getHeads();
  std::string products = node("MatMul", {headsOf(op.getQuery(), heads, /*transposed=*/false),
                                         headsOf(op.getKey(), heads, /*transposed=*/true)});
  std::string scores = node("Mul", {products, scalar("scale", static_cast<float>(op.getScale().convertToDouble()))});
  if (Value bias = op.getBias()) { // [1, heads, queries, keys]
    std::string added = headsOf(bias, heads, /*transposed=*/false);
    if (int64_t keys = rowsOf(op.getKey()); columnsOf(bias) != heads * keys)
      added = node("Slice", {added, integers("start", {0}), integers("end", {keys}), integers("axis", {3}),
                             integers("step", {1})});
    scores = node("Add", {scores, added});
  }
  std::string result = weightedSum(op, scores, headsOf(op.getValue(), heads, /*transposed=*/false));
  return define(op, reshape(transpose(result, {0, 2, 1, 3}), op.getType().getShape()));
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

LogicalResult OnnxTranslator::translate(LayerNormOp op) {
  if (failed(requireConstants(op, {op.getWeight(), op.getBias()})))
    return failure();
  return define(op,
                node("LayerNormalization", {valueOf(op.getInput()), vectorOf(op.getWeight()), vectorOf(op.getBias())},
                     {{"axis", -1}, {"epsilon", static_cast<float>(op.getEps().convertToDouble())}}));
}

LogicalResult OnnxTranslator::translate(RmsNormOp op) {
  if (failed(requireConstants(op, {op.getWeight()})))
    return failure();
  std::string x = valueOf(op.getInput());
  std::string mean = node("ReduceMean", {node("Mul", {x, x}), integers("axes", {-1})});
  std::string root =
      node("Sqrt", {node("Add", {mean, scalar("eps", static_cast<float>(op.getEps().convertToDouble()))})});
  return define(op, node("Mul", {node("Div", {x, root}), vectorOf(op.getWeight())}));
}

LogicalResult OnnxTranslator::translate(RotaryEmbeddingOp op) {
  int64_t rows = rowsOf(op.getInput()), pairs = op.getPairs(), axis = op.getInterleaved() ? 4 : 3;
  // [batch, tokens, heads, 2, pairs], or with the last two dimensions exchanged.
  auto apart = [&](Value tensor, int64_t halves) {
    int64_t groups = columnsOf(tensor) / (halves * pairs);
    return reshape(valueOf(tensor), op.getInterleaved() ? ArrayRef({rows, groups, pairs, halves})
                                                        : ArrayRef({rows, groups, halves, pairs}));
  };
  std::string x = apart(op.getInput(), 2), cos = apart(op.getCos(), 1), sin = apart(op.getSin(), 1);
  auto half = [&](int64_t index) { return node("Gather", {x, integers("half", {index})}, {{"axis", axis}}); };
  auto times = [&](const std::string &left, const std::string &right) { return node("Mul", {left, right}); };
  std::string a = half(0), b = half(1), first = node("Sub", {times(a, cos), times(b, sin)}),
              second = node("Add", {times(b, cos), times(a, sin)});
  return define(op, reshape(node("Concat", {first, second}, {{"axis", axis}}), op.getType().getShape()));
}

} // namespace vitya
