// A contraction of short sums keeps the loop over the blocks of a group. The bytes of the packed weight are in the same
// order for every group.
// RUN: vitya-opt %s --vitya-pack-weights | FileCheck %s

#x = affine_map<(n, o, i, c, g) -> (n, i, g, c)>
#w = affine_map<(n, o, i, c, g) -> (o, i, g, c)>
#y = affine_map<(n, o, i, c, g) -> (n, o)>

// CHECK-LABEL: func private @groups(
// CHECK-SAME: tensor<7x16xi8>, %[[W:.*]]: tensor<1x2x2x16x4xi8>
// CHECK: %[[X:.*]] = tensor.expand_shape %{{.*}} output_shape [7, 2, 2, 4]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction", "reduction"]}
// CHECK-SAME: ins(%[[X]], %[[W]] : tensor<7x2x2x4xi8>, tensor<1x2x2x16x4xi8>)
func.func @main(%x: tensor<7x16xi8>) -> tensor<7x16xi32> {
  %w = arith.constant dense_resource<w> : tensor<16x16xi8>
  %0 = call @groups(%x, %w) : (tensor<7x16xi8>, tensor<16x16xi8>) -> tensor<7x16xi32>
  return %0 : tensor<7x16xi32>
}
func.func private @groups(%x: tensor<7x16xi8>, %w: tensor<16x16xi8>) -> tensor<7x16xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x16xi32>
  %a = tensor.expand_shape %x [[0], [1, 2, 3]] output_shape [7, 2, 2, 4] : tensor<7x16xi8> into tensor<7x2x2x4xi8>
  %b = tensor.expand_shape %w [[0], [1, 2, 3]] output_shape [16, 2, 2, 4] : tensor<16x16xi8> into tensor<16x2x2x4xi8>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction", "reduction", "reduction"]}
    ins(%a, %b : tensor<7x2x2x4xi8>, tensor<16x2x2x4xi8>) outs(%zero : tensor<7x16xi32>) {
  ^bb0(%p: i8, %q: i8, %sum: i32):
    %1 = arith.extui %p : i8 to i32
    %2 = arith.extsi %q : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x16xi32>
  return %0 : tensor<7x16xi32>
}

// The rows 0, 1, ... of the weight start with 0, 16, ... modulo 128: the first four elements of every row come first.
// CHECK: dialect_resources
// CHECK: w.packed: "0x400000000001020310111213202122233031323340414243{{.*}}70717273{{.*}}04050607141516172425262734353637
{-#
  dialect_resources: {
    builtin: {
      w: "0x40000000000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F"
    }
  }
#-}
