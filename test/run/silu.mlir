// SiLU of the results of normalize.mlir, one of which is negative.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits -0.2755 0.2408 0.5218{{$}}
// CHECK-NEXT: image 1: logits 0.7861 0.2408 0.0733{{$}}

module attributes {vitya.model = #vitya.model<name = "silu", image = [3, 1, 1], classes = ["0", "1", "2"]>} {
  func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x3xf32> {
    %0 = vitya.normalize %image mean [0.5, 0.25, 0.0] std [0.25, 0.5, 1.0] : tensor<3x1x1xf32>
    %1 = vitya.patchify %0 [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
    %2 = vitya.silu %1 : tensor<1x3xf32>
    return %2 : tensor<1x3xf32>
  }
}
