// Splits linear layers whose columns have separate readers: x W^T[:, a:b] = x W[a:b]^T.
#include "mlir/IR/Matchers.h"
#include "passes/analysis/LinearLayers.h"
#include "passes/equalize/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Debug.h"

using namespace mlir;

namespace vitya {
#define DEBUG_TYPE "vitya-split-linears"
#define GEN_PASS_DEF_SPLITLINEARSPASS
#include "passes/equalize/Passes.h.inc"

namespace {

/// The first column and the number of columns.
using Columns = std::pair<int64_t, int64_t>;
/// The slices of the result of a layer, by the columns they take.
using Parts = llvm::MapVector<Columns, SmallVector<tensor::ExtractSliceOp>>;

/// The parts that `op` can be split into, in order of their columns; none if it cannot be split.
Parts partsOf(LinearOp op) {
  Parts parts;
  for (Operation *user : op->getUsers()) {
    auto slice = dyn_cast<tensor::ExtractSliceOp>(user);
    if (!slice || slice.getNumOperands() != 1 || slice.getType().getRank() != 2 || slice.getStaticStrides()[1] != 1)
      return {};
    parts[{slice.getStaticOffsets()[1], slice.getStaticSizes()[1]}].push_back(slice);
  }
  SmallVector<Columns> columns(llvm::make_first_range(parts));
  llvm::sort(columns);
  Parts sorted;
  int64_t end = 0;
  for (Columns each : columns) {
    if (each.first < end)
      return {};
    end = each.first + each.second;
    sorted[each] = parts[each];
  }
  bool isWhole = columns.size() == 1 && columns.front() == Columns(0, op.getType().getDimSize(1));
  return isWhole ? Parts() : sorted;
}

/// The role of `value` in the attention that reads it, also after norms of heads and rotations: "q", "k" or "v". Empty
/// if no attention does.
StringRef roleOf(Value value) {
  for (Operation *user : value.getUsers()) {
    if (auto attention = dyn_cast<AttentionOp>(user))
      return attention.getQuery() == value ? "q" : attention.getKey() == value ? "k" : "v";
    if (isa<LayerNormOp, RmsNormOp, RotaryEmbeddingOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp>(user))
      if (StringRef role = roleOf(user->getResult(0)); !role.empty())
        return role;
  }
  return "";
}

/// The role of a part in the attention that reads it, or its index if no attention does.
std::string suffixOf(ArrayRef<tensor::ExtractSliceOp> slices, size_t index) {
  for (tensor::ExtractSliceOp slice : slices)
    if (StringRef role = roleOf(slice); !role.empty())
      return role.str();
  return std::to_string(index);
}

struct SplitLinears : impl::SplitLinearsPassBase<SplitLinears> {
  void runOnOperation() override {
    FailureOr<func::FuncOp> entry = entryOf(getOperation());
    if (failed(entry))
      return signalPassFailure();
    for (auto op : llvm::make_early_inc_range(entry->getOps<LinearOp>()))
      if (failed(split(op)))
        return signalPassFailure();
    dropConstants(getOperation());
  }

  LogicalResult split(LinearOp op) {
    Parts parts = partsOf(op);
    if (parts.empty() || !op.isF32() || !matchPattern(op.getWeight(), m_Constant()) ||
        (op.getBias() && !matchPattern(op.getBias(), m_Constant())))
      return success();
    FailureOr<Eigen::MatrixXd> weight = weightOf(op);
    FailureOr<Eigen::VectorXd> bias = biasOf(op);
    if (failed(weight) || failed(bias))
      return failure();
    LinearInfoAttr info = infoOf(op);
    OpBuilder builder(op);
    llvm::StringSet<> names;
    LLVM_DEBUG(llvm::dbgs() << op.getLayer() << ": " << parts.size() << " parts\n");
    for (auto [index, part] : llvm::enumerate(parts)) {
      auto &[columns, slices] = part;
      std::string suffix = suffixOf(slices, index);
      if (!names.insert(suffix).second)
        suffix = std::to_string(index);
      std::string name = (op.getLayer() + "." + suffix).str();
      Location location = NameLoc::get(builder.getStringAttr(name));
      Value partWeight = makeConstant(builder, location, name + ".weight",
                                      Eigen::MatrixXd(weight->middleRows(columns.first, columns.second)));
      Value partBias;
      if (op.getBias())
        partBias = makeConstant(builder, location, name + ".bias",
                                Eigen::VectorXd(bias->segment(columns.first, columns.second)));
      auto linear = LinearOp::create(builder, location, name, op.getInput(), partWeight, partBias, info);
      for (tensor::ExtractSliceOp slice : slices)
        replace(slice, linear);
    }
    op.erase();
    return success();
  }

  /// Replaces `slice`, which reads exactly the columns that `linear` computes, by the same rows of `linear`.
  static void replace(tensor::ExtractSliceOp slice, LinearOp linear) {
    Value result = linear.getResult();
    if (slice.getType() != linear.getType()) {
      OpBuilder builder(slice);
      SmallVector<OpFoldResult> offsets = slice.getMixedOffsets();
      offsets[1] = builder.getIndexAttr(0);
      result = tensor::ExtractSliceOp::create(builder, slice.getLoc(), result, offsets, slice.getMixedSizes(),
                                              slice.getMixedStrides());
    }
    slice.replaceAllUsesWith(result);
    slice.erase();
  }
};

} // namespace
} // namespace vitya
