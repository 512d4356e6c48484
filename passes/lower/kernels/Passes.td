// The passes of passes/lower/kernels/: from linalg kernels to loops and the LLVM dialect. Each description shows one example before and after, which
// test/passes/examples.test runs.
#ifndef VITYA_PASSES_LOWER_KERNELS_PASSES
#define VITYA_PASSES_LOWER_KERNELS_PASSES

include "mlir/Pass/PassBase.td"

def AddDestinationsPass : Pass<"vitya-add-destinations", "::mlir::ModuleOp"> {
  let summary = "kernels write into buffers of their callers";
  let description = [{
    Before: kernels return tensors they make. After: a kernel's last argument is the tensor its parallel loop writes
    into, and each caller passes an empty one, which becomes a buffer that `vitya-plan-memory` places.

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
    Before: an LLVM dialect module whose calls marked `vitya.loop` run all iterations of an outlined loop.
    After: each of them packs the buffers into an array and calls `vitya_parallel_for(context, layer, count, body,
    captures)`; `@main` is `@vitya_forward(context, image, logits, weights, workspace)`. The names of the layers, in
    the order of their numbers, stand on the module as `vitya.layers`.

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
  let summary = "turn vector contractions, transfers and math into what LLVM has instructions for";
  let description = [{
    Before: memrefs and n-D vectors. After: contractions are outer products of explicit fused multiply-adds, transfers
    and elementwise ops are one-dimensional, reductions across a vector are a fixed tree of shuffles, and `math` ops
    are polynomials: no call is left in an inner loop.

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
  let options = [Option<"bits", "bits", "int64_t", "256", "Bits of a vector register: 256 or 512.">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::math::MathDialect"];
}

def OutlineLoopsPass : Pass<"vitya-outline-loops", "::mlir::ModuleOp"> {
  let summary = "make each parallel loop a function over a range and @main a list of their calls";
  let description = [{
    Before: bufferized kernels that hold `scf.forall` loops, and calls of kernels in `@main`. After: each loop is a
    private function `(buffers..., begin, end)`, `@main` calls it for all iterations (marked `vitya.loop`, with the
    layer's name), and the kernels are gone. A result of `@main` is an argument that it writes into. Scratch buffers of an iteration stand at the function's entry, on the
    stack. Vectors from outside a loop reach it through a buffer.

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
  let summary = "lay constant weights out in panels";
  let description = [{
    Before: kernels multiply by `[out, in]` weights that every caller passes as a constant. After: those constants are
    `[out / panel, in, panel]`, each panel contiguous in the order in which the inner loop reads it; rows that the
    last panel lacks are zero, and results that grew for that are sliced by the caller. Columns at the end that are zero
    in all of these constants, as padding leaves them, are left out, and a slice of the input takes the input's place.
    Weights that are not constant stay as they are.

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
    #row = affine_map<(n, p, c, i) -> (n, i)>
    #panel = affine_map<(n, p, c, i) -> (p, i, c)>
    #result = affine_map<(n, p, c, i) -> (n, p, c)>
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
      %0 = linalg.generic {indexing_maps = [#row, #panel, #result],
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
  let summary = "parallel loops, cache and register tiles for each kernel";
  let description = [{
    Before: a kernel is a chain of linalg ops on whole tensors. After: it is one `scf.forall` (over panels of weights,
    rows or heads), inside which producers are fused into tiles of `rows` rows and every linalg op has the size of a
    few vector registers. Remainders have loops of their own, so every size is static.

    Before:

    ```mlir
    #row = affine_map<(n, p, c, i) -> (n, i)>
    #panel = affine_map<(n, p, c, i) -> (p, i, c)>
    #result = affine_map<(n, p, c, i) -> (n, p, c)>
    func.func private @linear(%x: tensor<6x8xf32>, %w: tensor<2x8x16xf32>) -> tensor<6x32xf32> attributes {vitya.kernel} {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<6x2x16xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x2x16xf32>) -> tensor<6x2x16xf32>
      %0 = linalg.generic {indexing_maps = [#row, #panel, #result],
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
    #panel = affine_map<(n, c, i) -> (i, c)>
    #result = affine_map<(n, c, i) -> (n, c)>
    func.func private @linear(%x: tensor<6x8xf32>, %w: tensor<2x8x16xf32>) -> tensor<6x32xf32> attributes {vitya.kernel} {
      %c8 = arith.constant 8 : index
      %c1 = arith.constant 1 : index
      %c6 = arith.constant 6 : index
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<6x2x16xf32>
      %0 = scf.forall (%p) in (2) shared_outs(%out = %empty) -> (tensor<6x2x16xf32>) {
        %panel = tensor.extract_slice %w[%p, 0, 0] [1, 8, 16] [1, 1, 1] : tensor<2x8x16xf32> to tensor<1x8x16xf32>
        %tile = tensor.extract_slice %out[0, %p, 0] [6, 1, 16] [1, 1, 1] : tensor<6x2x16xf32> to tensor<6x1x16xf32>
        %init = scf.for %n = %c0 to %c6 step %c1 iter_args(%part = %tile) -> (tensor<6x1x16xf32>) {
          %row = tensor.extract_slice %part[%n, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<6x1x16xf32> to tensor<1x1x16xf32>
          %filled = linalg.fill ins(%zero : f32) outs(%row : tensor<1x1x16xf32>) -> tensor<1x1x16xf32>
          %next = tensor.insert_slice %filled into %part[%n, 0, 0] [1, 1, 16] [1, 1, 1]
            : tensor<1x1x16xf32> into tensor<6x1x16xf32>
          scf.yield %next : tensor<6x1x16xf32>
        }
        %sums = scf.for %i = %c0 to %c8 step %c1 iter_args(%part = %init) -> (tensor<6x1x16xf32>) {
          %column = tensor.extract_slice %x[0, %i] [6, 1] [1, 1] : tensor<6x8xf32> to tensor<6x1xf32>
          %slice = tensor.extract_slice %panel[0, %i, 0] [1, 1, 16] [1, 1, 1] : tensor<1x8x16xf32> to tensor<1x1x16xf32>
          %row = tensor.extract_slice %slice[0, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<1x1x16xf32> to tensor<1x16xf32>
          %sum = tensor.extract_slice %part[0, 0, 0] [6, 1, 16] [1, 1, 1] : tensor<6x1x16xf32> to tensor<6x16xf32>
          %added = linalg.generic {indexing_maps = [#row, #panel, #result],
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
          tensor.parallel_insert_slice %sums into %out[0, %p, 0] [6, 1, 16] [1, 1, 1]
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
    Before: linalg ops of register size inside loops. After: vector ops on the same tensors; accumulators are vectors
    that the loops carry, and no linalg op is left.

    Before:

    ```mlir
    #row = affine_map<(n, c, i) -> (n, i)>
    #panel = affine_map<(n, c, i) -> (i, c)>
    #result = affine_map<(n, c, i) -> (n, c)>
    func.func private @product(%x: tensor<6x8xf32>, %w: tensor<8x16xf32>, %init: tensor<6x16xf32>) -> tensor<6x16xf32>
        attributes {vitya.kernel} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      %0 = scf.for %i = %c0 to %c8 step %c1 iter_args(%sum = %init) -> (tensor<6x16xf32>) {
        %a = tensor.extract_slice %x[0, %i] [6, 1] [1, 1] : tensor<6x8xf32> to tensor<6x1xf32>
        %b = tensor.extract_slice %w[%i, 0] [1, 16] [1, 1] : tensor<8x16xf32> to tensor<1x16xf32>
        %next = linalg.generic {indexing_maps = [#row, #panel, #result],
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
    #panel = affine_map<(n, c, i) -> (i, c)>
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
        %next = vector.contract {indexing_maps = [#row, #panel, #result],
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
