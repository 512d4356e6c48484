// ProgramBuilder translates each op to a function of Ops.h and knows which values depend on the image: those have the
// dimension B in front of the dimensions of the IR.
#include "dialect/torch/Program.h"
#include "dialect/Constants.h"
#include "dialect/QuantTypes.h"
#include "dialect/VityaOps.h"
#include "dialect/torch/Ops.h"
#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace vitya::autograd {

using Operands = ArrayRef<Tensor>;

class ProgramBuilder {
public:
  explicit ProgramBuilder(Program &program) : program(program) {}

  LogicalResult build(func::FuncOp function) {
    if (!function.getBody().hasOneBlock() || function.getNumArguments() != 1)
      return function.emitOpError("expected a function of one block that reads one image");
    Block &body = function.getBody().front();
    slots[body.getArgument(0)] = program.slots++;
    batched.insert(body.getArgument(0));
    for (Operation &op : body.without_terminator())
      if (auto constant = dyn_cast<arith::ConstantOp>(op))
        if (failed(addConstant(constant)))
          return failure();
    for (Parameter &parameter : program.weights)
      for (arith::ConstantOp constant : parameter.constants)
        slots[valueOf(constant)] = program.slots + (&parameter - program.weights.data());
    program.slots += program.weights.size();
    countBranches(body);
    for (Operation &op : body.without_terminator())
      if (failed(addOp(&op)))
        return failure();
    Operation *terminator = body.getTerminator();
    if (terminator->getNumOperands() != 1 || !batched.contains(terminator->getOperand(0)))
      return terminator->emitOpError("expected logits that depend on the image");
    program.resultSlot = slots.lookup(terminator->getOperand(0));
    findLastUses();
    return success();
  }

private:
  using Evaluate = std::function<Tensor(Operands, const Program::RunOptions &)>;

  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  /// The value that ops read in place of `constant`: that of the cast if it holds the integers of a weight.
  static Value valueOf(arith::ConstantOp constant) {
    if (constant->hasOneUse())
      if (auto cast = dyn_cast<quant::StorageCastOp>(*constant->user_begin()))
        return cast.getResult();
    return constant.getResult();
  }

  /// The linear layer whose bias is the integers of `constant`; null if there is none.
  static LinearOp biasReader(arith::ConstantOp constant) {
    for (Operation *user : constant->getUsers())
      if (auto linear = dyn_cast<LinearOp>(user))
        return linear.getBias() == constant.getResult() ? linear : LinearOp();
    return {};
  }

  LogicalResult addConstant(arith::ConstantOp constant) {
    auto elements = dyn_cast<ElementsAttr>(constant.getValue());
    if (!elements)
      return constant.emitOpError("expected a constant tensor, found a value of type ") << constant.getType();
    auto [known, isNew] = indices.try_emplace(elements, program.weights.size());
    if (!isNew) {
      program.weights[known->second].constants.push_back(constant);
      return success();
    }
    Parameter parameter;
    ShapedType type = elements.getShapedType();
    parameter.shape = type.getShape().vec();
    parameter.constants.push_back(constant);
    Value value = valueOf(constant);
    for (OpOperand &use : value.getUses())
      if (auto linear = dyn_cast<LinearOp>(use.getOwner()))
        parameter.isMatrix |= linear.getWeight() == value;
    parameter.name = resourceNameOf(elements).str();
    if (type.getElementType().isF32()) {
      FailureOr<std::vector<float>> values = readFloats(elements);
      if (failed(values))
        return constant.emitOpError("expected a constant with all its bytes, found one without them");
      parameter.values = std::move(*values);
    } else if (failed(readIntegers(constant, elements, parameter))) {
      return failure();
    }
    program.weights.push_back(std::move(parameter));
    return success();
  }

  /// Reads the integers of a weight or a bias and their scales.
  static LogicalResult readIntegers(arith::ConstantOp constant, ElementsAttr elements, Parameter &parameter) {
    FailureOr<std::vector<char>> bytes = readRaw(elements);
    auto type = dyn_cast<RankedTensorType>(valueOf(constant).getType());
    LinearOp layer = biasReader(constant);
    if (failed(bytes) || !type)
      return constant.emitOpError("expected a constant tensor with all its bytes, found one without them");
    int64_t count = elements.getNumElements();
    std::vector<int32_t> integers(count);
    if (isa<quant::QuantizedType>(type.getElementType())) {
      FailureOr<SmallVector<double>> scales = weightScales(type, [&] { return constant.emitOpError(); });
      if (failed(scales))
        return failure();
      auto element = cast<quant::QuantizedType>(type.getElementType());
      parameter.scales.assign(scales->begin(), scales->end());
      parameter.min = element.getStorageTypeMin();
      parameter.max = element.getStorageTypeMax();
      llvm::transform(*bytes, integers.begin(), [](char byte) { return static_cast<signed char>(byte); });
    } else if (layer && layer.isQuantized() && type.getElementType().isInteger(32)) {
      FailureOr<SmallVector<double>> scales =
          weightScales(layer.getWeight().getType(), [&] { return layer.emitOpError(); });
      if (failed(scales))
        return failure();
      llvm::append_range(parameter.scales,
                         rowFactors(cast<RankedTensorType>(layer.getInput().getType()).getElementType(), *scales));
      parameter.min = std::numeric_limits<int32_t>::min();
      parameter.max = std::numeric_limits<int32_t>::max();
      std::memcpy(integers.data(), bytes->data(), bytes->size());
    } else {
      return constant.emitOpError("expected a constant of f32, or the integers of a quantized layer, found ")
             << constant.getType();
    }
    int64_t perScale = count / parameter.scales.size();
    for (int64_t i = 0; i < count; ++i)
      parameter.values.push_back(static_cast<float>(integers[i] * parameter.scales[i / perScale]));
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Ops
  //===--------------------------------------------------------------------===//

  /// Numbers the additions of a residual branch to what it began with.
  void countBranches(Block &body) {
    for (auto add : body.getOps<arith::AddFOp>()) {
      SetVector<Operation *> slice;
      auto comesFrom = [&](Value value, Value origin) {
        slice.clear();
        BackwardSliceOptions options;
        options.inclusive = true;
        (void)getBackwardSlice(value, &slice, options);
        Operation *source = origin.getDefiningOp();
        return source && !isa<arith::ConstantOp>(source) && slice.contains(source);
      };
      if (add.getLhs() == add.getRhs())
        continue;
      if (comesFrom(add.getRhs(), add.getLhs()))
        branches[add] = {static_cast<int64_t>(branches.size()), true};
      else if (comesFrom(add.getLhs(), add.getRhs()))
        branches[add] = {static_cast<int64_t>(branches.size()), false};
    }
  }

  template <typename Op>
  static Windows windowsOf(Op op) {
    auto pair = [](ArrayRef<int64_t> sizes) { return std::array{sizes[0], sizes[1]}; };
    return {pair(op.getGrid()), pair(op.getWindow()), pair(op.getStride()), pair(op.getPadding())};
  }

  /// Whether `op` is computed by the convolutions that read it.
  static bool isOfConvolutions(Operation *op) {
    return isa<UnfoldOp>(op) && llvm::all_of(op->getUsers(), [&](Operation *user) {
             auto linear = dyn_cast<LinearOp>(user);
             return linear && linear.getInput() == op->getResult(0);
           });
  }

  LogicalResult addOp(Operation *op) {
    if (isa<arith::ConstantOp>(op) || isOfConvolutions(op) ||
        (op->getNumResults() == 1 && slots.count(op->getResult(0))))
      return success();
    for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
      if (auto tensor = dyn_cast<RankedTensorType>(type); !tensor || !tensor.hasStaticShape())
        return op->emitOpError("expected static tensors, found ") << type;
    SmallVector<Value> operands(op->getOperands());
    if (auto linear = dyn_cast<LinearOp>(op))
      if (auto unfold = linear.getInput().getDefiningOp<UnfoldOp>(); unfold && isOfConvolutions(unfold))
        operands[0] = unfold.getInput();
    bool isBatched = llvm::any_of(operands, [&](Value value) { return batched.contains(value); });
    Evaluate evaluate = evaluatorOf(op, isBatched);
    if (!evaluate)
      return op->emitError("expected an op that can be trained, found '") << op->getName() << "'";
    if (isBatched)
      batched.insert(op->getResult(0));
    if (isBatched && isa<tensor::ConcatOp, tensor::InsertSliceOp, AttentionOp>(op))
      evaluate = expanding(operands, std::move(evaluate));
    int slot = program.slots++;
    slots[op->getResult(0)] = slot;
    program.steps.push_back({op, std::move(evaluate),
                             llvm::map_to_vector<6>(operands, [&](Value value) { return slots.lookup(value); }), slot});
    return success();
  }

  /// Repeats the operands that depend on no image for each image of the others.
  Evaluate expanding(ArrayRef<Value> operands, Evaluate evaluate) {
    SmallVector<bool> isBatched = llvm::map_to_vector(operands, [&](Value value) { return batched.contains(value); });
    size_t first = llvm::find(isBatched, true) - isBatched.begin();
    return [=](Operands v, const Program::RunOptions &options) {
      SmallVector<Tensor> all(v);
      for (auto [tensor, is] : llvm::zip_equal(all, isBatched))
        if (!is)
          tensor = expandBatch(tensor, batchOf(v[first]));
      return evaluate(all, options);
    };
  }

  /// `values`, with `first` in front if the tensor has the dimension B.
  static SmallVector<int64_t> withBatch(ArrayRef<int64_t> values, bool isBatched, int64_t first) {
    SmallVector<int64_t> result(values);
    if (isBatched)
      result.insert(result.begin(), first);
    return result;
  }

  Evaluate evaluatorOf(Operation *op, bool isBatched) {
    return TypeSwitch<Operation *, Evaluate>(op)
        .Case([](NormalizeOp op) {
          return [op](Operands v, auto &) mutable { return normalize(v[0], op.getMean(), op.getStd()); };
        })
        .Case([](PatchifyOp op) {
          return [height = op.getPatch()[0], width = op.getPatch()[1],
                  isChannelLast = op.getOrder() == PatchOrder::row_column_channel](Operands v, auto &) {
            return patchify(v[0], height, width, isChannelLast);
          };
        })
        .Case(
            [](UnfoldOp op) { return [windows = windowsOf(op)](Operands v, auto &) { return unfold(v[0], windows); }; })
        .Case([](MaxPoolOp op) {
          return [windows = windowsOf(op)](Operands v, auto &) { return maxPool(v[0], windows); };
        })
        .Case([&](LinearOp op) { return linearEvaluator(op); })
        .Case([](LayerNormOp op) {
          return [eps = op.getEps().convertToDouble()](Operands v, auto &) { return layerNorm(v[0], v[1], v[2], eps); };
        })
        .Case([](AttentionOp op) {
          double weights = op.getWeights() ? cast<quant::UniformQuantizedType>(*op.getWeights()).getScale() : 0;
          return [heads = op.getHeads(), scale = op.getScale().convertToDouble(), weights](Operands v, auto &) {
            return attention(v[0], v[1], v[2], heads, scale, weights);
          };
        })
        .Case([](GeluOp op) -> Evaluate {
          switch (op.getForm()) {
          case GeluForm::erf:
            return [](Operands v, auto &) { return gelu(v[0]); };
          case GeluForm::tanh:
            return [](Operands v, auto &) { return geluTanh(v[0]); };
          case GeluForm::quick:
            return [](Operands v, auto &) { return geluQuick(v[0]); };
          }
          llvm_unreachable("a form of GELU");
        })
        .Case([](ReluOp) { return [](Operands v, auto &) { return relu(v[0]); }; })
        .Case([](SiluOp) { return [](Operands v, auto &) { return silu(v[0]); }; })
        .Case([](MeanPoolOp) { return [](Operands v, auto &) { return meanPool(v[0]); }; })
        .Case<ScaleColumnsOp, arith::MulFOp>(
            [](auto) { return [](Operands v, auto &) { return multiply(v[0], v[1]); }; })
        .Case([&](arith::AddFOp op) { return addEvaluator(op); })
        .Case([](arith::SubFOp) { return [](Operands v, auto &) { return subtract(v[0], v[1]); }; })
        .Case([](arith::DivFOp) { return [](Operands v, auto &) { return divide(v[0], v[1]); }; })
        .Case([&](tensor::ConcatOp op) {
          return [dim = op.getDim() + isBatched](Operands v, auto &) { return concat(v, dim); };
        })
        .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>([&](auto op) {
          return [shape = withBatch(op.getResultType().getShape(), isBatched, -1)](Operands v, auto &) {
            return reshape(v[0], shape);
          };
        })
        .Case([&](tensor::ExtractSliceOp op) { return sliceEvaluator(op, isBatched); })
        .Case([&](tensor::InsertSliceOp op) { return sliceEvaluator(op, isBatched); })
        .Case([](quant::QuantizeCastOp op) -> Evaluate {
          auto type = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
          if (!type)
            return nullptr;
          return [type](Operands v, auto &) {
            return fakeQuantize(v[0], type.getScale(), type.getZeroPoint(),
                                {type.getStorageTypeMin(), type.getStorageTypeMax()});
          };
        })
        .Case([](quant::DequantizeCastOp) { return [](Operands v, auto &) { return v[0]; }; })
        // The scales of dynamic quantization are found where it is applied.
        .Case([](ChooseQParamsOp) { return [](Operands v, auto &) { return v[0]; }; })
        .Case([](QuantizeOp op) -> Evaluate {
          auto params = op.getParams().getDefiningOp<ChooseQParamsOp>();
          if (!params || params.getInput() != op.getInput() || op.getIsSigned())
            return nullptr;
          return [isOfToken = params.getGranularity() == Granularity::token, levels = params.getLevels()](
                     Operands v, auto &) { return fakeQuantizeDynamic(v[0], isOfToken, levels); };
        })
        .Default([](Operation *) { return Evaluate(); });
  }

  /// A linear layer. The integers of its weight and its bias are rounded from the parameters.
  Evaluate linearEvaluator(LinearOp op) {
    auto unfold = op.getInput().getDefiningOp<UnfoldOp>();
    std::optional<Windows> windows;
    if (unfold && isOfConvolutions(unfold))
      windows = windowsOf(unfold);
    const Parameter *weight = parameterOf(op.getWeight()), *bias = op.getBias() ? parameterOf(op.getBias()) : nullptr;
    auto scalesOf = [](const Parameter *parameter) { return parameter ? parameter->scales : std::vector<double>(); };
    Levels levels{weight ? weight->min : 0, weight ? weight->max : 0};
    return
        [=, hasBias = op.getBias() != nullptr, scales = scalesOf(weight), steps = scalesOf(bias)](Operands v, auto &) {
          Tensor matrix = scales.empty() ? v[1] : fakeQuantizeRows(v[1], scales, levels);
          Tensor summand = !hasBias ? Tensor() : steps.empty() ? v[2] : roundToMultiples(v[2], steps);
          const Tensor *optional = hasBias ? &summand : nullptr;
          return windows ? convolution(v[0], *windows, matrix, optional) : linear(v[0], matrix, optional);
        };
  }

  const Parameter *parameterOf(Value value) const {
    int64_t index = int64_t(slots.lookup(value)) - 1;
    return index >= 0 && index < int64_t(program.weights.size()) ? &program.weights[index] : nullptr;
  }

  Evaluate addEvaluator(arith::AddFOp op) {
    auto branch = branches.find(op);
    if (branch == branches.end())
      return [](Operands v, auto &) { return add(v[0], v[1]); };
    auto [index, isSecond] = branch->second;
    double share = branches.size() == 1 ? 1 : double(index) / (branches.size() - 1);
    return [share, isSecond = isSecond](Operands v, const Program::RunOptions &options) {
      double drop = options.dropPath * share;
      return drop > 0 ? addBranch(v[!isSecond], v[isSecond], 1 - drop) : add(v[0], v[1]);
    };
  }

  template <typename Op>
  Evaluate sliceEvaluator(Op op, bool isBatched) {
    if (op.getNumOperands() != op.getOffsetSizeAndStrideStartOperandIndex())
      return nullptr;
    SmallVector<int64_t> offsets = withBatch(op.getStaticOffsets(), isBatched, 0),
                         sizes = withBatch(op.getStaticSizes(), isBatched, 0),
                         strides = withBatch(op.getStaticStrides(), isBatched, 1),
                         shape = withBatch(op.getType().getShape(), isBatched, -1);
    return [=](Operands v, auto &) mutable {
      if (isBatched)
        sizes.front() = batchOf(v[0]);
      if constexpr (std::is_same_v<Op, tensor::InsertSliceOp>)
        return insertSlice(v[0], v[1], offsets, sizes, strides);
      else
        return reshape(extractSlice(v[0], offsets, sizes, strides), shape);
    };
  }

  void findLastUses() {
    llvm::DenseSet<int> read = {program.resultSlot};
    for (Program::Step &step : llvm::reverse(program.steps))
      for (int slot : step.operands)
        if (read.insert(slot).second)
          step.dead.push_back(slot);
  }

  Program &program;
  llvm::MapVector<Attribute, size_t> indices; ///< of the parameters
  llvm::DenseMap<Value, int> slots;
  llvm::DenseSet<Value> batched; ///< values that depend on the image
  struct Branch {
    int64_t index;
    bool isSecond; ///< whether the branch is the second operand
  };
  llvm::MapVector<Operation *, Branch> branches;
};

FailureOr<Program> Program::create(func::FuncOp function) {
  Program program;
  if (failed(ProgramBuilder(program).build(function)))
    return failure();
  return program;
}

Tensor Program::run(const Tensor &images, ArrayRef<Tensor> values, RunOptions options, Observer observe) const {
  std::vector<Tensor> slot(slots);
  slot[0] = images;
  llvm::copy(values, slot.begin() + 1);
  for (const Step &step : steps) {
    SmallVector<Tensor> operands = llvm::map_to_vector(step.operands, [&](int index) { return slot[index]; });
    slot[step.result] = step.evaluate(operands, options);
    if (observe)
      observe(step.op, slot[step.result]);
    for (int index : step.dead)
      slot[index] = Tensor();
  }
  int64_t shape[] = {batchOf(images), -1};
  return reshape(slot[resultSlot], shape);
}

void Program::store(size_t index, ArrayRef<float> values) {
  Parameter &parameter = weights[index];
  parameter.values = values.vec();
  auto elements = cast<ElementsAttr>(parameter.constants.front().getValue());
  ShapedType type = elements.getShapedType();
  std::vector<char> bytes;
  auto append = [&](auto number) {
    auto *raw = reinterpret_cast<const char *>(&number);
    bytes.insert(bytes.end(), raw, raw + sizeof(number));
  };
  int64_t perScale = parameter.scales.empty() ? 1 : values.size() / parameter.scales.size();
  for (auto [i, value] : llvm::enumerate(values)) {
    if (parameter.scales.empty()) {
      append(value);
      continue;
    }
    double integer = std::clamp(std::nearbyint(double(value) / parameter.scales[i / perScale]), double(parameter.min),
                                double(parameter.max));
    type.getElementType().isInteger(32) ? append(static_cast<int32_t>(integer)) : append(static_cast<int8_t>(integer));
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    resource.getRawHandle().getResource()->setBlob(HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 64));
    return;
  }
  // A literal keeps its place in the constants.
  DenseElementsAttr literal = DenseElementsAttr::getFromRawBuffer(type, bytes);
  for (arith::ConstantOp constant : parameter.constants)
    constant.setValueAttr(literal);
}

} // namespace vitya::autograd
