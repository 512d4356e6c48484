// The bias of the keys, which is larger than the keys, changes no logit. Each channel is a token.
// RUN: %python %source/test/run/Inputs/make_images.py > %t.bin
// RUN: vitya-opt %s --vitya-drop-key-biases -o %t.mlir && not diff %s %t.mlir > %t.diff
// RUN: vitya-run %s --images=%t.bin --raw -o %t.before
// RUN: vitya-run %t.mlir --images=%t.bin --raw -o %t.after
// RUN: %python %source/test/compare-logits.py %t.before %t.after --classes=12 --relative=1e-6

module attributes {vitya.model = #vitya.model<name = "keys", image = [3, 2, 2], classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]>} {
  func.func @main(%image: tensor<3x2x2xf32>) -> tensor<1x12xf32> {
    %i = arith.constant dense<[[1, 2, 3, 4], [-4, 3, -2, 1], [5, 6, -7, 8], [2, -1, 4, -3]]> : tensor<4x4xi8>
    %w = quant.scast %i : tensor<4x4xi8> to tensor<4x4x!quant.uniform<i8<-127:127>:f32, 0.25>>
    %b = arith.constant dense<[9.0, -7.0, 5.0, -3.0]> : tensor<4xf32>
    %x = tensor.collapse_shape %image [[0], [1, 2]] : tensor<3x2x2xf32> into tensor<3x4xf32>
    %p = vitya.choose_qparams token %x : tensor<3x4xf32> -> tensor<3x2xf32>
    %u = vitya.quantize %x, %p : tensor<3x4xf32>, tensor<3x2xf32> -> tensor<3x4x!quant.any<u8:f32>>
    %k = vitya.linear "k" %u, %w bias %b params(%p : tensor<3x2xf32>)
       : tensor<3x4x!quant.any<u8:f32>>, tensor<4x4x!quant.uniform<i8<-127:127>:f32, 0.25>>, tensor<4xf32> -> tensor<3x4xf32>
    %0 = vitya.attention "attn" %x, %k, %x heads 2 scale 0.5 : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>
    %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<3x4xf32> into tensor<12xf32>
    %2 = tensor.expand_shape %1 [[0, 1]] output_shape [1, 12] : tensor<12xf32> into tensor<1x12xf32>
    return %2 : tensor<1x12xf32>
  }
}
