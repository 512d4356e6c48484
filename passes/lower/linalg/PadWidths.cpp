// Pads widths between linear layers, such as the rank of a pair of factors, to a multiple of kLanes: the producer gets
// outputs that are zero, and the consumers get columns of zeros that ignore them. The ops between them, quantization
// above all, can then be fused into the producer, since no padding has to be sliced off. If the input of a quantized or
// bf16 layer comes from another op than a linear layer, zeros are appended to it before it is quantized or rounded. The
// columns of a constant bias of attention are padded in each head.
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/Passes.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "vitya-pad-widths"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_PADWIDTHSPASS
#include "passes/lower/linalg/Passes.h.inc"

namespace {

/// The constant that a weight or bias is, looking through the quant.scast of a quantized one; null if it is not
/// constant.
ElementsAttr constantBehind(Value value) {
  if (auto cast = value.getDefiningOp<quant::StorageCastOp>())
    value = cast.getInput();
  ElementsAttr attribute;
  return matchPattern(value, m_Constant(&attribute)) ? attribute : ElementsAttr();
}

struct PadWidths : impl::PadWidthsPassBase<PadWidths> {
  void runOnOperation() override {
    SmallVector<LinearOp> layers;
    getOperation().walk([&](LinearOp op) { layers.push_back(op); });
    for (LinearOp op : layers)
      if (op.getType().getDimSize(1) % kLanes != 0 && failed(pad(op)))
        return signalPassFailure();
    for (LinearOp op : layers)
      if (op.getInput().getType().getDimSize(1) % blockingFactorOf(op) != 0 && failed(padInput(op)))
        return signalPassFailure();
    llvm::DenseMap<Value, Value> padded; // biases by what they were
    WalkResult result = getOperation().walk([&](AttentionOp op) { return WalkResult(padBias(op, padded)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  /// Appends zeros to the columns of each head of the bias of `op`, if it is a constant.
  static LogicalResult padBias(AttentionOp op, llvm::DenseMap<Value, Value> &padded) {
    ElementsAttr attribute = op.getBias() ? constantBehind(op.getBias()) : ElementsAttr();
    int64_t heads = op.getHeads(), columns = attribute ? op.getBias().getType().getDimSize(1) / heads : 0,
            width = llvm::alignTo(columns, kLanes), rows = op.getQuery().getType().getDimSize(0);
    if (columns == width)
      return success();
    Value &result = padded[op.getBias()];
    if (!result || cast<RankedTensorType>(result.getType()).getDimSize(1) != heads * width) {
      FailureOr<std::vector<char>> old = readRaw(attribute);
      if (failed(old))
        return op.emitOpError("expected a bias with all its bytes");
      OpBuilder builder(op.getContext());
      builder.setInsertionPointAfterValue(op.getBias());
      result = createConstant<char>(
          builder, op.getBias().getLoc(), op.getBias().getType().clone({rows, heads * width}),
          (resourceNameOf(attribute) + ".padded").str(),
          widenRows(*old, columns * sizeof(float), width * sizeof(float), rows * heads * width * sizeof(float)));
    }
    LDBG() << op.getLayer() << ": bias padded to " << width << " columns for each head";
    op.getBiasMutable().assign(result);
    return success();
  }

  /// Appends zeros to each row of `old`, which has `columns` bytes, up to `newColumns`, and rows of zeros up to `size`
  /// bytes.
  static std::vector<char> widenRows(ArrayRef<char> old, int64_t columns, int64_t newColumns, int64_t size) {
    std::vector<char> bytes(size, 0);
    for (int64_t row = 0, rows = old.size() / columns; row < rows; ++row)
      std::copy_n(old.begin() + row * columns, columns, bytes.begin() + row * newColumns);
    return bytes;
  }

  /// The blocking factor of the activations of `op`, as bytes if they are quantized.
  static int64_t blockingFactorOf(LinearOp op) {
    Type element = op.getInput().getType().getElementType();
    return getVnniBlockingFactor(op.isQuantized() ? IntegerType::get(op.getContext(), 8) : element);
  }

  /// Appends columns of zeros to the quantized or bf16 input of `op`, for all layers with constant weights that read
  /// it.
  LogicalResult padInput(LinearOp op) {
    Value input = op.getInput();
    bool isRounded = isRounding(input.getDefiningOp());
    if (!isRounded && op.isQuantized())
      return success(); // the layer is computed without dot product instructions
    int64_t width = llvm::alignTo(op.getInput().getType().getDimSize(1), kLanes);
    OpBuilder builder(op);
    Value wide = isRounded ? roundWide(input.getDefiningOp(), width) : appendZeros(builder, input, width);
    SmallVector<LinearOp> readers;
    for (OpOperand &use : input.getUses())
      if (auto reader = dyn_cast<LinearOp>(use.getOwner());
          reader && use.getOperandNumber() == 0 && constantBehind(reader.getWeight()))
        readers.push_back(reader);
    for (LinearOp reader : readers)
      reader.getInputMutable().assign(wide);
    if (input.use_empty() && isRounded)
      input.getDefiningOp()->erase();
    LDBG() << op.getLayer() << ": input padded to " << width << " columns for " << readers.size() << " layers";
    return widenWeights(readers, width);
  }

  /// The matrix `value` with columns of zeros up to `width`.
  static Value appendZeros(OpBuilder &builder, Value value, int64_t width) {
    auto type = cast<RankedTensorType>(value.getType());
    auto tail = type.clone({type.getDimSize(0), width - type.getDimSize(1)});
    Value zeros = arith::ConstantOp::create(builder, value.getLoc(), builder.getZeroAttr(tail));
    return tensor::ConcatOp::create(builder, value.getLoc(), /*dim=*/1, ValueRange{value, zeros});
  }

  /// The result of `op`, which quantizes or rounds a matrix, for that matrix with columns of zeros up to `width`.
  static Value roundWide(Operation *op, int64_t width) {
    OpBuilder builder(op);
    Value wide = appendZeros(builder, op->getOperand(0), width);
    Operation *wider = builder.clone(*op);
    wider->setOperand(0, wide);
    Value result = wider->getResult(0);
    auto type = cast<RankedTensorType>(result.getType());
    result.setType(type.clone({type.getDimSize(0), width}));
    return result;
  }

  /// Pads the result of `op` if all its readers can ignore the padding.
  LogicalResult pad(LinearOp op) {
    SmallVector<Value> between{op.getResult()};
    SmallVector<LinearOp> readers;
    if (!collect(between, readers) || !constantBehind(op.getWeight()) ||
        (op.getBias() && !constantBehind(op.getBias()))) {
      LDBG() << op.getLayer() << ": not padded, expected constants and readers that ignore the padding";
      return success();
    }
    int64_t width = llvm::alignTo(op.getType().getDimSize(1), kLanes), in = op.getWeight().getType().getDimSize(1);
    FailureOr<Value> weight = padded(op.getWeight(), {width, in});
    if (failed(weight))
      return failure();
    op.getWeightMutable().assign(*weight);
    if (op.getBias()) {
      FailureOr<Value> bias = padded(op.getBias(), {width});
      if (failed(bias))
        return failure();
      op.getBiasMutable().assign(*bias);
    }
    for (Value value : between) {
      if (auto scale = value.getDefiningOp<ScaleColumnsOp>()) {
        FailureOr<Value> factors = padded(scale.getFactors(), {width});
        if (failed(factors))
          return failure();
        scale.getFactorsMutable().assign(*factors);
      }
      auto type = cast<RankedTensorType>(value.getType());
      value.setType(type.clone({type.getDimSize(0), width}));
      if (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>())
        slice.setStaticSizes({slice.getStaticSizes()[0], width});
    }
    LDBG() << op.getLayer() << ": padded to " << width << " columns for " << readers.size() << " layers";
    return widenWeights(readers, width);
  }

  /// Appends columns of zeros to the weights of `layers` up to `width`.
  static LogicalResult widenWeights(ArrayRef<LinearOp> layers, int64_t width) {
    for (LinearOp layer : layers) {
      FailureOr<Value> wider = padded(layer.getWeight(), {layer.getType().getDimSize(1), width});
      if (failed(wider))
        return failure();
      layer.getWeightMutable().assign(*wider);
    }
    return success();
  }

  /// Collects in `readers` the linear layers that read the only value in `between`, directly or through ops that map
  /// zeros to zeros, and in `between` the results of these ops. Returns false if there is any other reader, or no
  /// layer.
  static bool collect(SmallVector<Value> &between, SmallVector<LinearOp> &readers) {
    for (size_t i = 0; i < between.size(); ++i) {
      for (OpOperand &use : between[i].getUses()) {
        Operation *user = use.getOwner();
        if (auto linear = dyn_cast<LinearOp>(user); linear && use.getOperandNumber() == 0) {
          if (!constantBehind(linear.getWeight()))
            return false;
          readers.push_back(linear);
        } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(user)) {
          if (slice.getNumOperands() != 1 || slice.getType().getRank() != 2 || slice.getStaticStrides()[1] != 1 ||
              slice.getType().getDimSize(1) != slice.getSourceType().getDimSize(1))
            return false;
          between.push_back(slice);
        } else if (auto scale = dyn_cast<ScaleColumnsOp>(user)) {
          if (!constantBehind(scale.getFactors()))
            return false;
          between.push_back(scale);
        } else if (isa<GeluOp, ReluOp, SiluOp, ToBf16Op, quant::QuantizeCastOp, QuantizeOp>(user) &&
                   use.getOperandNumber() == 0) {
          between.push_back(user->getResult(0));
        } else if (!isa<ChooseQParamsOp>(user)) {
          return false;
        }
      }
    }
    return !readers.empty();
  }

  /// Returns the constant `value` with zeros appended up to `shape`. New rows of a quantized weight have the scale of
  /// the last row.
  static FailureOr<Value> padded(Value value, ArrayRef<int64_t> shape) {
    ElementsAttr attribute = constantBehind(value);
    FailureOr<std::vector<char>> old = readRaw(attribute);
    if (failed(old))
      return emitError(value.getLoc(), "expected a weight with all its bytes");
    auto type = cast<RankedTensorType>(attribute.getShapedType());
    int64_t width = bytesOf(type.getElementType());
    std::vector<char> bytes =
        widenRows(*old, type.getShape().back() * width, shape.back() * width, llvm::product_of(shape) * width);
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    Value constant = createConstant<char>(builder, value.getLoc(), type.clone(shape),
                                          (resourceNameOf(attribute) + ".padded").str(), bytes);
    auto cast = value.getDefiningOp<quant::StorageCastOp>();
    if (!cast)
      return constant;
    Type element = llvm::cast<RankedTensorType>(value.getType()).getElementType();
    if (auto perRow = dyn_cast<quant::UniformQuantizedPerAxisType>(element)) {
      SmallVector<double> scales(perRow.getScales());
      scales.resize(shape[0], scales.back());
      element = quant::UniformQuantizedPerAxisType::get(
          perRow.getFlags(), perRow.getStorageType(), perRow.getExpressedType(), scales,
          SmallVector<int64_t>(scales.size(), 0), 0, perRow.getStorageTypeMin(), perRow.getStorageTypeMax());
    }
    return quant::StorageCastOp::create(builder, value.getLoc(), RankedTensorType::get(shape, element), constant)
        .getResult();
  }
};

} // namespace
} // namespace vitya
