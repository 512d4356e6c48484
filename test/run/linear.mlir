// x W^T + b, followed by the same without b.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 3.5833 -1.3824 3.3333 -0.3824{{$}}
// CHECK-NEXT: image 1: logits 2.3284 -1.0686 2.0784 -0.0686{{$}}

module attributes {vitya.model = #vitya.model<name = "linear", image = [3, 1, 1], classes = ["0", "1", "2", "3"]>} {
  func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x4xf32> {
    %w = arith.constant dense<[[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]]> : tensor<2x3xf32>
    %b = arith.constant dense_resource<bias> : tensor<2xf32>
    %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
    %0 = vitya.linear "with bias" %x, %w bias %b : tensor<1x3xf32>, tensor<2x3xf32>, tensor<2xf32> -> tensor<1x2xf32>
    %1 = vitya.linear "without" %x, %w : tensor<1x3xf32>, tensor<2x3xf32> -> tensor<1x2xf32>
    %2 = tensor.concat dim(1) %0, %1 : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
    return %2 : tensor<1x4xf32>
  }
}

{-#
  dialect_resources: {
    builtin: {
      bias: "0x040000000000803E000080BF"
    }
  }
#-}
