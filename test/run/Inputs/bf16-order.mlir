// Products of constants: 2^24 * 1 and 1 * 1 and -2^24 * 1 in several orders. In f32, 2^24 + 1 rounds to 2^24. Column 2j + 1
// comes before column 2j, so the columns are added in the order 1, 0, 3, 2.
module attributes {vitya.model = #vitya.model<name = "order", image = [3, 32, 32], classes = ["0", "1", "2", "3"]>} {
  func.func @main(%image: tensor<3x32x32xf32>) -> tensor<1x4xf32> {
    %ones = arith.constant dense<1.0> : tensor<1x4xf32>
    %w = arith.constant dense<[[1.0, 1.6777216e7, 0.0, -1.6777216e7], [1.0, 0.0, 1.6777216e7, -1.6777216e7],
                               [1.6777216e7, 0.0, 1.0, -1.6777216e7], [1.0, 1.0, 0.0, 0.0]]> : tensor<4x4xbf16>
    %x = vitya.to_bf16 %ones : tensor<1x4xf32> -> tensor<1x4xbf16>
    %0 = vitya.linear "order" %x, %w : tensor<1x4xbf16>, tensor<4x4xbf16> -> tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}
