// Rounds weights at once, and inputs by an op.
#include "dialect/Bf16Layers.h"
#include "dialect/Constants.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace vitya {

LogicalResult Bf16Layers::convert(LinearOp op) {
  ElementsAttr weight;
  FailureOr<std::vector<float>> values = failure();
  if (matchPattern(op.getWeight(), m_Constant(&weight)))
    values = readFloats(weight);
  if (failed(values))
    return op.emitOpError("expected a constant weight of f32 with all its bytes");
  OpBuilder builder(op);
  auto type = cast<RankedTensorType>(op.getWeight().getType()).clone(builder.getBF16Type());
  op.getWeightMutable().assign(
      createConstant<char>(builder, op.getWeight().getLoc(), type, resourceNameOf(weight), roundToBf16(*values)));
  Value &input = rounded[op.getInput()];
  if (!input) {
    builder.setInsertionPointAfterValue(op.getInput());
    input = ToBf16Op::create(builder, op.getInput().getLoc(), op.getInput());
  }
  op.getInputMutable().assign(input);
  return success();
}

} // namespace vitya
