// Short forms for building linalg ops.
#include "passes/lower/linalg/LinalgBuilder.h"

using namespace mlir;
using namespace vitya::detail;

Value LinalgBuilder::empty(ArrayRef<int64_t> shape, Type element) const {
  return tensor::EmptyOp::create(builder, loc, shape, element ? element : builder.getF32Type());
}

Value LinalgBuilder::scalar(float value) const {
  return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(value));
}

Value LinalgBuilder::fill(ArrayRef<int64_t> shape, float value) const {
  return linalg::FillOp::create(builder, loc, scalar(value), empty(shape)).getResult(0);
}

Value LinalgBuilder::zeros(Type element, ArrayRef<int64_t> shape) const {
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  return linalg::FillOp::create(builder, loc, zero, empty(shape, element)).getResult(0);
}

Value LinalgBuilder::generic(unsigned loops, ArrayRef<std::pair<Value, Dims>> inputs,
                             const std::pair<Value, Dims> &init, Body body) const {
  auto map = [&](const Dims &dims) {
    SmallVector<AffineExpr> exprs;
    for (unsigned dim : dims)
      exprs.push_back(builder.getAffineDimExpr(dim));
    return AffineMap::get(loops, 0, exprs, builder.getContext());
  };
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (const auto &[value, dims] : inputs) {
    values.push_back(value);
    maps.push_back(map(dims));
  }
  maps.push_back(map(init.second));
  SmallVector<utils::IteratorType> iterators(loops, utils::IteratorType::reduction);
  for (unsigned dim : init.second)
    iterators[dim] = utils::IteratorType::parallel;
  auto op = linalg::GenericOp::create(builder, loc, init.first.getType(), values, init.first, maps, iterators,
                                      [&](OpBuilder &nested, Location nestedLoc, ValueRange arguments) {
                                        linalg::YieldOp::create(nested, nestedLoc, body(nested, nestedLoc, arguments));
                                      });
  return op.getResult(0);
}

Value LinalgBuilder::contraction(unsigned loops, const std::pair<Value, Dims> &a, const std::pair<Value, Dims> &b,
                                 const std::pair<Value, Dims> &init) const {
  return generic(loops, {a, b}, init, [](OpBuilder &nested, Location at, ValueRange v) -> Value {
    Value product = arith::MulFOp::create(nested, at, v[0], v[1]);
    return arith::AddFOp::create(nested, at, v[2], product);
  });
}

Value LinalgBuilder::integerContraction(unsigned loops, const std::pair<Value, Dims> &a,
                                        const std::pair<Value, Dims> &b, const std::pair<Value, Dims> &init) const {
  return generic(loops, {a, b}, init, [](OpBuilder &nested, Location at, ValueRange v) -> Value {
    Type i32 = nested.getI32Type();
    Value left = v[0].getType().isInteger(8) ? arith::ExtUIOp::create(nested, at, i32, v[0]).getResult()
                                             : arith::ExtSIOp::create(nested, at, i32, v[0]).getResult();
    Value right = arith::ExtSIOp::create(nested, at, i32, v[1]);
    return arith::AddIOp::create(nested, at, v[2], arith::MulIOp::create(nested, at, left, right));
  });
}

std::pair<Value, LinalgBuilder::Dims> LinalgBuilder::column(Value matrix, int64_t column) const {
  int64_t rows = size(matrix, 0);
  SmallVector<int64_t> shape;
  if (rows != 1)
    shape.push_back(rows);
  SmallVector<OpFoldResult> offsets{builder.getIndexAttr(0), builder.getIndexAttr(column)};
  SmallVector<OpFoldResult> sizes{builder.getIndexAttr(rows), builder.getIndexAttr(1)};
  SmallVector<OpFoldResult> strides(2, builder.getIndexAttr(1));
  auto reduced = RankedTensorType::get(shape, type(matrix).getElementType());
  Value slice = tensor::ExtractSliceOp::create(builder, loc, reduced, matrix, offsets, sizes, strides);
  return {slice, rows != 1 ? Dims{0} : Dims{}};
}

Value LinalgBuilder::split(Value value, unsigned dim, int64_t inner) const {
  SmallVector<int64_t> shape(type(value).getShape());
  SmallVector<ReassociationIndices> groups;
  for (unsigned i = 0, next = 0; i < shape.size(); ++i) {
    groups.push_back({next++});
    if (i == dim)
      groups.back().push_back(next++);
  }
  shape[dim] /= inner;
  shape.insert(shape.begin() + dim + 1, inner);
  return tensor::ExpandShapeOp::create(builder, loc, RankedTensorType::get(shape, type(value).getElementType()), value,
                                       groups);
}

Value LinalgBuilder::merge(Value value, unsigned dim) const {
  SmallVector<ReassociationIndices> groups;
  for (unsigned i = 0, rank = type(value).getRank(); i < rank; ++i) {
    groups.push_back({i});
    if (i == dim)
      groups.back().push_back(++i);
  }
  return tensor::CollapseShapeOp::create(builder, loc, value, groups);
}

Value LinalgBuilder::slice(Value matrix, OpFoldResult row, OpFoldResult column, int64_t rows, int64_t columns) const {
  SmallVector<OpFoldResult> sizes{builder.getIndexAttr(rows), builder.getIndexAttr(columns)};
  SmallVector<OpFoldResult> strides(2, builder.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(builder, loc, matrix, ArrayRef<OpFoldResult>{row, column}, sizes, strides);
}
