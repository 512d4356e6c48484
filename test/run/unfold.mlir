// Windows of 2 x 3 pixels of one channel at every second column, padded left and right.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.0000 0.3137 0.3529 0.0000 0.4706 0.5098 0.3529 0.3922 0.4314 0.5098 0.5490 0.5882{{$}}
// CHECK-NEXT: image 1: logits 0.0000 0.5882 0.5490 0.0000 0.4314 0.3922 0.5490 0.5098 0.4706 0.3922 0.3529 0.3137{{$}}

module attributes {vitya.model = #vitya.model<name = "unfold", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x12xf32> {
    %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x2x4xf32> -> tensor<8x3xf32>
    %green = tensor.extract_slice %x[0, 1] [8, 1] [1, 1] : tensor<8x3xf32> to tensor<8x1xf32>
    %0 = vitya.unfold %green grid [2, 4] window [2, 3] stride [1, 2] padding [0, 1] : tensor<8x1xf32> -> tensor<2x6xf32>
    %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x6xf32> into tensor<12xf32>
    %2 = tensor.expand_shape %1 [[0, 1]] output_shape [1, 12] : tensor<12xf32> into tensor<1x12xf32>
    return %2 : tensor<1x12xf32>
  }
}
