// Orthogonal rotations of columns that only two linear maps share, which cancel in the model's result.
#include "passes/analysis/AttentionMaps.h"
#include "passes/equalize/Passes.h"
#include "llvm/Support/DebugLog.h"

#define DEBUG_TYPE "vitya-rotate"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {
#define GEN_PASS_DEF_ROTATEPASS
#include "passes/equalize/Passes.h.inc"

namespace {

/// The left factor that reads `op` if `op` is the right factor of a layer; null otherwise.
LinearOp leftFactorOf(LinearOp op) {
  auto left = op->hasOneUse() ? dyn_cast<LinearOp>(*op->user_begin()) : LinearOp();
  return left && left.getInput() == op.getResult() && isFactorized(op) && isFactorized(left) &&
                 layerNameOf(left) == layerNameOf(op) && !op.getBias()
             ? left
             : LinearOp();
}

/// Rotates the columns between the factors A and B of a layer: A B = (A R^T) (R B).
LogicalResult rotateFactors(LinearOp right, LinearOp left) {
  FailureOr<MatrixXd> b = weightOf(right), a = weightOf(left);
  FailureOr<VectorXd> bias = biasOf(left);
  if (failed(a) || failed(b) || failed(bias))
    return failure();
  MatrixXd rotation = hartleyMatrix(b->rows());
  setWeights(right, {rotation * *b, VectorXd()});
  setWeights(left, {*a * rotation.transpose(), *bias});
  return success();
}

/// Rotates the columns of each head of `attention`; does nothing if its operands and its result are not connected to
/// f32 linear layers alone.
LogicalResult rotateHeads(AttentionOp attention) {
  llvm::Expected<AttentionMaps> maps = AttentionMaps::match(attention);
  if (!maps) {
    LDBG() << attention.getLayer() << " is not rotated: " << llvm::toString(maps.takeError());
    return success();
  }
  SmallVector<LinearOp, 4> layers(maps->inputs());
  layers.push_back(maps->output());
  if (!attention.isF32() || llvm::any_of(layers, [](LinearOp layer) { return !layer.isF32(); }))
    return success();
  FailureOr<AttentionWeights> weights = maps->readWeights();
  if (failed(weights))
    return failure();
  weights->rotateHeads(maps->heads());
  for (LinearOp layer : layers)
    setWeights(layer, maps->mapOf(layer, *weights));
  return success();
}

struct Rotate : impl::RotatePassBase<Rotate> {
  void runOnOperation() override {
    if (failed(rotate(getOperation())))
      signalPassFailure();
  }

private:
  static LogicalResult rotate(ModuleOp module) {
    FailureOr<func::FuncOp> entry = entryOf(module);
    if (failed(entry))
      return failure();
    for (auto right : entry->getOps<LinearOp>())
      if (LinearOp left = leftFactorOf(right); left && right.isF32() && left.isF32())
        if (failed(rotateFactors(right, left)))
          return failure();
    for (auto attention : entry->getOps<AttentionOp>())
      if (failed(rotateHeads(attention)))
        return failure();
    dropConstants(module);
    return success();
  }
};

} // namespace
} // namespace vitya
