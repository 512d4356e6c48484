// Each channel is a token. The bias of the first attention is a constant, with a column for each of 3 keys of 2 heads; that of
// the second is computed.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.4128 0.4520 0.4912 0.5988 0.6380 0.6772 0.4221 0.4613 0.5005 0.6324 0.6716 0.7108 0.4236 0.4628 0.5020 0.6380 0.6772 0.7165{{$}}
// CHECK-NEXT: image 1: logits 0.8528 0.8136 0.7744 0.6277 0.5885 0.5492 0.8442 0.8050 0.7658 0.5904 0.5511 0.5119 0.8442 0.8049 0.7657 0.5880 0.5487 0.5095{{$}}

// Both engines have the same bits, before and after the bias is padded.
// RUN: vitya-run %s --images=%t.bin --raw -o %t.reference && vitya-run %s --images=%t.bin --raw --engine=compiled -o %t.compiled
// RUN: vitya-opt %s --vitya-pad-widths -o %t.mlir && vitya-run %t.mlir --images=%t.bin --raw -o %t.padded
// RUN: cmp %t.compiled %t.reference && cmp %t.padded %t.reference

module attributes {vitya.model = #vitya.model<name = "bias", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x18xf32> {
    %bias = arith.constant dense<[[0.5, -1.0, 0.25, 2.0, 0.0, -0.5], [0.0, 1.0, 0.0, -3.0, 0.5, 0.0], [1.5, 0.0, -0.75, 0.0, 0.0, 1.0]]> : tensor<3x6xf32>
    %x = tensor.collapse_shape %image [[0], [1, 2]] : tensor<3x2x4xf32> into tensor<3x8xf32>
    %v = tensor.extract_slice %x[0, 0] [3, 6] [1, 1] : tensor<3x8xf32> to tensor<3x6xf32>
    %computed = tensor.extract_slice %x[0, 0] [3, 3] [1, 1] : tensor<3x8xf32> to tensor<3x3xf32>
    %y = vitya.attention "one" %x, %x, %v bias %bias heads 2 scale 2.0 : tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x6xf32>, tensor<3x6xf32> -> tensor<3x6xf32>
    %0 = vitya.attention "two" %y, %y, %y bias %computed heads 1 scale 1.0 : tensor<3x6xf32>, tensor<3x6xf32>, tensor<3x6xf32>, tensor<3x3xf32> -> tensor<3x6xf32>
    %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<3x6xf32> into tensor<18xf32>
    %2 = tensor.expand_shape %1 [[0, 1]] output_shape [1, 18] : tensor<18xf32> into tensor<1x18xf32>
    return %2 : tensor<1x18xf32>
  }
}
