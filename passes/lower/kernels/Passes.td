// The passes of passes/lower/kernels/, which pack, tile and vectorize kernels on tensors. Each description shows one
// example before and after the pass, which test/passes/examples.test runs.
#ifndef VITYA_PASSES_LOWER_KERNELS_PASSES
#define VITYA_PASSES_LOWER_KERNELS_PASSES

include "mlir/Pass/PassBase.td"

def AddDestinationsPass : Pass<"vitya-add-destinations", "::mlir::ModuleOp"> {
  let summary = "make kernels write into buffers of their callers";
  let description = [{
    Before: kernels return tensors that they create. After: a kernel's last arguments are the tensors that its parallel
    loop writes into, one for each result, and each caller passes empty tensors, which bufferize to allocations that
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

def PackWeightsPass : Pass<"vitya-pack-weights", "::mlir::ModuleOp"> {
  let summary = "pack constant weights into inner tiles";
  let description = [{
    Before: kernels multiply by `[out, in]` weights that every caller passes as a constant. After: these constants have
    the layout `[out / columns, in, columns]`, in which each inner tile is contiguous in the order in which the
    innermost loop reads it. Weights of integer products have VNNI layout, `[out / columns, in / k, columns, k]`, where
    the blocking factor `k` is 4 for 8-bit and 2 for 16-bit activations. If products are accumulated in short sums of `g`
    blocks, the loop over these blocks remains, `[out / columns, in / (g k), g, columns, k]`.

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

def TileKernelsPass : Pass<"vitya-tile-kernels", "::mlir::func::FuncOp"> {
  let summary = "tile and fuse each kernel: a parallel loop, tiles of rows, register tiles";
  let description = [{
    Before: a kernel is a chain of linalg ops on whole tensors. After: it is one `scf.forall` over inner tiles of
    weights, rows or heads. Inside, producers are fused into tiles of `rows` rows, and every linalg op has the size of a
    few vector registers. The remaining rows, which do not fill a tile, become a separate op, so every size is static. Kernels
    of short sums have tiles of fewer rows, because these sums need registers, too: for `rows=6`, 5 rows for one block, 3 for two
    and 2 for more.

    A kernel without a contraction computes up to five rows in an iteration of the parallel loop. What is left is computed after
    the loop, and written into the same results.

    A product of two matrices with more than `columns` columns, such as the scores of attention, is cut into register tiles of
    that many columns and the rest. Its initial value and the elementwise op on its result are computed tile by tile,
    too. If it reads only some columns of its second matrix, it is extended to whole vectors if that matrix has the columns.

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
