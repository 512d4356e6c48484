// The elements of an i4 weight take half a byte each, in the same order as those of other weights. The kernel unpacks them.
// RUN: vitya-opt %s --vitya-pack-weights | FileCheck %s

#row = affine_map<(o, i) -> (o, i)>
#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// CHECK-LABEL: func private @packed(
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<1x2x32xi8>) -> tensor<7x16xi32>
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%[[W]] : tensor<1x2x32xi8>) outs(%{{.*}} : tensor<1x2x2x32xi8>)
// CHECK: %[[LOW:.*]] = arith.andi
// CHECK: %[[HIGH:.*]] = arith.shrui
// CHECK: %[[BIASED:.*]] = arith.select %{{.*}}, %[[LOW]], %[[HIGH]]
// CHECK: arith.subi %[[BIASED]], %{{.*}} : i8
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] : tensor<1x2x2x32xi8> into tensor<1x2x64xi8>
// CHECK: %[[U:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1], [2, 3]] output_shape [1, 2, 16, 4]
// CHECK: linalg.generic {{.*}}"reduction"]} ins(%{{.*}}, %[[U]] : tensor<7x2x4xi8>, tensor<1x2x16x4xi8>)

// A weight of 6 columns has no VNNI layout: it is extended to bytes.
// CHECK-LABEL: func private @extended(
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<16x6xi8>) -> tensor<7x16xi32>
// CHECK-NOT: arith.extsi {{.*}} to i8
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[W]] : tensor<7x6xi8>, tensor<16x6xi8>)
func.func @main(%x: tensor<7x8xi8>, %z: tensor<7x6xi8>) -> (tensor<7x16xi32>, tensor<7x16xi32>) {
  %w = arith.constant dense_resource<w> : tensor<16x8xi4>
  %0 = call @packed(%x, %w) : (tensor<7x8xi8>, tensor<16x8xi4>) -> tensor<7x16xi32>
  %v = arith.constant dense<-3> : tensor<16x6xi4>
  %1 = call @extended(%z, %v) : (tensor<7x6xi8>, tensor<16x6xi4>) -> tensor<7x16xi32>
  return %0, %1 : tensor<7x16xi32>, tensor<7x16xi32>
}
func.func private @packed(%x: tensor<7x8xi8>, %w: tensor<16x8xi4>) -> tensor<7x16xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x16xi32>
  %empty = tensor.empty() : tensor<16x8xi8>
  %bytes = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel"]}
    ins(%w : tensor<16x8xi4>) outs(%empty : tensor<16x8xi8>) {
  ^bb0(%p: i4, %q: i8):
    %1 = arith.extsi %p : i4 to i8
    linalg.yield %1 : i8
  } -> tensor<16x8xi8>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %bytes : tensor<7x8xi8>, tensor<16x8xi8>) outs(%zero : tensor<7x16xi32>) {
  ^bb0(%p: i8, %q: i8, %sum: i32):
    %1 = arith.extui %p : i8 to i32
    %2 = arith.extsi %q : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x16xi32>
  return %0 : tensor<7x16xi32>
}
func.func private @extended(%x: tensor<7x6xi8>, %w: tensor<16x6xi4>) -> tensor<7x16xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x16xi32>
  %empty = tensor.empty() : tensor<16x6xi8>
  %bytes = linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel"]}
    ins(%w : tensor<16x6xi4>) outs(%empty : tensor<16x6xi8>) {
  ^bb0(%p: i4, %q: i8):
    %1 = arith.extsi %p : i4 to i8
    linalg.yield %1 : i8
  } -> tensor<16x6xi8>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %bytes : tensor<7x6xi8>, tensor<16x6xi8>) outs(%zero : tensor<7x16xi32>) {
  ^bb0(%p: i8, %q: i8, %sum: i32):
    %1 = arith.extui %p : i8 to i32
    %2 = arith.extsi %q : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x16xi32>
  return %0 : tensor<7x16xi32>
}

// Every row of the weight is 0, 1, 2, 3, 4, 5, 6, 7 - 8 * (row % 2). Rows 0 and 8 share the first bytes: with 8 added, 8 8,
// 9 9, A A, B B; the second row has elements that are 8 less.
// CHECK: dialect_resources
// CHECK: w.packed: "0x400000008899AABB00112233{{.*}}CCDDEEFF44556677
{-#
  dialect_resources: {
    builtin: {
      w: "0x400000000001020304050607F8F9FAFBFCFDFEFF0001020304050607F8F9FAFBFCFDFEFF0001020304050607F8F9FAFBFCFDFEFF0001020304050607F8F9FAFBFCFDFEFF0001020304050607F8F9FAFBFCFDFEFF0001020304050607F8F9FAFBFCFDFEFF0001020304050607F8F9FAFBFCFDFEFF0001020304050607F8F9FAFBFCFDFEFF"
    }
  }
#-}
