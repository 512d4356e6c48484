// Two patches of 2 x 2 pixels, whose rows are concatenated.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.0000 0.0392 0.1569 0.1961 0.3137 0.3529 0.4706 0.5098 0.6275 0.6667 0.7843 0.8235 0.0784 0.1176 0.2353 0.2745 0.3922 0.4314 0.5490 0.5882 0.7059 0.7451 0.8627 0.9020{{$}}
// CHECK-NEXT: image 1: logits 0.9020 0.8627 0.7451 0.7059 0.5882 0.5490 0.4314 0.3922 0.2745 0.2353 0.1176 0.0784 0.8235 0.7843 0.6667 0.6275 0.5098 0.4706 0.3529 0.3137 0.1961 0.1569 0.0392 0.0000{{$}}

module attributes {vitya.model = #vitya.model<name = "patchify-channel-row-column", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x24xf32> {
    %0 = vitya.patchify %image [2, 2] channel_row_column : tensor<3x2x4xf32> -> tensor<2x12xf32>
    %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x12xf32> into tensor<24xf32>
    %2 = tensor.expand_shape %1 [[0, 1]] output_shape [1, 24] : tensor<24xf32> into tensor<1x24xf32>
    return %2 : tensor<1x24xf32>
  }
}
