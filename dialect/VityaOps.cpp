// Result types and verifiers. The labels refer to the constraints in VityaOps.td.
#include "dialect/VityaOps.h"
#include "mlir/IR/Builders.h"
#include <cmath>

using namespace mlir;
using namespace vitya;

#define GET_OP_CLASSES
#include "dialect/Vitya.cpp.inc"

namespace {

int64_t rows(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(0); }
int64_t columns(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(1); }

/// A [rows, columns] tensor type of the element type of `like`.
RankedTensorType tokensLike(Value like, int64_t rows, int64_t columns) {
  return RankedTensorType::get({rows, columns}, getElementTypeOrSelf(like.getType()));
}

} // namespace

//===----------------------------------------------------------------------===//
// NormalizeOp, PatchifyOp
//===----------------------------------------------------------------------===//

LogicalResult NormalizeOp::verify() {
  int64_t channels = getImage().getType().getDimSize(0);
  // normalize_c1
  if (static_cast<int64_t>(getMean().size()) != channels || static_cast<int64_t>(getStd().size()) != channels)
    return emitOpError() << "expected one mean and one std for each of " << channels << " channels, found "
                         << getMean().size() << " and " << getStd().size();
  // normalize_c2
  for (auto [mean, std] : llvm::zip_equal(getMean(), getStd()))
    if (!std::isfinite(mean) || !std::isfinite(std) || std <= 0)
      return emitOpError() << "expected finite means and positive finite stds, found mean " << mean << ", std " << std;
  return success();
}

LogicalResult PatchifyOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  auto image = cast<RankedTensorType>(adaptor.getImage().getType());
  ArrayRef<int64_t> patch = adaptor.getPatch();
  // patchify_c1
  if (patch.size() != 2 || patch[0] <= 0 || patch[1] <= 0)
    return emitOptionalError(location, "expected a patch of two positive sizes, found [", patch, "]");
  // patchify_c2
  if (image.getDimSize(1) % patch[0] != 0 || image.getDimSize(2) % patch[1] != 0)
    return emitOptionalError(location, "expected the patch to divide the image, found patch ", patch[0], "x", patch[1],
                             " and image ", image.getDimSize(1), "x", image.getDimSize(2));
  types.push_back(RankedTensorType::get(
      {image.getDimSize(1) / patch[0] * (image.getDimSize(2) / patch[1]), image.getDimSize(0) * patch[0] * patch[1]},
      image.getElementType()));
  return success();
}

//===----------------------------------------------------------------------===//
// LinearOp, LayerNormOp, AttentionOp
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  // linear_c1
  if (columns(adaptor.getWeight()) != columns(adaptor.getInput()))
    return emitOptionalError(location, "expected a weight with as many columns as the input, found ",
                             columns(adaptor.getWeight()), " and ", columns(adaptor.getInput()));
  // linear_c2
  if (Value bias = adaptor.getBias(); bias && rows(bias) != rows(adaptor.getWeight()))
    return emitOptionalError(location, "expected a bias with as many entries as the weight has rows, found ",
                             rows(bias), " and ", rows(adaptor.getWeight()));
  types.push_back(tokensLike(adaptor.getInput(), rows(adaptor.getInput()), rows(adaptor.getWeight())));
  return success();
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  int64_t width = columns(adaptor.getInput());
  // layer_norm_c1
  if (rows(adaptor.getWeight()) != width || rows(adaptor.getBias()) != width)
    return emitOptionalError(location, "expected weight and bias with one entry for each of ", width,
                             " columns, found ", rows(adaptor.getWeight()), " and ", rows(adaptor.getBias()));
  // layer_norm_c2
  double eps = adaptor.getEps().convertToDouble();
  if (!std::isfinite(eps) || eps < 0)
    return emitOptionalError(location, "expected a finite eps that is not negative, found ", eps);
  types.push_back(adaptor.getInput().getType());
  return success();
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  Value query = adaptor.getQuery(), key = adaptor.getKey(), value = adaptor.getValue();
  // attention_c1
  if (columns(query) != columns(key))
    return emitOptionalError(location, "expected query and key of the same width, found ", columns(query), " and ",
                             columns(key));
  // attention_c2
  if (rows(key) != rows(value))
    return emitOptionalError(location, "expected as many keys as values, found ", rows(key), " and ", rows(value));
  // attention_c3
  int64_t heads = adaptor.getHeads();
  if (heads <= 0 || columns(query) % heads != 0 || columns(value) % heads != 0)
    return emitOptionalError(location, "expected a positive number of heads that divides the widths of query and ",
                             "value, found ", heads, " heads, widths ", columns(query), " and ", columns(value));
  // attention_c4
  if (!std::isfinite(adaptor.getScale().convertToDouble()))
    return emitOptionalError(location, "expected a finite scale");
  types.push_back(tokensLike(query, rows(query), columns(value)));
  return success();
}

//===----------------------------------------------------------------------===//
// MeanPoolOp
//===----------------------------------------------------------------------===//

LogicalResult MeanPoolOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  types.push_back(tokensLike(adaptor.getInput(), 1, columns(adaptor.getInput())));
  return success();
}
