// RUN: vitya-opt %s -verify-diagnostics -split-input-file

func.func @linear_c1_width(%x: tensor<4x8xf32>, %w: tensor<3x9xf32>) {
  // expected-error @below {{expected a weight with as many columns as the input, found 9 and 8}}
  // expected-error @below {{failed to infer returned types}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8xf32>, tensor<3x9xf32> -> tensor<4x3xf32>
  return
}
