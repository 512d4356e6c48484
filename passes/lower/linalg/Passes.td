// The passes of passes/lower/linalg/, which lower vitya ops to linalg on tensors. Each description shows an example before
// and after the pass, which test/passes/examples.test runs.
#ifndef VITYA_PASSES_LOWER_LINALG_PASSES
#define VITYA_PASSES_LOWER_LINALG_PASSES

include "mlir/Pass/PassBase.td"

def LowerQuantizationPass : Pass<"vitya-lower-quantization", "::mlir::ModuleOp"> {
  let summary = "lower quantized types to integers and constant factors";
  let description = [{
    Before: linear layers and attention may have quantized types. After: no type is quantized; `vitya.integer_linear` and
    `vitya.integer_attention` compute on tensors of integers, which `vitya.quantize` produces, and scales, zero points and
    the factors that follow from them are constant operands. An i32 bias is subtracted from the offsets. Activations are stored in `width`
    bits: 8 for processors with a dot product of bytes, 16 for others, which multiply and add pairs of 16-bit integers.
    With 16 bits, layers whose short sums are proven to fit 16 bits (`#vitya.short_sums`) still read bytes, and have the group
    of these sums as an attribute. A value that layers of both kinds read is quantized twice.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x3xf32> {
      %c = arith.constant dense<2> : tensor<3x8xi8>
      %w = quant.scast %c : tensor<3x8xi8> to tensor<3x8x!quant.uniform<i8<-127:127>:f32, 5.0e-01>>
      %q = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!quant.uniform<u8:f32, 2.5e-01:100>>
      %0 = vitya.linear "fc" %q, %w : tensor<4x8x!quant.uniform<u8:f32, 2.5e-01:100>>,
                                      tensor<3x8x!quant.uniform<i8<-127:127>:f32, 5.0e-01>> -> tensor<4x3xf32>
      return %0 : tensor<4x3xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x3xf32> {
      %params = arith.constant dense<[[2.500000e-01, 1.000000e+02]]> : tensor<1x2xf32>
      %c = arith.constant dense<2> : tensor<3x8xi8>
      %q = vitya.quantize %x, %params : tensor<4x8xf32>, tensor<1x2xf32> -> tensor<4x8xi8>
      %offset = arith.constant dense_resource<fc.offset> : tensor<3xi32>
      %multiplier = arith.constant dense_resource<fc.multiplier> : tensor<3xf32>
      %0 = vitya.integer_linear "fc" %q, %c offset %offset multiplier %multiplier
         : tensor<4x8xi8>, tensor<3x8xi8>, tensor<3xi32>, tensor<3xf32> -> tensor<4x3xf32>
      return %0 : tensor<4x3xf32>
    }
    ```
  }];
  let options = [Option<"width", "width", "int64_t", "8", "Bits of a stored activation: 8 or 16.">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

def OutlineKernelsPass : Pass<"vitya-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "group ops into kernels and share equal kernels";
  let description = [{
    Before: `@main` contains the ops of the model, without quantized types. After: `@main` contains constants, slices
    and calls. Each call replaces one group of ops, such as a linear layer followed by GELU or by the addition of the
    residual, or a norm followed by the dynamic quantization of its tokens. Groups that differ only in layer names and weights call the same private
    function, marked `vitya.kernel`, so that each distinct kernel is lowered once. The function says as `vitya.work` what
    one call has to do, and the call has the name of the layer as `vitya.layer`.

    Before:

    ```mlir
    func.func @main(%x: tensor<7x16xf32>, %w1: tensor<16x16xf32>, %w2: tensor<16x16xf32>) -> tensor<7x16xf32> {
      %0 = vitya.linear "fc1" %x, %w1 : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
      %1 = vitya.gelu erf %0 : tensor<7x16xf32>
      %2 = vitya.linear "fc2" %1, %w2 : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
      %3 = vitya.gelu erf %2 : tensor<7x16xf32>
      return %3 : tensor<7x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<7x16xf32>, %w1: tensor<16x16xf32>, %w2: tensor<16x16xf32>) -> tensor<7x16xf32> {
      %0 = call @linear_gelu_7x16x16(%x, %w1) {vitya.layer = "fc1"}
        : (tensor<7x16xf32>, tensor<16x16xf32>) -> tensor<7x16xf32>
      %1 = call @linear_gelu_7x16x16(%0, %w2) {vitya.layer = "fc2"}
        : (tensor<7x16xf32>, tensor<16x16xf32>) -> tensor<7x16xf32>
      return %1 : tensor<7x16xf32>
    }
    func.func private @linear_gelu_7x16x16(%x: tensor<7x16xf32>, %w: tensor<16x16xf32>) -> tensor<7x16xf32>
        attributes {vitya.kernel, vitya.work = #vitya.work<"linear_gelu_7x16x16", multiply_adds = 1792, products = f32,
                                                           bytes = 1920>} {
      %0 = vitya.linear "linear_gelu_7x16x16" %x, %w : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
      %1 = vitya.gelu erf %0 : tensor<7x16xf32>
      return %1 : tensor<7x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::vitya::VityaDialect"];
}

def PadWidthsPass : Pass<"vitya-pad-widths", "::mlir::ModuleOp"> {
  let summary = "pad widths between linear layers to a multiple of 16";
  let description = [{
    Before: linear layers have any width. After: if a linear layer and all readers of its result are linear layers with
    constant weights, the width of the result is a multiple of 16; GELU, quantization, rounding to bf16 and slices of rows may lie in
    between. Rows of zeros are appended to the weight of the first layer, columns of zeros to those of the others. If the
    input of any other quantized layer has a width that is not a multiple of 4, zeros are appended before it is quantized,
    and likewise before the input of a bf16 layer is rounded if its width is odd. The columns of a constant bias of
    attention are padded to a multiple of 16 in each head.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
      %right = arith.constant dense<0.5> : tensor<3x8xf32>
      %left = arith.constant dense<2.0> : tensor<16x3xf32>
      %0 = vitya.linear "fc.right" %x, %right : tensor<4x8xf32>, tensor<3x8xf32> -> tensor<4x3xf32>
      %1 = vitya.linear "fc.left" %0, %left : tensor<4x3xf32>, tensor<16x3xf32> -> tensor<4x16xf32>
      return %1 : tensor<4x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
      %old_right = arith.constant dense<0.5> : tensor<3x8xf32>
      %right = arith.constant dense_resource<weight.padded> : tensor<16x8xf32>
      %old_left = arith.constant dense<2.0> : tensor<16x3xf32>
      %left = arith.constant dense_resource<weight.padded_1> : tensor<16x16xf32>
      %0 = vitya.linear "fc.right" %x, %right : tensor<4x8xf32>, tensor<16x8xf32> -> tensor<4x16xf32>
      %1 = vitya.linear "fc.left" %0, %left : tensor<4x16xf32>, tensor<16x16xf32> -> tensor<4x16xf32>
      return %1 : tensor<4x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect", "::vitya::VityaDialect"];
}

def VityaToLinalgPass : Pass<"vitya-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "lower vitya ops to linalg on tensors";
  let description = [{
    Before: vitya ops and elementwise arith ops on tensors, without quantized types. After: linalg, tensor, math and scf
    ops only. A row that is reduced is cut into blocks of 16 lanes. It is reduced lane by lane and then across the lanes,
    so the order of the sums does not depend on the vector width of the processor.

    Before:

    ```mlir
    func.func @linear(%x: tensor<7x8xf32>, %w: tensor<16x8xf32>) -> tensor<7x16xf32> {
      %0 = vitya.linear "fc" %x, %w : tensor<7x8xf32>, tensor<16x8xf32> -> tensor<7x16xf32>
      return %0 : tensor<7x16xf32>
    }
    ```

    After:

    ```mlir
    #row = affine_map<(n, o, i) -> (n, i)>
    #column = affine_map<(n, o, i) -> (o, i)>
    #result = affine_map<(n, o, i) -> (n, o)>
    func.func @linear(%x: tensor<7x8xf32>, %w: tensor<16x8xf32>) -> tensor<7x16xf32> {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<7x16xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
      %0 = linalg.matmul indexing_maps = [#row, #column, #result]
        ins(%x, %w : tensor<7x8xf32>, tensor<16x8xf32>) outs(%init : tensor<7x16xf32>) -> tensor<7x16xf32>
      return %0 : tensor<7x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::math::MathDialect",
                           "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

#endif // VITYA_PASSES_LOWER_LINALG_PASSES
