// Lays the constant weights of matmuls out in inner tiles at compile time, as linalg.pack does, in the order in which
// the innermost loop reads them. The weight of a kernel is an argument, so a kernel and the constants of all its
// callers are rewritten together.
#include "dialect/Constants.h"
#include "dialect/VityaOps.h"
#include "dialect/arithmetic/Bf16.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/lower/Kernel.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/kernels/WeightLayout.h"
#include "passes/lower/linalg/LinalgBuilder.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/DebugLog.h"
#include "llvm/Support/MathExtras.h"

#define DEBUG_TYPE "vitya-pack-weights"

using namespace mlir;
using vitya::detail::LinalgBuilder;

namespace vitya {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/lower/kernels/Passes.h.inc"

namespace {

using Bytes = std::vector<char>;

/// The matmul of a kernel that is rewritten, x [rows, in] by w^T with w [out, in], and the layout that w gets.
struct PackableMatmul {
  linalg::LinalgOp matmul;
  Value input;
  BlockArgument weight;
  linalg::GenericOp extension; ///< reads an i4 weight and gives it as bytes to the matmul; null for other weights
  linalg::GenericOp epilogue;  ///< the only reader of the matmul; null unless the result is padded and has a reader
  WeightLayout layout;
};

/// The product x w^T that an op computes.
struct Matmul {
  Value input, weight;          ///< the weight is that of the kernel, perhaps of i4
  std::optional<int64_t> group; ///< of short sums
};

/// The matrix that `value`, an operand of a contraction of short sums, is split from.
Value getUnsplit(Value value) {
  for (auto expand = value.getDefiningOp<tensor::ExpandShapeOp>(); expand && expand.getResultType().getRank() > 2;
       expand = value.getDefiningOp<tensor::ExpandShapeOp>())
    value = expand.getSrc();
  return value;
}

/// The op that extends an i4 weight to the bytes `weight`; null if `weight` is no such result.
linalg::GenericOp getExtension(Value weight) {
  auto generic = weight.getDefiningOp<linalg::GenericOp>();
  return generic && generic.getNumDpsInputs() == 1 && getElementTypeOrSelf(generic.getInputs().front()).isInteger(4)
             ? generic
             : linalg::GenericOp();
}

/// `op` as x w^T, of f32, of bf16 or with integer weights that are extended to bytes.
std::optional<Matmul> matchMatmul(linalg::LinalgOp op) {
  if (auto matmul = dyn_cast<linalg::MatmulOp>(op.getOperation())) {
    if (!linalg::MatmulTransposeBOp::isDefaultIndexingMaps(matmul.getIndexingMapsAttr()))
      return std::nullopt;
    return Matmul{op->getOperand(0), op->getOperand(1), std::nullopt};
  }
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic || op.getNumDpsInputs() != 2 || !linalg::isaContractionOpInterface(op) ||
      !getElementTypeOrSelf(op->getOperand(1)).isInteger(8))
    return std::nullopt;
  AffineExpr m, n, k, c, g;
  bindDims(op.getContext(), m, n, k, c, g);
  auto hasMaps = [&](ArrayRef<SmallVector<AffineExpr, 4>> maps) {
    return op.getIndexingMapsArray() == ArrayRef(AffineMap::inferFromExprList(maps, op.getContext()));
  };
  if (hasMaps({{m, k}, {n, k}, {m, n}}))
    return Matmul{op->getOperand(0), op->getOperand(1), std::nullopt};
  Value input = getUnsplit(op->getOperand(0)), weight = getUnsplit(op->getOperand(1));
  if (!hasMaps({{m, k, g, c}, {n, k, g, c}, {m, n}}) || LinalgBuilder::type(input).getRank() != 2 ||
      LinalgBuilder::type(weight).getRank() != 2)
    return std::nullopt;
  return Matmul{input, weight, op.getStaticLoopRanges()[4]};
}

/// Whether `map`, of loops over rows and columns, selects an element by the column.
bool isPerColumn(AffineMap map) {
  return map.getNumResults() == 1 && map.getResult(0) == getAffineDimExpr(1, map.getContext());
}

bool isOfBf16(Value tensor) { return getElementTypeOrSelf(tensor).isBF16(); }

/// Whether some caller passes a constant `weight` of bf16 with an element that is not zero but below kLeastBf16.
bool hasTooSmall(BlockArgument weight, ArrayRef<func::CallOp> callers) {
  return llvm::any_of(callers, [&](func::CallOp call) {
    ElementsAttr value;
    matchPattern(call.getOperand(weight.getArgNumber()), m_Constant(&value));
    FailureOr<Bytes> bytes = readRaw(value);
    if (failed(bytes)) // reported when it is packed
      return false;
    // Without their signs, the bits of numbers are ordered as the numbers are. Those of bf16 are the high half of f32.
    constexpr int kSign = 0x8000;
    ArrayRef<uint16_t> elements(reinterpret_cast<const uint16_t *>(bytes->data()), bytes->size() / sizeof(uint16_t));
    return llvm::any_of(elements, [least = llvm::bit_cast<uint32_t>(numerics::kLeastBf16) >> 16](uint16_t element) {
      uint32_t magnitude = element & (kSign - 1);
      return magnitude != 0 && magnitude < least;
    });
  });
}

bool isConstantInAll(BlockArgument argument, ArrayRef<func::CallOp> callers) {
  return llvm::all_of(
      callers, [&](func::CallOp call) { return matchPattern(call.getOperand(argument.getArgNumber()), m_Constant()); });
}

/// The number of columns of a weight up to the last one that is not zero in the constant of some caller. Columns of
/// zeros come from padding.
int64_t countUsedColumns(BlockArgument weight, ArrayRef<func::CallOp> callers) {
  auto type = cast<RankedTensorType>(weight.getType());
  int64_t columns = type.getDimSize(1), width = bytesOf(type.getElementType()), used = 0;
  for (func::CallOp call : callers) {
    Value constant = call.getOperand(weight.getArgNumber());
    ElementsAttr value;
    if (matchPattern(constant, m_PosZeroFloat()) || matchPattern(constant, m_Zero()))
      continue;
    if (!matchPattern(constant, m_Constant(&value)))
      return columns;
    ArrayRef<char> rest = rawBytes(value);
    // Any other splat uses all columns. A missing resource is reported when it is packed.
    if (int64_t(rest.size()) != type.getDimSize(0) * columns * width)
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

/// Whether `generic` can run on padded columns: the kernel returns its result, it only sees `matmul` element by
/// element, and its operands per column are constants that can be padded.
bool isPaddableEpilogue(linalg::GenericOp generic, linalg::LinalgOp matmul, ArrayRef<func::CallOp> callers) {
  if (!generic->hasOneUse() || !isa<func::ReturnOp>(*generic->user_begin()) || generic.getNumParallelLoops() != 2 ||
      generic.getNumLoops() != 2)
    return false;
  return llvm::all_of(generic.getDpsInputOperands(), [&](OpOperand *input) {
    AffineMap map = generic.getMatchingIndexingMap(input);
    if (input->get() == matmul->getResult(0) ? map.isIdentity() : !map.isFunctionOfDim(1))
      return true;
    auto argument = dyn_cast<BlockArgument>(input->get());
    return isPerColumn(map) && argument && isConstantInAll(argument, callers);
  });
}

struct PackWeights : impl::PackWeightsPassBase<PackWeights> {
  using PackWeightsPassBase::PackWeightsPassBase;

  void runOnOperation() override {
    if (columns <= 0 || columns % kLanes != 0) {
      getOperation().emitError() << "expected columns to be a positive multiple of " << kLanes << ", found "
                                 << columns.getValue();
      return signalPassFailure();
    }
    for (auto kernel : getOperation().getOps<func::FuncOp>())
      if (getDiscardable<VityaDialect::KernelAttrHelper>(kernel))
        if (failed(pack(kernel)))
          return signalPassFailure();
  }

  LogicalResult pack(func::FuncOp kernel) {
    FailureOr<SmallVector<func::CallOp>> callers = callsOf(kernel, getOperation());
    if (failed(callers))
      return failure();
    std::optional<PackableMatmul> packable;
    WalkResult result = kernel.walk([&](linalg::LinalgOp op) {
      std::string reason;
      if (!packable)
        packable = match(op, *callers, reason);
      // The order of the products of bf16 is that of packed weights.
      if (packable || reason.empty() || !isOfBf16(op->getOperand(1)))
        return WalkResult::advance();
      op.emitError("expected a bf16 weight that can be packed: ") << reason;
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return failure();
    if (!packable)
      return extendWeights(kernel, *callers);
    LDBG() << "@" << kernel.getName() << ": " << callers->size() << " weights [" << packable->layout.out << ", "
           << packable->layout.in << "] become " << packable->layout.getTiles() << " inner tiles of "
           << packable->layout.tileColumns << " columns and " << packable->layout.usedIn << " rows, blocking factor "
           << packable->layout.vnniFactor;
    return rewrite(kernel, *callers, *packable);
  }

  /// Replaces the i4 weights of `kernel`, which is not packed, by bytes.
  static LogicalResult extendWeights(func::FuncOp kernel, ArrayRef<func::CallOp> callers) {
    SmallVector<linalg::GenericOp> extensions;
    kernel.walk([&](linalg::GenericOp op) {
      if (getExtension(op->getResult(0)))
        extensions.push_back(op);
    });
    for (linalg::GenericOp extension : extensions) {
      auto weight = dyn_cast<BlockArgument>(extension.getInputs().front());
      if (!weight || !weight.hasOneUse() || !isConstantInAll(weight, callers))
        continue;
      auto bytes = cast<RankedTensorType>(extension->getResult(0).getType());
      extension->getResult(0).replaceAllUsesWith(weight);
      extension.erase();
      if (failed(replaceArgument(weight, bytes, callers, ".bytes", [](Bytes values) { return values; })))
        return failure();
    }
    kernel.setType(FunctionType::get(kernel.getContext(), kernel.getBody().getArgumentTypes(),
                                     kernel.getFunctionType().getResults()));
    return success();
  }

  /// The product that `op` is, if its weight can be packed; else nothing and, if it is a product, the reason.
  std::optional<PackableMatmul> match(linalg::LinalgOp op, ArrayRef<func::CallOp> callers, std::string &why) {
    std::optional<Matmul> matmul = matchMatmul(op);
    if (!matmul)
      return std::nullopt;
    linalg::GenericOp extension = getExtension(matmul->weight);
    auto weight = dyn_cast<BlockArgument>(extension ? extension.getInputs().front() : matmul->weight);
    auto refuse = [&](StringRef reason) -> std::optional<PackableMatmul> {
      why = reason.str();
      LDBG() << "@" << op->getParentOfType<func::FuncOp>().getName() << " keeps its weight: " << reason;
      return std::nullopt;
    };
    if (!weight || !weight.hasOneUse() || (extension && !extension->hasOneUse()))
      return refuse("it is not an argument with one use");
    if (!isConstantInAll(weight, callers))
      return refuse("a caller passes a value that is not constant");
    auto type = cast<RankedTensorType>(weight.getType());
    int64_t out = type.getDimSize(0), in = type.getDimSize(1);
    int64_t factor = getVnniBlockingFactor(getElementTypeOrSelf(matmul->input));
    if (in % factor != 0)
      return refuse("its columns are no multiple of the blocking factor");
    if (isOfBf16(weight) && hasTooSmall(weight, callers))
      return refuse("it has elements that are not zero but below 2^-55");
    int64_t used = std::max<int64_t>(countUsedColumns(weight, callers), 1);
    int64_t usedIn = llvm::alignTo(used, factor * matmul->group.value_or(1));
    WeightLayout layout{
        out, in, usedIn, chooseTileColumns(out, columns), factor, matmul->group, static_cast<bool>(extension)};
    PackableMatmul packable{op, matmul->input, weight, extension, {}, layout};
    if (packable.layout.getPaddedOut() == out)
      return packable;
    // A padded result must be the kernel's, directly or after an epilogue that can be padded, too.
    if (!op->hasOneUse())
      return refuse("the result would be padded and has several uses");
    Operation *user = *op->user_begin();
    if (isa<func::ReturnOp>(user))
      return packable;
    packable.epilogue = dyn_cast<linalg::GenericOp>(user);
    if (!packable.epilogue || !isPaddableEpilogue(packable.epilogue, op, callers))
      return refuse("the result would be padded and its user cannot be");
    return packable;
  }

  LogicalResult rewrite(func::FuncOp kernel, ArrayRef<func::CallOp> callers, PackableMatmul packable) {
    OpBuilder builder(packable.matmul);
    if (failed(replaceWeight(packable, callers)))
      return failure();
    Value result = createPackedMatmul(builder, packable);
    if (packable.epilogue) {
      FailureOr<Value> padded = padEpilogue(packable, result, callers);
      if (failed(padded))
        return failure();
      result = *padded;
    }
    if (packable.layout.getPaddedOut() != packable.layout.out)
      sliceResults(callers, cast<RankedTensorType>(result.getType()), packable.layout.out);
    packable.matmul->getResult(0).replaceAllUsesWith(result);
    packable.matmul->erase();
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, kernel->getRegions()); // the initial value of the matmul
    kernel.setType(builder.getFunctionType(kernel.getBody().getArgumentTypes(),
                                           kernel.getBody().front().getTerminator()->getOperandTypes()));
    return success();
  }

  /// Gives `argument` of a kernel the type `type`, and passes the constants of its callers through `convert`.
  static LogicalResult replaceArgument(BlockArgument argument, RankedTensorType type, ArrayRef<func::CallOp> callers,
                                       StringRef suffix, function_ref<Bytes(Bytes)> convert) {
    argument.setType(type);
    for (func::CallOp call : callers) {
      auto constant = call.getOperand(argument.getArgNumber()).getDefiningOp<arith::ConstantOp>();
      auto value = cast<ElementsAttr>(constant.getValue());
      FailureOr<Bytes> bytes = readRaw(value);
      if (failed(bytes)) {
        InFlightDiagnostic error = constant.emitError("expected a weight with all its bytes");
        error.attachNote(call.getLoc()) << "the weight is packed for this call";
        return error;
      }
      OpBuilder builder(constant);
      auto packed = arith::ConstantOp::create(
          builder, constant.getLoc(),
          makeResource(type, (resourceNameOf(value) + suffix).str(), convert(std::move(*bytes))));
      call.setOperand(argument.getArgNumber(), packed);
      if (constant->use_empty()) {
        constant.erase();
        releaseResource(value);
      }
    }
    return success();
  }

  static LogicalResult replaceWeight(const PackableMatmul &packable, ArrayRef<func::CallOp> callers) {
    auto type = cast<RankedTensorType>(packable.weight.getType());
    return replaceArgument(
        packable.weight, packable.layout.getPackedType(type), callers, ".packed",
        [&](const Bytes &weight) { return packable.layout.pack(weight, bytesOf(type.getElementType())); });
  }

  /// The product of the input and the packed weight, [rows, padded out].
  static Value createPackedMatmul(OpBuilder &builder, PackableMatmul packable) {
    const WeightLayout &layout = packable.layout;
    LinalgBuilder b{builder, packable.matmul.getLoc()};
    int64_t rows = b.size(packable.matmul->getResult(0), 0);
    Value weight = layout.isNibbles ? layout.unpack(b, packable.weight) : Value(packable.weight);
    SmallVector<int64_t> shape{rows, layout.getTiles(), layout.tileColumns};
    Value input = b.firstColumns(packable.input, layout.usedIn);
    // The loops are rows, tiles, columns of a tile, in, and, in VNNI layout, the factors of one dot product and the
    // blocks of a short sum.
    LinalgBuilder::Operand start{b.fill(shape, 0), {0, 1, 2}};
    if (layout.vnniFactor == 1)
      return b.merge(b.contraction(4, {input, {0, 3}}, {weight, {1, 3, 2}}, start), 1);
    if (isOfBf16(input))
      return b.merge(b.contraction(5, {b.split(input, 1, layout.vnniFactor), {0, 3, 4}}, {weight, {1, 3, 2, 4}}, start),
                     1);
    LinalgBuilder::Operand zeros{b.zeros(builder.getI32Type(), shape), {0, 1, 2}};
    if (!layout.group)
      return b.merge(
          b.integerContraction(5, {b.split(input, 1, layout.vnniFactor), {0, 3, 4}}, {weight, {1, 3, 2, 4}}, zeros), 1);
    Value split = b.split(b.split(input, 1, *layout.group * layout.vnniFactor), 2, layout.vnniFactor);
    return b.merge(b.integerContraction(6, {split, {0, 3, 5, 4}}, {weight, {1, 3, 5, 2, 4}}, zeros), 1);
  }

  /// Replaces the epilogue of `packable` by one on all columns of `padded`, with operands padded with zeros.
  static FailureOr<Value> padEpilogue(PackableMatmul packable, Value padded, ArrayRef<func::CallOp> callers) {
    linalg::GenericOp old = packable.epilogue;
    OpBuilder builder(old);
    IRMapping mapping;
    mapping.map(packable.matmul->getResult(0), padded);
    for (OpOperand *input : old.getDpsInputOperands())
      if (isPerColumn(old.getMatchingIndexingMap(input))) {
        auto argument = cast<BlockArgument>(input->get());
        auto type = cast<RankedTensorType>(argument.getType()).clone({packable.layout.getPaddedOut()});
        auto pad = [&](Bytes values) {
          values.resize(packable.layout.getPaddedOut() * type.getElementTypeBitWidth() / 8);
          return values;
        };
        if (failed(replaceArgument(argument, type, callers, ".padded", pad)))
          return failure();
      }
    auto oldType = cast<RankedTensorType>(old.getResult(0).getType());
    auto type = oldType.clone({oldType.getDimSize(0), packable.layout.getPaddedOut()});
    mapping.map(old.getOutputs()[0],
                tensor::EmptyOp::create(builder, old.getLoc(), type.getShape(), type.getElementType()).getResult());
    auto wide = cast<linalg::GenericOp>(builder.clone(*old, mapping));
    wide->getResult(0).setType(type);
    old->getResult(0).replaceAllUsesWith(wide->getResult(0));
    old->erase();
    return wide->getResult(0);
  }

  /// Gives the results of `callers` the type `type`, and their users the first `columns` columns.
  static void sliceResults(ArrayRef<func::CallOp> callers, RankedTensorType type, int64_t columns) {
    for (func::CallOp call : callers) {
      OpBuilder builder(call->getContext());
      builder.setInsertionPointAfter(call);
      LinalgBuilder b{builder, call.getLoc()};
      Value result = call.getResult(0);
      result.setType(type);
      Value slice = b.firstColumns(result, columns);
      result.replaceAllUsesExcept(slice, slice.getDefiningOp());
    }
  }
};

} // namespace
} // namespace vitya
