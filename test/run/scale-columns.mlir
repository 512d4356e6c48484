// Each channel is a token, whose columns have factors.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.3137 0.7059 -0.3922 0.2157 0.0000 5.0980 0.5490 0.5882{{$}}
// CHECK-NEXT: image 1: logits 0.5882 1.0980 -0.5098 0.2353 0.0000 3.9216 0.3529 0.3137{{$}}

module attributes {vitya.model = #vitya.model<name = "scale-columns", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x8xf32> {
    %f = arith.constant dense<[1.0, 2.0, -1.0, 0.5, 0.0, 10.0, 1.0, 1.0]> : tensor<8xf32>
    %x = tensor.collapse_shape %image [[0], [1, 2]] : tensor<3x2x4xf32> into tensor<3x8xf32>
    %0 = vitya.scale_columns %x by %f : tensor<3x8xf32>, tensor<8xf32> -> tensor<3x8xf32>
    %1 = vitya.mean_pool %0 : tensor<3x8xf32> -> tensor<1x8xf32>
    return %1 : tensor<1x8xf32>
  }
}
