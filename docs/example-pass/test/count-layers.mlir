// RUN: vitya-opt %s --load-pass-plugin=%plugin --pass-pipeline="builtin.module(example-count-layers)" -verify-diagnostics | FileCheck %s

// CHECK: module attributes {example.linear_weights = 96 : i64}
func.func @main(%x: tensor<4x8xf32>, %w: tensor<12x8xf32>) -> tensor<4x12xf32> {
  // expected-remark @below {{layer fc1 has 96 weights}}
  %0 = vitya.linear "fc1" %x, %w : tensor<4x8xf32>, tensor<12x8xf32> -> tensor<4x12xf32>
  return %0 : tensor<4x12xf32>
}
