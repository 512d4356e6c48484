// Rewrites one layer and returns the record of it.
#include "passes/lowrank/LayerRewrite.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace Eigen;
using namespace vitya::numerics;

namespace vitya {

/// The parts of the outcome that do not depend on the compression.
static LayerOutcome outcomeOf(const CandidateLayer &layer) {
  LayerOutcome outcome;
  outcome.name = LinearOp(layer.op).getLayer();
  outcome.in = layer.in();
  outcome.out = layer.out();
  return outcome;
}

LayerOutcome leaveDense(const CandidateLayer &layer, StringRef reason) {
  LinearOp op = layer.op;
  LayerOutcome outcome = outcomeOf(layer);
  outcome.reason = reason;
  outcome.parameters = layer.elements();
  emitRemark(op.getLoc()) << "layer '" << op.getLayer() << "' stays dense: " << reason;
  recordDense(op, reason);
  return outcome;
}

FactorizedLayer replaceLayer(const CandidateLayer &layer, const Factors &factors, const VectorXd &spectrum, Value bias,
                             StringRef method) {
  LayerOutcome outcome = outcomeOf(layer);
  outcome.rank = factors.right.rows();
  outcome.reason = llvm::formatv("{0}, rank {1}", method, outcome.rank);
  outcome.parameters = outcome.rank * layer.elementsPerRank();
  outcome.spectrum = spectrum;
  LinearOp left = replaceByFactors(layer.op, factors, bias, outcome.reason);
  return {left, std::move(outcome)};
}

Value createCorrectedBias(const CandidateLayer &layer, const Factors &factors, const VectorXd &originalMean,
                          const VectorXd &compressedMean) {
  LinearOp op = layer.op;
  OpBuilder builder(op);
  return makeConstant(builder, op.getLoc(), (op.getLayer() + ".left.bias").str(),
                      correctedBias(layer.bias, layer.weight, originalMean, factors, compressedMean));
}

} // namespace vitya
