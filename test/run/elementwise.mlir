// The sum and the product of the first and the last token.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.6275 0.7059 0.7843 0.8627 0.9412 1.0196 1.0980 1.1765 0.0000 0.0261 0.0554 0.0877 0.1230 0.1615 0.2030 0.2476{{$}}
// CHECK-NEXT: image 1: logits 1.1765 1.0980 1.0196 0.9412 0.8627 0.7843 0.7059 0.6275 0.2476 0.2030 0.1615 0.1230 0.0877 0.0554 0.0261 0.0000{{$}}

module attributes {vitya.model = #vitya.model<name = "elementwise", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x16xf32> {
    %x = tensor.collapse_shape %image [[0], [1, 2]] : tensor<3x2x4xf32> into tensor<3x8xf32>
    %first = tensor.extract_slice %x[0, 0] [1, 8] [1, 1] : tensor<3x8xf32> to tensor<1x8xf32>
    %last = tensor.extract_slice %x[2, 0] [1, 8] [1, 1] : tensor<3x8xf32> to tensor<1x8xf32>
    %0 = arith.addf %first, %last : tensor<1x8xf32>
    %1 = arith.mulf %first, %last : tensor<1x8xf32>
    %2 = tensor.concat dim(1) %0, %1 : (tensor<1x8xf32>, tensor<1x8xf32>) -> tensor<1x16xf32>
    return %2 : tensor<1x16xf32>
  }
}
