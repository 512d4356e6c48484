// RUN: vitya-opt %s -split-input-file --vitya-low-rank="rank=2" -verify-diagnostics --mlir-print-debuginfo=false | FileCheck %s

// A layer whose name matches is replaced by two; the bias becomes that of the second. Other layers record why they stay
// dense. The weight is diag(4, 3, 2, 1) with two columns of zeros, so rank 2 keeps the singular values 4 and 3.

// CHECK-LABEL: func.func @main
// CHECK: %[[B:.*]] = arith.constant dense<{{.*}}> : tensor<4xf32>
// CHECK: %[[R:.*]] = arith.constant dense_resource<blocks.0.fc.right.weight> : tensor<2x6xf32>
// CHECK: %[[X:.*]] = vitya.linear "blocks.0.fc.right" %{{[^ ]*}}, %[[R]] {info = #[[INFO:[^>]*]]>} :
// CHECK: %[[L:.*]] = arith.constant dense_resource<blocks.0.fc.left.weight> : tensor<4x2xf32>
// CHECK: vitya.linear "blocks.0.fc.left" %[[X]], %[[L]] bias %[[B]] {info = #[[INFO]]>} :
// CHECK: vitya.linear "head" {{.*}} {info = #vitya.linear_info<"head", in = 4, out = 4, format = "f32", reason = "name does not match '[.][0-9]+[.]'">}
func.func @main(%x: tensor<5x6xf32>) -> tensor<5x4xf32> {
  %w = arith.constant dense<[[4.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0, 0.0, 0.0],
                             [0.0, 0.0, 2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]]> : tensor<4x6xf32>
  %b = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %h = arith.constant dense<0.5> : tensor<4x4xf32>
  %0 = vitya.linear "blocks.0.fc" %x, %w bias %b : tensor<5x6xf32>, tensor<4x6xf32>, tensor<4xf32> -> tensor<5x4xf32>
  %1 = vitya.linear "head" %0, %h : tensor<5x4xf32>, tensor<4x4xf32> -> tensor<5x4xf32>
  return %1 : tensor<5x4xf32>
}

// -----

// A layer stays dense if the factors are no smaller. The factors of a layer without bias have no bias.

// CHECK-LABEL: func.func @main
// CHECK: vitya.linear "blocks.0.small" {{.*}}reason = "rank 2 does not pay: 3 x 6 weights need a rank below 2"
// CHECK: vitya.linear "blocks.0.wide.right" {{.*}} : tensor<5x3xf32>, tensor<2x3xf32> -> tensor<5x2xf32>
// CHECK: vitya.linear "blocks.0.wide.left" %{{[^ ]*}}, %{{[^ ]*}} {info = {{.*}} : tensor<5x2xf32>, tensor<9x2xf32> -> tensor<5x9xf32>
func.func @main(%x: tensor<5x6xf32>) -> tensor<5x9xf32> {
  %w = arith.constant dense<0.25> : tensor<3x6xf32>
  %v = arith.constant dense<0.5> : tensor<9x3xf32>
  // expected-remark @below {{layer 'blocks.0.small' stays dense: rank 2 does not pay: 3 x 6 weights need a rank below 2}}
  %0 = vitya.linear "blocks.0.small" %x, %w : tensor<5x6xf32>, tensor<3x6xf32> -> tensor<5x3xf32>
  %1 = vitya.linear "blocks.0.wide" %0, %v : tensor<5x3xf32>, tensor<9x3xf32> -> tensor<5x9xf32>
  return %1 : tensor<5x9xf32>
}

// -----

// Layers that are factorised already do not change. A weight of zeros can be factorised.

// CHECK-LABEL: func.func @main
// CHECK: vitya.linear "blocks.0.a.right" {{.*}} : tensor<5x8xf32>, tensor<1x8xf32> -> tensor<5x1xf32>
// CHECK-NEXT: vitya.linear "blocks.0.a.left"
// CHECK: vitya.linear "blocks.0.b.right"
// CHECK: vitya.linear "blocks.0.b.left"
#info = #vitya.linear_info<"blocks.0.a", in = 8, out = 8, format = "f32", reason = "plain, rank 1", rank = 1>
func.func @main(%x: tensor<5x8xf32>) -> tensor<5x8xf32> {
  %r = arith.constant dense<0.25> : tensor<1x8xf32>
  %l = arith.constant dense<0.5> : tensor<8x1xf32>
  %w = arith.constant dense<0.0> : tensor<8x8xf32>
  // expected-remark @below {{layer 'blocks.0.a' is factorised already: left alone}}
  %0 = vitya.linear "blocks.0.a.right" %x, %r {info = #info} : tensor<5x8xf32>, tensor<1x8xf32> -> tensor<5x1xf32>
  %1 = vitya.linear "blocks.0.a.left" %0, %l {info = #info} : tensor<5x1xf32>, tensor<8x1xf32> -> tensor<5x8xf32>
  %2 = vitya.linear "blocks.0.b" %1, %w : tensor<5x8xf32>, tensor<8x8xf32> -> tensor<5x8xf32>
  return %2 : tensor<5x8xf32>
}
