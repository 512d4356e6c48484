// Computes x / sqrt(mean(x^2) + eps) * weight for each token.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.1360 0.8935 2.2726{{$}}
// CHECK-NEXT: image 1: logits 0.7575 0.8935 0.4079{{$}}

module attributes {vitya.model = #vitya.model<name = "rms-norm", image = [3, 1, 1], classes = ["0", "1", "2"]>} {
  func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x3xf32> {
    %w = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
    %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
    %0 = vitya.rms_norm "norm" %x, %w eps 0.75 : tensor<1x3xf32>, tensor<3xf32> -> tensor<1x3xf32>
    return %0 : tensor<1x3xf32>
  }
}
