// Checks and translates a function once, into a list of closures over what is constant; running it is a loop.
#include "dialect/reference/Interpreter.h"
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "dialect/reference/Ops.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/Alignment.h"
#include "llvm/Support/FormatVariadic.h"
#include <mutex>

using namespace mlir;

namespace vitya::reference {

//===----------------------------------------------------------------------===//
// What an op computes
//===----------------------------------------------------------------------===//

namespace {

/// A static tensor of f32, i8, i16, i32 or quantized elements, the last ones in bytes.
bool isStaticTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return false;
  Type element = tensor.getElementType();
  if (auto quantized = dyn_cast<quant::QuantizedType>(element))
    return quantized.getStorageTypeIntegralWidth() == 8;
  return element.isF32() || element.isSignlessInteger(8) || element.isSignlessInteger(16) ||
         element.isSignlessInteger(32);
}

/// The value of a constant: a view of its bytes where it has them.
FailureOr<Tensor> constantOf(arith::ConstantOp op) {
  auto value = dyn_cast<ElementsAttr>(op.getValue());
  auto expected = [&](const Twine &found) {
    return op.emitOpError("expected a constant tensor of f32, i8 or i32 with all its elements, found ") << found;
  };
  if (!value || !isStaticTensor(op.getType()))
    return expected("a value of type " + llvm::formatv("{0}", op.getType()).str());
  ArrayRef<int64_t> shape = value.getShapedType().getShape();
  size_t width = value.getElementType().getIntOrFloatBitWidth() / 8;
  size_t bytes = value.getShapedType().getNumElements() * width;
  ArrayRef<char> raw = rawBytes(value);
  if (raw.size() == bytes && llvm::isAddrAligned(llvm::Align(width), raw.data()))
    return Tensor::view(shape, value.getElementType(), raw);
  FailureOr<std::vector<char>> all = readRaw(value);
  if (failed(all))
    return expected(Twine(raw.size()) + " of " + Twine(bytes) + " bytes");
  Tensor copy(shape, value.getElementType());
  llvm::copy(*all, copy.mutableBytes().begin());
  return copy;
}

/// The rectangle that a tensor.extract_slice or insert_slice names, which must be static.
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

} // namespace

/// What a function makes of a tensor, remembered for as long as the same tensor comes: once for a constant. Copies
/// share it.
template <typename Result>
class Remembered {
public:
  explicit Remembered(Result (*function)(const Tensor &)) : state(std::make_shared<State>()), function(function) {}

  std::shared_ptr<const Result> operator()(const Tensor &tensor) const {
    std::lock_guard<std::mutex> lock(state->mutex);
    if (!state->result || state->tensor.bytes().data() != tensor.bytes().data()) {
      state->result = std::make_shared<const Result>(function(tensor));
      state->tensor = tensor;
    }
    return state->result;
  }

private:
  struct State {
    std::mutex mutex;
    Tensor tensor;
    std::shared_ptr<const Result> result;
  };
  std::shared_ptr<State> state;
  Result (*function)(const Tensor &);
};

/// What a linear layer of quantized types computes: its operands are `input`, `weight`, then `bias` and `params` where
/// they are.
static FailureOr<std::function<Tensor(ArrayRef<Tensor>)>> quantizedLinear(LinearOp op) {
  auto emitError = [&] { return op.emitOpError(); };
  FailureOr<SmallVector<double>> scales = weightScales(op.getWeight().getType(), emitError);
  if (failed(scales))
    return failure();
  Type input = op.getInput().getType().getElementType();
  auto type = staticU8(input);
  return std::function<Tensor(ArrayRef<Tensor>)>(
      [pack = Remembered(packed), sum = Remembered(rowSums), hasBias = bool(op.getBias()),
       hasParams = bool(op.getParams()), zero = type ? type.getZeroPoint() : 1, factors = rowFactors(input, *scales),
       f32 = op.getType().getElementType()](ArrayRef<Tensor> v) {
        SmallVector<int32_t> offset = *sum(v[1]);
        for (int32_t &each : offset)
          each *= zero;
        bool isFolded = hasBias && !hasParams && foldBias(v[2].values(), factors, v[1].dim(1), offset);
        return integerLinear(v[0], *pack(v[1]), offset, factors, hasBias && !isFolded ? &v[2] : nullptr,
                             hasParams ? &v[hasBias ? 3 : 2] : nullptr, f32);
      });
}

/// quant.qcast of rank 2 to a type of one scale.
static FailureOr<std::function<Tensor(ArrayRef<Tensor>)>> quantizeCast(quant::QuantizeCastOp op) {
  auto to = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
  auto tensor = dyn_cast<RankedTensorType>(op.getInput().getType());
  if (!to || !tensor || tensor.getRank() != 2)
    return op.emitOpError("expected a tensor of rank 2 and a type of one scale, found ") << op.getType();
  Tensor params({1, 2}, op.getFloatType());
  params.mutableValues()[0] = static_cast<float>(to.getScale());
  params.mutableValues()[1] = static_cast<float>(to.getZeroPoint());
  float low = to.getStorageTypeMin(), high = to.getStorageTypeMax();
  return std::function<Tensor(ArrayRef<Tensor>)>(
      [=, storage = IntegerType::get(op.getContext(), 8)](ArrayRef<Tensor> v) {
        return quantize(v[0], params, low, high, storage);
      });
}

/// quant.dcast of rank 2 from a type of one scale, or, with zero point 0, one for each row.
static FailureOr<std::function<Tensor(ArrayRef<Tensor>)>> dequantizeCast(quant::DequantizeCastOp op) {
  auto tensor = dyn_cast<RankedTensorType>(op.getInput().getType());
  auto uniform = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
  auto perRow = dyn_cast<quant::UniformQuantizedPerAxisType>(op.getQuantizedType());
  SmallVector<float> scales;
  if (uniform)
    scales.push_back(static_cast<float>(uniform.getScale()));
  if (perRow && perRow.getQuantizedDimension() == 0 && perRow.isFixedPoint())
    for (double scale : perRow.getScales())
      scales.push_back(static_cast<float>(scale));
  if (scales.empty() || !tensor || tensor.getRank() != 2)
    return op.emitOpError("expected a tensor of rank 2 with one scale, or one for each row and zero point 0, found ")
           << op.getInput().getType();
  return std::function<Tensor(ArrayRef<Tensor>)>(
      [isSigned = op.getQuantizedType().isSigned(), scales, zero = uniform ? uniform.getZeroPoint() : 0,
       type = op.getFloatType()](ArrayRef<Tensor> v) { return dequantize(v[0], isSigned, scales, zero, type); });
}

FailureOr<Interpreter::Kernel> Interpreter::kernelOf(Operation *op) {
  using Operands = ArrayRef<Tensor>;
  auto zip = [](float (*function)(float, float)) -> Kernel {
    return [=](Operands v) { return zipElements(v[0], v[1], function); };
  };
  auto reshape = [](RankedTensorType type) -> Kernel {
    return [shape = type.getShape()](Operands v) { return v[0].reshaped(shape); };
  };
  auto kernel =
      TypeSwitch<Operation *, FailureOr<Kernel>>(op)
          .Case([](NormalizeOp op) -> Kernel {
            return [mean = op.getMean(), std = op.getStd()](Operands v) { return normalize(v[0], mean, std); };
          })
          .Case([](PatchifyOp op) -> Kernel {
            return [patch = op.getPatch(), order = op.getOrder()](Operands v) {
              return patchify(v[0], patch[0], patch[1], order);
            };
          })
          .Case([](LinearOp op) -> FailureOr<Kernel> {
            if (op.isQuantized())
              return quantizedLinear(op);
            return Kernel([pack = Remembered(packed)](Operands v) {
              return linear(v[0], *pack(v[1]), v.size() > 2 ? &v[2] : nullptr);
            });
          })
          .Case([](LayerNormOp op) -> Kernel {
            return [eps = op.getEps().convertToDouble()](Operands v) { return layerNorm(v[0], v[1], v[2], eps); };
          })
          .Case([](AttentionOp op) -> Kernel {
            auto element = [](Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); };
            if (op.isQuantized())
              return [heads = op.getHeads(), f32 = element(op.getResult()),
                      factors = attentionFactors(element(op.getQuery()), element(op.getKey()), element(op.getValue()),
                                                 *op.getWeights(), op.getScale().convertToDouble())](Operands v) {
                return integerAttention(v[0], v[1], v[2], factors, heads, f32);
              };
            return [heads = op.getHeads(), scale = op.getScale().convertToDouble()](Operands v) {
              return attention(v[0], v[1], v[2], heads, scale);
            };
          })
          .Case([](GeluOp op) -> Kernel { return [form = op.getForm()](Operands v) { return gelu(v[0], form); }; })
          .Case([](MeanPoolOp op) -> Kernel { return [](Operands v) { return meanPool(v[0]); }; })
          .Case([](ChooseQParamsOp op) -> Kernel {
            return [granularity = op.getGranularity(), levels = op.getLevels()](Operands v) {
              return chooseQParams(v[0], granularity, static_cast<int32_t>(levels));
            };
          })
          .Case([](QuantizeOp op) -> Kernel {
            auto width = op.getType().getElementType().isInteger(16) ? 16 : 8;
            return [isSigned = op.getIsSigned(), storage = IntegerType::get(op.getContext(), width)](Operands v) {
              return quantize(v[0], v[1], isSigned ? -127.0f : 0.0f, isSigned ? 127.0f : 255.0f, storage);
            };
          })
          .Case([](IntegerLinearOp op) -> Kernel {
            return [pack = Remembered(packed), hasBias = bool(op.getBias()), hasParams = bool(op.getParams()),
                    f32 = op.getType().getElementType()](Operands v) {
              return integerLinear(v[0], *pack(v[1]), v[2].values<int32_t>(), v[3].values(), hasBias ? &v[4] : nullptr,
                                   hasParams ? &v[hasBias ? 5 : 4] : nullptr, f32);
            };
          })
          .Case([](IntegerAttentionOp op) -> Kernel {
            return [heads = op.getHeads(), f32 = op.getType().getElementType()](Operands v) {
              return integerAttention(v[0], v[1], v[2], v[3].values(), heads, f32);
            };
          })
          .Case([](quant::QuantizeCastOp op) { return quantizeCast(op); })
          .Case([](quant::DequantizeCastOp op) { return dequantizeCast(op); })
          .Case([](quant::StorageCastOp) -> Kernel { return [](Operands v) { return v[0]; }; })
          .Case([&](arith::AddFOp) { return zip([](float a, float b) { return a + b; }); })
          .Case([&](arith::SubFOp) { return zip([](float a, float b) { return a - b; }); })
          .Case([&](arith::MulFOp) { return zip([](float a, float b) { return a * b; }); })
          .Case([&](arith::DivFOp) { return zip([](float a, float b) { return a / b; }); })
          .Case([](arith::ConstantOp op) -> FailureOr<Kernel> {
            FailureOr<Tensor> value = constantOf(op);
            if (failed(value))
              return failure();
            return Kernel([value = *value](Operands) { return value; });
          })
          .Case([](tensor::EmptyOp op) -> Kernel {
            return [type = op.getType()](Operands) { return Tensor(type.getShape(), type.getElementType()); };
          })
          .Case([](tensor::ExtractSliceOp op) -> FailureOr<Kernel> {
            FailureOr<Slice> slice = sliceOf(op);
            if (failed(slice))
              return failure();
            // The result may lack dimensions of size 1.
            return Kernel([slice = *slice, shape = op.getType().getShape()](Operands v) {
              return extractSlice(v[0], slice).reshaped(shape);
            });
          })
          .Case([](tensor::InsertSliceOp op) -> FailureOr<Kernel> {
            FailureOr<Slice> slice = sliceOf(op);
            if (failed(slice))
              return failure();
            return Kernel([slice = *slice](Operands v) { return insertSlice(v[0], v[1], slice); });
          })
          .Case(
              [](tensor::ConcatOp op) -> Kernel { return [dim = op.getDim()](Operands v) { return concat(v, dim); }; })
          .Case([&](tensor::ExpandShapeOp op) { return reshape(op.getResultType()); })
          .Case([&](tensor::CollapseShapeOp op) { return reshape(op.getResultType()); })
          .Default([](Operation *op) -> FailureOr<Kernel> {
            return op->emitError("expected an op that the reference interpreter executes, found '")
                   << op->getName() << "'";
          });
  if (failed(kernel))
    return failure();
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (!isStaticTensor(type))
      return op->emitOpError("expected static tensors of f32, i8, i32 or 8-bit quantized types, found ") << type;
  return kernel;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

FailureOr<Interpreter> Interpreter::create(func::FuncOp function) {
  Interpreter interpreter;
  interpreter.entry = function;
  if (failed(interpreter.prepare(function)))
    return failure();
  return interpreter;
}

LogicalResult Interpreter::prepare(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("expected a function of one block, found ") << function.getBody().getBlocks().size();
  // The empty program marks a function that is being prepared.
  programs[function] = {};
  std::vector<Step> steps;
  llvm::DenseSet<Value> read;
  for (Operation &op : llvm::reverse(function.getBody().front())) {
    Step &step = steps.emplace_back(Step{&op, nullptr, nullptr, {}});
    // Seen from behind, the first reader of a value is its last. A result that nobody reads is dead at once.
    for (Value value : llvm::concat<Value>(op.getOperands(), op.getResults()))
      if (read.insert(value).second && !op.hasTrait<OpTrait::IsTerminator>())
        step.dead.push_back(value);
    if (op.getNumRegions() != 0 || op.hasTrait<OpTrait::IsTerminator>() != isa<func::ReturnOp>(op))
      return op.emitError("expected an op that the reference interpreter executes, found '") << op.getName() << "'";
  }
  std::reverse(steps.begin(), steps.end());
  for (Step &step : steps) {
    if (isa<func::ReturnOp>(step.op))
      continue;
    if (auto call = dyn_cast<func::CallOp>(step.op)) {
      step.callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
      auto program = programs.find(step.callee);
      if (program != programs.end() && program->second.empty())
        return call.emitOpError("expected a function that does not call itself, found @") << call.getCallee();
      if (program == programs.end() && failed(prepare(step.callee)))
        return failure();
      continue;
    }
    FailureOr<Kernel> kernel = kernelOf(step.op);
    if (failed(kernel))
      return failure();
    step.kernel = std::move(*kernel);
  }
  programs[function] = std::move(steps);
  return success();
}

SmallVector<Tensor> Interpreter::run(ArrayRef<Tensor> arguments, Observer observe) const {
  return runFunction(entry, arguments, observe);
}

SmallVector<Tensor> Interpreter::runFunction(func::FuncOp function, ArrayRef<Tensor> arguments,
                                             Observer observe) const {
  llvm::DenseMap<Value, Tensor> values;
  for (auto [argument, tensor] : llvm::zip_equal(function.getArguments(), arguments))
    values[argument] = tensor;
  SmallVector<Tensor> results;
  for (const Step &step : programs.find(function)->second) {
    SmallVector<Tensor> operands =
        llvm::map_to_vector(step.op->getOperands(), [&](Value operand) { return values.lookup(operand); });
    if (isa<func::ReturnOp>(step.op))
      return operands;
    results = step.kernel ? SmallVector<Tensor>{step.kernel(operands)} : runFunction(step.callee, operands, observe);
    if (observe)
      observe(step.op, results);
    for (auto [value, tensor] : llvm::zip_equal(step.op->getResults(), results))
      values[value] = tensor;
    for (Value value : step.dead)
      values.erase(value);
  }
  llvm_unreachable("a function ends with func.return");
}

} // namespace vitya::reference
