// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-pad-widths

// Padding copies the elements of a weight, so they must be present: that of the layer itself,

func.func @own_weight(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
  // expected-error @below {{expected a weight with all its bytes}}
  %right = arith.constant dense_resource<absent> : tensor<3x8xf32>
  %left = arith.constant dense<2.0> : tensor<16x3xf32>
  %0 = vitya.linear "right" %x, %right : tensor<4x8xf32>, tensor<3x8xf32> -> tensor<4x3xf32>
  %1 = vitya.linear "left" %0, %left : tensor<4x3xf32>, tensor<16x3xf32> -> tensor<4x16xf32>
  return %1 : tensor<4x16xf32>
}

// -----

// its bias,

func.func @bias(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
  %right = arith.constant dense<0.5> : tensor<3x8xf32>
  // expected-error @below {{expected a weight with all its bytes}}
  %bias = arith.constant dense_resource<absent> : tensor<3xf32>
  %left = arith.constant dense<2.0> : tensor<16x3xf32>
  %0 = vitya.linear "right" %x, %right bias %bias : tensor<4x8xf32>, tensor<3x8xf32>, tensor<3xf32> -> tensor<4x3xf32>
  %1 = vitya.linear "left" %0, %left : tensor<4x3xf32>, tensor<16x3xf32> -> tensor<4x16xf32>
  return %1 : tensor<4x16xf32>
}

// -----

// and those of the layers that read its result.

func.func @reader(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
  %right = arith.constant dense<0.5> : tensor<3x8xf32>
  // expected-error @below {{expected a weight with all its bytes}}
  %left = arith.constant dense_resource<absent> : tensor<16x3xf32>
  %0 = vitya.linear "right" %x, %right : tensor<4x8xf32>, tensor<3x8xf32> -> tensor<4x3xf32>
  %1 = vitya.linear "left" %0, %left : tensor<4x3xf32>, tensor<16x3xf32> -> tensor<4x16xf32>
  return %1 : tensor<4x16xf32>
}
