// Maxima of windows of 2 x 3 pixels at every second column, padded left and right.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.1961 0.5098 0.8235 0.2745 0.5882 0.9020{{$}}
// CHECK-NEXT: image 1: logits 0.9020 0.5882 0.2745 0.8627 0.5490 0.2353{{$}}

module attributes {vitya.model = #vitya.model<name = "max-pool", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x6xf32> {
    %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x2x4xf32> -> tensor<8x3xf32>
    %0 = vitya.max_pool %x grid [2, 4] window [2, 3] stride [1, 2] padding [0, 1] : tensor<8x3xf32> -> tensor<2x3xf32>
    %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
    %2 = tensor.expand_shape %1 [[0, 1]] output_shape [1, 6] : tensor<6xf32> into tensor<1x6xf32>
    return %2 : tensor<1x6xf32>
  }
}
