// Folds of ops that are identities. Each fold is below its equation.
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace vitya;

/// Whether `attribute` is a constant whose elements are all +0.0.
static bool isZero(Attribute attribute) {
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(attribute))
    return splat.getElementType().isF32() && splat.getSplatValue<APFloat>().isPosZero();
  auto elements = dyn_cast_or_null<DenseResourceElementsAttr>(attribute);
  ArrayRef<char> bytes = elements ? rawBytes(elements) : ArrayRef<char>();
  return !bytes.empty() && llvm::all_of(bytes, [](char byte) { return byte == 0; });
}

// (x - 0) / 1 = x
OpFoldResult NormalizeOp::fold(FoldAdaptor) {
  bool isIdentity = llvm::all_of(getMean(), [](float mean) { return mean == 0; }) &&
                    llvm::all_of(getStd(), [](float std) { return std == 1; });
  return isIdentity ? getImage() : OpFoldResult();
}

// x W^T + 0 = x W^T
OpFoldResult LinearOp::fold(FoldAdaptor adaptor) {
  if (!getBias() || !isZero(adaptor.getBias()))
    return {};
  getBiasMutable().clear();
  return getResult();
}

// Only windows of one pixel, one at each pixel, give the type of the operand.
OpFoldResult UnfoldOp::fold(FoldAdaptor) { return getInput().getType() == getType() ? getInput() : OpFoldResult(); }

// (x_0) / 1 = x_0
OpFoldResult MeanPoolOp::fold(FoldAdaptor) { return getInput().getType() == getType() ? getInput() : OpFoldResult(); }
