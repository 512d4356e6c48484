// Result types, interface methods and verifiers of the f32 ops. The labels refer to the constraints in VityaOps.td.
#include "dialect/VityaOps.h"
#include "dialect/Constants.h"
#include "dialect/ShortFloat.h"
#include "mlir/IR/Builders.h"
#include <cmath>

using namespace mlir;
using namespace vitya;

#include "dialect/VityaInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "dialect/Vitya.cpp.inc"

namespace {

int64_t rows(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(0); }
int64_t columns(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(1); }

/// A [rows, columns] tensor type of f32, in the context of `value`.
RankedTensorType f32Tokens(Value value, int64_t rows, int64_t columns) {
  return RankedTensorType::get({rows, columns}, Float32Type::get(value.getContext()));
}

} // namespace

bool vitya::isRounding(Operation *op) { return isa_and_nonnull<quant::QuantizeCastOp, QuantizeOp, ToBf16Op>(op); }

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
  types.push_back(RankedTensorType::get(
      {image.getDimSize(1) / patch[0] * (image.getDimSize(2) / patch[1]), image.getDimSize(0) * patch[0] * patch[1]},
      image.getElementType()));
  return success();
}

LogicalResult PatchifyOp::verify() {
  // patchify_c1 is a constraint of the attribute.
  // patchify_c2
  ArrayRef<int64_t> image = getImage().getType().getShape(), patch = getPatch();
  if (image[1] % patch[0] != 0 || image[2] % patch[1] != 0)
    return emitOpError() << "expected the patch to divide the image, found patch " << patch[0] << "x" << patch[1]
                         << " and image " << image[1] << "x" << image[2];
  return success();
}

//===----------------------------------------------------------------------===//
// UnfoldOp, MaxPoolOp
//===----------------------------------------------------------------------===//

/// The grid of the result of an op on windows, which is not positive if the window is larger than the padded grid.
static std::array<int64_t, 2> resultGrid(ArrayRef<int64_t> grid, ArrayRef<int64_t> window, ArrayRef<int64_t> stride,
                                         ArrayRef<int64_t> padding) {
  auto size = [&](unsigned dim) {
    int64_t room = grid[dim] + 2 * padding[dim] - window[dim];
    return room < 0 ? 0 : room / stride[dim] + 1;
  };
  return {size(0), size(1)};
}

std::array<int64_t, 2> UnfoldOp::getResultGrid() {
  return resultGrid(getGrid(), getWindow(), getStride(), getPadding());
}

std::array<int64_t, 2> MaxPoolOp::getResultGrid() {
  return resultGrid(getGrid(), getWindow(), getStride(), getPadding());
}

LogicalResult UnfoldOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> window = adaptor.getWindow();
  auto [height, width] = resultGrid(adaptor.getGrid(), window, adaptor.getStride(), adaptor.getPadding());
  types.push_back(f32Tokens(adaptor.getInput(), height * width, window[0] * window[1] * columns(adaptor.getInput())));
  return success();
}

LogicalResult MaxPoolOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  auto [height, width] = resultGrid(adaptor.getGrid(), adaptor.getWindow(), adaptor.getStride(), adaptor.getPadding());
  types.push_back(f32Tokens(adaptor.getInput(), height * width, columns(adaptor.getInput())));
  return success();
}

template <typename Op>
static LogicalResult verifyWindow(Op op) {
  // unfold_c1 and max_pool_c1 are constraints of the attributes.
  ArrayRef<int64_t> grid = op.getGrid(), window = op.getWindow(), padding = op.getPadding();
  // unfold_c2, max_pool_c2
  if (rows(op.getInput()) != grid[0] * grid[1])
    return op.emitOpError() << "expected a row for each pixel of a grid of " << grid[0] << "x" << grid[1] << ", found "
                            << rows(op.getInput()) << " rows";
  // unfold_c3, max_pool_c3
  if (window[0] > grid[0] + 2 * padding[0] || window[1] > grid[1] + 2 * padding[1])
    return op.emitOpError() << "expected a window that is not larger than the padded grid, found window " << window[0]
                            << "x" << window[1] << " and padded grid " << grid[0] + 2 * padding[0] << "x"
                            << grid[1] + 2 * padding[1];
  // unfold_c4, max_pool_c4
  if (padding[0] >= window[0] || padding[1] >= window[1])
    return op.emitOpError() << "expected padding that is smaller than the window, found padding " << padding[0] << "x"
                            << padding[1] << " and window " << window[0] << "x" << window[1];
  return success();
}

LogicalResult UnfoldOp::verify() { return verifyWindow(*this); }

LogicalResult MaxPoolOp::verify() { return verifyWindow(*this); }

//===----------------------------------------------------------------------===//
// LinearOp, LayerNormOp, RmsNormOp, RotaryEmbeddingOp, AttentionOp
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  types.push_back(f32Tokens(adaptor.getInput(), rows(adaptor.getInput()), rows(adaptor.getWeight())));
  return success();
}

LogicalResult LinearOp::verify() {
  // linear_c1
  if (columns(getWeight()) != columns(getInput()))
    return emitOpError() << "expected a weight with as many columns as the input, found " << columns(getWeight())
                         << " and " << columns(getInput());
  // linear_c2
  if (getBias() && rows(getBias()) != rows(getWeight()))
    return emitOpError() << "expected a bias with as many entries as the weight has rows, found " << rows(getBias())
                         << " and " << rows(getWeight());
  Type weight = getWeight().getType().getElementType(), input = getInput().getType().getElementType();
  if (vitya::isQuantized(weight))
    return verifyIntegers();
  // linear_c3, linear_c5
  if (input != weight || getParams())
    return emitOpError() << "expected an input of " << weight << " without params, as the weight is " << weight
                         << ", found " << input << (getParams() ? " with params" : "");
  // linear_c7
  if (getBias() && !getBias().getType().getElementType().isF32())
    return emitOpError() << "expected an f32 bias, as the layer is " << weight << ", found " << getBias().getType();
  return success();
}

int64_t LinearOp::getMultiplyAdds() { return rows(getInput()) * getWeight().getType().getNumElements(); }

SmallVector<QuantizableOperand> LinearOp::getQuantizableOperands() {
  return {{&getInputMutable(), /*isSigned=*/false}};
}

LayerFormat LinearOp::getFormat() {
  Type input = getInput().getType().getElementType();
  if (!vitya::isQuantized(input))
    return input.isF32() ? LayerFormat::f32() : LayerFormat::bf16();
  return formatOf(getInput().getType(), getWeight().getType());
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

/// Verifies the eps of a norm.
static LogicalResult verifyEps(Operation *op, double eps) {
  // layer_norm_c2, rms_norm_c2
  if (!std::isfinite(eps) || eps < 0)
    return op->emitOpError() << "expected a finite eps that is not negative, found " << eps;
  return success();
}

LogicalResult LayerNormOp::verify() {
  // layer_norm_c1
  if (rows(getWeight()) != columns(getInput()) || rows(getBias()) != columns(getInput()))
    return emitOpError() << "expected weight and bias with one entry for each of " << columns(getInput())
                         << " columns, found " << rows(getWeight()) << " and " << rows(getBias());
  return verifyEps(*this, getEps().convertToDouble());
}

LogicalResult RmsNormOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

LogicalResult RmsNormOp::verify() {
  // rms_norm_c1
  if (rows(getWeight()) != columns(getInput()))
    return emitOpError() << "expected a weight with one entry for each of " << columns(getInput()) << " columns, found "
                         << rows(getWeight());
  return verifyEps(*this, getEps().convertToDouble());
}

LogicalResult ScaleColumnsOp::verify() {
  // scale_columns_c1
  if (rows(getFactors()) != columns(getInput()))
    return emitOpError() << "expected factors with one entry for each of " << columns(getInput()) << " columns, found "
                         << rows(getFactors());
  return success();
}

LogicalResult RotaryEmbeddingOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                                  SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

SmallVector<unsigned> RotaryEmbeddingOp::getRowwiseOperands() { return {0, 1, 2}; }

LogicalResult RotaryEmbeddingOp::verify() {
  // rotary_embedding_c1
  if (rows(getCos()) != rows(getInput()))
    return emitOpError() << "expected cos and sin with as many rows as the input, found " << rows(getCos()) << " and "
                         << rows(getInput());
  // rotary_embedding_c2
  int64_t heads = getHeads(), width = columns(getInput());
  if (heads <= 0 || width % heads != 0 || width / heads % 2 != 0)
    return emitOpError() << "expected a positive number of heads of an even width, found " << heads
                         << " heads, width of the input " << width;
  // rotary_embedding_c3
  if (columns(getCos()) != getPairs() && columns(getCos()) != heads * getPairs())
    return emitOpError() << "expected cos and sin with a column for each of " << getPairs()
                         << " pairs of a head, or of all " << heads << " heads, found " << columns(getCos());
  return success();
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  types.push_back(f32Tokens(adaptor.getQuery(), rows(adaptor.getQuery()), columns(adaptor.getValue())));
  return success();
}

SmallVector<unsigned> AttentionOp::getRowwiseOperands() {
  return getBias() ? SmallVector<unsigned>{0, 3} : SmallVector<unsigned>{0};
}

int64_t AttentionOp::getMultiplyAdds() {
  return rows(getKey()) * (getQuery().getType().getNumElements() + getType().getNumElements());
}

SmallVector<QuantizableOperand> AttentionOp::getQuantizableOperands() {
  return {{&getQueryMutable(), /*isSigned=*/false},
          {&getKeyMutable(), /*isSigned=*/true},
          {&getValueMutable(), /*isSigned=*/true}};
}

LayerFormat AttentionOp::getFormat() {
  return getWeights() ? LayerFormat::integers(8, 8, /*isDynamic=*/false) : LayerFormat::f32();
}

LogicalResult AttentionOp::verify() {
  // attention_c1
  if (columns(getQuery()) != columns(getKey()))
    return emitOpError() << "expected query and key of the same width, found " << columns(getQuery()) << " and "
                         << columns(getKey());
  // attention_c2
  if (rows(getKey()) != rows(getValue()))
    return emitOpError() << "expected as many keys as values, found " << rows(getKey()) << " and " << rows(getValue());
  // attention_c3
  int64_t heads = getHeads();
  if (heads <= 0 || columns(getQuery()) % heads != 0 || columns(getValue()) % heads != 0)
    return emitOpError() << "expected a positive number of heads that divides the widths of query and value, found "
                         << heads << " heads, widths " << columns(getQuery()) << " and " << columns(getValue());
  // attention_c4
  double scale = getScale().convertToDouble();
  if (!std::isfinite(scale))
    return emitOpError() << "expected a finite scale, found " << scale;
  // attention_c8
  if (Value bias = getBias();
      bias && (rows(bias) != rows(getQuery()) || columns(bias) % heads != 0 || columns(bias) / heads < rows(getKey())))
    return emitOpError() << "expected a bias of " << rows(getQuery()) << " rows, and " << rows(getKey())
                         << " columns or more for each of " << heads << " heads, found " << bias.getType();
  Type query = getQuery().getType().getElementType(), key = getKey().getType().getElementType(),
       value = getValue().getType().getElementType();
  // attention_c5
  if (query.isF32() && key.isF32() && value.isF32() && !getWeights())
    return success();
  if (!staticU8(query) || !staticS8(key) || !staticS8(value) || !getWeights())
    return emitOpError()
           << "expected f32 query, key and value, or !quant.uniform<u8:f32>, !quant.uniform<i8:f32> twice "
              "with zero point 0, and weights, found "
           << query << ", " << key << ", " << value << (getWeights() ? " with" : " without") << " weights";
  auto weights = staticU8(*getWeights());
  // attention_c6
  if (!weights || weights.getZeroPoint() != 0 || weights.getScale() > 1)
    return emitOpError()
           << "expected weights of !quant.uniform<u8:f32> with zero point 0 and a scale of at most 1, found "
           << *getWeights();
  for (Type type : {query, key, value, *getWeights()})
    if (failed(verifyQuantized(type, [&] { return emitOpError(); })))
      return failure();
  // attention_c7
  int64_t products = std::max(columns(getQuery()) / heads, rows(getKey()));
  if (products > kMaxProducts)
    return emitOpError() << "expected sums of at most " << kMaxProducts << " products, found " << products;
  return success();
}

//===----------------------------------------------------------------------===//
// ToBf16Op, MeanPoolOp
//===----------------------------------------------------------------------===//

LogicalResult ToBf16Op::inferReturnTypes(MLIRContext *context, std::optional<Location>, Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  types.push_back(cast<RankedTensorType>(adaptor.getInput().getType()).clone(BFloat16Type::get(context)));
  return success();
}

LogicalResult MeanPoolOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  types.push_back(f32Tokens(adaptor.getInput(), 1, columns(adaptor.getInput())));
  return success();
}
