#include "dialect/torch/ColumnSlices.h"

using namespace mlir;

namespace vitya::autograd {

SmallVector<Operation *, 1> columnSlices(tensor::ExtractSliceOp op) {
  auto source = cast<RankedTensorType>(op.getSource().getType());
  SmallVector<tensor::ExtractSliceOp> slices;
  for (Operation *user : op.getSource().getUsers())
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(user); slice && slice->getNumOperands() == 1)
      slices.push_back(slice);
  llvm::sort(slices, [](auto a, auto b) { return a.getStaticOffsets().back() < b.getStaticOffsets().back(); });
  int64_t column = 0;
  for (tensor::ExtractSliceOp slice : slices) {
    bool isOfColumns = slice.getType().getRank() == source.getRank() &&
                       slice.getStaticSizes().drop_back() == source.getShape().drop_back() &&
                       llvm::all_of(slice.getStaticStrides(), [](int64_t stride) { return stride == 1; });
    if (!isOfColumns || slice.getStaticOffsets().back() != column)
      return {};
    column += slice.getStaticSizes().back();
  }
  if (column != source.getShape().back())
    return {};
  return SmallVector<Operation *, 1>(slices.begin(), slices.end());
}

} // namespace vitya::autograd
