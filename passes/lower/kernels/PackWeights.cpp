// Lays the constant weights of matmuls out in panels of contiguous columns, at compile time. A kernel's weight is an
// argument, so the kernel and the constants of all its callers change together.
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using vitya::detail::LinalgBuilder;

namespace vitya {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

/// The bytes of a constant: its elements, `width` bytes each.
using Bytes = std::vector<char>;

/// The first `in` of `columns` columns of [out, columns] as [panels, in / group, panel, group], zero where the last
/// panel has no row.
Bytes packPanels(ArrayRef<char> weight, int64_t width, int64_t out, int64_t columns, int64_t in, int64_t panel,
                 int64_t group) {
  Bytes packed(llvm::alignTo(out, panel) * in * width, 0);
  for (int64_t o = 0; o < out; ++o)
    for (int64_t i = 0; i < in; ++i) {
      int64_t to = ((o / panel * (in / group) + i / group) * panel + o % panel) * group + i % group;
      std::memcpy(packed.data() + to * width, weight.data() + (o * columns + i) * width, width);
    }
  return packed;
}

/// The widest panel up to `limit` that adds no more padding than one group of lanes does: as many groups as a power of
/// two, for LLVM takes other vectors to pieces.
int64_t panelOf(int64_t out, int64_t limit) {
  int64_t panel = kLanes;
  while (2 * panel <= limit && llvm::alignTo(out, kLanes) % (2 * panel) == 0)
    panel *= 2;
  return panel;
}

/// A matmul of a kernel by a weight that all callers pass as a constant.
struct Packable {
  linalg::LinalgOp matmul;
  BlockArgument weight;
  linalg::GenericOp epilogue; ///< only where the result is padded: the one op that reads it
  int64_t out, columns, panel;
  int64_t in; ///< the first so many of `columns` hold all that is not zero
  int64_t group() const { return groupOf(getElementTypeOrSelf(matmul->getOperand(0))); }
  int64_t padded() const { return llvm::alignTo(out, panel); }
};

/// x w^T of f32 or of integers.
bool isMatmulByTranspose(linalg::LinalgOp op) {
  if (auto matmul = dyn_cast<linalg::MatmulOp>(op.getOperation()))
    return linalg::MatmulTransposeBOp::isDefaultIndexingMaps(matmul.getIndexingMapsAttr());
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic || op.getNumDpsInputs() != 2 || !linalg::isaContractionOpInterface(op) ||
      !getElementTypeOrSelf(op->getOperand(1)).isInteger(8))
    return false;
  AffineExpr m, n, k;
  bindDims(op.getContext(), m, n, k);
  SmallVector<SmallVector<AffineExpr, 4>> maps{{m, k}, {n, k}, {m, n}};
  return op.getIndexingMapsArray() == ArrayRef(AffineMap::inferFromExprList(maps, op.getContext()));
}

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

  /// How many of the first columns of a weight hold all that is not zero, in the constants of all callers: padding adds
  /// others.
  static int64_t columnsInUse(BlockArgument weight, ArrayRef<func::CallOp> callers) {
    auto type = cast<RankedTensorType>(weight.getType());
    int64_t columns = type.getDimSize(1), width = type.getElementTypeBitWidth() / 8, used = 0;
    for (func::CallOp call : callers) {
      Value constant = call.getOperand(weight.getArgNumber());
      ElementsAttr value;
      if (matchPattern(constant, m_PosZeroFloat()) || matchPattern(constant, m_Zero()))
        continue;
      if (!matchPattern(constant, m_Constant(&value)))
        return columns;
      ArrayRef<char> rest = rawBytes(value);
      if (int64_t(rest.size()) != type.getDimSize(0) * columns * width) // another splat; what is absent is told later
        return columns;
      for (; !rest.empty() && used < columns; rest = rest.drop_front(columns * width)) {
        auto isZero = [&](int64_t column) {
          return llvm::all_of(rest.slice(column * width, width), [](char byte) { return byte == 0; });
        };
        int64_t last = columns;
        while (last > used && isZero(last - 1))
          --last;
        used = last;
      }
    }
    return used;
  }

  std::optional<Packable> match(linalg::LinalgOp op, ArrayRef<func::CallOp> callers) {
    if (!isMatmulByTranspose(op))
      return std::nullopt;
    auto weight = dyn_cast<BlockArgument>(op->getOperand(1));
    if (!weight || !weight.hasOneUse() || !constantInAll(weight, callers))
      return std::nullopt;
    auto type = cast<RankedTensorType>(weight.getType());
    int64_t out = type.getDimSize(0), columns = type.getDimSize(1);
    Packable found{op, weight, {}, out, columns, panelOf(out, panel), columns};
    if (columns % found.group() != 0)
      return std::nullopt;
    found.in = llvm::alignTo(std::max<int64_t>(columnsInUse(weight, callers), 1), found.group());
    if (found.padded() == found.out)
      return found;
    // A padded result is either what the kernel returns or goes through bias and factors first.
    if (!op->hasOneUse())
      return std::nullopt;
    Operation *user = *op->user_begin();
    if (auto generic = dyn_cast<linalg::GenericOp>(user)) {
      bool isEpilogue = generic->hasOneUse() && isa<func::ReturnOp>(*generic->user_begin()) &&
                        generic.getNumParallelLoops() == 2 && generic.getNumLoops() == 2;
      for (OpOperand *input : generic.getDpsInputOperands()) {
        AffineMap map = generic.getMatchingIndexingMap(input);
        if (input->get() == op->getResult(0) ? map.isIdentity() : !map.isFunctionOfDim(1))
          continue; // the sums themselves, or one number a row
        auto argument = dyn_cast<BlockArgument>(input->get());
        isEpilogue &= isPerColumn(map) && argument && constantInAll(argument, callers);
      }
      if (!isEpilogue)
        return std::nullopt;
      found.epilogue = generic;
    } else if (!isa<func::ReturnOp>(user)) {
      return std::nullopt;
    }
    return found;
  }

  /// Whether `map` of two loops gives an element for each column.
  static bool isPerColumn(AffineMap map) {
    return map.getNumResults() == 1 && map.getResult(0) == getAffineDimExpr(1, map.getContext());
  }

  /// Gives argument `argument` of `kernel` another type, and its callers the constants that `change` makes.
  static LogicalResult replaceArgument(BlockArgument argument, RankedTensorType type, ArrayRef<func::CallOp> callers,
                                       StringRef suffix, function_ref<Bytes(Bytes)> change) {
    argument.setType(type);
    for (func::CallOp call : callers) {
      auto constant = call.getOperand(argument.getArgNumber()).getDefiningOp<arith::ConstantOp>();
      auto value = cast<ElementsAttr>(constant.getValue());
      FailureOr<Bytes> bytes = readRaw(value);
      if (failed(bytes))
        return constant.emitError("expected a weight with all its bytes");
      OpBuilder builder(constant);
      auto packed = arith::ConstantOp::create(
          builder, constant.getLoc(),
          makeResource(type, (resourceNameOf(value) + suffix).str(), change(std::move(*bytes))));
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
    auto weightType = cast<RankedTensorType>(found.weight.getType());
    int64_t group = found.group(), width = weightType.getElementTypeBitWidth() / 8;
    SmallVector<int64_t> shape{panels, found.in / group, found.panel};
    if (group != 1)
      shape.push_back(group);
    if (failed(replaceArgument(found.weight, weightType.clone(shape), callers, ".packed", [&](const Bytes &weight) {
          return packPanels(weight, width, found.out, found.columns, found.in, found.panel, group);
        })))
      return failure();
    // Loops: rows, panels, columns of a panel, in, and, for integers, those that stand side by side.
    Value input = found.matmul->getOperand(0), product;
    if (found.in != found.columns) {
      OpFoldResult zero = builder.getIndexAttr(0);
      input = b.slice(input, zero, zero, rows, found.in);
    }
    if (group == 1)
      product = b.contraction(4, {input, {0, 3}}, {found.weight, {1, 3, 2}},
                              {b.fill({rows, panels, found.panel}, 0), {0, 1, 2}});
    else
      product = b.integerContraction(5, {b.split(input, 1, group), {0, 3, 4}}, {found.weight, {1, 3, 2, 4}},
                                     {b.zeros(builder.getI32Type(), {rows, panels, found.panel}), {0, 1, 2}});
    Value result = b.merge(product, 1);
    if (found.padded() != found.out) {
      if (found.epilogue) {
        FailureOr<Value> padded = padEpilogue(found, result, rows, callers);
        if (failed(padded))
          return failure();
        result = *padded;
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

  /// The epilogue of `found` on all columns of `padded`; the constants of the new ones are zero.
  static FailureOr<Value> padEpilogue(Packable &found, Value padded, int64_t rows, ArrayRef<func::CallOp> callers) {
    linalg::GenericOp old = found.epilogue;
    OpBuilder builder(old);
    IRMapping mapping;
    mapping.map(found.matmul->getResult(0), padded);
    for (OpOperand *input : old.getDpsInputOperands())
      if (isPerColumn(old.getMatchingIndexingMap(input))) {
        auto argument = cast<BlockArgument>(input->get());
        auto type = cast<RankedTensorType>(argument.getType()).clone({found.padded()});
        auto pad = [&](Bytes values) {
          values.resize(found.padded() * type.getElementTypeBitWidth() / 8);
          return values;
        };
        if (failed(replaceArgument(argument, type, callers, ".padded", pad)))
          return failure();
      }
    auto type = cast<RankedTensorType>(old.getResult(0).getType()).clone({rows, found.padded()});
    mapping.map(old.getOutputs()[0],
                tensor::EmptyOp::create(builder, old.getLoc(), type.getShape(), type.getElementType()).getResult());
    auto wide = cast<linalg::GenericOp>(builder.clone(*old, mapping));
    wide->getResult(0).setType(type);
    old->getResult(0).replaceAllUsesWith(wide->getResult(0));
    old->erase();
    return wide->getResult(0);
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
