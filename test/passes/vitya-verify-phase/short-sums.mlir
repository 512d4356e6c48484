// A claim about short sums must agree with the weight.
// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-verify-phase=phase=compress

!x = !quant.uniform<u8:f32, 0.5>
!w = !quant.uniform<i8:f32, 0.25>

func.func @main(%image: tensor<1x1x8xf32>) -> tensor<1x2xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4, 5, 6, 7, 8], [20, 30, -64, -64, 20, 30, 50, 60]]> : tensor<2x8xi8>
  %w = quant.scast %c : tensor<2x8xi8> to tensor<2x8x!w>
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x8xf32> into tensor<1x8xf32>
  %q = quant.qcast %0 : tensor<1x8xf32> to tensor<1x8x!x>
  // expected-error @below {{'vitya.linear' op expected layer 'head' to have a largest short sum of 30000 at row 1, column 2, as #vitya.short_sums<group = 1, largest = 30000, row = 1, column = 2> claims, found one of 32640 at row 1, columns 2, 3}}
  %1 = vitya.linear "head" %q, %w {vitya.short_sums = #vitya.short_sums<group = 1, largest = 30000, row = 1, column = 2>}
     : tensor<1x8x!x>, tensor<2x8x!w> -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

// -----

!x = !quant.uniform<u8:f32, 0.5>
!w = !quant.uniform<i8:f32, 0.25>

func.func @main(%image: tensor<1x1x8xf32>) -> tensor<1x2xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4, 5, 6, 7, 8], [20, 30, -64, -64, 20, 30, -10, -10]]> : tensor<2x8xi8>
  %w = quant.scast %c : tensor<2x8xi8> to tensor<2x8x!w>
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x8xf32> into tensor<1x8xf32>
  %q = quant.qcast %0 : tensor<1x8xf32> to tensor<1x8x!x>
  // expected-error @below {{found one of 37740 at row 1, columns 2, 3, 6, 7}}
  %1 = vitya.linear "head" %q, %w {vitya.short_sums = #vitya.short_sums<group = 2, largest = 32640, row = 1, column = 2>}
     : tensor<1x8x!x>, tensor<2x8x!w> -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

// -----

!x = !quant.uniform<u8:f32, 0.5>
!w = !quant.uniform<i8:f32, 0.25>

func.func @main(%image: tensor<1x1x8xf32>) -> tensor<1x2xf32> {
  %c = arith.constant dense_resource<elided> : tensor<2x8xi8>
  %w = quant.scast %c : tensor<2x8xi8> to tensor<2x8x!w>
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x8xf32> into tensor<1x8xf32>
  %q = quant.qcast %0 : tensor<1x8xf32> to tensor<1x8x!x>
  // expected-error @below {{expected a quantized constant weight with all its bytes, as 'vitya.short_sums' makes a claim about it}}
  %1 = vitya.linear "head" %q, %w {vitya.short_sums = #vitya.short_sums<group = 2, largest = 32640, row = 1, column = 2>}
     : tensor<1x8x!x>, tensor<2x8x!w> -> tensor<1x2xf32>
  return %1 : tensor<1x2xf32>
}

// -----

!x = !quant.uniform<u8:f32, 0.5>
!w = !quant.uniform<i8:f32, 0.25>

func.func @main(%image: tensor<1x4x4xf32>) -> tensor<1x1xf32> {
  %c = arith.constant dense<100> : tensor<1x16xi8>
  %w = quant.scast %c : tensor<1x16xi8> to tensor<1x16x!w>
  %0 = vitya.patchify %image [4, 4] channel_row_column : tensor<1x4x4xf32> -> tensor<1x16xf32>
  %q = quant.qcast %0 : tensor<1x16xf32> to tensor<1x16x!x>
  // expected-error @below {{expected layer 'head' to have an order of its columns, as #vitya.short_sums<group = 1, largest = 25500, row = 0, column = 0, ordered = true> claims, found none}}
  %1 = vitya.linear "head" %q, %w {vitya.short_sums = #vitya.short_sums<group = 1, largest = 25500, row = 0, column = 0, ordered = true>}
     : tensor<1x16x!x>, tensor<1x16x!w> -> tensor<1x1xf32>
  return %1 : tensor<1x1xf32>
}
