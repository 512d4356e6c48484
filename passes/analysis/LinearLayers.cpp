// Reads weights in double precision and creates factors as f32 resources named after their layers.
#include "passes/analysis/LinearLayers.h"
#include "dialect/Constants.h"
#include "dialect/QuantTypes.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace Eigen;

namespace vitya {
namespace {

/// The f32 elements of the constant `value`, the operand `what` of `op`, in row-major order.
FailureOr<std::vector<float>> finiteElementsOf(Operation *op, Value value, StringRef what) {
  ElementsAttr elements;
  Type type = getElementTypeOrSelf(value);
  if (!type.isF32())
    return op->emitOpError() << "expected an f32 " << what << ", found one that is "
                             << (isQuantized(type) ? "quantized" : "bf16")
                             << " already: start from the model before its quantization";
  if (!matchPattern(value, m_Constant(&elements)))
    return op->emitOpError() << "expected a constant " << what << ", found one that is computed";
  FailureOr<std::vector<float>> values = readFloats(elements);
  if (failed(values))
    return op->emitOpError() << "expected a " << what << " with all its bytes, found none";
  if (!llvm::all_of(*values, [](float value) { return std::isfinite(value); }))
    return op->emitOpError() << "expected a finite " << what << ", found NaN or infinity";
  return values;
}

Value makeFloats(OpBuilder &builder, Location loc, StringRef name, ArrayRef<int64_t> shape, ArrayRef<float> values) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return createConstant(builder, loc, type, name, values);
}

LinearInfoAttr makeInfo(LinearOp op, const Twine &reason, std::optional<int64_t> rank) {
  ArrayRef<int64_t> weight = op.getWeight().getType().getShape();
  return LinearInfoAttr::get(op.getContext(), op.getLayer(), /*in=*/weight[1], /*out=*/weight[0], LayerFormat::f32(),
                             reason.str(), rank);
}

} // namespace

FailureOr<func::FuncOp> entryOf(ModuleOp module) {
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  if (!entry || entry.isExternal())
    return module.emitError("expected a function @") << kEntryName << " with a body";
  return entry;
}

FailureOr<llvm::Regex> patternOf(ModuleOp module, StringRef option, StringRef pattern) {
  llvm::Regex regex(pattern);
  if (std::string problem; !regex.isValid(problem))
    return module.emitError("expected ") << option << " to be a regular expression, found '" << pattern
                                         << "': " << problem;
  return regex;
}

FailureOr<SmallVector<LinearOp>> selectLinears(ModuleOp module, StringRef layers) {
  FailureOr<llvm::Regex> pattern = patternOf(module, "layers", layers);
  if (failed(pattern))
    return failure();
  FailureOr<func::FuncOp> entry = entryOf(module);
  if (failed(entry))
    return failure();
  SmallVector<LinearOp> all(entry->getOps<LinearOp>()), selected;
  llvm::copy_if(all, std::back_inserter(selected),
                [&](LinearOp op) { return pattern->match(op.getLayer()) || pattern->match(layerNameOf(op)); });
  if (selected.empty())
    return module.emitError("expected layers to match the name of a linear layer, found '")
           << layers << "' to match none of " << all.size();
  return selected;
}

StringRef layerNameOf(LinearOp op) {
  LinearInfoAttr info = op.getInfoAttr();
  return info ? info.getName() : op.getLayer();
}

LinearInfoAttr infoOf(LinearOp op) {
  return op.getInfoAttr() ? op.getInfoAttr() : makeInfo(op, kNotCompressed, std::nullopt);
}

bool isFactorized(LinearOp op) { return op.getInfoAttr() && op.getInfoAttr().getRank(); }

int64_t breakEvenRank(int64_t out, int64_t in) { return llvm::divideCeil(out * in, out + in); }

FailureOr<MatrixXd> weightOf(LinearOp op) {
  FailureOr<std::vector<float>> values = finiteElementsOf(op, op.getWeight(), "weight");
  if (failed(values))
    return failure();
  ArrayRef<int64_t> shape = op.getWeight().getType().getShape();
  return MatrixXd(Map<const numerics::RowMajorOf<float>>(values->data(), shape[0], shape[1]).cast<double>());
}

FailureOr<VectorXd> biasOf(LinearOp op) {
  int64_t size = op.getWeight().getType().getDimSize(0);
  if (!op.getBias())
    return VectorXd(VectorXd::Zero(size));
  return vectorOf(op, op.getBias(), "bias");
}

FailureOr<VectorXd> vectorOf(Operation *op, Value value, StringRef what) {
  FailureOr<std::vector<float>> values = finiteElementsOf(op, value, what);
  if (failed(values))
    return failure();
  return VectorXd(Map<const VectorXf>(values->data(), int64_t(values->size())).cast<double>());
}

Value makeConstant(OpBuilder &builder, Location loc, StringRef name, const MatrixXd &matrix) {
  numerics::RowMajorOf<float> values = matrix.cast<float>();
  return makeFloats(builder, loc, name, {values.rows(), values.cols()},
                    ArrayRef<float>(values.data(), static_cast<size_t>(values.size())));
}

Value makeConstant(OpBuilder &builder, Location loc, StringRef name, const VectorXd &vector) {
  VectorXf values = vector.cast<float>();
  return makeFloats(builder, loc, name, {values.size()},
                    ArrayRef<float>(values.data(), static_cast<size_t>(values.size())));
}

void recordDense(LinearOp op, const Twine &reason) { op.setInfoAttr(makeInfo(op, reason, std::nullopt)); }

LinearOp replaceByFactors(LinearOp op, const numerics::Factors &factors, Value bias, const Twine &reason) {
  OpBuilder builder(op);
  auto locationOf = [&](const Twine &name) { return NameLoc::get(builder.getStringAttr(name)); };
  LinearInfoAttr info = makeInfo(op, reason, factors.right.rows());
  std::string right = (op.getLayer() + ".right").str(), left = (op.getLayer() + ".left").str();
  Value rightWeight = makeConstant(builder, locationOf(right + ".weight"), right + ".weight", factors.right);
  Value narrow = LinearOp::create(builder, locationOf(right), right, op.getInput(), rightWeight, Value(), info);
  Value leftWeight = makeConstant(builder, locationOf(left + ".weight"), left + ".weight", factors.left);
  auto result = LinearOp::create(builder, locationOf(left), left, narrow, leftWeight, bias, info);
  op.replaceAllUsesWith(result.getResult());
  op.erase();
  return result;
}

LinearOp createNarrowed(LinearOp op, Value input, const MatrixXd &weight, const VectorXd &bias, int64_t rank,
                        const Twine &reason) {
  OpBuilder builder(op);
  StringRef name = op.getLayer();
  Value weightValue = makeConstant(builder, op.getLoc(), (name + ".weight").str(), weight);
  Value biasValue = makeConstant(builder, op.getLoc(), (name + ".bias").str(), bias);
  return LinearOp::create(builder, op.getLoc(), name, input, weightValue, biasValue, makeInfo(op, reason, rank));
}

void dropRounded(LinearOp op) {
  if (auto rounded = getDiscardable<VityaDialect::RoundedAttrHelper>(op))
    releaseResource(rounded.getIntegers());
  op->removeAttr(VityaDialect::RoundedAttrHelper::getNameStr());
}

void setWeight(LinearOp op, const Eigen::MatrixXd &weight) {
  dropRounded(op);
  OpBuilder builder(op);
  op.getWeightMutable().assign(makeConstant(builder, op.getLoc(), (op.getLayer() + ".weight").str(), weight));
}

void setWeights(LinearOp op, const numerics::LinearMap &map) {
  setWeight(op, map.weight);
  OpBuilder builder(op);
  if (op.getBias())
    op.getBiasMutable().assign(makeConstant(builder, op.getLoc(), (op.getLayer() + ".bias").str(), map.bias));
}

void dropConstants(ModuleOp module) {
  llvm::DenseSet<Attribute> alive;
  llvm::SetVector<Attribute> dropped;
  module.walk([&](arith::ConstantOp constant) {
    if (!constant.use_empty())
      return void(alive.insert(constant.getValue()));
    dropped.insert(constant.getValue());
    constant.erase();
  });
  for (Attribute value : dropped)
    if (!alive.contains(value))
      releaseResource(value);
}

} // namespace vitya
