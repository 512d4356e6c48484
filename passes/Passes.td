// The table of contents of the compiler: every pass, alphabetical within its banner. Each description says what holds
// before, what holds after, and shows one example that is also a lit test.

#ifndef VITYA_PASSES
#define VITYA_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// compress/: rewrites of the model
//===----------------------------------------------------------------------===//

def DescribeModelPass : Pass<"vitya-describe-model", "::mlir::ModuleOp"> {
  let summary = "write down what the model has become";
  let description = [{
    Ends the `compress` phase, while layers are still ops: puts on the module `vitya.linears` (one
    `#vitya.linear_info` for each linear layer in program order), `vitya.parameters`, `vitya.multiply_adds` (of one
    inference, in linear layers and attention) and `vitya.fingerprint`. Nothing else changes.

    ```mlir
    module attributes {vitya.linears = [#vitya.linear_info<"head", in = 192, out = 10, format = "f32",
                                                           reason = "no compression asked for">],
                       vitya.multiply_adds = 1920 : i64, vitya.parameters = 1930 : i64} {}
    ```
  }];
}

//===----------------------------------------------------------------------===//
// lower/: from vitya to LLVM
//===----------------------------------------------------------------------===//

def AddDestinationsPass : Pass<"vitya-add-destinations", "::mlir::ModuleOp"> {
  let summary = "kernels write into buffers of their callers";
  let description = [{
    Before: kernels return tensors they make. After: a kernel's last argument is the tensor its parallel loop writes
    into, and each caller passes an empty one, which becomes a buffer that `vitya-plan-memory` places.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def LaunchLoopsPass : Pass<"vitya-launch-loops", "::mlir::ModuleOp"> {
  let summary = "call outlined loops through the runtime's vitya_parallel_for";
  let description = [{
    Before: an LLVM dialect module whose calls marked `vitya.loop` run all iterations of an outlined loop.
    After: each of them packs the buffers into an array and calls `vitya_parallel_for(context, layer, count, body,
    captures)`; `@main` is `@vitya_forward(context, image, logits, weights, workspace)`. The names of the layers, in
    the order of their numbers, stand on the module as `vitya.layers`.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def LowerVectorsPass : Pass<"vitya-lower-vectors", "::mlir::func::FuncOp"> {
  let summary = "turn vector contractions, transfers and math into what LLVM has instructions for";
  let description = [{
    Before: memrefs and n-D vectors. After: contractions are outer products of explicit fused multiply-adds, transfers
    and elementwise ops are one-dimensional, reductions across a vector are a fixed tree of shuffles, and `math` ops
    are polynomials: no call is left in an inner loop.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::math::MathDialect"];
}

def OutlineKernelsPass : Pass<"vitya-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "group ops into kernels and share the kernels that are alike";
  let description = [{
    Before: `@main` holds the ops of the model. After: `@main` holds constants, slices and calls; each call stands for
    one group of ops, such as a linear layer with the GELU and the residual behind it, and groups that differ only in
    layer names and weights call the same private function, marked `vitya.kernel`. The call carries the layer's name
    as `vitya.layer`. Lowering then works on each distinct kernel once.

    ```mlir
    %0 = call @linear_gelu_65x192x768(%x, %w, %b) {vitya.layer = "blocks.0.mlp.fc1"}
       : (tensor<65x192xf32>, tensor<768x192xf32>, tensor<768xf32>) -> tensor<65x768xf32>
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def OutlineLoopsPass : Pass<"vitya-outline-loops", "::mlir::ModuleOp"> {
  let summary = "make each parallel loop a function over a range and @main a list of their calls";
  let description = [{
    Before: bufferized kernels that hold `scf.forall` loops, and calls of kernels in `@main`. After: each loop is a
    private function `(buffers..., begin, end)`, `@main` calls it for all iterations (marked `vitya.loop`, with the
    layer's name), and the kernels are gone. Scratch buffers of an iteration stand at the function's entry, on the
    stack.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def PackWeightsPass : Pass<"vitya-pack-weights", "::mlir::ModuleOp"> {
  let summary = "lay constant weights out in panels";
  let description = [{
    Before: kernels multiply by `[out, in]` weights that every caller passes as a constant. After: those constants are
    `[out / panel, in, panel]`, each panel contiguous in the order in which the inner loop reads it; rows that the
    last panel lacks are zero, and results that grew for that are sliced by the caller. Weights that are not constant
    stay as they are.
  }];
  let options = [Option<"panel", "panel", "int64_t", "16", "Columns of one panel: a multiple of 16.">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def PlanMemoryPass : Pass<"vitya-plan-memory", "::mlir::ModuleOp"> {
  let summary = "one blob of weights, one workspace";
  let description = [{
    Before: `@main` allocates the buffers between its calls and refers to global constants. After: it takes two more
    arguments, the weights and the workspace, and every buffer is a view of one of them at a fixed offset that is a
    multiple of 64. Buffers that do not live at the same time share space. The weights stand on the module as the
    resource `vitya.weights`, their size and the workspace's as `vitya.workspace_bytes`.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def TileKernelsPass : Pass<"vitya-tile-kernels", "::mlir::func::FuncOp"> {
  let summary = "parallel loops, cache and register tiles for each kernel";
  let description = [{
    Before: a kernel is a chain of linalg ops on whole tensors. After: it is one `scf.forall` (over panels of weights,
    rows or heads), inside which producers are fused into tiles of `rows` rows and every linalg op has the size of a
    few vector registers. Remainders have loops of their own, so every size is static.
  }];
  let options = [
    Option<"rows", "rows", "int64_t", "6", "Rows of a register tile of a contraction.">,
    Option<"columns", "columns", "int64_t", "16", "Columns of a register tile of a contraction.">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::scf::SCFDialect", "::mlir::affine::AffineDialect"];
}

def VectorizeKernelsPass : Pass<"vitya-vectorize-kernels", "::mlir::func::FuncOp"> {
  let summary = "vectorize tiled linalg ops and keep accumulators in registers";
  let description = [{
    Before: linalg ops of register size inside loops. After: vector ops on the same tensors; accumulators are vectors
    that the loops carry, and no linalg op is left.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::tensor::TensorDialect", "::mlir::scf::SCFDialect",
                           "::mlir::affine::AffineDialect"];
}

def VityaToLinalgPass : Pass<"vitya-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "lower vitya ops to linalg on tensors";
  let description = [{
    Before: vitya ops and elementwise arith ops on tensors. After: linalg, tensor, math and scf only. Rows that a
    reduction runs along are cut into groups of 16 lanes, reduced lane by lane and then across: one reduction tree,
    whatever the width of the machine's vectors.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::math::MathDialect",
                           "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

//===----------------------------------------------------------------------===//
// verify/: contracts between phases
//===----------------------------------------------------------------------===//

def VerifyPhasePass : Pass<"vitya-verify-phase", "::mlir::ModuleOp"> {
  let summary = "check that the module keeps the contract of a phase, and name the phase";
  let description = [{
    Before: a module that a pipeline has brought to the end of `phase`. After: the same with `vitya.phase` set; a module
    that holds ops or types that the phase does not allow is an error at the first of them.
  }];
  let options = [Option<"phase", "phase", "std::string", "\"import\"",
                        "import, compress, linalg, loops or llvm.">];
}

#endif // VITYA_PASSES
