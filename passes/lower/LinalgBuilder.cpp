// Short forms for building linalg ops.
#include "passes/lower/LinalgBuilder.h"

using namespace mlir;
using namespace vitya::detail;

Value LinalgBuilder::empty(ArrayRef<int64_t> shape) const {
  return tensor::EmptyOp::create(builder, loc, shape, builder.getF32Type());
}

Value LinalgBuilder::scalar(float value) const {
  return arith::ConstantOp::create(builder, loc, builder.getF32FloatAttr(value));
}

Value LinalgBuilder::fill(ArrayRef<int64_t> shape, float value) const {
  return linalg::FillOp::create(builder, loc, scalar(value), empty(shape)).getResult(0);
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
  return tensor::ExpandShapeOp::create(builder, loc, RankedTensorType::get(shape, builder.getF32Type()), value, groups);
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
