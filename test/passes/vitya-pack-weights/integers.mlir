// Weights of integer products get VNNI layout: the blocking factor is 4 for 8-bit and 2 for 16-bit activations.
// RUN: vitya-opt %s --vitya-pack-weights | FileCheck %s

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// CHECK-LABEL: func private @bytes(
// CHECK-SAME: tensor<7x8xi8>, %[[W:.*]]: tensor<1x2x16x4xi8>
// CHECK: %[[X:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [7, 2, 4]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
// CHECK-SAME: ins(%[[X]], %[[W]] : tensor<7x2x4xi8>, tensor<1x2x16x4xi8>)
// CHECK-LABEL: func private @shorts(
// CHECK-SAME: tensor<7x8xi16>, %{{.*}}: tensor<1x4x16x2xi8>
func.func @main(%x: tensor<7x8xi8>, %y: tensor<7x8xi16>) -> (tensor<7x16xi32>, tensor<7x16xi32>) {
  %w = arith.constant dense_resource<w> : tensor<16x8xi8>
  %0 = call @bytes(%x, %w) : (tensor<7x8xi8>, tensor<16x8xi8>) -> tensor<7x16xi32>
  %1 = call @shorts(%y, %w) : (tensor<7x8xi16>, tensor<16x8xi8>) -> tensor<7x16xi32>
  return %0, %1 : tensor<7x16xi32>, tensor<7x16xi32>
}
func.func private @bytes(%x: tensor<7x8xi8>, %w: tensor<16x8xi8>) -> tensor<7x16xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x16xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x8xi8>, tensor<16x8xi8>) outs(%zero : tensor<7x16xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %1 = arith.extui %a : i8 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x16xi32>
  return %0 : tensor<7x16xi32>
}
func.func private @shorts(%x: tensor<7x8xi16>, %w: tensor<16x8xi8>) -> tensor<7x16xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x16xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x8xi16>, tensor<16x8xi8>) outs(%zero : tensor<7x16xi32>) {
  ^bb0(%a: i16, %b: i8, %sum: i32):
    %1 = arith.extsi %a : i16 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x16xi32>
  return %0 : tensor<7x16xi32>
}

// The rows 0, 1, ... of the weight have 8 elements: the first four elements of every row come first, then the other four.
// With a factor of 2, the first two elements of every row come first.
// CHECK: dialect_resources
// CHECK-DAG: w.packed: "0x400000000001020308090A0B10111213{{.*}}04050607
// CHECK-DAG: w.packed_1: "0x40000000000108091011{{.*}}0203{{.*}}0405
{-#
  dialect_resources: {
    builtin: {
      w: "0x40000000000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F"
    }
  }
#-}
