// RUN: vitya-opt %s -canonicalize -split-input-file | FileCheck %s

//===----------------------------------------------------------------------===//
// Folds
//===----------------------------------------------------------------------===//

// (x - 0) / 1 = x
// CHECK-LABEL: @normalize_identity(
// CHECK-SAME: %[[X:.*]]: tensor<2x4x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @normalize_identity(%x: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  %0 = vitya.normalize %x mean [0.0, 0.0] std [1.0, 1.0] : tensor<2x4x4xf32>
  return %0 : tensor<2x4x4xf32>
}

// CHECK-LABEL: @normalize_one_channel(
// CHECK: vitya.normalize
func.func @normalize_one_channel(%x: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  %0 = vitya.normalize %x mean [0.0, 0.5] std [1.0, 1.0] : tensor<2x4x4xf32>
  return %0 : tensor<2x4x4xf32>
}

// x W^T + 0 = x W^T
// CHECK-LABEL: @linear_zero_bias(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<3x8xf32>
// CHECK-NEXT: %[[R:.*]] = vitya.linear "fc" %[[X]], %[[W]] : tensor<4x8xf32>, tensor<3x8xf32> -> tensor<4x3xf32>
// CHECK-NEXT: return %[[R]]
func.func @linear_zero_bias(%x: tensor<4x8xf32>, %w: tensor<3x8xf32>) -> tensor<4x3xf32> {
  %b = arith.constant dense<0.0> : tensor<3xf32>
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<4x8xf32>, tensor<3x8xf32>, tensor<3xf32> -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// CHECK-LABEL: @linear_some_bias(
// CHECK: vitya.linear "fc" %{{.*}}, %{{.*}} bias
func.func @linear_some_bias(%x: tensor<4x8xf32>, %w: tensor<3x8xf32>) -> tensor<4x3xf32> {
  %b = arith.constant dense<[0.0, 0.0, 1.0]> : tensor<3xf32>
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<4x8xf32>, tensor<3x8xf32>, tensor<3xf32> -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// Windows of one pixel.
// CHECK-LABEL: @unfold_one_pixel(
// CHECK-SAME: %[[X:.*]]: tensor<8x4xf32>
// CHECK-NEXT: return %[[X]]
func.func @unfold_one_pixel(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {
  %0 = vitya.unfold %x grid [2, 4] window [1, 1] stride [1, 1] padding [0, 0] : tensor<8x4xf32> -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// CHECK-LABEL: @unfold_every_second_pixel(
// CHECK: vitya.unfold
func.func @unfold_every_second_pixel(%x: tensor<8x4xf32>) -> tensor<4x4xf32> {
  %0 = vitya.unfold %x grid [2, 4] window [1, 1] stride [1, 2] padding [0, 0] : tensor<8x4xf32> -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// x_0 / 1 = x_0
// CHECK-LABEL: @mean_pool_one_token(
// CHECK-SAME: %[[X:.*]]: tensor<1x8xf32>
// CHECK-NEXT: return %[[X]]
func.func @mean_pool_one_token(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %0 = vitya.mean_pool %x : tensor<1x8xf32> -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}

// CHECK-LABEL: @mean_pool_two_tokens(
// CHECK: vitya.mean_pool
func.func @mean_pool_two_tokens(%x: tensor<2x8xf32>) -> tensor<1x8xf32> {
  %0 = vitya.mean_pool %x : tensor<2x8xf32> -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}

// -----

// A zero bias is recognised in the bytes of a resource as well. An elided resource is not known to be zero.
// CHECK-LABEL: @linear_resources(
// CHECK: vitya.linear "zero" %{{[^ ]*}}, %{{[^ ]*}} :
// CHECK: vitya.linear "one" %{{[^ ]*}}, %{{[^ ]*}} bias
// CHECK: vitya.linear "absent" %{{[^ ]*}}, %{{[^ ]*}} bias
func.func @linear_resources(%x: tensor<4x8xf32>, %w: tensor<2x8xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %zero = arith.constant dense_resource<zero> : tensor<2xf32>
  %one = arith.constant dense_resource<one> : tensor<2xf32>
  %absent = arith.constant dense_resource<absent> : tensor<2xf32>
  %0 = vitya.linear "zero" %x, %w bias %zero : tensor<4x8xf32>, tensor<2x8xf32>, tensor<2xf32> -> tensor<4x2xf32>
  %1 = vitya.linear "one" %x, %w bias %one : tensor<4x8xf32>, tensor<2x8xf32>, tensor<2xf32> -> tensor<4x2xf32>
  %2 = vitya.linear "absent" %x, %w bias %absent : tensor<4x8xf32>, tensor<2x8xf32>, tensor<2xf32> -> tensor<4x2xf32>
  return %0, %1, %2 : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      zero: "0x040000000000000000000000",
      one: "0x04000000000000000000803F"
    }
  }
#-}
