// Turns quantized types into what is computed: integers in tensors of i8 or i16, and constants of scales, zero points
// and factors as operands, so that layers which differ in them alone share a kernel. Goes from the last op to the
// first: an op still sees the quantized types of its operands.
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "mlir/IR/Matchers.h"
#include "passes/lower/linalg/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_LOWERQUANTIZATIONPASS
#include "passes/lower/linalg/Passes.h.inc"

namespace {

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

struct LowerQuantization : impl::LowerQuantizationPassBase<LowerQuantization> {
  using LowerQuantizationPassBase::LowerQuantizationPassBase;

  void runOnOperation() override {
    if (width != 8 && width != 16) {
      getOperation().emitError() << "expected activations of 8 or 16 bits, found " << width.getValue();
      return signalPassFailure();
    }
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) { ops.push_back(op); });
    for (Operation *op : llvm::reverse(ops)) {
      IRRewriter rewriter(op);
      LogicalResult result = TypeSwitch<Operation *, LogicalResult>(op)
                                 .Case<LinearOp, AttentionOp, quant::QuantizeCastOp, quant::StorageCastOp>(
                                     [&](auto typed) { return lower(typed, rewriter); })
                                 .Default([&](Operation *) { return dropTypes(op); });
      if (failed(result))
        return signalPassFailure();
    }
  }

  Type activation() { return IntegerType::get(&getContext(), width); }

  /// Slices, reshapes and `vitya.quantize` have the integers as they had the quantized type.
  LogicalResult dropTypes(Operation *op) {
    if (isa<quant::DequantizeCastOp>(op))
      return op->emitOpError("expected quantized values to be read by linear layers and attention alone");
    for (Value result : op->getResults())
      if (auto tensor = dyn_cast<RankedTensorType>(result.getType()); tensor && isQuantized(tensor.getElementType())) {
        if (!isa<QuantizeOp, tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ConcatOp>(
                op))
          return op->emitOpError("expected an op that quantized values may go through, found '")
                 << op->getName() << "'";
        result.setType(tensor.clone(activation()));
      }
    return success();
  }

  LogicalResult lower(quant::QuantizeCastOp op, IRRewriter &rewriter) {
    auto type = dyn_cast<quant::UniformQuantizedType>(op.getQuantizedType());
    if (!type || (!staticU8(type) && !staticS8(type)))
      return op.emitOpError(
                 "expected a type !quant.uniform<u8:f32>, or !quant.uniform<i8:f32> with zero point 0, found ")
             << op.getType();
    if (failed(verifyQuantized(type, [&] { return op.emitOpError(); })))
      return failure();
    Value params = constant(rewriter, op.getLoc(), {1, 2},
                            {static_cast<float>(type.getScale()), static_cast<float>(type.getZeroPoint())});
    auto result = cast<RankedTensorType>(op.getType()).clone(activation());
    rewriter.replaceOpWithNewOp<QuantizeOp>(op, result, op.getInput(), params, type.isSigned());
    return success();
  }

  /// A weight is its constant.
  LogicalResult lower(quant::StorageCastOp op, IRRewriter &rewriter) {
    if (!matchPattern(op.getInput(), m_Constant()))
      return op.emitOpError("expected a storage cast of a constant weight");
    rewriter.replaceOp(op, op.getInput());
    return success();
  }

  LogicalResult lower(LinearOp op, IRRewriter &rewriter) {
    if (!op.isQuantized())
      return success();
    auto cast = op.getWeight().getDefiningOp<quant::StorageCastOp>();
    ElementsAttr constant;
    FailureOr<std::vector<char>> weight = failure();
    if (cast && matchPattern(cast.getInput(), m_Constant(&constant)))
      weight = readRaw(constant);
    if (failed(weight))
      return op.emitOpError("expected a weight that is the quant.scast of an i8 constant with all its bytes");
    FailureOr<SmallVector<double>> scales = weightScales(op.getWeight().getType(), [&] { return op.emitOpError(); });
    if (failed(scales))
      return failure();
    int64_t out = scales->size(), in = op.getWeight().getType().getDimSize(1);
    auto type = staticU8(elementOf(op.getInput()));
    int64_t zero = type ? type.getZeroPoint() : 1;
    SmallVector<int32_t> offset;
    for (ArrayRef<char> rest = *weight; !rest.empty(); rest = rest.drop_front(in)) {
      int64_t sum = 0;
      for (char byte : rest.take_front(in))
        sum += static_cast<int8_t>(byte);
      offset.push_back(zero * sum);
    }
    SmallVector<float> multiplier = rowFactors(elementOf(op.getInput()), *scales);
    ElementsAttr biasConstant;
    FailureOr<std::vector<float>> bias = failure();
    if (op.getBias() && !op.getParams() && matchPattern(op.getBias(), m_Constant(&biasConstant)))
      bias = readFloats(biasConstant);
    bool isFolded = succeeded(bias) && foldBias(*bias, multiplier, in, offset);
    auto offsetType = RankedTensorType::get({out}, rewriter.getI32Type());
    Value offsets = arith::ConstantOp::create(rewriter, op.getLoc(),
                                              makeConstant(offsetType, ArrayRef(offset), op.getLayer() + ".offset"));
    auto factorType = RankedTensorType::get({out}, rewriter.getF32Type());
    Value factors = arith::ConstantOp::create(
        rewriter, op.getLoc(), makeConstant(factorType, ArrayRef<float>(multiplier), op.getLayer() + ".multiplier"));
    rewriter.replaceOpWithNewOp<IntegerLinearOp>(op, op.getType(), op.getLayerAttr(), op.getInput(), op.getWeight(),
                                                 offsets, factors, isFolded ? Value() : op.getBias(), op.getParams());
    return success();
  }

  LogicalResult lower(AttentionOp op, IRRewriter &rewriter) {
    if (!op.isQuantized())
      return success();
    SmallVector<float> factors =
        attentionFactors(elementOf(op.getQuery()), elementOf(op.getKey()), elementOf(op.getValue()), *op.getWeights(),
                         op.getScale().convertToDouble());
    rewriter.replaceOpWithNewOp<IntegerAttentionOp>(op, op.getType(), op.getLayerAttr(), op.getQuery(), op.getKey(),
                                                    op.getValue(), constant(rewriter, op.getLoc(), {4}, factors),
                                                    op.getHeadsAttr());
    return success();
  }

  /// A constant before all ops, so that kernels may take it along with any op before its reader.
  static Value constant(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape, ArrayRef<float> values) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(builder.getInsertionBlock());
    auto type = RankedTensorType::get(shape, builder.getF32Type());
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, values));
  }

  template <typename T>
  static ElementsAttr makeConstant(RankedTensorType type, ArrayRef<T> values, const Twine &name) {
    return makeResource(type, name.str(),
                        ArrayRef(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)));
  }
};

} // namespace
} // namespace vitya
