// The passes of passes/simplify/, which remove work without changing any result. Each description shows one example before
// and after, which test/passes/examples.test runs.
#ifndef VITYA_PASSES_SIMPLIFY_PASSES
#define VITYA_PASSES_SIMPLIFY_PASSES

include "mlir/Pass/PassBase.td"

def DropUnreadRowsPass : Pass<"vitya-drop-unread-rows", "::mlir::ModuleOp"> {
  let summary = "do not compute rows that nobody reads";
  let description = [{
    Moves slices of rows towards the arguments of the function. If every use of a row-wise op is the same slice of rows,
    the op is replaced by one that computes these rows alone: `op(x, w)[rows] = op(x[rows], w)`. Linear layers, norms, GELU,
    elementwise sums, quantization and the queries of attention are row-wise. Slices of slices and slices of
    concatenations are merged on the way.

    In a model whose head reads the class token alone, the last block then computes at most the queries, keys and
    values of the other tokens. Every row that remains has the same bits. This is a pass and not a canonicalization
    because some passes need all rows, such as the fit of low-rank factors to the inputs of a layer.

    Before:

    ```mlir
    func.func @main(%x: tensor<9x8xf32>, %w: tensor<16x8xf32>) -> tensor<1x16xf32> {
      %0 = vitya.linear "fc" %x, %w : tensor<9x8xf32>, tensor<16x8xf32> -> tensor<9x16xf32>
      %1 = vitya.gelu erf %0 : tensor<9x16xf32>
      %2 = tensor.extract_slice %1[0, 0] [1, 16] [1, 1] : tensor<9x16xf32> to tensor<1x16xf32>
      return %2 : tensor<1x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<9x8xf32>, %w: tensor<16x8xf32>) -> tensor<1x16xf32> {
      %0 = tensor.extract_slice %x[0, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
      %1 = vitya.linear "fc" %0, %w : tensor<1x8xf32>, tensor<16x8xf32> -> tensor<1x16xf32>
      %2 = vitya.gelu erf %1 : tensor<1x16xf32>
      return %2 : tensor<1x16xf32>
    }
    ```
  }];
}

#endif // VITYA_PASSES_SIMPLIFY_PASSES
