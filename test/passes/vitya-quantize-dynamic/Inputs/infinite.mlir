func.func @main(%x: tensor<3x2xf32>) -> tensor<3x1xf32> {
  %w = arith.constant dense<[[1.0, 0x7F800000]]> : tensor<1x2xf32>
  %0 = vitya.linear "fc" %x, %w : tensor<3x2xf32>, tensor<1x2xf32> -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}
