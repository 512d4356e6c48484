// An op keeps tokens apart if each row of its result depends on one row of its operands, or, as attention and means, on
// all rows in any order.
#include "dialect/torch/TokenSequence.h"
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace vitya::autograd {
namespace {

/// What is known of the rows of a value.
struct Rows {
  int64_t special = 0;     ///< rows at the beginning that are no patches
  bool hasPatches = false; ///< whether the others are those of the patches, in the same order
};

/// The operands of which row n of the result reads row n alone; none if there is another dependence.
SmallVector<Value> rowwiseOperands(Operation *op) {
  SmallVector<Value> result;
  if (auto rowwise = dyn_cast<RowwiseOpInterface>(op))
    for (unsigned index : rowwise.getRowwiseOperands())
      result.push_back(op->getOperand(index));
  else if (op->hasTrait<OpTrait::Elementwise>() || isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
    result.assign(op->operand_begin(), op->operand_end());
  return result;
}

class Finder {
public:
  explicit Finder(func::FuncOp function) : function(function) {}

  FailureOr<TokenSequence> find() {
    Block &body = function.getBody().front();
    if (auto rotary = body.getOps<RotaryEmbeddingOp>(); !rotary.empty())
      return (*rotary.begin())
                 .emitError("expected a model whose tokens are computed in the same way from fewer patches, "
                            "found '")
             << RotaryEmbeddingOp::getOperationName() << "', whose angles are those of all patches";
    auto attention = body.getOps<AttentionOp>();
    if (attention.empty())
      return function.emitError("expected a model with attention to leave out patches, found none");
    Operation *source = nullptr;
    llvm::DenseSet<Value> dependent = {body.getArgument(0)};
    for (Operation &op : body) {
      if (&op == *attention.begin())
        break;
      if (!llvm::any_of(op.getOperands(), [&](Value value) { return dependent.contains(value); }))
        continue;
      dependent.insert(op.result_begin(), op.result_end());
      SmallVector<Value> rowwise = rowwiseOperands(&op);
      bool isColumns = isa<tensor::ExtractSliceOp>(op) && isOfColumns(cast<tensor::ExtractSliceOp>(op));
      if (!isColumns && (rowwise.empty() || !llvm::all_of(rowwise, [&](Value v) { return dependent.contains(v); })))
        source = &op;
    }
    // The windows of a convolution are not in memory; its product is.
    if (isa_and_nonnull<UnfoldOp>(source))
      source = source->hasOneUse() ? *source->user_begin() : nullptr;
    auto type = source ? dyn_cast<RankedTensorType>(source->getResult(0).getType()) : RankedTensorType();
    if (!type || type.getRank() != 2)
      return function.emitError("expected a sequence of tokens before the first attention, found none");
    int64_t special = countSpecial(source->getResult(0), dependent);
    rows[source->getResult(0)] = {special, true};
    for (Operation *op = source->getNextNode(); op != body.getTerminator(); op = op->getNextNode())
      if (failed(visit(op, dependent)))
        return failure();
    return TokenSequence{source, special};
  }

private:
  static bool isOfColumns(tensor::ExtractSliceOp op) {
    RankedTensorType source = op.getSourceType();
    return source.getRank() == 2 && op.getType().getRank() == 2 && op.getStaticOffsets()[0] == 0 &&
           op.getStaticSizes()[0] == source.getDimSize(0);
  }

  /// The rows at the beginning of `value` that are not computed from the image.
  static int64_t countSpecial(Value value, const llvm::DenseSet<Value> &dependent) {
    Operation *op = value.getDefiningOp();
    if (auto concat = dyn_cast_or_null<tensor::ConcatOp>(op); concat && concat.getDim() == 0) {
      int64_t special = 0;
      for (Value part : concat.getInputs()) {
        if (dependent.contains(part))
          return special + countSpecial(part, dependent);
        special += cast<RankedTensorType>(part.getType()).getDimSize(0);
      }
      return special;
    }
    if (op)
      for (Value operand : rowwiseOperands(op))
        if (dependent.contains(operand))
          return countSpecial(operand, dependent);
    return 0;
  }

  LogicalResult visit(Operation *op, llvm::DenseSet<Value> &dependent) {
    bool readsTokens = llvm::any_of(op->getOperands(), [&](Value value) { return rows.count(value); });
    for (Value operand : op->getOperands())
      if (dependent.contains(operand) && !rows.count(operand) && !fixed.contains(operand))
        return op->emitError("expected a model that reads patches through one sequence of tokens to leave out patches, "
                             "found one that reads them elsewhere");
    if (!llvm::any_of(op->getOperands(), [&](Value value) { return dependent.contains(value); }) && !readsTokens &&
        !llvm::any_of(op->getOperands(), [&](Value value) { return fixed.contains(value); }))
      return success();
    std::optional<Rows> result = Rows{};
    if (readsTokens)
      result = rowsOf(op);
    if (!result)
      return op->emitError("expected a model whose tokens are computed in the same way from fewer patches, found '")
             << op->getName() << "' on all tokens";
    for (Value value : op->getResults())
      if (result->hasPatches)
        rows[value] = *result;
      else
        fixed.insert(value);
    return success();
  }

  /// What `op`, which reads tokens, makes of them; none if it needs all of them.
  std::optional<Rows> rowsOf(Operation *op) {
    if (isa<MeanPoolOp>(op))
      return Rows{};
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
      Rows source = rows.lookup(slice.getSource());
      int64_t offset = slice.getStaticOffsets()[0], size = slice.getStaticSizes()[0];
      if (isOfColumns(slice))
        return source;
      if (offset + size <= source.special)
        return Rows{};
      if (offset <= source.special && offset + size == slice.getSourceType().getDimSize(0) &&
          slice.getType().getRank() == 2)
        return Rows{source.special - offset, true};
      return std::nullopt;
    }
    SmallVector<Value> operands = rowwiseOperands(op);
    if (auto concat = dyn_cast<tensor::ConcatOp>(op); concat && concat.getDim() == 1)
      operands.assign(op->operand_begin(), op->operand_end());
    bool areOthersFree = isa<AttentionOp>(op); // its keys and values
    if (operands.empty() || (!areOthersFree && llvm::any_of(op->getOperands(), [&](Value value) {
          return rows.count(value) && !llvm::is_contained(operands, value);
        })))
      return std::nullopt;
    bool isFirst = rows.count(operands.front());
    for (Value operand : operands)
      if (rows.count(operand) != isFirst ||
          (isFirst && rows.lookup(operand).special != rows.lookup(operands.front()).special))
        return std::nullopt;
    return isFirst ? rows.lookup(operands.front()) : Rows{};
  }

  func::FuncOp function;
  llvm::DenseMap<Value, Rows> rows; ///< of values with patches
  llvm::DenseSet<Value> fixed;      ///< values after the sequence that have the same rows for any number of patches
};

} // namespace

FailureOr<TokenSequence> findTokenSequence(func::FuncOp function) { return Finder(function).find(); }

} // namespace vitya::autograd
