// RUN: vitya-opt %s -split-input-file --vitya-split-linears | FileCheck %s -enable-var-scope

// Parts are named by what reads them; two slices of the same columns share a part, and rows are sliced afterwards.
// CHECK-LABEL: @main
// CHECK-DAG: %[[WQ:.*]] = arith.constant dense_resource<blocks.0.attn.qkv.q.weight> : tensor<4x3xf32>
// CHECK-DAG: %[[BQ:.*]] = arith.constant dense_resource<blocks.0.attn.qkv.q.bias> : tensor<4xf32>
// CHECK: %[[Q:.*]] = vitya.linear "blocks.0.attn.qkv.q" %{{.*}}, %[[WQ]] bias %[[BQ]] {info = #[[INFO:.*]]} :
// CHECK: %[[K:.*]] = vitya.linear "blocks.0.attn.qkv.k" {{.*}} {info = #[[INFO]]} :
// CHECK: %[[V:.*]] = vitya.linear "blocks.0.attn.qkv.v" {{.*}} {info = #[[INFO]]} : {{.*}} -> tensor<5x8xf32>
// CHECK: %[[ROW:.*]] = tensor.extract_slice %[[Q]][0, 0] [1, 4] [1, 1]
// CHECK: vitya.attention "blocks.0.attn" %[[ROW]], %[[K]], %[[V]]
// CHECK: vitya.attention "again" %[[Q]], %[[K]], %[[V]]
// CHECK: blocks.0.attn.qkv.q.weight: "0x400000000000003F00000040
// CHECK: blocks.0.attn.qkv.v.bias: "0x400000000000803F
func.func @main(%x: tensor<5x3xf32>) -> (tensor<1x8xf32>, tensor<5x8xf32>) {
  %w = arith.constant dense<[
    [0.5, 2.0, 3.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0],
    [4.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]> : tensor<16x3xf32>
  %b = arith.constant dense<[0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]> : tensor<16xf32>
  %qkv = vitya.linear "blocks.0.attn.qkv" %x, %w bias %b
       : tensor<5x3xf32>, tensor<16x3xf32>, tensor<16xf32> -> tensor<5x16xf32>
  %row = tensor.extract_slice %qkv[0, 0] [1, 4] [1, 1] : tensor<5x16xf32> to tensor<1x4xf32>
  %q = tensor.extract_slice %qkv[0, 0] [5, 4] [1, 1] : tensor<5x16xf32> to tensor<5x4xf32>
  %k = tensor.extract_slice %qkv[0, 4] [5, 4] [1, 1] : tensor<5x16xf32> to tensor<5x4xf32>
  %v = tensor.extract_slice %qkv[0, 8] [5, 8] [1, 1] : tensor<5x16xf32> to tensor<5x8xf32>
  %0 = vitya.attention "blocks.0.attn" %row, %k, %v heads 2 scale 0.5
     : tensor<1x4xf32>, tensor<5x4xf32>, tensor<5x8xf32> -> tensor<1x8xf32>
  %1 = vitya.attention "again" %q, %k, %v heads 2 scale 0.5
     : tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x8xf32> -> tensor<5x8xf32>
  return %0, %1 : tensor<1x8xf32>, tensor<5x8xf32>
}

// -----

// Parts that no attention reads have numbers; columns that nobody reads are gone.
// CHECK-LABEL: @main
// CHECK: vitya.linear "fc.0" {{.*}} tensor<2x2xf32> -> tensor<3x2xf32>
// CHECK: vitya.linear "fc.1" {{.*}} tensor<1x2xf32> -> tensor<3x1xf32>
// CHECK-NOT: vitya.linear
func.func @main(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x1xf32>) {
  %w = arith.constant dense<0.5> : tensor<4x2xf32>
  %0 = vitya.linear "fc" %x, %w : tensor<3x2xf32>, tensor<4x2xf32> -> tensor<3x4xf32>
  %1 = tensor.extract_slice %0[0, 3] [3, 1] [1, 1] : tensor<3x4xf32> to tensor<3x1xf32>
  %2 = tensor.extract_slice %0[0, 0] [3, 2] [1, 1] : tensor<3x4xf32> to tensor<3x2xf32>
  return %2, %1 : tensor<3x2xf32>, tensor<3x1xf32>
}

// -----

// Left alone: columns that overlap, a result that is also read whole, slices of rows only, a weight that is computed.
// CHECK-LABEL: @main
// CHECK: vitya.linear "overlap"
// CHECK: vitya.linear "whole"
// CHECK: vitya.linear "rows"
// CHECK: vitya.linear "computed"
// CHECK-NOT: vitya.linear
func.func @main(%x: tensor<3x2xf32>, %c: tensor<4x2xf32>)
    -> (tensor<3x3xf32>, tensor<3x2xf32>, tensor<3x4xf32>, tensor<3x2xf32>, tensor<1x4xf32>, tensor<3x2xf32>) {
  %w = arith.constant dense<0.5> : tensor<4x2xf32>
  %0 = vitya.linear "overlap" %x, %w : tensor<3x2xf32>, tensor<4x2xf32> -> tensor<3x4xf32>
  %1 = tensor.extract_slice %0[0, 0] [3, 3] [1, 1] : tensor<3x4xf32> to tensor<3x3xf32>
  %2 = tensor.extract_slice %0[0, 2] [3, 2] [1, 1] : tensor<3x4xf32> to tensor<3x2xf32>
  %3 = vitya.linear "whole" %x, %w : tensor<3x2xf32>, tensor<4x2xf32> -> tensor<3x4xf32>
  %4 = tensor.extract_slice %3[0, 0] [3, 2] [1, 1] : tensor<3x4xf32> to tensor<3x2xf32>
  %5 = vitya.linear "rows" %x, %w : tensor<3x2xf32>, tensor<4x2xf32> -> tensor<3x4xf32>
  %6 = tensor.extract_slice %5[0, 0] [1, 4] [1, 1] : tensor<3x4xf32> to tensor<1x4xf32>
  %7 = vitya.linear "computed" %x, %c : tensor<3x2xf32>, tensor<4x2xf32> -> tensor<3x4xf32>
  %8 = tensor.extract_slice %7[0, 0] [3, 2] [1, 1] : tensor<3x4xf32> to tensor<3x2xf32>
  return %1, %2, %3, %4, %6, %8
    : tensor<3x3xf32>, tensor<3x2xf32>, tensor<3x4xf32>, tensor<3x2xf32>, tensor<1x4xf32>, tensor<3x2xf32>
}
