// Adds a constant to the parts of a concatenation instead of the whole, so that constant parts are added at compile
// time.
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/simplify/Passes.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-add-before-concat"

using namespace mlir;

namespace vitya {
#define GEN_PASS_DEF_ADDBEFORECONCATPASS
#include "passes/simplify/Passes.h.inc"

namespace {

/// The attribute of the constant `value`; null if it is none.
ElementsAttr constantOf(Value value) {
  ElementsAttr attribute;
  matchPattern(value, m_Constant(&attribute));
  return attribute;
}

/// A constant of `values` that is, like the constant `like`, a resource or a literal.
Value makeConstant(OpBuilder &builder, Value like, RankedTensorType type, ArrayRef<float> values) {
  ElementsAttr old = constantOf(like);
  TypedAttr attribute = DenseElementsAttr::get(type, values);
  if (isa<DenseResourceElementsAttr>(old))
    attribute =
        makeResource(type, resourceNameOf(old),
                     ArrayRef<char>(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)));
  return arith::ConstantOp::create(builder, like.getLoc(), attribute);
}

/// concat(c, x) + p = concat(c + p[rows of c], x + p[rows of x]), where c and p are constants. Every element is the
/// same sum as before.
struct AddBeforeConcat : OpRewritePattern<arith::AddFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::AddFOp op, PatternRewriter &rewriter) const override {
    Value addend = op.getRhs();
    auto concat = op.getLhs().getDefiningOp<tensor::ConcatOp>();
    if (!concat) {
      addend = op.getLhs();
      concat = op.getRhs().getDefiningOp<tensor::ConcatOp>();
    }
    auto type = dyn_cast<RankedTensorType>(op.getType());
    if (!concat || !concat->hasOneUse() || concat.getDim() != 0 || !type || type.getRank() != 2)
      return rewriter.notifyMatchFailure(op, "expected a sum with a concatenation of rows that nothing else reads");
    auto isStatic = [](Type part) { return cast<RankedTensorType>(part).hasStaticShape(); };
    if (!type.getElementType().isF32() || !llvm::all_of(concat.getInputs().getTypes(), isStatic))
      return rewriter.notifyMatchFailure(op, "expected a concatenation of static f32 tensors");
    auto isConstant = [](Value part) { return constantOf(part) != nullptr; };
    if (llvm::count_if(concat.getInputs(), isConstant) + 1 != static_cast<int64_t>(concat.getInputs().size()) ||
        concat.getInputs().size() < 2)
      return rewriter.notifyMatchFailure(op, "expected constants and one other part in the concatenation");
    ElementsAttr constant = constantOf(addend);
    FailureOr<std::vector<float>> values = failure();
    if (constant)
      values = readFloats(constant);
    if (failed(values))
      return rewriter.notifyMatchFailure(op, "expected an f32 constant with all its bytes as the other addend");
    SmallVector<std::vector<float>> known; // the elements of the constant parts, in order
    for (Value part : llvm::make_filter_range(concat.getInputs(), isConstant)) {
      FailureOr<std::vector<float>> elements = readFloats(constantOf(part));
      if (failed(elements))
        return rewriter.notifyMatchFailure(op, "expected parts with all their bytes");
      known.push_back(std::move(*elements));
    }
    LDBG() << "adding a constant before " << concat;
    SmallVector<Value> sums;
    ArrayRef<float> rest = *values;
    auto *next = known.begin();
    for (Value part : concat.getInputs()) {
      auto partType = cast<RankedTensorType>(part.getType());
      ArrayRef<float> rows = rest.take_front(partType.getNumElements());
      rest = rest.drop_front(rows.size());
      if (isConstant(part)) {
        std::vector<float> &elements = *next++;
        for (auto [element, row] : llvm::zip_equal(elements, rows))
          element += row;
        sums.push_back(makeConstant(rewriter, part, partType, elements));
        continue;
      }
      Value rowsOfPart = makeConstant(rewriter, addend, partType, rows);
      sums.push_back(arith::AddFOp::create(rewriter, op.getLoc(), part, rowsOfPart));
    }
    rewriter.replaceOpWithNewOp<tensor::ConcatOp>(op, type, /*dim=*/0, sums);
    rewriter.eraseOp(concat);
    return success();
  }
};

struct AddBeforeConcatPass : impl::AddBeforeConcatPassBase<AddBeforeConcatPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<AddBeforeConcat>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
} // namespace vitya
