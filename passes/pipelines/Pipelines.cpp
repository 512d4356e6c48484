// The pipelines, as a list of reasons.
#include "passes/pipelines/Pipelines.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassOptions.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/analysis/Passes.h"
#include "passes/lower/kernels/Passes.h"
#include "passes/lower/linalg/Passes.h"
#include "passes/lowrank/Passes.h"
#include "passes/quantize/Passes.h"
#include "passes/verify/Passes.h"

using namespace mlir;

namespace vitya {

namespace {

struct LinalgOptions : PassPipelineOptions<LinalgOptions> {
  Option<int64_t> activationBits{*this, "activation-bits", llvm::cl::desc("Bits of a quantized activation: 8 or 16."),
                                 llvm::cl::init(TargetInfo().activationBits)};
};

struct LoopsOptions : PassPipelineOptions<LoopsOptions> {
  Option<int64_t> rows{*this, "rows", llvm::cl::desc("Rows of a register target."), llvm::cl::init(TargetInfo().rows)};
  Option<int64_t> columns{*this, "columns", llvm::cl::desc("Columns of a register tile and of a panel of weights."),
                          llvm::cl::init(TargetInfo().columns)};
};

struct LLVMOptions : PassPipelineOptions<LLVMOptions> {
  Option<int64_t> vectorBits{*this, "vector-bits", llvm::cl::desc("Bits of a register: 256 or 512."),
                             llvm::cl::init(TargetInfo().vectorBits)};
};

} // namespace

void buildContractPipeline(OpPassManager &pm, Phase phase) {
  pm.addPass(createVerifyPhasePass({stringifyPhase(phase).str()}));
}

void buildCompressPipeline(OpPassManager &pm) {
  // Identities first, so that no later pass spends work on what they remove.
  pm.addPass(createCanonicalizerPass());
  // Layers are still ops here: the last chance to say what they are.
  pm.addPass(createDescribeModelPass());
  buildContractPipeline(pm, Phase::compress);
}

void buildLinalgPipeline(OpPassManager &pm, const TargetInfo &target) {
  // Ranks first: where nothing is cut off, kernels can do more.
  pm.addPass(createPadWidthsPass());
  // Scales become operands, so that layers which differ in them alone are one kernel.
  pm.addPass(createLowerQuantizationPass({target.activationBits}));
  // Kernels before linalg: twelve blocks share the same few functions, and each is lowered once.
  pm.addPass(createOutlineKernelsPass());
  pm.addNestedPass<func::FuncOp>(createVityaToLinalgPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  buildContractPipeline(pm, Phase::linalg);
}

void buildLoopsPipeline(OpPassManager &pm, const TargetInfo &target) {
  // Packing changes kernels and constants together, so it comes while both are tensors.
  pm.addPass(createPackWeightsPass({target.columns}));
  pm.addNestedPass<func::FuncOp>(createTileKernelsPass({target.rows, target.columns}));
  // After tiling there is one loop that makes each kernel's result: it can write straight into the caller's buffer.
  pm.addPass(createAddDestinationsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createVectorizeKernelsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  // Bufferize. Kernels take and return whole, contiguous buffers.
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion = bufferization::LayoutMapOption::IdentityLayoutMap;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  // Copies of a buffer onto itself only show after a second canonicalization.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createCanonicalizerPass());
  // From kernels to loops that a thread can take a part of, then a place for every buffer between them.
  pm.addPass(createOutlineLoopsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createPlanMemoryPass());
  pm.addPass(createCSEPass());
  buildContractPipeline(pm, Phase::loops);
}

void buildLLVMPipeline(OpPassManager &pm, const TargetInfo &target) {
  // No canonicalization between the outer products and LLVM: it turns chains of inserts into huge constructions.
  pm.addNestedPass<func::FuncOp>(createLowerVectorsPass({target.vectorBits}));
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createConvertVectorToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertMathToLLVMPass());
  // Static buffers are bare pointers: the runtime passes an array of them.
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
    return buildCompressPipeline(pm);
  case Phase::linalg:
    return buildLinalgPipeline(pm, target);
  case Phase::loops:
    return buildLoopsPipeline(pm, target);
  case Phase::llvm:
    return buildLLVMPipeline(pm, target);
  }
}

void registerVityaPasses() {
  registerVityaAnalysisPasses();
  registerVityaLowRankPasses();
  registerVityaQuantizePasses();
  registerVityaLowerLinalgPasses();
  registerVityaLowerKernelsPasses();
  registerVityaVerifyPasses();
}

void registerVityaPipelines() {
  // On its own a pipeline does not know where its input comes from, and checks that first.
  auto from = [](Phase phase, auto build) {
    return [=](OpPassManager &pm, const auto &...options) {
      buildContractPipeline(pm, phase);
      build(pm, options...);
    };
  };
  PassPipelineRegistration<>("vitya-pipeline-compress", "import to compress",
                             from(Phase::import, buildCompressPipeline));
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
                                          buildLLVMPipeline(pm, target);
                                        }));
}

} // namespace vitya
