// Converts quantized tensors to tensors of the integers that store them. Scales, zero points and the factors that
// follow from them become constant operands, so that layers which differ only in them share a kernel.
//
// If activations are 16-bit integers because the processor lacks a dot product of bytes, layers whose short sums are
// proven to fit 16 bits still read bytes. A value that other layers read as well is quantized twice. If the proof is of
// ordered columns, those of the input and the weight are put into that order.
#include "dialect/Constants.h"
#include "dialect/ShortSums.h"
#include "dialect/VityaOps.h"
#include "dialect/arithmetic/Quantize.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/DialectConversion.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/Passes.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/DebugLog.h"
#include <numeric>

#define DEBUG_TYPE "vitya-lower-quantization"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_LOWERQUANTIZATIONPASS
#include "passes/lower/linalg/Passes.h.inc"

namespace {

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

bool isQuantizedTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isQuantized(tensor.getElementType());
}

/// Whether `op` computes on the stored integers what it computes on the quantized values.
bool keepsElements(Operation *op) {
  return isa<QuantizeOp, tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ConcatOp>(op);
}

//===----------------------------------------------------------------------===//
// Preconditions
//===----------------------------------------------------------------------===//

LogicalResult verify(quant::QuantizeCastOp op) {
  auto type = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
  if (!type || (!staticU8(type) && !staticS8(type)))
    return op.emitOpError("expected a type !quant.uniform<u8:f32>, or !quant.uniform<i8:f32> with zero point 0, found ")
           << op.getType();
  return verifyQuantized(type, [&] { return op.emitOpError(); });
}

LogicalResult verify(quant::StorageCastOp op) {
  if (!matchPattern(op.getInput(), m_Constant()))
    return op.emitOpError("expected a storage cast of a constant weight");
  return success();
}

LogicalResult verify(quant::DequantizeCastOp op) {
  return op.emitOpError("expected quantized values to be read by linear layers and attention alone");
}

LogicalResult verify(LinearOp op) {
  if (!op.isQuantized())
    return success();
  auto cast = op.getWeight().getDefiningOp<quant::StorageCastOp>();
  ElementsAttr weight;
  if (!cast || !matchPattern(cast.getInput(), m_Constant(&weight)) || failed(readRaw(weight)))
    return op.emitOpError("expected a weight that is the quant.scast of an integer constant with all its bytes");
  return LogicalResult(weightScales(op.getWeight().getType(), [&] { return op.emitOpError(); }));
}

LogicalResult verify(func::FuncOp op) {
  for (Type type : llvm::concat<const Type>(op.getArgumentTypes(), op.getResultTypes()))
    if (isQuantizedTensor(type))
      return op.emitOpError("expected arguments and results that are not quantized, found ") << type;
  return success();
}

/// Checks that the patterns below can convert `op`, and names it if they cannot.
LogicalResult verify(Operation *op) {
  if (keepsElements(op) || isa<AttentionOp>(op))
    return success();
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<quant::QuantizeCastOp, quant::StorageCastOp, quant::DequantizeCastOp, LinearOp, func::FuncOp>(
          [](auto typed) { return verify(typed); })
      .Default([](Operation *op) -> LogicalResult {
        if (llvm::any_of(op->getResultTypes(), isQuantizedTensor) ||
            llvm::any_of(op->getOperandTypes(), isQuantizedTensor))
          return op->emitOpError("expected an op that quantized values may go through, found '")
                 << op->getName() << "'";
        return success();
      });
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

/// Gives layers whose short sums fit 16 bits inputs of their own, and knows these inputs.
class ByteInputs {
public:
  /// Lets `op` read bytes if its short sums fit 16 bits.
  void add(LinearOp op) {
    if (!getGroup(op))
      return;
    if (Value input = copy(op.getInput())) {
      op.getInputMutable().assign(input);
      layers.insert(op);
    }
  }

  bool contains(Value value) const { return values.contains(value); }

  /// The order of the columns of `op`, whose weight is `weight`, that its short sums need; empty if they need none, or
  /// if it does not read bytes.
  std::vector<char> orderOf(LinearOp op, ArrayRef<char> weight) const {
    if (!layers.contains(op) || !getDiscardable<VityaDialect::ShortSumsAttrHelper>(op).getOrdered())
      return {};
    auto input = cast<quant::QuantizedType>(elementOf(op.getInput()));
    return *orderColumns(weight, op.getInput().getType().getDimSize(1), getGroup(op), input.getStorageTypeMax());
  }

  /// The group of short sums that `op` is to compute; null if it does not read bytes.
  IntegerAttr groupOf(LinearOp op) const {
    return layers.contains(op) ? Builder(op.getContext()).getI64IntegerAttr(getGroup(op)) : IntegerAttr();
  }

private:
  /// The largest proven group that divides the columns of `op`, which padding may have added to; 0 if there is none.
  static int64_t getGroup(LinearOp op) {
    auto sums = getDiscardable<VityaDialect::ShortSumsAttrHelper>(op);
    int64_t columns = op.getInput().getType().getDimSize(1);
    int64_t factor = getVnniBlockingFactor(IntegerType::get(op.getContext(), 8));
    return !sums || sums.getGroup() == 0 || columns % factor != 0 ? 0 : std::gcd(sums.getGroup(), columns / factor);
  }

  /// A copy of the ops that compute the quantized `value`; null if they are not known.
  Value copy(Value value) {
    if (Value known = copies.lookup(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (!op || !(isa<quant::QuantizeCastOp>(op) || keepsElements(op)))
      return {};
    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (isQuantizedTensor(operand.getType())) {
        Value known = copy(operand);
        if (!known)
          return {};
        mapping.map(operand, known);
      }
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    Value result = builder.clone(*op, mapping)->getResult(0);
    values.insert(result);
    copies[value] = result;
    return result;
  }

  DenseSet<Value> values;
  DenseSet<Operation *> layers;
  DenseMap<Value, Value> copies;
};

/// Converts quantized tensors to tensors of the stored integers: i4 or i8 for a weight, the result of a quant.scast, i8
/// and for the inputs in `bytes`, and `activation` for every other value.
class StorageConverter : public TypeConverter {
public:
  StorageConverter(IntegerType activation, const ByteInputs &bytes) {
    addConversion([](Type type) { return type; });
    addConversion([=](RankedTensorType type) -> std::optional<Type> {
      if (!isQuantized(type.getElementType()))
        return std::nullopt;
      return type.clone(activation);
    });
    addConversion([&bytes](Value value) -> std::optional<Type> {
      if (bytes.contains(value))
        return cast<RankedTensorType>(value.getType()).clone(IntegerType::get(value.getContext(), 8));
      auto cast = value.getDefiningOp<quant::StorageCastOp>();
      return cast ? std::optional(cast.getInput().getType()) : std::nullopt;
    });
  }
};

/// Creates a small constant at the start of the block, so that outlining can pass it to any kernel of the block.
Value createLiteral(ConversionPatternRewriter &rewriter, Location loc, ArrayRef<int64_t> shape,
                    ArrayRef<float> values) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(rewriter.getInsertionBlock());
  auto type = RankedTensorType::get(shape, rewriter.getF32Type());
  return arith::ConstantOp::create(rewriter, loc, DenseElementsAttr::get(type, values));
}

/// Creates a constant vector as a resource called `name`.
template <typename T>
Value createVector(ConversionPatternRewriter &rewriter, Location loc, ArrayRef<T> values, Type element,
                   const Twine &name) {
  auto type = RankedTensorType::get(static_cast<int64_t>(values.size()), element);
  return createConstant(rewriter, loc, type, name.str(), values);
}

/// Slices, reshapes, concatenations and vitya.quantize stay the same op on other types.
struct ConvertTypes : ConversionPattern {
  ConvertTypes(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), /*benefit=*/1, context) {}
  LogicalResult matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &rewriter) const override {
    if (!keepsElements(op))
      return rewriter.notifyMatchFailure(op, "expected an op that computes the same on stored integers");
    FailureOr<Operation *> converted = convertOpResultTypes(op, operands, *getTypeConverter(), rewriter);
    if (failed(converted))
      return failure();
    rewriter.replaceOp(op, *converted);
    return success();
  }
};

struct LowerQuantizeCast : OpConversionPattern<quant::QuantizeCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(quant::QuantizeCastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
    if (!type)
      return rewriter.notifyMatchFailure(op, "expected a type of one scale");
    Value params = createLiteral(rewriter, op.getLoc(), {1, 2},
                                 {static_cast<float>(type.getScale()), static_cast<float>(type.getZeroPoint())});
    rewriter.replaceOpWithNewOp<QuantizeOp>(op, getTypeConverter()->convertType(op.getResult()), adaptor.getInput(),
                                            params, type.isSigned(),
                                            type.isSigned() ? numerics::kUnsignedLevels.max : type.getStorageTypeMax());
    return success();
  }
};

/// A quantized weight is replaced by the constant that stores it.
struct LowerStorageCast : OpConversionPattern<quant::StorageCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(quant::StorageCastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getInput());
    return success();
  }
};

struct LowerLinear : OpConversionPattern<LinearOp> {
  LowerLinear(const TypeConverter &converter, MLIRContext *context, const ByteInputs &bytes)
      : OpConversionPattern(converter, context), bytes(bytes) {}
  LogicalResult matchAndRewrite(LinearOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    ElementsAttr constant;
    if (!matchPattern(adaptor.getWeight(), m_Constant(&constant)))
      return rewriter.notifyMatchFailure(op, "expected a constant weight");
    FailureOr<std::vector<char>> weight = readRaw(constant);
    FailureOr<SmallVector<double>> scales = weightScales(op.getWeight().getType(), [&] { return op.emitOpError(); });
    if (failed(weight) || failed(scales))
      return failure();
    auto inputType = staticU8(elementOf(op.getInput()));
    int64_t in = op.getWeight().getType().getDimSize(1);
    SmallVector<int32_t> offset = zeroPointProducts(*weight, in, inputType ? inputType.getZeroPoint() : 1);
    SmallVector<float> multiplier = rowFactors(elementOf(op.getInput()), *scales);
    // An i32 bias is part of the integer sum: a constant one is subtracted from the offsets here, another at run time.
    bool isInteger = op.getBias() && elementOf(op.getBias()).isInteger(32);
    bool isFolded = isInteger && subtractConstant(op.getBias(), offset);
    LDBG() << op.getLayer() << ": " << (isFolded ? "bias folded into the offsets" : "bias not folded");
    Value offsets = createOffsets(rewriter, op, offset);
    if (isInteger && !isFolded)
      offsets = arith::SubIOp::create(rewriter, op.getLoc(), offsets, adaptor.getBias());
    Value factors =
        createVector<float>(rewriter, op.getLoc(), multiplier, rewriter.getF32Type(), op.getLayer() + ".multiplier");
    Value input = adaptor.getInput(), stored = adaptor.getWeight();
    if (std::vector<char> order = bytes.orderOf(op, *weight); !order.empty()) {
      Value positions =
          createVector<char>(rewriter, op.getLoc(), order, rewriter.getI8Type(), op.getLayer() + ".order");
      input = OrderColumnsOp::create(rewriter, op.getLoc(), input, positions);
      stored = createConstant<char>(rewriter, op.getLoc(), cast<RankedTensorType>(stored.getType()),
                                    (op.getLayer() + ".ordered").str(), applyOrder(*weight, in, order));
    }
    rewriter.replaceOpWithNewOp<IntegerLinearOp>(op, op.getType(), op.getLayerAttr(), input, stored, offsets, factors,
                                                 isInteger ? Value() : adaptor.getBias(), adaptor.getParams(),
                                                 bytes.groupOf(op));
    return success();
  }

private:
  const ByteInputs &bytes;

  /// `offset` as a constant. Those of a dynamic layer, the sums of the rows of its weight, are stored in 16 bits if
  /// these hold them.
  static Value createOffsets(ConversionPatternRewriter &rewriter, LinearOp op, ArrayRef<int32_t> offset) {
    if (op.getParams() && llvm::all_of(offset, [](int32_t each) { return llvm::isInt<16>(each); }))
      return createVector<int16_t>(rewriter, op.getLoc(), SmallVector<int16_t>(offset), rewriter.getI16Type(),
                                   op.getLayer() + ".offset");
    return createVector<int32_t>(rewriter, op.getLoc(), offset, rewriter.getI32Type(), op.getLayer() + ".offset");
  }

  /// `zero` times the sum of each row of `weight`, whose rows hold `in` signed bytes.
  static SmallVector<int32_t> zeroPointProducts(ArrayRef<char> weight, int64_t in, int64_t zero) {
    SmallVector<int32_t> products;
    for (; !weight.empty(); weight = weight.drop_front(in)) {
      int64_t sum = 0;
      for (char byte : weight.take_front(in))
        sum += static_cast<int8_t>(byte);
      products.push_back(zero * sum);
    }
    return products;
  }

  /// Subtracts `bias` from `offset`, modulo 2^32 as the sum itself wraps. Returns false if it is not a constant.
  static bool subtractConstant(Value bias, MutableArrayRef<int32_t> offset) {
    ElementsAttr constant;
    if (!matchPattern(bias, m_Constant(&constant)))
      return false;
    FailureOr<std::vector<char>> bytes = readRaw(constant);
    if (failed(bytes))
      return false;
    ArrayRef<int32_t> steps(reinterpret_cast<const int32_t *>(bytes->data()), offset.size());
    for (auto [step, each] : llvm::zip_equal(steps, offset))
      each = static_cast<int32_t>(static_cast<uint32_t>(each) - static_cast<uint32_t>(step));
    return true;
  }
};

struct LowerAttention : OpConversionPattern<AttentionOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AttentionOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    SmallVector<float> factors =
        attentionFactors(elementOf(op.getQuery()), elementOf(op.getKey()), elementOf(op.getValue()), *op.getWeights(),
                         op.getScale().convertToDouble());
    rewriter.replaceOpWithNewOp<IntegerAttentionOp>(
        op, op.getType(), op.getLayerAttr(), adaptor.getQuery(), adaptor.getKey(), adaptor.getValue(),
        createLiteral(rewriter, op.getLoc(), {4}, factors), adaptor.getBias(), op.getHeadsAttr());
    return success();
  }
};

struct LowerQuantization : impl::LowerQuantizationPassBase<LowerQuantization> {
  using LowerQuantizationPassBase::LowerQuantizationPassBase;

  void runOnOperation() override {
    if (width != 8 && width != 16) {
      getOperation().emitError() << "expected activations of 8 or 16 bits, found " << width.getValue();
      return signalPassFailure();
    }
    WalkResult valid = getOperation().walk([](Operation *op) { return WalkResult(verify(op)); });
    if (valid.wasInterrupted())
      return signalPassFailure();

    ByteInputs bytes;
    if (width != 8)
      getOperation().walk([&](LinearOp op) { bytes.add(op); });
    eraseUnused();

    StorageConverter converter(IntegerType::get(&getContext(), width), bytes);
    ConversionTarget target(getContext());
    target.markUnknownOpDynamicallyLegal([](Operation *op) {
      return llvm::none_of(op->getOperandTypes(), isQuantizedTensor) &&
             llvm::none_of(op->getResultTypes(), isQuantizedTensor);
    });
    RewritePatternSet patterns(&getContext());
    patterns.add<ConvertTypes, LowerQuantizeCast, LowerStorageCast, LowerAttention>(converter, &getContext());
    patterns.add<LowerLinear>(converter, &getContext(), bytes);
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }

  /// Erases quantized values that nothing reads.
  void eraseUnused() {
    getOperation().walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
      if (llvm::any_of(op->getResultTypes(), isQuantizedTensor) && isOpTriviallyDead(op))
        op->erase();
    });
  }
};

} // namespace
} // namespace vitya
