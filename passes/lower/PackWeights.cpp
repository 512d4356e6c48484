// Lays the constant weights of matmuls out in panels of contiguous columns, at compile time. A kernel's weight is an
// argument, so the kernel and the constants of all its callers change together.
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Passes.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/LinalgBuilder.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using vitya::detail::LinalgBuilder;

namespace vitya {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Passes.h.inc"

namespace {

/// [out, in] to [panels, in, panel], zero where the last panel has no row.
std::vector<float> packPanels(ArrayRef<float> weight, int64_t out, int64_t in, int64_t panel) {
  std::vector<float> packed(llvm::alignTo(out, panel) * in, 0.0f);
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < in; ++i)
      packed[(o / panel * in + i) * panel + o % panel] = weight[o * in + i];
  return packed;
}

std::vector<float> padVector(ArrayRef<float> values, int64_t size) {
  std::vector<float> padded(values.begin(), values.end());
  padded.resize(size, 0.0f);
  return padded;
}

/// The widest panel up to `limit` that adds no more padding than one group of lanes does.
int64_t panelOf(int64_t out, int64_t limit) {
  int64_t padded = llvm::alignTo(out, kLanes), panel = std::min(limit, padded);
  while (padded % panel != 0)
    panel -= kLanes;
  return panel;
}

/// A matmul of a kernel by a weight that all callers pass as a constant.
struct Packable {
  linalg::LinalgOp matmul;
  BlockArgument weight;
  linalg::GenericOp bias; ///< only where the result is padded: the one op that reads it
  int64_t out, in, panel;
  int64_t padded() const { return llvm::alignTo(out, panel); }
};

struct PackWeights : impl::PackWeightsPassBase<PackWeights> {
  using PackWeightsPassBase::PackWeightsPassBase;

  void runOnOperation() override {
    if (panel <= 0 || panel % kLanes != 0) {
      getOperation().emitError() << "expected panel to be a positive multiple of " << kLanes << ", found "
                                 << panel.getValue();
      return signalPassFailure();
    }
    for (auto kernel : getOperation().getOps<func::FuncOp>())
      if (kernel->hasAttr(kKernelAttrName))
        if (failed(pack(kernel)))
          return signalPassFailure();
  }

  LogicalResult pack(func::FuncOp kernel) {
    SmallVector<func::CallOp> callers;
    if (std::optional<SymbolTable::UseRange> uses = SymbolTable::getSymbolUses(kernel, getOperation()))
      for (SymbolTable::SymbolUse use : *uses)
        if (auto call = dyn_cast<func::CallOp>(use.getUser()))
          callers.push_back(call);
    std::optional<Packable> found;
    kernel.walk([&](linalg::LinalgOp op) {
      if (!found)
        found = match(op, callers);
    });
    return found ? rewrite(kernel, callers, *found) : success();
  }

  static bool constantInAll(BlockArgument argument, ArrayRef<func::CallOp> callers) {
    return llvm::all_of(callers, [&](func::CallOp call) {
      return matchPattern(call.getOperand(argument.getArgNumber()), m_Constant());
    });
  }

  std::optional<Packable> match(linalg::LinalgOp op, ArrayRef<func::CallOp> callers) {
    auto matmul = dyn_cast<linalg::MatmulOp>(op.getOperation());
    if (!matmul || !linalg::MatmulTransposeBOp::isDefaultIndexingMaps(matmul.getIndexingMapsAttr()))
      return std::nullopt;
    auto weight = dyn_cast<BlockArgument>(matmul.getInputs()[1]);
    if (!weight || !weight.hasOneUse() || !constantInAll(weight, callers))
      return std::nullopt;
    auto type = cast<RankedTensorType>(weight.getType());
    Packable found{op, weight, {}, type.getDimSize(0), type.getDimSize(1), panelOf(type.getDimSize(0), panel)};
    if (found.padded() == found.out)
      return found;
    // A padded result is either what the kernel returns or goes through the bias first.
    if (!matmul->hasOneUse())
      return std::nullopt;
    Operation *user = *matmul->user_begin();
    if (auto generic = dyn_cast<linalg::GenericOp>(user)) {
      auto bias = dyn_cast<BlockArgument>(generic.getInputs().back());
      if (generic.getNumDpsInputs() != 2 || !bias || !constantInAll(bias, callers) || !generic->hasOneUse() ||
          !isa<func::ReturnOp>(*generic->user_begin()))
        return std::nullopt;
      found.bias = generic;
    } else if (!isa<func::ReturnOp>(user)) {
      return std::nullopt;
    }
    return found;
  }

  /// Gives argument `argument` of `kernel` another type, and its callers the constants that `change` makes.
  static LogicalResult replaceArgument(BlockArgument argument, RankedTensorType type, ArrayRef<func::CallOp> callers,
                                       StringRef suffix, function_ref<std::vector<float>(ArrayRef<float>)> change) {
    argument.setType(type);
    for (func::CallOp call : callers) {
      auto constant = call.getOperand(argument.getArgNumber()).getDefiningOp<arith::ConstantOp>();
      auto value = cast<ElementsAttr>(constant.getValue());
      FailureOr<std::vector<float>> floats = readFloats(value);
      if (failed(floats))
        return constant.emitError("expected a weight with all its bytes");
      std::vector<float> changed = change(*floats);
      std::string name = "weight";
      if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
        name = resource.getRawHandle().getKey().str();
      OpBuilder builder(constant);
      auto packed = arith::ConstantOp::create(
          builder, constant.getLoc(),
          makeResource(type, name + suffix.str(),
                       ArrayRef(reinterpret_cast<const char *>(changed.data()), changed.size() * sizeof(float))));
      call.setOperand(argument.getArgNumber(), packed);
      if (constant->use_empty()) {
        constant.erase();
        releaseResource(value);
      }
    }
    return success();
  }

  LogicalResult rewrite(func::FuncOp kernel, ArrayRef<func::CallOp> callers, Packable found) {
    int64_t panels = found.padded() / found.panel,
            rows = cast<RankedTensorType>(found.matmul->getResult(0).getType()).getDimSize(0);
    OpBuilder builder(found.matmul);
    LinalgBuilder b{builder, found.matmul.getLoc()};
    auto packedType = RankedTensorType::get({panels, found.in, found.panel}, builder.getF32Type());
    if (failed(replaceArgument(found.weight, packedType, callers, ".packed", [&](ArrayRef<float> weight) {
          return packPanels(weight, found.out, found.in, found.panel);
        })))
      return failure();
    // Loops: rows, panels, columns of a panel, in.
    Value product = b.contraction(4, {found.matmul->getOperand(0), {0, 3}}, {found.weight, {1, 3, 2}},
                                  {b.fill({rows, panels, found.panel}, 0), {0, 1, 2}});
    Value result = b.merge(product, 1);
    if (found.padded() != found.out) {
      if (found.bias) {
        auto argument = cast<BlockArgument>(found.bias.getInputs().back());
        auto type = RankedTensorType::get({found.padded()}, builder.getF32Type());
        if (failed(replaceArgument(argument, type, callers, ".padded",
                                   [&](ArrayRef<float> bias) { return padVector(bias, found.padded()); })))
          return failure();
        builder.setInsertionPoint(found.bias);
        result = b.generic(2, {{result, {0, 1}}, {argument, {1}}}, {b.empty({rows, found.padded()}), {0, 1}},
                           [](OpBuilder &nested, Location loc, ValueRange v) -> Value {
                             return arith::AddFOp::create(nested, loc, v[0], v[1]);
                           });
        found.bias->getResult(0).replaceAllUsesWith(result);
        found.bias->erase();
      }
      sliceResults(callers, cast<RankedTensorType>(result.getType()), found.out);
    }
    found.matmul->getResult(0).replaceAllUsesWith(result);
    found.matmul->erase();
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, kernel->getRegions()); // what the matmul started from
    kernel.setType(builder.getFunctionType(kernel.getBody().getArgumentTypes(),
                                           kernel.getBody().front().getTerminator()->getOperandTypes()));
    return success();
  }

  /// The kernel now returns `type`; its callers go on with the first `columns` columns.
  static void sliceResults(ArrayRef<func::CallOp> callers, RankedTensorType type, int64_t columns) {
    for (func::CallOp call : callers) {
      OpBuilder builder(call->getContext());
      builder.setInsertionPointAfter(call);
      LinalgBuilder b{builder, call.getLoc()};
      Value result = call.getResult(0);
      result.setType(type);
      OpFoldResult zero = builder.getIndexAttr(0);
      Value slice = b.slice(result, zero, zero, type.getDimSize(0), columns);
      result.replaceAllUsesExcept(slice, slice.getDefiningOp());
    }
  }
};

} // namespace
} // namespace vitya
