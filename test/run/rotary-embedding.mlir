// Rotates the pairs of the columns of two heads, half a head apart and then neighbours. The first token has the angle 0.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.1579 -0.4805 -0.1182 0.4795 0.6839 0.2609 -0.2489 0.3153{{$}}
// CHECK-NEXT: image 1: logits 0.3592 -0.0125 0.2024 0.6149 0.4105 0.2562 0.2369 0.4424{{$}}

module attributes {vitya.model = #vitya.model<name = "rotary-embedding", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x8xf32> {
    %cos = arith.constant dense<[[1.0, 1.0], [0.0, 0.6], [0.8, -1.0]]> : tensor<3x2xf32>
    %sin = arith.constant dense<[[0.0, 0.0], [1.0, 0.8], [-0.6, 0.0]]> : tensor<3x2xf32>
    %all_cos = arith.constant dense<[[1.0, 1.0, 1.0, 1.0], [0.0, 0.6, -1.0, 0.8], [0.8, -1.0, 0.6, 0.0]]> : tensor<3x4xf32>
    %all_sin = arith.constant dense<[[0.0, 0.0, 0.0, 0.0], [1.0, 0.8, 0.0, 0.6], [-0.6, 0.0, 0.8, -1.0]]> : tensor<3x4xf32>
    %x = tensor.collapse_shape %image [[0], [1, 2]] : tensor<3x2x4xf32> into tensor<3x8xf32>
    %0 = vitya.rotary_embedding %x, %cos, %sin heads 2 : tensor<3x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>
    %1 = vitya.rotary_embedding %0, %all_cos, %all_sin heads 2 interleaved : tensor<3x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>
    %2 = vitya.mean_pool %1 : tensor<3x8xf32> -> tensor<1x8xf32>
    return %2 : tensor<1x8xf32>
  }
}
