// RUN: vitya-opt %s -split-input-file --vitya-describe-model | FileCheck %s

// Linear layers in program order; products of linear layers (5*8*12 + 5*12*4 = 720) and of attention: scores
// 5 queries * 3 keys * 4, weighted sums 5 * 3 * 6, together 150.

// CHECK-LABEL: module attributes
// CHECK-SAME: vitya.fingerprint = "{{([0-9a-f]{32})}}"
// CHECK-SAME: vitya.linears = [#vitya.linear_info<"first", in = 8, out = 12, format = "f32", reason = "no compression requested">,
// CHECK-SAME:   #vitya.linear_info<"second", in = 12, out = 4, format = "f32", reason = "no compression requested">]
// CHECK-NOT: vitya.integer_multiply_adds
// CHECK-SAME: vitya.multiply_adds = 870 : i64
// CHECK-SAME: vitya.parameters = 160 : i64
// CHECK: vitya.linear "first"
// CHECK: vitya.linear "second"
// CHECK: vitya.attention
func.func @main(%x: tensor<5x8xf32>, %k: tensor<3x4xf32>, %v: tensor<3x6xf32>) -> tensor<5x6xf32> {
  %w1 = arith.constant dense<0.5> : tensor<12x8xf32>
  %b1 = arith.constant dense<0.5> : tensor<12xf32>
  %w2 = arith.constant dense_resource<absent> : tensor<4x12xf32>
  %b2 = arith.constant dense<0.5> : tensor<4xf32>
  %scalar = arith.constant 1.0 : f32
  %0 = vitya.linear "first" %x, %w1 bias %b1 : tensor<5x8xf32>, tensor<12x8xf32>, tensor<12xf32> -> tensor<5x12xf32>
  %1 = vitya.linear "second" %0, %w2 bias %b2 : tensor<5x12xf32>, tensor<4x12xf32>, tensor<4xf32> -> tensor<5x4xf32>
  %2 = vitya.attention "attn" %1, %k, %v heads 2 scale 0.5 : tensor<5x4xf32>, tensor<3x4xf32>, tensor<3x6xf32> -> tensor<5x6xf32>
  return %2 : tensor<5x6xf32>
}

// -----

// A model without a linear layer is described too.

// CHECK-LABEL: module attributes
// CHECK-SAME: vitya.linears = []
// CHECK-SAME: vitya.multiply_adds = 0 : i64
// CHECK-SAME: vitya.parameters = 0 : i64
func.func @main(%x: tensor<5x8xf32>) -> tensor<1x8xf32> {
  %0 = vitya.mean_pool %x : tensor<5x8xf32> -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}

// -----

// Products of integers are counted once more, and those in short sums of 1, 2, 4 and 8 blocks, too.

// CHECK-LABEL: module attributes
// CHECK-SAME: vitya.integer_multiply_adds = 32 : i64
// CHECK-SAME: vitya.linears = [#vitya.linear_info<"integers", in = 4, out = 2, format = "u8 x s8 static" short_sums = <group = 4, largest = 510, row = 0, column = 0>, reason = "no compression requested">,
// CHECK-SAME: vitya.multiply_adds = 40 : i64
// CHECK-SAME: vitya.short_sum_multiply_adds = array<i64: 0, 0, 32, 0>
!u = !quant.uniform<u8:f32, 0.5:100>
!s = !quant.uniform<i8<-127:127>:f32, 0.5>
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x1xf32> {
  %c = arith.constant dense<1> : tensor<2x4xi8>
  %w = quant.scast %c : tensor<2x4xi8> to tensor<2x4x!s>
  %v = arith.constant dense<0.5> : tensor<1x2xf32>
  %q = quant.qcast %x : tensor<4x4xf32> to tensor<4x4x!u>
  %0 = vitya.linear "integers" %q, %w {vitya.short_sums = #vitya.short_sums<group = 4, largest = 510, row = 0, column = 0>} : tensor<4x4x!u>, tensor<2x4x!s> -> tensor<4x2xf32>
  %1 = vitya.linear "floats" %0, %v : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x1xf32>
  return %1 : tensor<4x1xf32>
}
