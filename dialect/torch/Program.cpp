// ProgramBuilder translates each op to a function of Ops.h and knows which values depend on the image: those have the
// dimension B in front of the dimensions of the IR.
#include "dialect/torch/Program.h"
#include "dialect/QuantTypes.h"
#include "dialect/VityaOps.h"
#include "dialect/torch/ColumnSlices.h"
#include "dialect/torch/LearnedScales.h"
#include "dialect/torch/Ops.h"
#include "dialect/torch/ResidualBranches.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace vitya::autograd {

using Operands = ArrayRef<Tensor>;

class ProgramBuilder {
public:
  ProgramBuilder(Program &program, bool learnsScales) : program(program), learnsScales(learnsScales) {}

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
    if (learnsScales)
      llvm::append_range(program.weights, findScales(body, program.weights));
    for (auto [index, parameter] : llvm::enumerate(program.weights)) {
      for (arith::ConstantOp constant : parameter.constants)
        slots[valueOf(constant)] = program.slots + index;
      for (Value value : parameter.quantized)
        scaleSlots[value] = program.slots + index;
    }
    program.slots += program.weights.size();
    branches = residualBranches(body);
    llvm::append_range(program.additions, llvm::make_first_range(branches));
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

  LogicalResult addConstant(arith::ConstantOp constant) {
    auto [known, isNew] = indices.try_emplace(constant.getValue(), program.weights.size());
    if (!isNew) {
      program.weights[known->second].constants.push_back(constant);
      return success();
    }
    FailureOr<Parameter> parameter = readParameter(constant);
    if (failed(parameter))
      return failure();
    program.weights.push_back(std::move(*parameter));
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Ops
  //===--------------------------------------------------------------------===//

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
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      if (SmallVector<Operation *, 1> slices = columnSlices(slice); !slices.empty()) {
        SmallVector<int64_t> sizes;
        for (Operation *each : slices) {
          sizes.push_back(cast<tensor::ExtractSliceOp>(each).getStaticSizes().back());
          if (isBatched)
            batched.insert(each->getResult(0));
        }
        addStep(slices, operands, [sizes](Operands v, auto &) { return splitColumns(v[0], sizes); });
        return success();
      }
    Evaluate evaluate = evaluatorOf(op, isBatched);
    if (!evaluate)
      return op->emitError("expected an op that can be trained, found '") << op->getName() << "'";
    if (isBatched)
      batched.insert(op->getResult(0));
    if (isBatched && isa<tensor::ConcatOp, tensor::InsertSliceOp, AttentionOp>(op))
      evaluate = expanding(operands, std::move(evaluate));
    addStep({op}, operands, [evaluate = std::move(evaluate)](Operands v, const Program::RunOptions &how) {
      return std::vector<Tensor>{evaluate(v, how)};
    });
    return learnsScales ? addScales(op, program.steps.back()) : success();
  }

  /// Adds the learned scales that `op` rounds with to the operands of its step.
  LogicalResult addScales(Operation *op, Program::Step &step) {
    SmallVector<Value, 2> values;
    if (auto cast = dyn_cast<quant::QuantizeCastOp>(op))
      values = {cast.getResult()};
    if (auto linear = dyn_cast<LinearOp>(op); linear && linear.isQuantized())
      values = {linear.getWeight(), scaleSource(linear.getInput())};
    for (Value value : values) {
      auto slot = scaleSlots.find(value);
      if (slot == scaleSlots.end())
        return op->emitOpError("expected a constant weight, and an input that quant.qcast quantizes, to learn their "
                               "scales");
      step.operands.push_back(slot->second);
    }
    return success();
  }

  template <typename Evaluate>
  void addStep(SmallVector<Operation *, 1> ops, ArrayRef<Value> operands, Evaluate evaluate) {
    Program::Step step{ops, std::move(evaluate), {}, {}};
    for (Value operand : operands)
      step.operands.push_back(slots.lookup(operand));
    for (Operation *op : ops)
      step.results.push_back(slots[op->getResult(0)] = program.slots++);
    program.steps.push_back(std::move(step));
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
          return [height = op.getPatch()[0], width = op.getPatch()[1], dimensions = patchDimensions(op.getOrder())](
                     Operands v, auto &) { return patchify(v[0], height, width, dimensions); };
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
        .Case([](RmsNormOp op) {
          return [eps = op.getEps().convertToDouble()](Operands v, auto &) { return rmsNorm(v[0], v[1], eps); };
        })
        .Case([](RotaryEmbeddingOp op) {
          return [heads = op.getHeads(), interleaved = op.getInterleaved()](Operands v, auto &) {
            return rotaryEmbedding(v[0], v[1], v[2], heads, interleaved);
          };
        })
        .Case([](AttentionOp op) {
          double weights = op.getWeights() ? cast<quant::UniformQuantizedType>(*op.getWeights()).getScale() : 0;
          return [heads = op.getHeads(), scale = op.getScale().convertToDouble(), weights](Operands v, auto &) {
            return attention(v[0], v[1], v[2], heads, scale, v.size() > 3 ? &v[3] : nullptr, weights);
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
        .Case([](ToBf16Op) { return [](Operands v, auto &) { return roundToBf16(v[0]); }; })
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
        .Case([&](quant::QuantizeCastOp op) -> Evaluate {
          auto type = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
          if (!type)
            return nullptr;
          Levels levels{type.getStorageTypeMin(), type.getStorageTypeMax()};
          int64_t count = cast<RankedTensorType>(op.getInput().getType()).getNumElements();
          if (learnsScales)
            return [=](Operands v, auto &) {
              return fakeQuantize(v[0], learnedScales(v[1], count, levels), type.getZeroPoint(), levels);
            };
          return [=](Operands v, auto &) { return fakeQuantize(v[0], type.getScale(), type.getZeroPoint(), levels); };
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

  /// A linear layer. The integers or bf16 of its weight and the integers of its bias are rounded from the parameters.
  Evaluate linearEvaluator(LinearOp op) {
    auto unfold = op.getInput().getDefiningOp<UnfoldOp>();
    std::optional<Windows> windows;
    if (unfold && isOfConvolutions(unfold))
      windows = windowsOf(unfold);
    const Parameter *weight = parameterOf(op.getWeight()), *bias = op.getBias() ? parameterOf(op.getBias()) : nullptr;
    auto scalesOf = [](const Parameter *parameter) { return parameter ? parameter->scales : std::vector<double>(); };
    Levels levels{weight ? weight->min : 0, weight ? weight->max : 0};
    if (learnsScales && op.isQuantized()) {
      // The scales of the weight and of the input are the last operands.
      int64_t columns = op.getWeight().getType().getDimSize(1), rows = op.getWeight().getType().getDimSize(0);
      bool isPerRow = isa<quant::UniformQuantizedPerAxisType>(op.getWeight().getType().getElementType());
      return [=, count = isPerRow ? columns : rows * columns, hasBias = op.getBias() != nullptr,
              isBiasRounded = bias && !bias->scales.empty()](Operands v, auto &) {
        Tensor scales = learnedScales(v[v.size() - 2], count, levels);
        Tensor matrix = fakeQuantize(v[1], scales, 0, levels);
        if (!hasBias)
          return windows ? convolution(v[0], *windows, matrix, nullptr) : linear(v[0], matrix, nullptr);
        Tensor steps = multiply(scales, learnedScales(v.back(), 1, levels));
        Tensor summand = isBiasRounded ? roundToMultiples(v[2], steps) : v[2];
        return windows ? convolution(v[0], *windows, matrix, &summand) : linear(v[0], matrix, &summand);
      };
    }
    return [=, hasBias = op.getBias() != nullptr, isBf16 = op.getFormat().isBf16(), scales = scalesOf(weight),
            steps = scalesOf(bias)](Operands v, auto &) {
      Tensor matrix = isBf16 ? roundToBf16(v[1]) : scales.empty() ? v[1] : fakeQuantizeRows(v[1], scales, levels);
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
    return [=](Operands v, auto &) {
      SmallVector<int64_t> actual(sizes);
      if (isBatched)
        actual.front() = batchOf(v[0]);
      if constexpr (std::is_same_v<Op, tensor::InsertSliceOp>)
        return insertSlice(v[0], v[1], offsets, actual, strides);
      else if (shape.size() == offsets.size())
        return extractSlice(v[0], offsets, actual, strides);
      else
        return reshape(extractSlice(v[0], offsets, actual, strides), shape);
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
  bool learnsScales;
  llvm::MapVector<Attribute, size_t> indices; ///< of the parameters
  llvm::DenseMap<Value, int> scaleSlots;      ///< of the learned scales of quantized values
  llvm::DenseMap<Value, int> slots;
  llvm::DenseSet<Value> batched; ///< values that depend on the image
  llvm::MapVector<Operation *, Branch> branches;
};

FailureOr<Program> Program::create(func::FuncOp function, bool learnsScales) {
  Program program;
  program.function = function;
  if (failed(ProgramBuilder(program, learnsScales).build(function)))
    return failure();
  return program;
}

Tensor Program::run(const Tensor &images, ArrayRef<Tensor> values, RunOptions options, Observer observe) const {
  std::vector<Tensor> slot(slots);
  slot[0] = images;
  llvm::copy(values, slot.begin() + 1);
  for (const Step &step : steps) {
    SmallVector<Tensor> operands = llvm::map_to_vector(step.operands, [&](int index) { return slot[index]; });
    std::vector<Tensor> results = step.evaluate(operands, options);
    for (auto [op, index, result] : llvm::zip_equal(step.ops, step.results, results)) {
      if (options.patchDropout > 0 && op == tokens->op)
        result = dropPatches(result, tokens->special, options.patchDropout);
      slot[index] = result;
      if (observe)
        observe(op, result);
    }
    for (int index : step.dead)
      slot[index] = Tensor();
  }
  int64_t shape[] = {batchOf(images), -1};
  return reshape(slot[resultSlot], shape);
}

LogicalResult Program::findTokens() {
  FailureOr<TokenSequence> found = findTokenSequence(function);
  if (failed(found))
    return failure();
  tokens = *found;
  return success();
}

void Program::store(ArrayRef<float> values) {
  std::vector<ArrayRef<float>> parts;
  for (const Parameter &parameter : weights) {
    parts.push_back(values.take_front(parameter.values.size()));
    values = values.drop_front(parameter.values.size());
  }
  // Integers are rounded with the scales.
  for (bool isScale : {true, false})
    for (auto [parameter, part] : llvm::zip_equal(weights, parts))
      if (isScale == !parameter.quantized.empty())
        isScale ? storeScales(parameter, part) : storeParameter(parameter, part);
}

} // namespace vitya::autograd
