// Statically quantized layers whose bias is an argument of a function, as f32 and as i32 in steps of the sum.
!x = !quant.uniform<u8:f32, 0.00390625:3>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.0021, 0.0037}>

module attributes {vitya.model = #vitya.model<name = "bias", image = [3, 4, 4], classes = ["a", "b"]>} {
  func.func private @layer(%x: tensor<1x48xf32>, %bias: tensor<2xf32>, %steps: tensor<2xi32>) -> tensor<1x2xf32> {
    %i = arith.constant dense<[[7, -9, 50, 127], [-3, 100, -127, 1]]> : tensor<2x4xi8>
    %s = quant.scast %i : tensor<2x4xi8> to tensor<2x4x!w>
    %part = tensor.extract_slice %x[0, 0] [1, 4] [1, 1] : tensor<1x48xf32> to tensor<1x4xf32>
    %q = quant.qcast %part : tensor<1x4xf32> to tensor<1x4x!x>
    %0 = vitya.linear "f32" %q, %s bias %bias : tensor<1x4x!x>, tensor<2x4x!w>, tensor<2xf32> -> tensor<1x2xf32>
    %1 = vitya.linear "i32" %q, %s bias %steps : tensor<1x4x!x>, tensor<2x4x!w>, tensor<2xi32> -> tensor<1x2xf32>
    %2 = arith.addf %0, %1 : tensor<1x2xf32>
    return %2 : tensor<1x2xf32>
  }
  func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
    %bias = arith.constant dense<[0.1234567, -3.3]> : tensor<2xf32>
    %steps = arith.constant dense<[12345, -2147483648]> : tensor<2xi32>
    %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
    %0 = call @layer(%x, %bias, %steps) : (tensor<1x48xf32>, tensor<2xf32>, tensor<2xi32>) -> tensor<1x2xf32>
    return %0 : tensor<1x2xf32>
  }
}
