// The passes of passes/equalize/: rewrites before quantization after which the values that share a scale have similar ranges.
// test/passes/examples.test runs the example in each description.
#ifndef VITYA_PASSES_EQUALIZE_PASSES
#define VITYA_PASSES_EQUALIZE_PASSES

include "mlir/Pass/PassBase.td"

def RotatePass : Pass<"vitya-rotate", "::mlir::ModuleOp"> {
  let summary = "rotate columns so that all have about the same variance";
  let description = [{
    The columns of a quantized value share one scale. The largest column determines it, and the others lose precision. As QuaRot
    (arXiv 2404.00456), this pass inserts an orthogonal matrix R that gives all columns about the same variance, wherever R
    cancels:

    * between the factors A and B of a low-rank layer, A B = (A R^T) (R B); low rank has sorted the columns between them by
      variance;
    * in each head of an attention, q k^T = (q R^T) (k R^T)^T;
    * from the values of a head to the layer that reads them, P v W^T = (P v R^T) (W R^T)^T.

    R is the discrete Hartley transform, which exists for any number of columns. The results of the model change only by rounding.
    Layers with quantized weights do not change. An attention does not change if its operands are not computed by linear layers,
    or if another op reads them or its result.

    In the example R is [[1, 1], [1, -1]] / sqrt(2).

    Before:

    ```mlir
    #info = #vitya.linear_info<"b", in = 2, out = 1, format = "f32", reason = "plain, rank 2", rank = 2>
    func.func @main(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
      %wr = arith.constant dense<[[1.41421354, 0.0], [0.0, 1.41421354]]> : tensor<2x2xf32>
      %wl = arith.constant dense<[[2.82842708, 0.0]]> : tensor<1x2xf32>
      %h = vitya.linear "b.right" %x, %wr {info = #info} : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
      %b = vitya.linear "b.left" %h, %wl {info = #info} : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x1xf32>
      return %b : tensor<4x1xf32>
    }
    ```

    After:

    ```mlir
    #info = #vitya.linear_info<"b", in = 2, out = 1, format = "f32", reason = "plain, rank 2", rank = 2>
    func.func @main(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
      %wr = arith.constant dense_resource<b.right.weight> : tensor<2x2xf32>
      %h = vitya.linear "b.right" %x, %wr {info = #info} : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
      %wl = arith.constant dense_resource<b.left.weight> : tensor<1x2xf32>
      %b = vitya.linear "b.left" %h, %wl {info = #info} : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x1xf32>
      return %b : tensor<4x1xf32>
    }
    {-# dialect_resources: { builtin: {
      b.right.weight: "0x400000000000803F0000803F0000803F000080BF", // 1, 1, 1, -1
      b.left.weight: "0x400000000000004000000040"
    } } #-}
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

def SplitLinearsPass : Pass<"vitya-split-linears", "::mlir::ModuleOp"> {
  let summary = "split linear layers whose columns have separate readers";
  let description = [{
    Before: a linear layer with a constant weight, whose result is read only through slices of columns that do not overlap,
    such as the fused layer for query, key and value. After: one linear layer for each slice, with the corresponding rows
    of weight and bias: x W^T[:, a:b] = x W[a:b]^T. The result is the same to the bit. This runs before quantization, so
    that each part can have a range of its own.

    Each part carries the record of the original layer as `info`. Its name is that of the layer followed by ".q", ".k" or
    ".v" if attention reads it as query, key or value, and by its index otherwise.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %w = arith.constant dense<0.5> : tensor<24x8xf32>
      %qkv = vitya.linear "blocks.0.attn.qkv" %x, %w : tensor<4x8xf32>, tensor<24x8xf32> -> tensor<4x24xf32>
      %q = tensor.extract_slice %qkv[0, 0] [4, 8] [1, 1] : tensor<4x24xf32> to tensor<4x8xf32>
      %k = tensor.extract_slice %qkv[0, 8] [4, 8] [1, 1] : tensor<4x24xf32> to tensor<4x8xf32>
      %v = tensor.extract_slice %qkv[0, 16] [4, 8] [1, 1] : tensor<4x24xf32> to tensor<4x8xf32>
      %0 = vitya.attention "blocks.0.attn" %q, %k, %v heads 2 scale 0.5
         : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```

    After:

    ```mlir
    #info = #vitya.linear_info<"blocks.0.attn.qkv", in = 8, out = 24, format = "f32",
                               reason = "no compression requested">
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %wq = arith.constant dense_resource<blocks.0.attn.qkv.q.weight> : tensor<8x8xf32>
      %q = vitya.linear "blocks.0.attn.qkv.q" %x, %wq {info = #info} : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
      %wk = arith.constant dense_resource<blocks.0.attn.qkv.k.weight> : tensor<8x8xf32>
      %k = vitya.linear "blocks.0.attn.qkv.k" %x, %wk {info = #info} : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
      %wv = arith.constant dense_resource<blocks.0.attn.qkv.v.weight> : tensor<8x8xf32>
      %v = vitya.linear "blocks.0.attn.qkv.v" %x, %wv {info = #info} : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
      %0 = vitya.attention "blocks.0.attn" %q, %k, %v heads 2 scale 0.5
         : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

#endif // VITYA_PASSES_EQUALIZE_PASSES
