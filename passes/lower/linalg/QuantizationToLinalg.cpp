// Lowers integer_linear, quantize and choose_qparams: integer sums, scaled by the f32 arithmetic of the ops' formulas.
#include "dialect/VityaOps.h"
#include "dialect/arithmetic/Quantize.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using namespace vitya::detail;

namespace {

struct IntegerLinearToLinalg : OpConversionPattern<IntegerLinearOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(IntegerLinearOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    ArrayRef<int64_t> shape = op.getType().getShape();
    Value sums = multiply(b, adaptor.getInput(), toBytes(b, adaptor.getWeight()), op.getGroup(),
                          b.zeros(rewriter.getI32Type(), shape));
    SmallVector<LinalgBuilder::Operand> inputs{
        {sums, {0, 1}}, {adaptor.getOffset(), {1}}, {adaptor.getMultiplier(), {1}}};
    bool hasBias = bool(adaptor.getBias()), hasParams = bool(adaptor.getParams());
    if (hasBias)
      inputs.push_back({adaptor.getBias(), {1}});
    if (hasParams)
      inputs.append({b.column(adaptor.getParams(), 0), b.column(adaptor.getParams(), 1)});
    rewriter.replaceOp(op, b.generic(2, inputs, {b.empty(shape), {0, 1}}, [&](FloatBuilder &a, ValueRange v) {
      ValueRange params = v.drop_front(hasBias ? 4 : 3);
      return scale(a, v[0], v[1], v[2], hasBias ? v[3] : Value(), hasParams ? params.take_front(2) : ValueRange());
    }));
    return success();
  }

  /// `weight` with its elements extended to bytes.
  static Value toBytes(LinalgBuilder &b, Value weight) {
    Type i8 = b.getI8Type();
    if (b.type(weight).getElementType() == i8)
      return weight;
    return b.generic(2, {{weight, {0, 1}}}, {b.empty(b.type(weight).getShape(), i8), {0, 1}},
                     [&](FloatBuilder &a, ValueRange v) -> Value { return arith::ExtSIOp::create(a, i8, v[0]); });
  }

  /// Adds the products of the rows of `input` and `weight` to `zeros`. The loops are rows, columns of the result and of
  /// the weight or, for short sums, groups of blocks, the columns of a block and the blocks of a group.
  static Value multiply(LinalgBuilder &b, Value input, Value weight, std::optional<int64_t> group, Value zeros) {
    if (!group)
      return b.integerContraction(3, {input, {0, 2}}, {weight, {1, 2}}, {zeros, {0, 1}});
    int64_t factor = getVnniBlockingFactor(b.type(input).getElementType());
    auto split = [&](Value matrix) { return b.split(b.split(matrix, 1, *group * factor), 2, factor); };
    return b.integerContraction(5, {split(input), {0, 2, 4, 3}}, {split(weight), {1, 2, 4, 3}}, {zeros, {0, 1}});
  }

  /// fma(f32(sum - zero * offset), scale * multiplier, bias). `params`, scale and zero, are 1 if absent; the bias is 0.
  static Value scale(FloatBuilder &a, Value sum, Value offset, Value factor, Value bias, ValueRange params) {
    if (!bias)
      bias = a.constant(0);
    Type i32 = a.getI32Type();
    if (offset.getType() != i32)
      offset = arith::ExtSIOp::create(a, i32, offset);
    if (!params.empty()) {
      offset = arith::MulIOp::create(a, a.toInteger(params[1]), offset);
      factor = a.mul(params[0], factor);
    }
    return a.fma(a.toFloat(arith::SubIOp::create(a, sum, offset)), factor, bias);
  }
};

struct QuantizeToLinalg : OpConversionPattern<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(QuantizeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    Type storage = op.getType().getElementType();
    LinalgBuilder::Operand scale = b.column(adaptor.getParams(), 0), zero = b.column(adaptor.getParams(), 1);
    // One reciprocal for each row of params; each element is multiplied by it.
    Value inverse = b.generic(scale.second.size(), {scale}, {b.empty(b.type(scale.first).getShape()), scale.second},
                              [](FloatBuilder &a, ValueRange v) { return a.div(a.constant(1), v[0]); });
    numerics::Levels levels = op.getIsSigned() ? numerics::kSignedLevels : numerics::Levels{0, int32_t(op.getLevels())};
    rewriter.replaceOp(op, b.generic(2, {{adaptor.getInput(), {0, 1}}, {inverse, scale.second}, zero},
                                     {b.empty(op.getType().getShape(), storage), {0, 1}},
                                     [&](FloatBuilder &a, ValueRange v) -> Value {
                                       Value level = numerics::quantize(a, v[0], v[1], v[2], levels);
                                       return arith::TruncIOp::create(a, storage, level);
                                     }));
    return success();
  }
};

struct OrderColumnsToLinalg : OpConversionPattern<OrderColumnsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(OrderColumnsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    Type i8 = b.getI8Type();
    rewriter.replaceOp(
        op, b.generic(2, {{adaptor.getOrder(), {1}}}, {b.empty(op.getType().getShape(), i8), {0, 1}},
                      [&](FloatBuilder &a, ValueRange v) -> Value {
                        Value lanes = arith::ConstantIndexOp::create(a, kLanes);
                        Value window = arith::DivUIOp::create(a, linalg::IndexOp::create(a, 1), lanes);
                        Value mask = arith::ConstantIntOp::create(a, i8, kLanes - 1);
                        Value position =
                            arith::IndexCastUIOp::create(a, a.getIndexType(), arith::AndIOp::create(a, v[0], mask));
                        Value column = arith::AddIOp::create(a, arith::MulIOp::create(a, window, lanes), position);
                        return tensor::ExtractOp::create(a, adaptor.getInput(),
                                                         ValueRange{linalg::IndexOp::create(a, 0), column});
                      }));
    return success();
  }
};

struct ChooseQParamsToLinalg : OpConversionPattern<ChooseQParamsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ChooseQParamsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b(rewriter, op.getLoc());
    using Dims = LinalgBuilder::Dims;
    bool perToken = op.getGranularity() == Granularity::token;
    SmallVector<Value> parts = splitToLanes(b, adaptor.getInput());
    SmallVector<int64_t> shape(perToken ? 1 : 0, b.size(adaptor.getInput(), 0));
    Dims row(perToken ? 1 : 0, 0);
    // Reduces lane by lane, then across the lanes. All reductions start at zero, which every range contains.
    auto reduce = [&](LinalgBuilder::Body combine, LinalgBuilder::Body combineLanes) {
      Value result = b.fill(shape, 0);
      for (Value part : parts) {
        SmallVector<int64_t> laneShape(shape);
        laneShape.push_back(b.size(part, 2));
        Dims lane(row), last(row);
        lane.push_back(2);
        last.push_back(row.size());
        Value byLane = b.generic(3, {{part, {0, 1, 2}}}, {b.fill(laneShape, 0), lane}, combine);
        result = b.generic(row.size() + 1, {{byLane, last}}, {result, row}, combineLanes);
      }
      return result;
    };
    Value low = reduce([](FloatBuilder &a, ValueRange v) { return a.min(v[0], v[1]); },
                       [](FloatBuilder &a, ValueRange v) { return a.minNumber(v[0], v[1]); });
    Value high = reduce([](FloatBuilder &a, ValueRange v) { return a.max(v[0], v[1]); },
                        [](FloatBuilder &a, ValueRange v) { return a.maxNumber(v[0], v[1]); });
    auto check = [](FloatBuilder &a, ValueRange v) { return numerics::addIfNotFinite(a, v[0], v[1]); };
    Value checked = reduce(check, check);
    rewriter.replaceOp(op, b.generic(2, {{low, row}, {high, row}, {checked, row}},
                                     {b.empty(op.getType().getShape()), {0, 1}}, [&](FloatBuilder &a, ValueRange v) {
                                       return paramsColumn(a, v.take_front(3), static_cast<float>(op.getLevels()));
                                     }));
    return success();
  }

  /// The parts of `input` that are reduced one after the other. The results do not depend on the order of the elements,
  /// so long rows have several vectors of lanes, whose instructions do not wait for each other.
  static SmallVector<Value> splitToLanes(LinalgBuilder &b, Value input) {
    constexpr int64_t kLongest = 12; // reductions of a lane
    int64_t width = b.size(input, 1), lanes = lanesOf(width);
    while (lanes < 4 * kLanes && width % (2 * lanes) == 0 && width / (2 * lanes) >= kLongest)
      lanes *= 2;
    return lanes > kLanes ? SmallVector<Value>{b.split(input, 1, lanes)} : b.splitToLanes(input);
  }

  /// The scale in column 0, the zero point in column 1. `found` are the results of the three reductions.
  static Value paramsColumn(FloatBuilder &a, ValueRange found, float levels) {
    auto [scale, zero] = numerics::chooseQParams(a, found[0], found[1], found[2], levels);
    Value column = linalg::IndexOp::create(a, 1);
    Value isScale = arith::CmpIOp::create(a, arith::CmpIPredicate::eq, column, arith::ConstantIndexOp::create(a, 0));
    return arith::SelectOp::create(a, isScale, scale, zero);
  }
};

} // namespace

void vitya::detail::populateQuantizationToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<IntegerLinearToLinalg, QuantizeToLinalg, OrderColumnsToLinalg, ChooseQParamsToLinalg>(
      patterns.getContext());
}
