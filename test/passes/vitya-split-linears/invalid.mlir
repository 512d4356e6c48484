// RUN: vitya-opt %s -split-input-file --vitya-split-linears -verify-diagnostics

// expected-error @below {{expected a function @main with a body}}
module {
  func.func private @main(%x: tensor<3x2xf32>) -> tensor<3x1xf32>
}

// -----

// The weight of a layer that is to be split is read, so it must be finite.
func.func @main(%x: tensor<3x2xf32>) -> (tensor<3x1xf32>, tensor<3x1xf32>) {
  %w = arith.constant dense<[[1.0, 0x7F800000], [0.0, 0.0]]> : tensor<2x2xf32>
  // expected-error @below {{expected a finite weight, found NaN or infinity}}
  %0 = vitya.linear "fc" %x, %w : tensor<3x2xf32>, tensor<2x2xf32> -> tensor<3x2xf32>
  %1 = tensor.extract_slice %0[0, 0] [3, 1] [1, 1] : tensor<3x2xf32> to tensor<3x1xf32>
  %2 = tensor.extract_slice %0[0, 1] [3, 1] [1, 1] : tensor<3x2xf32> to tensor<3x1xf32>
  return %1, %2 : tensor<3x1xf32>, tensor<3x1xf32>
}

// -----

func.func @main(%x: tensor<3x2xf32>) -> (tensor<3x1xf32>, tensor<3x1xf32>) {
  %w = arith.constant dense<0.5> : tensor<2x2xf32>
  %b = arith.constant dense_resource<absent> : tensor<2xf32>
  // expected-error @below {{expected a bias with all its bytes, found none}}
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<3x2xf32>, tensor<2x2xf32>, tensor<2xf32> -> tensor<3x2xf32>
  %1 = tensor.extract_slice %0[0, 0] [3, 1] [1, 1] : tensor<3x2xf32> to tensor<3x1xf32>
  %2 = tensor.extract_slice %0[0, 1] [3, 1] [1, 1] : tensor<3x2xf32> to tensor<3x1xf32>
  return %1, %2 : tensor<3x1xf32>, tensor<3x1xf32>
}
