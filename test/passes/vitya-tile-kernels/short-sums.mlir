// A contraction of short sums has smaller register tiles: 3 of 6 rows for groups of two blocks. The tile has all blocks of
// a group.
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-tile-kernels))' | FileCheck %s

#x = affine_map<(n, t, o, i, c, g) -> (n, i, g, c)>
#w = affine_map<(n, t, o, i, c, g) -> (t, i, g, o, c)>
#y = affine_map<(n, t, o, i, c, g) -> (n, t, o)>
#row = affine_map<(n, o, i, j, c) -> (n, i, j, c)>
#column = affine_map<(n, o, i, j, c) -> (i, j, o, c)>
#sum = affine_map<(n, o, i, j, c) -> (n, o)>

// CHECK-LABEL: func.func private @groups
// CHECK: scf.forall
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<3x2x4xi8>, tensor<2x16x4xi8>) outs(%{{.*}} : tensor<3x16xi32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction", "reduction"]}
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<2x4xi8>, tensor<2x16x4xi8>) outs(%{{.*}} : tensor<16xi32>)
func.func private @groups(%x: tensor<7x16xi8>, %w: tensor<2x2x2x16x4xi8>) -> tensor<7x2x16xi32> attributes {vitya.kernel} {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<7x2x16xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<7x2x16xi32>) -> tensor<7x2x16xi32>
  %a = tensor.expand_shape %x [[0], [1, 2, 3]] output_shape [7, 2, 2, 4] : tensor<7x16xi8> into tensor<7x2x2x4xi8>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
    ins(%a, %w : tensor<7x2x2x4xi8>, tensor<2x2x2x16x4xi8>) outs(%init : tensor<7x2x16xi32>) {
  ^bb0(%p: i8, %q: i8, %s: i32):
    %1 = arith.extui %p : i8 to i32
    %2 = arith.extsi %q : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %s, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x2x16xi32>
  return %0 : tensor<7x2x16xi32>
}

// Three reduction loops of which the last one is that over the inner tile, as in attention, are no short sums.

// CHECK-LABEL: func.func private @values
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<2xi16>, tensor<16x2xi16>) outs(%{{.*}} : tensor<16xi32>)
func.func private @values(%x: tensor<7x2x2x2xi16>, %w: tensor<2x2x16x2xi16>) -> tensor<7x16xi32> attributes {vitya.kernel} {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<7x16xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<7x16xi32>) -> tensor<7x16xi32>
  %0 = linalg.generic {indexing_maps = [#row, #column, #sum],
                       iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]}
    ins(%x, %w : tensor<7x2x2x2xi16>, tensor<2x2x16x2xi16>) outs(%init : tensor<7x16xi32>) {
  ^bb0(%p: i16, %q: i16, %s: i32):
    %1 = arith.extsi %p : i16 to i32
    %2 = arith.extsi %q : i16 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %s, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x16xi32>
  return %0 : tensor<7x16xi32>
}
