// Computes (x - mean) / sqrt(variance + eps) * weight + bias for each token.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits -1.2247 0.5000 2.6740{{$}}
// CHECK-NEXT: image 1: logits 1.2247 0.5000 -4.6740{{$}}

module attributes {vitya.model = #vitya.model<name = "layer-norm", image = [3, 1, 1], classes = ["0", "1", "2"]>} {
  func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x3xf32> {
    %w = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
    %b = arith.constant dense<[0.0, 0.5, -1.0]> : tensor<3xf32>
    %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
    %0 = vitya.layer_norm "norm" %x, %w, %b eps 1.0e-5 : tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32> -> tensor<1x3xf32>
    return %0 : tensor<1x3xf32>
  }
}
