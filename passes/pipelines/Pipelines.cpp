// The passes of each pipeline, in order, each with the reason why it runs there.
#include "passes/pipelines/Pipelines.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/analysis/Passes.h"
#include "passes/equalize/Passes.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/linalg/Passes.h"
#include "passes/lower/loops/Passes.h"
#include "passes/lowrank/Passes.h"
#include "passes/quantize/Passes.h"
#include "passes/simplify/Passes.h"
#include "passes/verify/Passes.h"

using namespace mlir;

namespace vitya {

namespace {

struct CompressPipelineOptions : PassPipelineOptions<CompressPipelineOptions> {
  Option<std::string> lowRank{*this, "low-rank",
                              llvm::cl::desc("Options of vitya-low-rank, such as {keep=0.25 method=joint}; without "
                                             "them no layer is factorised.")};
  Option<std::string> smooth{*this, "smooth",
                             llvm::cl::desc("Options of vitya-smooth, such as {alpha=0.5}; without them no activation "
                                            "is smoothed.")};
  Option<std::string> quantize{*this, "quantize", llvm::cl::init(CompressText().quantize),
                               llvm::cl::desc("none, static or dynamic, and options of vitya-quantize-static or "
                                              "vitya-quantize-dynamic, such as {static observer=mse}.")};
  Option<std::string> precision{*this, "precision", llvm::cl::init(CompressText().precision),
                                llvm::cl::desc("f32, or bf16 and options of vitya-convert-to-bf16, such as "
                                               "{bf16 except=head}, for the layers that are not quantized.")};
  Option<std::string> images{*this, "images",
                             llvm::cl::desc("Images that compression runs the model on: a folder or list of pictures, "
                                            "an .npy array or CIFAR-10 records.")};
  Option<int64_t> count{*this, "count", llvm::cl::init(0),
                        llvm::cl::desc("Use only the first `count` images; 0 uses all.")};
};

struct LinalgOptions : PassPipelineOptions<LinalgOptions> {
  Option<int64_t> activationBits{*this, "activation-bits", llvm::cl::desc("Bits of a quantized activation: 8 or 16."),
                                 llvm::cl::init(TargetInfo().activationBits)};
};

struct LoopsOptions : PassPipelineOptions<LoopsOptions> {
  Option<int64_t> rows{*this, "rows", llvm::cl::desc("Rows of a register tile."), llvm::cl::init(TargetInfo().rows)};
  Option<int64_t> columns{*this, "columns", llvm::cl::desc("Columns of a register tile and of a panel of weights."),
                          llvm::cl::init(TargetInfo().columns)};
};

struct LLVMOptions : PassPipelineOptions<LLVMOptions> {
  Option<bool> dotBf16{*this, "dot-bf16", llvm::cl::desc("Whether the processor has a dot product of bf16."),
                       llvm::cl::init(TargetInfo().dotBf16)};
  Option<int64_t> vectorBits{*this, "vector-bits", llvm::cl::desc("Bits of a register: 256 or 512."),
                             llvm::cl::init(TargetInfo().vectorBits)};
  Option<int64_t> activationBits{*this, "activation-bits", llvm::cl::desc("Bits of a quantized activation: 8 or 16."),
                                 llvm::cl::init(TargetInfo().activationBits)};
};

} // namespace

void buildContractPipeline(OpPassManager &pm, Phase phase) {
  pm.addPass(createVerifyPhasePass({stringifyPhase(phase).str()}));
}

void buildPreparePipeline(OpPassManager &pm, const CompressOptions &options, ModelReport *report) {
  // Low rank comes first: it fits factors to all tokens, also to those that nothing reads and whose rows are dropped
  // later, and quantization rounds the factors.
  if (options.lowRank)
    pm.addPass(createLowRankPass(*options.lowRank, report));
  // Rotations come before the passes that depend on the columns that they mix: smoothing, the fit and calibration.
  if (options.quantizes())
    pm.addPass(createRotatePass());
  if (!options.smooth && !options.quantizes())
    return;
  // Query, key and value each need a range and a smoothing factor of their own, which a fused layer cannot have.
  pm.addPass(createSplitLinearsPass());
  // Smoothing changes the activations, so it precedes the passes that look at them.
  if (options.smooth)
    pm.addPass(createSmoothPass(*options.smooth));
  // The fit needs all tokens, as low rank does.
  if (options.fit)
    pm.addPass(createFitWeightsPass(*options.fit));
  // Ranges are observed on the rows that are read, so the others go before calibration.
  pm.addPass(createDropUnreadRowsPass());
  pm.addPass(createCanonicalizerPass());
  // The ranges of calibration hold for exactly this model.
  if (options.quantizesStatically())
    pm.addPass(createCalibratePass(options.calibration));
}

void buildQuantizePipeline(OpPassManager &pm, const CompressOptions &options) {
  if (auto *quantize = std::get_if<QuantizeStaticPassOptions>(&options.quantize))
    pm.addPass(createQuantizeStaticPass(*quantize));
  if (auto *quantize = std::get_if<QuantizeDynamicPassOptions>(&options.quantize))
    pm.addPass(createQuantizeDynamicPass(*quantize));
  // Quantization starts from f32, so the layers that it leaves in f32 are converted after it.
  if (options.bf16)
    pm.addPass(createConvertToBf16Pass(*options.bf16));
}

void buildDescribePipeline(OpPassManager &pm) {
  // Simplify first, so that the description counts only the work that remains.
  pm.addPass(createDropUnreadRowsPass());
  pm.addPass(createDropKeyBiasesPass());
  pm.addPass(createCanonicalizerPass());
  // The proof is part of the description, and needs the weights as they will be computed with.
  pm.addPass(createProveShortSumsPass());
  // Describe while layers are still ops: after this phase they become kernels.
  pm.addPass(createDescribeModelPass());
  buildContractPipeline(pm, Phase::compress);
}

void buildCompressPipeline(OpPassManager &pm, const CompressOptions &options) {
  buildPreparePipeline(pm, options);
  buildQuantizePipeline(pm, options);
  buildDescribePipeline(pm);
}

/// From `compress` to `linalg`.
static void buildLinalgPipeline(OpPassManager &pm, const TargetInfo &target) {
  // The model is described as it was trained, with a class token and a position embedding of its own. From here on
  // only the code matters, in which the sum can be part of another kernel.
  pm.addPass(createAddBeforeConcatPass());
  // Pad ranks before outlining: full tiles let more ops fuse.
  pm.addPass(createPadWidthsPass());
  // Scales become operands, so that layers that differ only in their scales share one kernel.
  pm.addPass(createLowerQuantizationPass({target.activationBits}));
  // Outline kernels before lowering to linalg: all blocks share the same kernels, so each is lowered only once.
  pm.addPass(createOutlineKernelsPass());
  pm.addNestedPass<func::FuncOp>(createVityaToLinalgPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  buildContractPipeline(pm, Phase::linalg);
}

/// From `linalg` to `loops`.
static void buildLoopsPipeline(OpPassManager &pm, const TargetInfo &target) {
  // Packing changes kernels and constants together, so it runs while both are tensors.
  pm.addPass(createPackWeightsPass({target.columns}));
  pm.addNestedPass<func::FuncOp>(createTileKernelsPass({target.rows, target.columns}));
  // After tiling, one loop computes the result of each kernel, and can write it directly into the caller's buffer.
  pm.addPass(createAddDestinationsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createVectorizeKernelsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  // Bufferize. Kernels take and return whole contiguous buffers.
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  // The first canonicalization exposes copies of a buffer onto itself, the second removes them.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createShareRowsPass());
  // Turn kernels into loops whose iterations threads can share, then assign each intermediate buffer its place.
  pm.addPass(createOutlineLoopsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPlanMemoryPass());
  pm.addPass(createCSEPass());
  buildContractPipeline(pm, Phase::loops);
}

/// From `loops` to `llvm`.
static void buildLLVMPipeline(OpPassManager &pm, const TargetInfo &target) {
  // Do not canonicalize between here and LLVM: that would turn chains of vector inserts into huge constructions.
  pm.addNestedPass<func::FuncOp>(
      createLowerVectorsPass({target.vectorBits, target.activationBits == 8, target.dotBf16, target.instructions}));
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertMathToLLVMPass());
  // Buffers are static, so bare pointers suffice: the runtime passes an array of them.
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  pm.addPass(createConvertFuncToLLVMPass(functions));
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createUBToLLVMConversionPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createLaunchLoopsPass());
  buildContractPipeline(pm, Phase::llvm);
}

void buildPhasePipeline(OpPassManager &pm, Phase phase, const TargetInfo &target) {
  switch (phase) {
  case Phase::import:
    return buildContractPipeline(pm, phase);
  case Phase::compress:
    return buildCompressPipeline(pm, CompressOptions());
  case Phase::linalg:
    return buildLinalgPipeline(pm, target);
  case Phase::loops:
    return buildLoopsPipeline(pm, target);
  case Phase::llvm:
    return buildLLVMPipeline(pm, target);
  }
}

OpPassManager &nestOnModels(OpPassManager &pm, ModuleOp module) {
  return getDiscardable<VityaDialect::CascadeAttrHelper>(module) ? pm.nest<ModuleOp>() : pm;
}

void registerVityaPasses() {
  registerVityaAnalysisPasses();
  registerVityaSimplifyPasses();
  registerVityaLowRankPasses();
  registerVityaEqualizePasses();
  registerVityaQuantizePasses();
  registerVityaLowerLinalgPasses();
  registerVityaLowerKernelsPasses();
  registerVityaLowerLoopsPasses();
  registerVityaVerifyPasses();
}

/// Registers the compress pipeline by hand: PassPipelineRegistration has no way to report an error of its builder.
static void registerCompressPipeline() {
  auto build = [](OpPassManager &pm, StringRef text, function_ref<LogicalResult(const Twine &)> report) {
    CompressPipelineOptions parsed;
    if (failed(parsed.parseFromString(text)))
      return failure();
    llvm::Expected<CompressOptions> options = parseCompressOptions(
        {parsed.lowRank, parsed.smooth, parsed.quantize, parsed.images, parsed.count, parsed.precision}, /*prefix=*/"");
    if (!options)
      return report(llvm::toString(options.takeError()));
    buildContractPipeline(pm, Phase::import);
    buildCompressPipeline(pm, *options);
    return success();
  };
  registerPassPipeline(
      "vitya-pipeline-compress", "import to compress", build,
      [](function_ref<void(const mlir::detail::PassOptions &)> handle) { handle(CompressPipelineOptions()); });
}

void registerVityaPipelines() {
  registerCompressPipeline();
  // A pipeline that vitya-opt runs cannot rely on where its input comes from, so it checks the contract first.
  auto from = [](Phase phase, auto build) {
    return [=](OpPassManager &pm, const auto &...options) {
      buildContractPipeline(pm, phase);
      build(pm, options...);
    };
  };
  PassPipelineRegistration<LinalgOptions>("vitya-pipeline-linalg", "compress to linalg",
                                          from(Phase::compress, [](OpPassManager &pm, const LinalgOptions &options) {
                                            TargetInfo target;
                                            target.activationBits = options.activationBits;
                                            buildLinalgPipeline(pm, target);
                                          }));
  PassPipelineRegistration<LoopsOptions>("vitya-pipeline-loops", "linalg to loops",
                                         from(Phase::linalg, [](OpPassManager &pm, const LoopsOptions &options) {
                                           buildLoopsPipeline(pm, {options.rows, options.columns});
                                         }));
  PassPipelineRegistration<LLVMOptions>("vitya-pipeline-llvm", "loops to llvm",
                                        from(Phase::loops, [](OpPassManager &pm, const LLVMOptions &options) {
                                          TargetInfo target;
                                          target.vectorBits = options.vectorBits;
                                          target.activationBits = options.activationBits;
                                          target.dotBf16 = options.dotBf16;
                                          buildLLVMPipeline(pm, target);
                                        }));
}

} // namespace vitya
