!w = !quant.uniform<i8<-127:127>:f32, 0.01>
!u = !quant.uniform<u8:f32, 0.00392156862745098:3>
module attributes {vitya.model = #vitya.model<name = "m", image = [3, 32, 32], classes = ["0","1","2","3","4","5","6","7","8","9"]>} {
  func.func @main(%image: tensor<3x32x32xf32>) -> tensor<1x10xf32> {
    %c = arith.constant dense<3> : tensor<10x47xi8>
    %w = quant.scast %c : tensor<10x47xi8> to tensor<10x47x!w>
    %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x32x32xf32> -> tensor<64x48xf32>
    %s = tensor.extract_slice %x[0, 0] [64, 47] [1, 1] : tensor<64x48xf32> to tensor<64x47xf32>
    %q = quant.qcast %s : tensor<64x47xf32> to tensor<64x47x!u>
    %0 = vitya.linear "fc" %q, %w : tensor<64x47x!u>, tensor<10x47x!w> -> tensor<64x10xf32>
    %1 = vitya.mean_pool %0 : tensor<64x10xf32> -> tensor<1x10xf32>
    return %1 : tensor<1x10xf32>
  }
}
