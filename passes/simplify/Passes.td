// The passes of passes/simplify/, which remove work and weights and change results at most by rounding. Each description shows one example before
// and after, which test/passes/examples.test runs.
#ifndef VITYA_PASSES_SIMPLIFY_PASSES
#define VITYA_PASSES_SIMPLIFY_PASSES

include "mlir/Pass/PassBase.td"

def DropUnreadRowsPass : Pass<"vitya-drop-unread-rows", "::mlir::ModuleOp"> {
  let summary = "drop the computation of rows that nothing reads";
  let description = [{
    Moves slices of rows towards the arguments of the function. If every use of a row-wise op is the same slice of rows,
    the op is replaced by an op that computes only these rows: `op(x, w)[rows] = op(x[rows], w)`. Linear layers, norms, GELU,
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
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def DropKeyBiasesPass : Pass<"vitya-drop-key-biases", "::mlir::ModuleOp"> {
  let summary = "drop the biases of quantized layers that compute keys";
  let description = [{
    A bias b of the keys adds q b to all scores of a query q: `q (k + b) = q k + q b`. The softmax divides by the sum over
    all keys, so a term that all scores have in common cancels, and the bias can be dropped. The rewrite is exact in exact
    arithmetic; in f32 it changes the rounding of the scores.

    A bias is dropped if its layer is quantized and only f32 attention reads the result, as its key. Layers in f32 keep their
    biases, so that a model that is not quantized computes the logits of the imported model to the bit. Layers whose result is
    quantized keep them, too, because the range of the result was found with the bias.

    Before:

    ```mlir
    func.func @main(%x: tensor<9x8x!quant.any<u8:f32>>, %p: tensor<9x2xf32>, %w: tensor<8x8x!quant.uniform<i8:f32, 0.5>>,
                    %b: tensor<8xf32>, %q: tensor<9x8xf32>) -> tensor<9x8xf32> {
      %0 = vitya.linear "attn.k" %x, %w bias %b params(%p : tensor<9x2xf32>)
         : tensor<9x8x!quant.any<u8:f32>>, tensor<8x8x!quant.uniform<i8:f32, 0.5>>, tensor<8xf32> -> tensor<9x8xf32>
      %1 = vitya.attention "attn" %q, %0, %q heads 2 scale 0.5
         : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
      return %1 : tensor<9x8xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<9x8x!quant.any<u8:f32>>, %p: tensor<9x2xf32>, %w: tensor<8x8x!quant.uniform<i8:f32, 0.5>>,
                    %b: tensor<8xf32>, %q: tensor<9x8xf32>) -> tensor<9x8xf32> {
      %0 = vitya.linear "attn.k" %x, %w params(%p : tensor<9x2xf32>)
         : tensor<9x8x!quant.any<u8:f32>>, tensor<8x8x!quant.uniform<i8:f32, 0.5>> -> tensor<9x8xf32>
      %1 = vitya.attention "attn" %q, %0, %q heads 2 scale 0.5
         : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
      return %1 : tensor<9x8xf32>
    }
    ```
  }];
}

def AddBeforeConcatPass : Pass<"vitya-add-before-concat", "::mlir::ModuleOp"> {
  let summary = "add position embeddings before the class token is put before the patches";
  let description = [{
    Adds a constant to the parts of a concatenation instead of its result, if all parts but one are constants:
    `concat(c, x) + p = concat(c + p[rows of c], x + p[rows of x])`. The first sum is computed at compile time, so the class
    token is stored with its position embedding, in one row instead of two, and the second can be part of the kernel that
    computes x. Every element is the same sum as before, to the bit.

    Before:

    ```mlir
    func.func @main(%x: tensor<2x2xf32>) -> tensor<3x2xf32> {
      %c = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
      %p = arith.constant dense<[[0.5, 0.25], [4.0, 5.0], [6.0, 7.0]]> : tensor<3x2xf32>
      %0 = tensor.concat dim(0) %c, %x : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
      %1 = arith.addf %0, %p : tensor<3x2xf32>
      return %1 : tensor<3x2xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<2x2xf32>) -> tensor<3x2xf32> {
      %c = arith.constant dense<[[1.5, 2.25]]> : tensor<1x2xf32>
      %p = arith.constant dense<[[4.0, 5.0], [6.0, 7.0]]> : tensor<2x2xf32>
      %0 = arith.addf %x, %p : tensor<2x2xf32>
      %1 = tensor.concat dim(0) %c, %0 : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
      return %1 : tensor<3x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

#endif // VITYA_PASSES_SIMPLIFY_PASSES
