// Each channel is a token.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.3137 0.3529 0.3922 0.4314 0.4706 0.5098 0.5490 0.5882{{$}}
// CHECK-NEXT: image 1: logits 0.5882 0.5490 0.5098 0.4706 0.4314 0.3922 0.3529 0.3137{{$}}

module attributes {vitya.model = #vitya.model<name = "mean-pool", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x8xf32> {
    %x = tensor.collapse_shape %image [[0], [1, 2]] : tensor<3x2x4xf32> into tensor<3x8xf32>
    %0 = vitya.mean_pool %x : tensor<3x8xf32> -> tensor<1x8xf32>
    return %0 : tensor<1x8xf32>
  }
}
