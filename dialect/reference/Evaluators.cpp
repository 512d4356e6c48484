// An op with preconditions has an overload of `evaluatorOf`, which checks them; every other op only has an overload of
// `evaluate`.
#include "dialect/reference/Evaluators.h"
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "dialect/reference/Cached.h"
#include "dialect/reference/Ops.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Alignment.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace vitya::reference {
namespace {

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

//===----------------------------------------------------------------------===//
// Ops of the dialect
//===----------------------------------------------------------------------===//

Tensor evaluate(NormalizeOp op, const Operands &v) { return normalize(v[op.getImage()], op.getMean(), op.getStd()); }

Tensor evaluate(PatchifyOp op, const Operands &v) {
  return patchify(v[op.getImage()], op.getPatch()[0], op.getPatch()[1], op.getOrder());
}

template <typename Op>
Windows windowsOf(Op op) {
  auto pair = [](ArrayRef<int64_t> sizes) { return std::array{sizes[0], sizes[1]}; };
  return {pair(op.getGrid()), pair(op.getWindow()), pair(op.getStride()), pair(op.getPadding()), op.getResultGrid()};
}

Tensor evaluate(UnfoldOp op, const Operands &v) { return unfold(v[op.getInput()], windowsOf(op)); }

Tensor evaluate(MaxPoolOp op, const Operands &v) { return maxPool(v[op.getInput()], windowsOf(op)); }

Tensor evaluate(LayerNormOp op, const Operands &v) {
  return layerNorm(v[op.getInput()], v[op.getWeight()], v[op.getBias()], op.getEps().convertToDouble());
}

Tensor evaluate(RmsNormOp op, const Operands &v) {
  return rmsNorm(v[op.getInput()], v[op.getWeight()], op.getEps().convertToDouble());
}

Tensor evaluate(RotaryEmbeddingOp op, const Operands &v) {
  return rotaryEmbedding(v[op.getInput()], v[op.getCos()], v[op.getSin()], op.getHeads(), op.getInterleaved());
}

Tensor evaluate(AttentionOp op, const Operands &v) {
  const Tensor &query = v[op.getQuery()], &key = v[op.getKey()], &value = v[op.getValue()];
  const Tensor *bias = v.find(op.getBias());
  double scale = op.getScale().convertToDouble();
  if (!op.isQuantized())
    return attention(query, key, value, op.getHeads(), scale, bias);
  SmallVector<float> factors = attentionFactors(elementOf(op.getQuery()), elementOf(op.getKey()),
                                                elementOf(op.getValue()), *op.getWeights(), scale);
  return integerAttention(query, key, value, factors, op.getHeads(), elementOf(op.getResult()), bias);
}

Tensor evaluate(GeluOp op, const Operands &v) { return gelu(v[op.getInput()], op.getForm()); }

Tensor evaluate(ReluOp op, const Operands &v) { return relu(v[op.getInput()]); }

Tensor evaluate(SiluOp op, const Operands &v) { return silu(v[op.getInput()]); }

Tensor evaluate(ToBf16Op op, const Operands &v) { return toBf16(v[op.getInput()], elementOf(op.getResult())); }

Tensor evaluate(ScaleColumnsOp op, const Operands &v) { return scaleColumns(v[op.getInput()], v[op.getFactors()]); }

Tensor evaluate(MeanPoolOp op, const Operands &v) { return meanPool(v[op.getInput()]); }

Tensor evaluate(ChooseQParamsOp op, const Operands &v) {
  return chooseQParams(v[op.getInput()], op.getGranularity(), static_cast<int32_t>(op.getLevels()));
}

Tensor evaluate(QuantizeOp op, const Operands &v) {
  auto storage = IntegerType::get(op.getContext(), elementOf(op.getResult()).isInteger(16) ? 16 : 8);
  return quantize(v[op.getInput()], v[op.getParams()],
                  op.getIsSigned() ? numerics::kSignedLevels : numerics::Levels{0, int32_t(op.getLevels())}, storage);
}

Tensor evaluate(OrderColumnsOp op, const Operands &v) { return orderColumns(v[op.getInput()], v[op.getOrder()]); }

Tensor evaluate(IntegerAttentionOp op, const Operands &v) {
  return integerAttention(v[op.getQuery()], v[op.getKey()], v[op.getValue()], v[op.getFactors()].values(),
                          op.getHeads(), elementOf(op.getResult()), v.find(op.getBias()));
}

using PackedWeight = Cached<numerics::PackedMatrix>;
using RowSums = Cached<SmallVector<int32_t>>;

Tensor evaluate(IntegerLinearOp op, const Operands &v, const PackedWeight &pack) {
  const Tensor &stored = v[op.getOffset()];
  SmallVector<int32_t> offset;
  if (stored.elementBytes() == 2)
    llvm::append_range(offset, stored.values<int16_t>());
  else
    llvm::append_range(offset, stored.values<int32_t>());
  return integerLinear(v[op.getInput()], *pack(v[op.getWeight()]), offset, v[op.getMultiplier()].values(),
                       v.find(op.getBias()), v.find(op.getParams()), elementOf(op.getResult()));
}

Tensor evaluate(LinearOp op, const Operands &v, const PackedWeight &pack) {
  const Tensor &input = v[op.getInput()], *bias = v.find(op.getBias());
  auto weight = pack(v[op.getWeight()]);
  return op.isF32() ? linear(input, *weight, bias) : bf16Linear(input, *weight, bias, elementOf(op.getResult()));
}

/// A linear layer whose weight has `scales`, one for each row.
Tensor evaluateQuantized(LinearOp op, ArrayRef<double> scales, const Operands &v, const PackedWeight &pack,
                         const RowSums &sum) {
  const Tensor &weight = v[op.getWeight()], *bias = v.find(op.getBias()), *params = v.find(op.getParams());
  Type input = elementOf(op.getInput());
  auto type = staticU8(input);
  SmallVector<int32_t> offset = *sum(weight);
  for (int32_t &each : offset)
    each *= type ? type.getZeroPoint() : 1;
  SmallVector<float> factors = rowFactors(input, scales);
  if (bias && elementOf(op.getBias()).isInteger(32)) { // counts in the same steps as the sum
    for (auto [step, each] : llvm::zip_equal(bias->values<int32_t>(), offset))
      each = static_cast<int32_t>(static_cast<uint32_t>(each) - static_cast<uint32_t>(step));
    bias = nullptr;
  }
  return integerLinear(v[op.getInput()], *pack(weight), offset, factors, bias, params, elementOf(op.getResult()));
}

//===----------------------------------------------------------------------===//
// Upstream ops
//===----------------------------------------------------------------------===//

Tensor evaluate(quant::StorageCastOp op, const Operands &v) { return v[op.getInput()]; }

Tensor evaluate(arith::AddFOp op, const Operands &v) {
  return zipElements(v[op.getLhs()], v[op.getRhs()], [](float a, float b) { return a + b; });
}

Tensor evaluate(arith::SubFOp op, const Operands &v) {
  return zipElements(v[op.getLhs()], v[op.getRhs()], [](float a, float b) { return a - b; });
}

Tensor evaluate(arith::SubIOp op, const Operands &v) { return subtractIntegers(v[op.getLhs()], v[op.getRhs()]); }

Tensor evaluate(arith::MulFOp op, const Operands &v) {
  return zipElements(v[op.getLhs()], v[op.getRhs()], [](float a, float b) { return a * b; });
}

Tensor evaluate(arith::DivFOp op, const Operands &v) {
  return zipElements(v[op.getLhs()], v[op.getRhs()], [](float a, float b) { return a / b; });
}

Tensor evaluate(tensor::EmptyOp op, const Operands &) {
  return Tensor(op.getType().getShape(), op.getType().getElementType());
}

Tensor evaluate(tensor::ConcatOp op, const Operands &v) { return concat(v.all(), op.getDim()); }

Tensor evaluate(tensor::ExpandShapeOp op, const Operands &v) {
  return v[op.getSrc()].reshaped(op.getResultType().getShape());
}

Tensor evaluate(tensor::CollapseShapeOp op, const Operands &v) {
  return v[op.getSrc()].reshaped(op.getResultType().getShape());
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

/// Whether `type` is a static tensor of f32, bf16, i4, i8, i16, i32 or quantized elements that are stored in i4 or i8.
bool isStaticTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return false;
  Type element = tensor.getElementType();
  if (auto quantized = dyn_cast<quant::QuantizedType>(element))
    element = quantized.getStorageType();
  return element.isF32() || element.isBF16() || element.isSignlessInteger(4) || element.isSignlessInteger(8) ||
         element.isSignlessInteger(16) || element.isSignlessInteger(32);
}

/// The value of a constant: a view of its bytes if they are stored in full.
FailureOr<Tensor> tensorOf(arith::ConstantOp op) {
  auto value = dyn_cast<ElementsAttr>(op.getValue());
  auto expected = [&](const Twine &found) {
    return op.emitOpError("expected a constant tensor of f32, bf16, i4, i8 or i32 with all its elements, found ")
           << found;
  };
  if (!value || !isStaticTensor(op.getType()))
    return expected("a value of type " + llvm::formatv("{0}", op.getType()).str());
  ArrayRef<int64_t> shape = value.getShapedType().getShape();
  size_t width = bytesOf(value.getElementType());
  size_t bytes = value.getShapedType().getNumElements() * width;
  ArrayRef<char> raw = rawBytes(value);
  bool isView = !value.getElementType().isInteger(4) && raw.size() == bytes; // an i4 is extended to a byte
  if (isView && llvm::isAddrAligned(llvm::Align(width), raw.data()))
    return Tensor::view(shape, value.getElementType(), raw);
  FailureOr<std::vector<char>> all = readRaw(value);
  if (failed(all))
    return expected(Twine(raw.size()) + " of " + Twine(bytes) + " bytes");
  Tensor copy(shape, value.getElementType());
  llvm::copy(*all, copy.mutableBytes().begin());
  return copy;
}

/// The slice of a tensor.extract_slice or tensor.insert_slice, which must be static.
template <typename Op>
FailureOr<Slice> sliceOf(Op op) {
  Slice slice;
  llvm::append_range(slice.offsets, op.getStaticOffsets());
  llvm::append_range(slice.sizes, op.getStaticSizes());
  llvm::append_range(slice.strides, op.getStaticStrides());
  if (op.getNumOperands() != op.getOffsetSizeAndStrideStartOperandIndex())
    return op.emitOpError("expected static offsets, sizes and strides, found others");
  return slice;
}

template <typename Op>
FailureOr<Evaluator> evaluatorOf(Op op) {
  return Evaluator([op](const Operands &v) { return evaluate(op, v); });
}

FailureOr<Evaluator> evaluatorOf(IntegerLinearOp op) {
  return Evaluator([op, pack = PackedWeight(packed)](const Operands &v) { return evaluate(op, v, pack); });
}

FailureOr<Evaluator> evaluatorOf(LinearOp op) {
  PackedWeight pack(packed);
  if (!op.isQuantized())
    return Evaluator([op, pack](const Operands &v) { return evaluate(op, v, pack); });
  FailureOr<SmallVector<double>> scales = weightScales(op.getWeight().getType(), [&] { return op.emitOpError(); });
  if (failed(scales))
    return failure();
  return Evaluator([op, scales = *scales, pack, sum = RowSums(rowSums)](const Operands &v) {
    return evaluateQuantized(op, scales, v, pack, sum);
  });
}

FailureOr<Evaluator> evaluatorOf(quant::QuantizeCastOp op) {
  auto to = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
  auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
  if (!to || !type || type.getRank() != 2)
    return op.emitOpError("expected a tensor of rank 2 and a type of one scale, found ") << op.getType();
  Tensor params({1, 2}, op.getFloatType());
  params.mutableValues()[0] = static_cast<float>(to.getScale());
  params.mutableValues()[1] = static_cast<float>(to.getZeroPoint());
  numerics::Levels levels{static_cast<int32_t>(to.getStorageTypeMin()), static_cast<int32_t>(to.getStorageTypeMax())};
  auto storage = IntegerType::get(op.getContext(), 8);
  return Evaluator([=](const Operands &v) { return quantize(v.all().front(), params, levels, storage); });
}

FailureOr<Evaluator> evaluatorOf(quant::DequantizeCastOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getInput().getType());
  auto uniform = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
  auto perRow = dyn_cast<quant::UniformQuantizedPerAxisType>(op.getQuantizedType());
  SmallVector<float> scales;
  if (uniform)
    scales.push_back(static_cast<float>(uniform.getScale()));
  if (perRow && perRow.getQuantizedDimension() == 0 && perRow.isFixedPoint())
    llvm::append_range(scales, perRow.getScales());
  if (scales.empty() || !type || type.getRank() != 2)
    return op.emitOpError("expected a tensor of rank 2 with one scale, or one for each row and zero point 0, found ")
           << op.getInput().getType();
  int32_t zero = uniform ? uniform.getZeroPoint() : 0;
  return Evaluator([isSigned = op.getQuantizedType().isSigned(), scales, zero, f32 = op.getFloatType()](
                       const Operands &v) { return dequantize(v.all().front(), isSigned, scales, zero, f32); });
}

FailureOr<Evaluator> evaluatorOf(arith::SubIOp op) {
  if (!getElementTypeOrSelf(op.getType()).isInteger(32))
    return op.emitOpError("expected tensors of i32, found ") << op.getType();
  return Evaluator([op](const Operands &v) { return evaluate(op, v); });
}

FailureOr<Evaluator> evaluatorOf(arith::ConstantOp op) {
  FailureOr<Tensor> value = tensorOf(op);
  if (failed(value))
    return failure();
  return Evaluator([value = *value](const Operands &) { return value; });
}

FailureOr<Evaluator> evaluatorOf(tensor::ExtractSliceOp op) {
  FailureOr<Slice> slice = sliceOf(op);
  if (failed(slice))
    return failure();
  // The type of the result may lack dimensions of size 1.
  return Evaluator([slice = *slice, shape = op.getType().getShape()](const Operands &v) {
    return extractSlice(v.all().front(), slice).reshaped(shape);
  });
}

FailureOr<Evaluator> evaluatorOf(tensor::InsertSliceOp op) {
  FailureOr<Slice> slice = sliceOf(op);
  if (failed(slice))
    return failure();
  return Evaluator([op, slice = *slice](const Operands &v) {
    tensor::InsertSliceOp insert = op;
    return insertSlice(v[insert.getSource()], v[insert.getDest()], slice);
  });
}

} // namespace

FailureOr<Evaluator> makeEvaluator(Operation *op) {
  auto evaluator =
      TypeSwitch<Operation *, FailureOr<Evaluator>>(op)
          .Case<NormalizeOp, PatchifyOp, UnfoldOp, MaxPoolOp, LinearOp, LayerNormOp, RmsNormOp, RotaryEmbeddingOp,
                AttentionOp, GeluOp, ReluOp, SiluOp, ToBf16Op, ScaleColumnsOp, MeanPoolOp, ChooseQParamsOp, QuantizeOp,
                OrderColumnsOp, IntegerLinearOp, IntegerAttentionOp, quant::QuantizeCastOp, quant::DequantizeCastOp,
                quant::StorageCastOp, arith::ConstantOp, arith::AddFOp, arith::SubFOp, arith::SubIOp, arith::MulFOp,
                arith::DivFOp, tensor::EmptyOp, tensor::ExtractSliceOp, tensor::InsertSliceOp, tensor::ConcatOp,
                tensor::ExpandShapeOp, tensor::CollapseShapeOp>([](auto op) { return evaluatorOf(op); })
          .Default([](Operation *op) -> FailureOr<Evaluator> {
            return op->emitError("expected an op that the reference interpreter executes, found '")
                   << op->getName() << "'";
          });
  if (failed(evaluator))
    return failure();
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (!isStaticTensor(type))
      return op->emitOpError("expected static tensors of f32, i4, i8, i32 or quantized types of 4 or 8 bits, found ")
             << type;
  return evaluator;
}

} // namespace vitya::reference
