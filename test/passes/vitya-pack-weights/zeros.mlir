// Trailing columns that are zero in the weights of all callers are dropped, in whole blocks of VNNI layout. A column that
// one caller needs is kept for all of them.
// RUN: vitya-opt %s --vitya-pack-weights | FileCheck %s

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// CHECK-LABEL: func private @floats(
// CHECK-SAME: %[[X:.*]]: tensor<7x8xf32>, %[[W:.*]]: tensor<1x5x16xf32>
// CHECK: %[[USED:.*]] = tensor.extract_slice %[[X]][0, 0] [7, 5] [1, 1] : tensor<7x8xf32> to tensor<7x5xf32>
// CHECK: linalg.generic {{.*}} ins(%[[USED]], %[[W]] : tensor<7x5xf32>, tensor<1x5x16xf32>)
// CHECK-LABEL: func private @bytes(
// CHECK-SAME: tensor<1x1x16x4xi8>
// CHECK-LABEL: func private @none(
// CHECK-SAME: tensor<1x1x16xf32>
func.func @main(%x: tensor<7x8xf32>, %y: tensor<7x8xi8>) -> (tensor<7x2xf32>, tensor<7x2xf32>, tensor<7x2xi32>, tensor<7x2xf32>) {
  %w = arith.constant dense<[[1., 0., 0., 0., 0., 0., 0., 0.], [0., 0., 0., 1., 0., 0., 0., 0.]]> : tensor<2x8xf32>
  %v = arith.constant dense<[[1., 0., 0., 0., 2., 0., 0., 0.], [0., 0., 0., 1., 0., 0., 0., 0.]]> : tensor<2x8xf32>
  %b = arith.constant dense<[[1, 2, 3, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]> : tensor<2x8xi8>
  %z = arith.constant dense<0.0> : tensor<2x8xf32>
  %0 = call @floats(%x, %w) : (tensor<7x8xf32>, tensor<2x8xf32>) -> tensor<7x2xf32>
  %1 = call @floats(%x, %v) : (tensor<7x8xf32>, tensor<2x8xf32>) -> tensor<7x2xf32>
  %2 = call @bytes(%y, %b) : (tensor<7x8xi8>, tensor<2x8xi8>) -> tensor<7x2xi32>
  %3 = call @none(%x, %z) : (tensor<7x8xf32>, tensor<2x8xf32>) -> tensor<7x2xf32>
  return %0, %1, %2, %3 : tensor<7x2xf32>, tensor<7x2xf32>, tensor<7x2xi32>, tensor<7x2xf32>
}
func.func private @floats(%x: tensor<7x8xf32>, %w: tensor<2x8xf32>) -> tensor<7x2xf32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0.0> : tensor<7x2xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x8xf32>, tensor<2x8xf32>) outs(%zero : tensor<7x2xf32>) -> tensor<7x2xf32>
  return %0 : tensor<7x2xf32>
}
func.func private @bytes(%x: tensor<7x8xi8>, %w: tensor<2x8xi8>) -> tensor<7x2xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x2xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x8xi8>, tensor<2x8xi8>) outs(%zero : tensor<7x2xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %1 = arith.extui %a : i8 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x2xi32>
  return %0 : tensor<7x2xi32>
}
func.func private @none(%x: tensor<7x8xf32>, %w: tensor<2x8xf32>) -> tensor<7x2xf32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0.0> : tensor<7x2xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x8xf32>, tensor<2x8xf32>) outs(%zero : tensor<7x2xf32>) -> tensor<7x2xf32>
  return %0 : tensor<7x2xf32>
}
