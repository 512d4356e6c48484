// The passes of passes/lower/loops/, which lower vectorized kernels on buffers to the LLVM dialect and calls of the
// runtime. Each description shows one example before and after the pass, which test/passes/examples.test runs.
#ifndef VITYA_PASSES_LOWER_LOOPS_PASSES
#define VITYA_PASSES_LOWER_LOOPS_PASSES

include "mlir/Pass/PassBase.td"

def LaunchLoopsPass : Pass<"vitya-launch-loops", "::mlir::ModuleOp"> {
  let summary = "call outlined loops through the runtime's vitya_parallel_for";
  let description = [{
    Before: a module of the LLVM dialect, in which a call marked `vitya.loop` runs all iterations of an outlined loop.
    After: each such call stores its buffers in an array and calls `vitya_parallel_for(context, layer, count, body,
    captures)`, and `@main` has become `@vitya_forward(context, image, logits, weights, workspace)`. `layer` is an index
    into the names of the layers, which the module has as `vitya.layers`. A loop keeps at most 16 KB of its buffers on the
    stack; the largest ones move to the end of the workspace of the thread that runs the iterations, which `body` gets as
    its last argument, and `vitya.workspace_bytes` grows. `vitya.work` moves from the loop to `body`.

    Before:

    ```mlir
    llvm.func @main(%image: !llvm.ptr, %logits: !llvm.ptr, %weights: !llvm.ptr, %workspace: !llvm.ptr) {
      %begin = llvm.mlir.constant(0 : index) : i64
      %end = llvm.mlir.constant(4 : index) : i64
      llvm.call @double(%image, %logits, %begin, %end) {vitya.layer = "double", vitya.loop}
        : (!llvm.ptr, !llvm.ptr, i64, i64) -> ()
      llvm.return
    }
    llvm.func @double(%x: !llvm.ptr, %out: !llvm.ptr, %begin: i64, %end: i64) {
      llvm.return
    }
    ```

    After:

    ```mlir
    module attributes {vitya.layers = ["double"]} {
      llvm.func @vitya_parallel_for(!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr)
      llvm.func @vitya_forward(%context: !llvm.ptr, %image: !llvm.ptr, %logits: !llvm.ptr, %weights: !llvm.ptr,
                               %workspace: !llvm.ptr) {
        %size = llvm.mlir.constant(4 : i64) : i64
        %captures = llvm.alloca %size x !llvm.ptr : (i64) -> !llvm.ptr
        %begin = llvm.mlir.constant(0 : index) : i64
        %end = llvm.mlir.constant(4 : index) : i64
        %first = llvm.getelementptr %captures[0] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        llvm.store %image, %first : !llvm.ptr, !llvm.ptr
        %second = llvm.getelementptr %captures[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        llvm.store %logits, %second : !llvm.ptr, !llvm.ptr
        %layer = llvm.mlir.constant(0 : i64) : i64
        %body = llvm.mlir.addressof @double_body : !llvm.ptr
        llvm.call @vitya_parallel_for(%context, %layer, %end, %body, %captures)
          : (!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr) -> ()
        llvm.return
      }
      llvm.func @double(%x: !llvm.ptr, %out: !llvm.ptr, %begin: i64, %end: i64) {
        llvm.return
      }
      llvm.func internal @double_body(%captures: !llvm.ptr, %begin: i64, %end: i64, %workspace: !llvm.ptr) {
        %first = llvm.getelementptr %captures[0] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        %x = llvm.load %first : !llvm.ptr -> !llvm.ptr
        %second = llvm.getelementptr %captures[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        %out = llvm.load %second : !llvm.ptr -> !llvm.ptr
        llvm.call @double(%x, %out, %begin, %end) : (!llvm.ptr, !llvm.ptr, i64, i64) -> ()
        llvm.return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::vitya::VityaDialect"];
}

def LowerVectorsPass : Pass<"vitya-lower-vectors", "::mlir::func::FuncOp"> {
  let summary = "lower vector contractions, transfers and math functions to instructions";
  let description = [{
    Before: memrefs and n-D vectors. After:

    * Contractions of f32 are outer products of explicit fused multiply-adds.
    * Contractions of integers in VNNI layout are dot product instructions. If the contraction has a loop over the blocks of
      short sums, they are products of bytes that are added in 16 bits.
    * Contractions of bf16 are `vdpbf16ps`, or two fused multiply-adds of f32 with the same result.
    * Transfers and elementwise ops are one-dimensional. Stores of 32-bit elements have at most 16 of them.
    * Copies between buffers are loops over vectors of 16 elements and, at the end of a row, of fewer.
    * Reductions across a vector are trees of shuffles in a fixed order.
    * `math` functions are polynomials, so no inner loop calls a function.

    SSE2 has neither a fused multiply-add nor an instruction that rounds to integers. There, contractions of f32 round each product before it is added, and all other fused multiply-adds and
    roundings are exact sequences of instructions.

    Before:

    ```mlir
    func.func @product(%a: vector<2x1xf32>, %b: vector<1x16xf32>, %c: vector<2x16xf32>) -> vector<2x16xf32> {
      %0 = vector.contract {indexing_maps = [affine_map<(n, c, i) -> (n, i)>, affine_map<(n, c, i) -> (i, c)>,
                                             affine_map<(n, c, i) -> (n, c)>],
                            iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
        %a, %b, %c : vector<2x1xf32>, vector<1x16xf32> into vector<2x16xf32>
      return %0 : vector<2x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @product(%a: vector<2x1xf32>, %b: vector<1x16xf32>, %c: vector<2x16xf32>) -> vector<2x16xf32> {
      %zero = arith.constant dense<0.0> : vector<2x16xf32>
      %row = vector.extract %b[0] : vector<16xf32> from vector<1x16xf32>
      %a0 = vector.extract %a[0, 0] : f32 from vector<2x1xf32>
      %spread0 = vector.broadcast %a0 : f32 to vector<16xf32>
      %c0 = vector.extract %c[0] : vector<16xf32> from vector<2x16xf32>
      %sum0 = vector.fma %spread0, %row, %c0 : vector<16xf32>
      %0 = vector.insert %sum0, %zero [0] : vector<16xf32> into vector<2x16xf32>
      %a1 = vector.extract %a[1, 0] : f32 from vector<2x1xf32>
      %spread1 = vector.broadcast %a1 : f32 to vector<16xf32>
      %c1 = vector.extract %c[1] : vector<16xf32> from vector<2x16xf32>
      %sum1 = vector.fma %spread1, %row, %c1 : vector<16xf32>
      %1 = vector.insert %sum1, %0 [1] : vector<16xf32> into vector<2x16xf32>
      return %1 : vector<2x16xf32>
    }
    ```
  }];
  let options = [
    Option<"bits", "bits", "int64_t", "256", "Size of a vector register in bits: 256 or 512 with x86, else 128.">,
    Option<"dotBytes", "dot-bytes", "bool", "true", "Whether the processor has a dot product of bytes.">,
    Option<"dotBf16", "dot-bf16", "bool", "false", "Whether the processor has a dot product of bf16, `vdpbf16ps`.">,
    Option<"instructions", "instructions", "::vitya::InstructionSet", "::vitya::InstructionSet::x86",
           "The instructions that multiply integers:",
           [{::llvm::cl::values(
               clEnumValN(::vitya::InstructionSet::x86, "x86", "vpmaddubsw, vpmaddwd and vpdpbusd"),
               clEnumValN(::vitya::InstructionSet::sse2, "sse2", "pmaddwd; products of f32 are rounded before they are added"),
               clEnumValN(::vitya::InstructionSet::neon, "neon", "smlal, sadalp and sdot of AArch64"),
               clEnumValN(::vitya::InstructionSet::neonI8mm, "neon-i8mm", "these and usdot"))}]>];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::math::MathDialect"];
}

def ShareRowsPass : Pass<"vitya-share-rows", "::mlir::func::FuncOp"> {
  let summary = "divide the rows of a kernel's parallel loop among threads, too";
  let description = [{
    Before: a bufferized kernel with an `scf.forall` loop of few iterations, which contains an `scf.forall` loop over
    tiles of rows. After: one loop over parts of both, which threads share more evenly. A part has some of the tiles of
    one iteration of the outer loop. The ops after the inner loop, such as those for rows that do not fill a tile, belong to the
    last part. The ops before it must not write to buffers, because each part repeats them.

    Before:

    ```mlir
    func.func private @kernel(%x: memref<13x32xf32>, %y: memref<13x32xf32>) attributes {vitya.kernel} {
      %c12 = arith.constant 12 : index
      %c16 = arith.constant 16 : index
      scf.forall (%i) in (1) {
        %column = arith.muli %i, %c16 : index
        scf.forall (%row) in (12) {
          %value = vector.load %x[%row, %column] : memref<13x32xf32>, vector<16xf32>
          vector.store %value, %y[%row, %column] : memref<13x32xf32>, vector<16xf32>
        }
        %last = vector.load %x[%c12, %column] : memref<13x32xf32>, vector<16xf32>
        vector.store %last, %y[%c12, %column] : memref<13x32xf32>, vector<16xf32>
      }
      return
    }
    ```

    After:

    ```mlir
    func.func private @kernel(%x: memref<13x32xf32>, %y: memref<13x32xf32>) attributes {vitya.kernel} {
      %c12 = arith.constant 12 : index
      %c16 = arith.constant 16 : index
      scf.forall (%both) in (6) {
        %c6 = arith.constant 6 : index
        %i = arith.divui %both, %c6 : index
        %part = arith.remui %both, %c6 : index
        %column = arith.muli %i, %c16 : index
        %c2 = arith.constant 2 : index
        %begin = arith.muli %part, %c2 : index
        %end = arith.addi %begin, %c2 : index
        %c1 = arith.constant 1 : index
        scf.for %row = %begin to %end step %c1 {
          %value = vector.load %x[%row, %column] : memref<13x32xf32>, vector<16xf32>
          vector.store %value, %y[%row, %column] : memref<13x32xf32>, vector<16xf32>
        }
        %c5 = arith.constant 5 : index
        %is_last = arith.cmpi eq, %part, %c5 : index
        scf.if %is_last {
          %last = vector.load %x[%c12, %column] : memref<13x32xf32>, vector<16xf32>
          vector.store %last, %y[%c12, %column] : memref<13x32xf32>, vector<16xf32>
        }
      }
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect"];
}

def OutlineLoopsPass : Pass<"vitya-outline-loops", "::mlir::ModuleOp"> {
  let summary = "outline each parallel loop of a kernel, and inline the rest into the callers";
  let description = [{
    Before: bufferized kernels with `scf.forall` loops, and calls of these kernels in `@main`. After: each loop is a
    private function `(buffers..., begin, end)`, which `@main` calls for all iterations. The call is marked `vitya.loop`
    and has the name of the layer. The first loop has the `vitya.work` of the kernel. The kernels are inlined and erased. The
    results of `@main` become arguments that it writes into. Buffers that an iteration allocates are allocated once, at the function's entry. Vectors defined
    outside a loop are passed through a buffer.

    Before:

    ```mlir
    func.func @main(%x: memref<4x16xf32>, %out: memref<4x16xf32>) {
      call @double(%x, %out) {vitya.layer = "blocks.0.double"} : (memref<4x16xf32>, memref<4x16xf32>) -> ()
      return
    }
    func.func private @double(%x: memref<4x16xf32>, %out: memref<4x16xf32>) attributes {vitya.kernel} {
      scf.forall (%i) in (4) {
        %scratch = memref.alloc() : memref<16xf32>
        %c0 = arith.constant 0 : index
        %row = vector.load %x[%i, %c0] : memref<4x16xf32>, vector<16xf32>
        vector.store %row, %scratch[%c0] : memref<16xf32>, vector<16xf32>
        %copy = vector.load %scratch[%c0] : memref<16xf32>, vector<16xf32>
        %sum = arith.addf %row, %copy : vector<16xf32>
        vector.store %sum, %out[%i, %c0] : memref<4x16xf32>, vector<16xf32>
      }
      return
    }
    ```

    After:

    ```mlir
    func.func @main(%x: memref<4x16xf32>, %out: memref<4x16xf32>) {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      call @double(%x, %out, %c0, %c4) {vitya.layer = "blocks.0.double", vitya.loop}
        : (memref<4x16xf32>, memref<4x16xf32>, index, index) -> ()
      return
    }
    func.func private @double(%x: memref<4x16xf32>, %out: memref<4x16xf32>, %begin: index, %end: index) {
      %scratch = memref.alloca() {alignment = 64 : i64} : memref<16xf32>
      %c1 = arith.constant 1 : index
      scf.for %i = %begin to %end step %c1 {
        %c0 = arith.constant 0 : index
        %row = vector.load %x[%i, %c0] : memref<4x16xf32>, vector<16xf32>
        vector.store %row, %scratch[%c0] : memref<16xf32>, vector<16xf32>
        %copy = vector.load %scratch[%c0] : memref<16xf32>, vector<16xf32>
        %sum = arith.addf %row, %copy : vector<16xf32>
        vector.store %sum, %out[%i, %c0] : memref<4x16xf32>, vector<16xf32>
      }
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect", "::vitya::VityaDialect"];
}

def PlanMemoryPass : Pass<"vitya-plan-memory", "::mlir::ModuleOp"> {
  let summary = "assign buffers and constants fixed offsets in one workspace and one blob of weights";
  let description = [{
    Before: `@main` allocates the buffers between its calls and refers to global constants. After: it has two more
    arguments, the weights and the workspace, and every buffer is a view of one of them at a fixed offset, a multiple of
    64. Buffers that are not live at the same time may share memory. The module has the weights as the resource
    `vitya.weights` and the size of the workspace as `vitya.workspace_bytes`.

    Before:

    ```mlir
    memref.global "private" constant @w : memref<16xf32> = dense<0.5>
    func.func @main(%image: memref<16xf32>, %logits: memref<16xf32>) {
      %w = memref.get_global @w : memref<16xf32>
      %0 = memref.alloc() : memref<16xf32>
      memref.copy %image, %0 : memref<16xf32> to memref<16xf32>
      %1 = memref.alloc() : memref<16xf32>
      call @add(%0, %w, %1) : (memref<16xf32>, memref<16xf32>, memref<16xf32>) -> ()
      %2 = memref.alloc() : memref<16xf32>
      call @add(%1, %w, %2) : (memref<16xf32>, memref<16xf32>, memref<16xf32>) -> ()
      memref.copy %2, %logits : memref<16xf32> to memref<16xf32>
      return
    }
    func.func private @add(memref<16xf32>, memref<16xf32>, memref<16xf32>)
    ```

    After:

    ```mlir
    module attributes {vitya.weights = dense_resource<vitya.weights> : tensor<64xi8>, vitya.workspace_bytes = 128 : i64} {
      func.func @main(%image: memref<16xf32>, %logits: memref<16xf32>, %weights: memref<64xi8>,
                      %workspace: memref<128xi8>) {
        %offset_w = arith.constant 0 : index
        %w = memref.view %weights[%offset_w][] : memref<64xi8> to memref<16xf32>
        %offset_0 = arith.constant 0 : index
        %0 = memref.view %workspace[%offset_0][] : memref<128xi8> to memref<16xf32>
        memref.copy %image, %0 : memref<16xf32> to memref<16xf32>
        %offset_1 = arith.constant 64 : index
        %1 = memref.view %workspace[%offset_1][] : memref<128xi8> to memref<16xf32>
        call @add(%0, %w, %1) : (memref<16xf32>, memref<16xf32>, memref<16xf32>) -> ()
        %offset_2 = arith.constant 0 : index
        %2 = memref.view %workspace[%offset_2][] : memref<128xi8> to memref<16xf32>
        call @add(%1, %w, %2) : (memref<16xf32>, memref<16xf32>, memref<16xf32>) -> ()
        memref.copy %2, %logits : memref<16xf32> to memref<16xf32>
        return
      }
      func.func private @add(memref<16xf32>, memref<16xf32>, memref<16xf32>)
    }
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

#endif // VITYA_PASSES_LOWER_LOOPS_PASSES
