// Translates the ops that turn an image into tokens.
#include "passes/emit/onnx/Translator.h"

using namespace mlir;

namespace vitya {

LogicalResult OnnxTranslator::translate(NormalizeOp op) {
  SmallVector<int64_t> shape{static_cast<int64_t>(op.getMean().size()), 1, 1};
  std::string centred = node("Sub", {valueOf(op.getImage()), graph.addFloats(scope + ".mean", shape, op.getMean())});
  return define(op, node("Div", {centred, graph.addFloats(scope + ".std", shape, op.getStd())}));
}

LogicalResult OnnxTranslator::translate(PatchifyOp op) {
  ArrayRef<int64_t> image = op.getImage().getType().getShape(), patch = op.getPatch();
  // [batch, channels, rows of patches, rows of a patch, columns of patches, columns of a patch]
  std::string apart =
      reshape(valueOf(op.getImage()), {image[0], image[1] / patch[0], patch[0], image[2] / patch[1], patch[1]});
  constexpr std::array<int64_t, 3> pixel{1, 3, 5}; // the dimensions of channel, row and column of a pixel
  std::vector<int64_t> order{0, 2, 4};
  for (unsigned dimension : patchDimensions(op.getOrder()))
    order.push_back(pixel[dimension]);
  return define(op, reshape(transpose(apart, std::move(order)), op.getType().getShape()));
}

//===----------------------------------------------------------------------===//
// Windows of pixels
//===----------------------------------------------------------------------===//

std::string OnnxTranslator::gridOf(const std::string &tokens, int64_t channels, ArrayRef<int64_t> grid) {
  return reshape(transpose(tokens, {0, 2, 1}), {channels, grid[0], grid[1]});
}

std::string OnnxTranslator::tokensOf(const std::string &grid, RankedTensorType type) {
  return transpose(reshape(grid, {type.getDimSize(1), type.getDimSize(0)}), {0, 2, 1});
}

/// The attributes of Conv and MaxPool for the windows of `op`.
template <typename Op>
static SmallVector<OnnxAttribute> windowAttributes(Op op) {
  auto [rows, columns] = std::pair(op.getPadding()[0], op.getPadding()[1]);
  return {{"kernel_shape", op.getWindow().vec()},
          {"strides", op.getStride().vec()},
          {"pads", std::vector{rows, columns, rows, columns}}};
}

LogicalResult OnnxTranslator::translate(MaxPoolOp op) {
  std::string grid = gridOf(valueOf(op.getInput()), op.getType().getDimSize(1), op.getGrid());
  return define(op, tokensOf(node("MaxPool", {grid}, windowAttributes(op)), op.getType()));
}

/// Whether `user` is a linear layer that reads `value` as its input, with scales known at compile time.
static bool isStaticLinear(Operation *user, Value value) {
  auto linear = dyn_cast<LinearOp>(user);
  return linear && linear.getInput() == value && !linear.getParams();
}

/// Whether Conv computes all products of `op`: the windows are read by linear layers alone, perhaps quantized or in
/// bf16. A pixel outside the grid is 0, and 0 has an integer.
static bool isConvolution(UnfoldOp op) {
  return llvm::all_of(op->getUsers(), [&](Operation *user) {
    bool isCast = isa<quant::QuantizeCastOp, ToBf16Op>(user);
    return isStaticLinear(user, op) || (isCast && llvm::all_of(user->getUsers(), [&](Operation *reader) {
                                          return isStaticLinear(reader, user->getResult(0));
                                        }));
  });
}

UnfoldOp OnnxTranslator::convolutionOf(LinearOp op) {
  Value windows = op.getInput();
  if (Operation *cast = windows.getDefiningOp(); isa_and_nonnull<quant::QuantizeCastOp, ToBf16Op>(cast))
    windows = cast->getOperand(0);
  auto unfold = windows.getDefiningOp<UnfoldOp>();
  return unfold && isConvolution(unfold) ? unfold : UnfoldOp();
}

std::string OnnxTranslator::convolution(LinearOp op, UnfoldOp windows) {
  ArrayRef<int64_t> kernel = windows.getWindow();
  int64_t channels = windows.getInput().getType().getDimSize(1), out = op.getType().getDimSize(1);
  std::string grid = dequantized(gridOf(valueOf(op.getInput()), channels, windows.getGrid()), op.getInput());
  // The columns of the weight are ordered by the pixels of the kernel, then by channels.
  OnnxWeightForm form{{out, kernel[0] * kernel[1], channels}, {out, channels, kernel[0], kernel[1]}, /*axis=*/0};
  SmallVector<std::string> inputs{grid, realWeightOf(op, form)};
  if (op.getBias())
    inputs.push_back(realBiasOf(op));
  return tokensOf(node("Conv", inputs, windowAttributes(windows)), op.getType());
}

/// The positions of the pixels of each window, [pixels of the result, pixels of the window]; that of pixels outside the
/// grid is the number of those inside.
static SmallVector<int64_t> positionsOf(UnfoldOp op) {
  auto [height, width] = std::pair(op.getGrid()[0], op.getGrid()[1]);
  auto [rows, columns] = op.getResultGrid();
  SmallVector<int64_t> positions;
  for (int64_t y = 0; y < rows; ++y)
    for (int64_t x = 0; x < columns; ++x)
      for (int64_t i = 0; i < op.getWindow()[0]; ++i)
        for (int64_t j = 0; j < op.getWindow()[1]; ++j) {
          int64_t row = y * op.getStride()[0] + i - op.getPadding()[0];
          int64_t column = x * op.getStride()[1] + j - op.getPadding()[1];
          bool isInside = row >= 0 && row < height && column >= 0 && column < width;
          positions.push_back(isInside ? row * width + column : height * width);
        }
  return positions;
}

/// The windows of a convolution are those of Conv. Others, whose scales are found at run time for each of them, are
/// gathered.
LogicalResult OnnxTranslator::translate(UnfoldOp op) {
  std::string pixels = valueOf(op.getInput());
  if (isConvolution(op))
    return define(op, pixels);
  // After the last pixel comes one of zeros.
  std::string padded = node("Pad", {pixels, integers("pads", {0, 0, 0, 0, 1, 0})});
  std::string positions = graph.addIntegers(
      scope + ".positions", {op.getType().getDimSize(0), op.getWindow()[0] * op.getWindow()[1]}, positionsOf(op));
  return define(op, reshape(node("Gather", {padded, positions}, {{"axis", 1}}), op.getType().getShape()));
}

} // namespace vitya
