// Builds linalg and tensor ops on static tensors.
#include "passes/lower/linalg/LinalgBuilder.h"
#include "dialect/arithmetic/Lanes.h"

using namespace mlir;
using namespace vitya::detail;

Value LinalgBuilder::empty(ArrayRef<int64_t> shape, Type element) {
  return tensor::EmptyOp::create(*this, shape, element ? element : getF32Type());
}

Value LinalgBuilder::fill(ArrayRef<int64_t> shape, float value) {
  Value scalar = arith::ConstantOp::create(*this, getF32FloatAttr(value));
  return linalg::FillOp::create(*this, scalar, empty(shape)).getResult(0);
}

Value LinalgBuilder::zeros(Type element, ArrayRef<int64_t> shape) {
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(element));
  return linalg::FillOp::create(*this, zero, empty(shape, element)).getResult(0);
}

Value LinalgBuilder::generic(unsigned loops, ArrayRef<Operand> inputs, const Operand &init, Body body) {
  auto map = [&](const Dims &dims) {
    SmallVector<AffineExpr> exprs;
    for (unsigned dim : dims)
      exprs.push_back(getAffineDimExpr(dim));
    return AffineMap::get(loops, 0, exprs, getContext());
  };
  SmallVector<std::pair<Value, AffineMap>> mapped;
  for (const auto &[value, dims] : inputs)
    mapped.emplace_back(value, map(dims));
  return generic(map(init.second), mapped, init.first, body);
}

Value LinalgBuilder::generic(AffineMap initMap, ArrayRef<std::pair<Value, AffineMap>> inputs, Value init, Body body) {
  SmallVector<Value> values(llvm::make_first_range(inputs));
  SmallVector<AffineMap> maps(llvm::make_second_range(inputs));
  maps.push_back(initMap);
  SmallVector<utils::IteratorType> iterators(initMap.getNumDims(), utils::IteratorType::parallel);
  for (auto [dim, iterator] : llvm::enumerate(iterators))
    if (!initMap.isFunctionOfDim(dim))
      iterator = utils::IteratorType::reduction;
  auto op = linalg::GenericOp::create(*this, init.getType(), values, init, maps, iterators,
                                      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
                                        FloatBuilder arith(nested, loc);
                                        linalg::YieldOp::create(arith, body(arith, arguments));
                                      });
  return op.getResult(0);
}

Value LinalgBuilder::copy(unsigned loops, const Operand &input, const Operand &init) {
  return generic(loops, {input}, init, [](FloatBuilder &, ValueRange v) { return v[0]; });
}

Value LinalgBuilder::contraction(unsigned loops, const Operand &a, const Operand &b, const Operand &init) {
  return generic(loops, {a, b}, init, [](FloatBuilder &arith, ValueRange v) {
    auto widen = [&](Value value) -> Value {
      return value.getType().isF32() ? value : arith::ExtFOp::create(arith, arith.getF32Type(), value);
    };
    return arith.add(v[2], arith.mul(widen(v[0]), widen(v[1])));
  });
}

Value LinalgBuilder::integerContraction(unsigned loops, const Operand &a, const Operand &b, const Operand &init) {
  return generic(loops, {a, b}, init, [](FloatBuilder &arith, ValueRange v) -> Value {
    Type i32 = arith.getI32Type();
    Value left = v[0].getType().isInteger(8) ? arith::ExtUIOp::create(arith, i32, v[0]).getResult()
                                             : arith::ExtSIOp::create(arith, i32, v[0]).getResult();
    Value right = arith::ExtSIOp::create(arith, i32, v[1]);
    return arith::AddIOp::create(arith, v[2], arith::MulIOp::create(arith, left, right));
  });
}

LinalgBuilder::Operand LinalgBuilder::column(Value matrix, int64_t column) {
  int64_t rows = size(matrix, 0);
  SmallVector<int64_t> shape;
  if (rows != 1)
    shape.push_back(rows);
  SmallVector<OpFoldResult> offsets{getIndexAttr(0), getIndexAttr(column)};
  SmallVector<OpFoldResult> sizes{getIndexAttr(rows), getIndexAttr(1)};
  SmallVector<OpFoldResult> strides(2, getIndexAttr(1));
  auto reduced = RankedTensorType::get(shape, type(matrix).getElementType());
  Value slice = tensor::ExtractSliceOp::create(*this, reduced, matrix, offsets, sizes, strides);
  return {slice, rows != 1 ? Dims{0} : Dims{}};
}

Value LinalgBuilder::split(Value value, unsigned dim, int64_t inner) {
  SmallVector<int64_t> shape(type(value).getShape());
  SmallVector<ReassociationIndices> groups;
  for (unsigned i = 0, next = 0; i < shape.size(); ++i) {
    groups.push_back({next++});
    if (i == dim)
      groups.back().push_back(next++);
  }
  shape[dim] /= inner;
  shape.insert(shape.begin() + dim + 1, inner);
  return tensor::ExpandShapeOp::create(*this, RankedTensorType::get(shape, type(value).getElementType()), value,
                                       groups);
}

SmallVector<Value> LinalgBuilder::splitToLanes(Value matrix) {
  int64_t rows = size(matrix, 0), width = size(matrix, 1), rest = width % kLanes, whole = width - rest;
  if (rest == 0 || whole == 0)
    return {split(matrix, 1, lanesOf(width))};
  OpFoldResult zero = getIndexAttr(0);
  return {split(slice(matrix, zero, zero, rows, whole), 1, kLanes),
          split(slice(matrix, zero, getIndexAttr(whole), rows, rest), 1, lanesOf(rest))};
}

Value LinalgBuilder::merge(Value value, unsigned dim) {
  SmallVector<ReassociationIndices> groups;
  for (unsigned i = 0, rank = type(value).getRank(); i < rank; ++i) {
    groups.push_back({i});
    if (i == dim)
      groups.back().push_back(++i);
  }
  return tensor::CollapseShapeOp::create(*this, value, groups);
}

Value LinalgBuilder::firstColumns(Value matrix, int64_t columns) {
  OpFoldResult zero = getIndexAttr(0);
  return size(matrix, 1) == columns ? matrix : slice(matrix, zero, zero, size(matrix, 0), columns);
}

Value LinalgBuilder::slice(Value matrix, OpFoldResult row, OpFoldResult column, int64_t rows, int64_t columns) {
  SmallVector<OpFoldResult> sizes{getIndexAttr(rows), getIndexAttr(columns)};
  SmallVector<OpFoldResult> strides(2, getIndexAttr(1));
  return tensor::ExtractSliceOp::create(*this, matrix, ArrayRef<OpFoldResult>{row, column}, sizes, strides);
}

Value LinalgBuilder::insert(Value source, Value destination, int64_t row, int64_t column) {
  SmallVector<OpFoldResult> offsets{getIndexAttr(row), getIndexAttr(column)};
  SmallVector<OpFoldResult> sizes{getIndexAttr(size(source, 0)), getIndexAttr(size(source, 1))};
  SmallVector<OpFoldResult> strides(2, getIndexAttr(1));
  return tensor::InsertSliceOp::create(*this, source, destination, offsets, sizes, strides);
}
