// Each channel is a token. A head reads 4 columns of query and key and 3 columns of value.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: vitya-run %s --images=%t.bin --engine=reference | FileCheck %s
// RUN: vitya-run %s --images=%t.bin --engine=compiled | FileCheck %s
// CHECK: image 0: logits 0.3445 0.3837 0.4229 0.5394 0.5786 0.6178 0.4853 0.5245 0.5637 0.6499 0.6891 0.7283 0.5646 0.6038 0.6430 0.7038 0.7430 0.7822{{$}}
// CHECK-NEXT: image 1: logits 0.8606 0.8214 0.7822 0.7215 0.6823 0.6430 0.8068 0.7675 0.7283 0.6422 0.6029 0.5637 0.6963 0.6570 0.6178 0.5014 0.4621 0.4229{{$}}

module attributes {vitya.model = #vitya.model<name = "attention", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x18xf32> {
    %x = tensor.collapse_shape %image [[0], [1, 2]] : tensor<3x2x4xf32> into tensor<3x8xf32>
    %v = tensor.extract_slice %x[0, 0] [3, 6] [1, 1] : tensor<3x8xf32> to tensor<3x6xf32>
    %0 = vitya.attention "attn" %x, %x, %v heads 2 scale 2.0 : tensor<3x8xf32>, tensor<3x8xf32>, tensor<3x6xf32> -> tensor<3x6xf32>
    %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<3x6xf32> into tensor<18xf32>
    %2 = tensor.expand_shape %1 [[0, 1]] output_shape [1, 18] : tensor<18xf32> into tensor<1x18xf32>
    return %2 : tensor<1x18xf32>
  }
}
