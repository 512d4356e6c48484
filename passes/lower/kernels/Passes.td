// The passes of passes/lower/kernels/, which lower linalg kernels to loops and calls of the runtime. Each description
// shows one example before and after the pass, which test/passes/examples.test runs.
#ifndef VITYA_PASSES_LOWER_KERNELS_PASSES
#define VITYA_PASSES_LOWER_KERNELS_PASSES

include "mlir/Pass/PassBase.td"

def AddDestinationsPass : Pass<"vitya-add-destinations", "::mlir::ModuleOp"> {
  let summary = "make kernels write into buffers of their callers";
  let description = [{
    Before: kernels return tensors that they create. After: a kernel's last argument is the tensor that its parallel
    loop writes into, and each caller passes an empty tensor, which bufferizes to an allocation that
    `vitya-plan-memory` places.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x16xf32>) -> tensor<4x16xf32> {
      %0 = call @double(%x) {vitya.layer = "double"} : (tensor<4x16xf32>) -> tensor<4x16xf32>
      return %0 : tensor<4x16xf32>
    }
    func.func private @double(%x: tensor<4x16xf32>) -> tensor<4x16xf32> attributes {vitya.kernel} {
      %empty = tensor.empty() : tensor<4x16xf32>
      %0 = scf.forall (%i) in (4) shared_outs(%out = %empty) -> (tensor<4x16xf32>) {
        %row = tensor.extract_slice %x[%i, 0] [1, 16] [1, 1] : tensor<4x16xf32> to tensor<1x16xf32>
        %sum = arith.addf %row, %row : tensor<1x16xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %sum into %out[%i, 0] [1, 16] [1, 1] : tensor<1x16xf32> into tensor<4x16xf32>
        }
      }
      return %0 : tensor<4x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<4x16xf32>) -> tensor<4x16xf32> {
      %empty = tensor.empty() : tensor<4x16xf32>
      %0 = call @double(%x, %empty) {vitya.layer = "double"} : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
      return %0 : tensor<4x16xf32>
    }
    func.func private @double(%x: tensor<4x16xf32>, %destination: tensor<4x16xf32>) -> tensor<4x16xf32>
        attributes {vitya.kernel} {
      %empty = tensor.empty() : tensor<4x16xf32>
      %0 = scf.forall (%i) in (4) shared_outs(%out = %destination) -> (tensor<4x16xf32>) {
        %row = tensor.extract_slice %x[%i, 0] [1, 16] [1, 1] : tensor<4x16xf32> to tensor<1x16xf32>
        %sum = arith.addf %row, %row : tensor<1x16xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %sum into %out[%i, 0] [1, 16] [1, 1] : tensor<1x16xf32> into tensor<4x16xf32>
        }
      }
      return %0 : tensor<4x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def LaunchLoopsPass : Pass<"vitya-launch-loops", "::mlir::ModuleOp"> {
  let summary = "call outlined loops through the runtime's vitya_parallel_for";
  let description = [{
    Before: a module of the LLVM dialect, in which a call marked `vitya.loop` runs all iterations of an outlined loop.
    After: each such call stores its buffers in an array and calls `vitya_parallel_for(context, layer, count, body,
    captures)`, and `@main` has become `@vitya_forward(context, image, logits, weights, workspace)`. `layer` is an index
    into the names of the layers, which the module has as `vitya.layers`.

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
      llvm.func internal @double_body(%captures: !llvm.ptr, %begin: i64, %end: i64) {
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
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def LowerVectorsPass : Pass<"vitya-lower-vectors", "::mlir::func::FuncOp"> {
  let summary = "lower vector contractions, transfers and math functions to instructions";
  let description = [{
    Before: memrefs and n-D vectors. After: contractions of f32 are outer products of explicit fused multiply-adds,
    contractions of integers in VNNI layout are dot product instructions, transfers and elementwise ops are
    one-dimensional, reductions across a vector are trees of shuffles in a fixed order, and `math` functions are
    polynomials. No inner loop calls a function any more.

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
  let options = [Option<"bits", "bits", "int64_t", "256", "Size of a vector register in bits: 256 or 512.">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::math::MathDialect"];
}

def OutlineLoopsPass : Pass<"vitya-outline-loops", "::mlir::ModuleOp"> {
  let summary = "outline each parallel loop of a kernel, and inline the rest into the callers";
  let description = [{
    Before: bufferized kernels with `scf.forall` loops, and calls of these kernels in `@main`. After: each loop is a
    private function `(buffers..., begin, end)`, which `@main` calls for all iterations. The call is marked `vitya.loop`
    and has the name of the layer. The kernels are inlined and erased. The results of `@main` are arguments that it
    writes into. Buffers that an iteration allocates are allocated on the stack at the function's entry. Vectors defined
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
                           "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def PackWeightsPass : Pass<"vitya-pack-weights", "::mlir::ModuleOp"> {
  let summary = "pack constant weights into inner tiles";
  let description = [{
    Before: kernels multiply by `[out, in]` weights that every caller passes as a constant. After: these constants have
    the layout `[out / columns, in, columns]`, in which each inner tile is contiguous in the order in which the
    innermost loop reads it. Weights of integer products have VNNI layout, `[out / columns, in / k, columns, k]`, where
    the blocking factor `k` is 4 for 8-bit and 2 for 16-bit activations.

    If `columns` does not divide `out`, the last tile is padded with zeros, and the callers slice the wider result.
    Trailing columns of the weight that are zero in the constants of all callers (`vitya-pad-widths` adds such columns)
    are dropped, and the kernel slices its input instead. Weights that are not constant keep their layout.

    Before:

    ```mlir
    #row = affine_map<(n, o, i) -> (n, i)>
    #column = affine_map<(n, o, i) -> (o, i)>
    #result = affine_map<(n, o, i) -> (n, o)>
    func.func @main(%x: tensor<7x2xf32>) -> tensor<7x3xf32> {
      %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
      %0 = call @linear(%x, %w) {vitya.layer = "fc"} : (tensor<7x2xf32>, tensor<3x2xf32>) -> tensor<7x3xf32>
      return %0 : tensor<7x3xf32>
    }
    func.func private @linear(%x: tensor<7x2xf32>, %w: tensor<3x2xf32>) -> tensor<7x3xf32> attributes {vitya.kernel} {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<7x3xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x3xf32>) -> tensor<7x3xf32>
      %0 = linalg.matmul indexing_maps = [#row, #column, #result]
        ins(%x, %w : tensor<7x2xf32>, tensor<3x2xf32>) outs(%init : tensor<7x3xf32>) -> tensor<7x3xf32>
      return %0 : tensor<7x3xf32>
    }
    ```

    After:

    ```mlir
    #row = affine_map<(n, t, c, i) -> (n, i)>
    #tile = affine_map<(n, t, c, i) -> (t, i, c)>
    #result = affine_map<(n, t, c, i) -> (n, t, c)>
    func.func @main(%x: tensor<7x2xf32>) -> tensor<7x3xf32> {
      %w = arith.constant dense_resource<weight.packed> : tensor<1x2x16xf32>
      %0 = call @linear(%x, %w) {vitya.layer = "fc"} : (tensor<7x2xf32>, tensor<1x2x16xf32>) -> tensor<7x16xf32>
      %1 = tensor.extract_slice %0[0, 0] [7, 3] [1, 1] : tensor<7x16xf32> to tensor<7x3xf32>
      return %1 : tensor<7x3xf32>
    }
    func.func private @linear(%x: tensor<7x2xf32>, %w: tensor<1x2x16xf32>) -> tensor<7x16xf32> attributes {vitya.kernel} {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<7x1x16xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x1x16xf32>) -> tensor<7x1x16xf32>
      %0 = linalg.generic {indexing_maps = [#row, #tile, #result],
                           iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
        ins(%x, %w : tensor<7x2xf32>, tensor<1x2x16xf32>) outs(%init : tensor<7x1x16xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %product = arith.mulf %a, %b : f32
        %sum = arith.addf %c, %product : f32
        linalg.yield %sum : f32
      } -> tensor<7x1x16xf32>
      %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<7x1x16xf32> into tensor<7x16xf32>
      return %1 : tensor<7x16xf32>
    }
    ```
  }];
  let options = [Option<"columns", "columns", "int64_t", "16",
                        "The largest number of columns of an inner tile: a multiple of 16.">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
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
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def TileKernelsPass : Pass<"vitya-tile-kernels", "::mlir::func::FuncOp"> {
  let summary = "tile and fuse each kernel: a parallel loop, tiles of rows, register tiles";
  let description = [{
    Before: a kernel is a chain of linalg ops on whole tensors. After: it is one `scf.forall` over inner tiles of
    weights, rows or heads. Inside, producers are fused into tiles of `rows` rows, and every linalg op has the size of a
    few vector registers. Remainders are peeled into loops of their own, so every size is static.

    Before:

    ```mlir
    #row = affine_map<(n, t, c, i) -> (n, i)>
    #tile = affine_map<(n, t, c, i) -> (t, i, c)>
    #result = affine_map<(n, t, c, i) -> (n, t, c)>
    func.func private @linear(%x: tensor<6x8xf32>, %w: tensor<2x8x16xf32>) -> tensor<6x32xf32> attributes {vitya.kernel} {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<6x2x16xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x2x16xf32>) -> tensor<6x2x16xf32>
      %0 = linalg.generic {indexing_maps = [#row, #tile, #result],
                           iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
        ins(%x, %w : tensor<6x8xf32>, tensor<2x8x16xf32>) outs(%init : tensor<6x2x16xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %product = arith.mulf %a, %b : f32
        %sum = arith.addf %c, %product : f32
        linalg.yield %sum : f32
      } -> tensor<6x2x16xf32>
      %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<6x2x16xf32> into tensor<6x32xf32>
      return %1 : tensor<6x32xf32>
    }
    ```

    After:

    ```mlir
    #row = affine_map<(n, c, i) -> (n, i)>
    #tile = affine_map<(n, c, i) -> (i, c)>
    #result = affine_map<(n, c, i) -> (n, c)>
    func.func private @linear(%x: tensor<6x8xf32>, %w: tensor<2x8x16xf32>) -> tensor<6x32xf32> attributes {vitya.kernel} {
      %c8 = arith.constant 8 : index
      %c1 = arith.constant 1 : index
      %c6 = arith.constant 6 : index
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<6x2x16xf32>
      %0 = scf.forall (%t) in (2) shared_outs(%out = %empty) -> (tensor<6x2x16xf32>) {
        %inner = tensor.extract_slice %w[%t, 0, 0] [1, 8, 16] [1, 1, 1] : tensor<2x8x16xf32> to tensor<1x8x16xf32>
        %tile = tensor.extract_slice %out[0, %t, 0] [6, 1, 16] [1, 1, 1] : tensor<6x2x16xf32> to tensor<6x1x16xf32>
        %init = scf.for %n = %c0 to %c6 step %c1 iter_args(%part = %tile) -> (tensor<6x1x16xf32>) {
          %row = tensor.extract_slice %part[%n, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<6x1x16xf32> to tensor<1x1x16xf32>
          %filled = linalg.fill ins(%zero : f32) outs(%row : tensor<1x1x16xf32>) -> tensor<1x1x16xf32>
          %next = tensor.insert_slice %filled into %part[%n, 0, 0] [1, 1, 16] [1, 1, 1]
            : tensor<1x1x16xf32> into tensor<6x1x16xf32>
          scf.yield %next : tensor<6x1x16xf32>
        }
        %sums = scf.for %i = %c0 to %c8 step %c1 iter_args(%part = %init) -> (tensor<6x1x16xf32>) {
          %column = tensor.extract_slice %x[0, %i] [6, 1] [1, 1] : tensor<6x8xf32> to tensor<6x1xf32>
          %slice = tensor.extract_slice %inner[0, %i, 0] [1, 1, 16] [1, 1, 1] : tensor<1x8x16xf32> to tensor<1x1x16xf32>
          %row = tensor.extract_slice %slice[0, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<1x1x16xf32> to tensor<1x16xf32>
          %sum = tensor.extract_slice %part[0, 0, 0] [6, 1, 16] [1, 1, 1] : tensor<6x1x16xf32> to tensor<6x16xf32>
          %added = linalg.generic {indexing_maps = [#row, #tile, #result],
                                   iterator_types = ["parallel", "parallel", "reduction"]}
            ins(%column, %row : tensor<6x1xf32>, tensor<1x16xf32>) outs(%sum : tensor<6x16xf32>) {
          ^bb0(%a: f32, %b: f32, %c: f32):
            %product = arith.mulf %a, %b : f32
            %s = arith.addf %c, %product : f32
            linalg.yield %s : f32
          } -> tensor<6x16xf32>
          %next = tensor.insert_slice %added into %part[0, 0, 0] [6, 1, 16] [1, 1, 1]
            : tensor<6x16xf32> into tensor<6x1x16xf32>
          scf.yield %next : tensor<6x1x16xf32>
        }
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %sums into %out[0, %t, 0] [6, 1, 16] [1, 1, 1]
            : tensor<6x1x16xf32> into tensor<6x2x16xf32>
        }
      }
      %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<6x2x16xf32> into tensor<6x32xf32>
      return %1 : tensor<6x32xf32>
    }
    ```
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
    Before: linalg ops of register size inside loops. After: vector ops on the same tensors. Accumulators are vectors
    carried by the loops, and no linalg op is left.

    Before:

    ```mlir
    #row = affine_map<(n, c, i) -> (n, i)>
    #tile = affine_map<(n, c, i) -> (i, c)>
    #result = affine_map<(n, c, i) -> (n, c)>
    func.func private @product(%x: tensor<6x8xf32>, %w: tensor<8x16xf32>, %init: tensor<6x16xf32>) -> tensor<6x16xf32>
        attributes {vitya.kernel} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      %0 = scf.for %i = %c0 to %c8 step %c1 iter_args(%sum = %init) -> (tensor<6x16xf32>) {
        %a = tensor.extract_slice %x[0, %i] [6, 1] [1, 1] : tensor<6x8xf32> to tensor<6x1xf32>
        %b = tensor.extract_slice %w[%i, 0] [1, 16] [1, 1] : tensor<8x16xf32> to tensor<1x16xf32>
        %next = linalg.generic {indexing_maps = [#row, #tile, #result],
                                iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%a, %b : tensor<6x1xf32>, tensor<1x16xf32>) outs(%sum : tensor<6x16xf32>) {
        ^bb0(%ai: f32, %bi: f32, %ci: f32):
          %p = arith.mulf %ai, %bi : f32
          %s = arith.addf %ci, %p : f32
          linalg.yield %s : f32
        } -> tensor<6x16xf32>
        scf.yield %next : tensor<6x16xf32>
      }
      return %0 : tensor<6x16xf32>
    }
    ```

    After:

    ```mlir
    #row = affine_map<(n, c, i) -> (n, i)>
    #tile = affine_map<(n, c, i) -> (i, c)>
    #result = affine_map<(n, c, i) -> (n, c)>
    func.func private @product(%x: tensor<6x8xf32>, %w: tensor<8x16xf32>, %init: tensor<6x16xf32>) -> tensor<6x16xf32>
        attributes {vitya.kernel} {
      %padding = ub.poison : f32
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      %start = vector.transfer_read %init[%c0, %c0], %padding {in_bounds = [true, true]}
        : tensor<6x16xf32>, vector<6x16xf32>
      %sums = scf.for %i = %c0 to %c8 step %c1 iter_args(%sum = %start) -> (vector<6x16xf32>) {
        %a = vector.transfer_read %x[%c0, %i], %padding {in_bounds = [true, true]} : tensor<6x8xf32>, vector<6x1xf32>
        %b = vector.transfer_read %w[%i, %c0], %padding {in_bounds = [true, true]} : tensor<8x16xf32>, vector<1x16xf32>
        %next = vector.contract {indexing_maps = [#row, #tile, #result],
                                 iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
          %a, %b, %sum : vector<6x1xf32>, vector<1x16xf32> into vector<6x16xf32>
        scf.yield %next : vector<6x16xf32>
      }
      %0 = vector.transfer_write %sums, %init[%c0, %c0] {in_bounds = [true, true]} : vector<6x16xf32>, tensor<6x16xf32>
      return %0 : tensor<6x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::tensor::TensorDialect", "::mlir::scf::SCFDialect",
                           "::mlir::affine::AffineDialect"];
}

#endif // VITYA_PASSES_LOWER_KERNELS_PASSES
