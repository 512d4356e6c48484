// integer_linear, quantize, choose_qparams: sums of integers, and around them the f32 arithmetic of the ops' formulas.
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "passes/lower/linalg/VityaToLinalg.h"

using namespace mlir;
using namespace vitya;
using vitya::detail::LinalgBuilder;

namespace {

/// fma(f32(sum - zero * offset), scale * multiplier, bias), zero and scale 1 where there are no params.
struct IntegerLinearToLinalg : OpConversionPattern<IntegerLinearOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(IntegerLinearOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b{rewriter, op.getLoc()};
    ArrayRef<int64_t> shape = op.getType().getShape();
    Value sums = b.integerContraction(3, {adaptor.getInput(), {0, 2}}, {adaptor.getWeight(), {1, 2}},
                                      {b.zeros(rewriter.getI32Type(), shape), {0, 1}});
    SmallVector<std::pair<Value, LinalgBuilder::Dims>> inputs{
        {sums, {0, 1}}, {adaptor.getOffset(), {1}}, {adaptor.getMultiplier(), {1}}};
    bool hasBias = bool(adaptor.getBias()), hasParams = bool(adaptor.getParams());
    if (hasBias)
      inputs.push_back({adaptor.getBias(), {1}});
    if (hasParams)
      inputs.append({b.column(adaptor.getParams(), 0), b.column(adaptor.getParams(), 1)});
    rewriter.replaceOp(
        op, b.generic(2, inputs, {b.empty(shape), {0, 1}}, [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
          return scaled(nested, loc, v, hasBias, hasParams);
        }));
    return success();
  }

  static Value scaled(OpBuilder &builder, Location loc, ValueRange v, bool hasBias, bool hasParams) {
    Value offset = v[1], factor = v[2];
    Value bias = hasBias ? v[3] : arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(0)).getResult();
    if (hasParams) {
      Value scale = v[hasBias ? 4 : 3], zero = v[hasBias ? 5 : 4];
      Value integer = arith::FPToSIOp::create(builder, loc, builder.getI32Type(), zero);
      offset = arith::MulIOp::create(builder, loc, integer, offset);
      factor = arith::MulFOp::create(builder, loc, scale, factor);
    }
    Value sum = arith::SubIOp::create(builder, loc, v[0], offset);
    Value real = arith::SIToFPOp::create(builder, loc, builder.getF32Type(), sum);
    return math::FmaOp::create(builder, loc, real, factor, bias);
  }
};

struct QuantizeToLinalg : OpConversionPattern<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(QuantizeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b{rewriter, op.getLoc()};
    ArrayRef<int64_t> shape = op.getType().getShape();
    auto scale = b.column(adaptor.getParams(), 0), zero = b.column(adaptor.getParams(), 1);
    unsigned rows = scale.second.size();
    // A reciprocal a row, and a product an element.
    Value inverse = b.generic(rows, {scale}, {b.empty(LinalgBuilder::type(scale.first).getShape()), scale.second},
                              [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                                Value one = arith::ConstantOp::create(nested, loc, nested.getF32FloatAttr(1));
                                return arith::DivFOp::create(nested, loc, one, v[0]);
                              });
    float low = op.getIsSigned() ? -127 : 0, high = op.getIsSigned() ? 127 : 255;
    rewriter.replaceOp(op, b.generic(2, {{adaptor.getInput(), {0, 1}}, {inverse, scale.second}, zero},
                                     {b.empty(shape, op.getType().getElementType()), {0, 1}},
                                     [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                                       return vitya::detail::quantize(nested, loc, v[0], v[1], v[2], low, high,
                                                                      op.getType().getElementType());
                                     }));
    return success();
  }
};

struct ChooseQParamsToLinalg : OpConversionPattern<ChooseQParamsOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ChooseQParamsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    LinalgBuilder b{rewriter, op.getLoc()};
    int64_t rows = b.size(adaptor.getInput(), 0), lanes = lanesOf(b.size(adaptor.getInput(), 1));
    bool perToken = op.getGranularity() == Granularity::token;
    Value input = b.split(adaptor.getInput(), 1, lanes);
    using Dims = LinalgBuilder::Dims;
    SmallVector<int64_t> shape(perToken ? 1 : 0, rows);
    Dims row(perToken ? 1 : 0, 0);
    // Lane by lane, then across the lanes. Both start at zero, which every range holds.
    auto extreme = [&](auto combine) {
      SmallVector<int64_t> laneShape(shape);
      laneShape.push_back(lanes);
      Dims lane(row), last(row);
      lane.push_back(2);
      last.push_back(row.size());
      Value byLane = b.generic(3, {{input, {0, 1, 2}}}, {b.fill(laneShape, 0), lane}, combine);
      return b.generic(row.size() + 1, {{byLane, last}}, {b.fill(shape, 0), row}, combine);
    };
    Value low = extreme([](OpBuilder &nested, Location loc, ValueRange v) -> Value {
      return arith::MinNumFOp::create(nested, loc, v[0], v[1]);
    });
    Value high = extreme([](OpBuilder &nested, Location loc, ValueRange v) -> Value {
      return arith::MaxNumFOp::create(nested, loc, v[0], v[1]);
    });
    rewriter.replaceOp(op, b.generic(2, {{low, row}, {high, row}}, {b.empty(op.getType().getShape()), {0, 1}},
                                     [&](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                                       return params(nested, loc, v[0], v[1], static_cast<float>(op.getLevels()));
                                     }));
    return success();
  }

  /// scale = max((high - low) / levels, 1e-30) in column 0, rint(-low / scale) in column 1.
  static Value params(OpBuilder &builder, Location loc, Value low, Value high, float levels) {
    auto constant = [&](float value) -> Value {
      return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(value));
    };
    Value range = arith::SubFOp::create(builder, loc, high, low);
    Value scale = arith::DivFOp::create(builder, loc, range, constant(levels));
    scale = arith::MaxNumFOp::create(builder, loc, scale, constant(1e-30f));
    Value steps = arith::DivFOp::create(builder, loc, arith::NegFOp::create(builder, loc, low), scale);
    Value zero = math::RoundEvenOp::create(builder, loc, steps);
    Value column = linalg::IndexOp::create(builder, loc, 1);
    Value isScale = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, column,
                                          arith::ConstantIndexOp::create(builder, loc, 0));
    return arith::SelectOp::create(builder, loc, isScale, scale, zero);
  }
};

} // namespace

Value vitya::detail::quantize(OpBuilder &builder, Location loc, Value x, Value inverse, Value zero, float low,
                              float high, Type storage) {
  Value shifted = arith::AddFOp::create(
      builder, loc, math::RoundEvenOp::create(builder, loc, arith::MulFOp::create(builder, loc, x, inverse)), zero);
  auto bounded = [&](Value value, arith::CmpFPredicate inside, float bound) -> Value {
    Value limit = arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(bound));
    Value isInside = arith::CmpFOp::create(builder, loc, inside, value, limit);
    return arith::SelectOp::create(builder, loc, isInside, value, limit);
  };
  shifted = bounded(bounded(shifted, arith::CmpFPredicate::OGT, low), arith::CmpFPredicate::OLT, high);
  Value integer = arith::FPToSIOp::create(builder, loc, builder.getI32Type(), shifted);
  return arith::TruncIOp::create(builder, loc, storage, integer);
}

void vitya::detail::populateQuantizationToLinalgPatterns(RewritePatternSet &patterns) {
  patterns.add<IntegerLinearToLinalg, QuantizeToLinalg, ChooseQParamsToLinalg>(patterns.getContext());
}
