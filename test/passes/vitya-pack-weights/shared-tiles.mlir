// Threads share the inner tiles of a weight. With dot products of bytes, three tiles of 64 columns, of which one thread
// of two would compute twice as many as the other, become six of 32.
// RUN: vitya-opt %s --vitya-pack-weights=columns=64 | FileCheck %s

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// CHECK-LABEL: func private @odd(
// CHECK-SAME: tensor<6x1x32x4xi8>
// CHECK-LABEL: func private @even(
// CHECK-SAME: tensor<2x1x64x4xi8>
// Of nine tiles one thread computes five and the other four.
// CHECK-LABEL: func private @many(
// CHECK-SAME: tensor<9x1x64x4xi8>
// CHECK-LABEL: func private @single(
// CHECK-SAME: tensor<2x1x32x4xi8>
// Tiles of 16 columns would be slow.
// CHECK-LABEL: func private @narrow(
// CHECK-SAME: tensor<3x1x32x4xi8>
// Tiles for pairs of 16-bit integers stay wide, as each reads the whole input.
// CHECK-LABEL: func private @shorts(
// CHECK-SAME: tensor<3x2x64x2xi8>
func.func @main(%x: tensor<7x4xi8>, %y: tensor<7x4xi16>) {
  %w_odd = arith.constant dense<1> : tensor<192x4xi8>
  %w_even = arith.constant dense<1> : tensor<128x4xi8>
  %w_many = arith.constant dense<1> : tensor<576x4xi8>
  %w_single = arith.constant dense<1> : tensor<64x4xi8>
  %w_narrow = arith.constant dense<1> : tensor<96x4xi8>
  %w_shorts = arith.constant dense<1> : tensor<192x4xi8>
  %odd = call @odd(%x, %w_odd) : (tensor<7x4xi8>, tensor<192x4xi8>) -> tensor<7x192xi32>
  %even = call @even(%x, %w_even) : (tensor<7x4xi8>, tensor<128x4xi8>) -> tensor<7x128xi32>
  %many = call @many(%x, %w_many) : (tensor<7x4xi8>, tensor<576x4xi8>) -> tensor<7x576xi32>
  %single = call @single(%x, %w_single) : (tensor<7x4xi8>, tensor<64x4xi8>) -> tensor<7x64xi32>
  %narrow = call @narrow(%x, %w_narrow) : (tensor<7x4xi8>, tensor<96x4xi8>) -> tensor<7x96xi32>
  %shorts = call @shorts(%y, %w_shorts) : (tensor<7x4xi16>, tensor<192x4xi8>) -> tensor<7x192xi32>
  return
}
func.func private @odd(%x: tensor<7x4xi8>, %w: tensor<192x4xi8>) -> tensor<7x192xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x192xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x4xi8>, tensor<192x4xi8>) outs(%zero : tensor<7x192xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %1 = arith.extui %a : i8 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x192xi32>
  return %0 : tensor<7x192xi32>
}
func.func private @even(%x: tensor<7x4xi8>, %w: tensor<128x4xi8>) -> tensor<7x128xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x128xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x4xi8>, tensor<128x4xi8>) outs(%zero : tensor<7x128xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %1 = arith.extui %a : i8 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x128xi32>
  return %0 : tensor<7x128xi32>
}
func.func private @many(%x: tensor<7x4xi8>, %w: tensor<576x4xi8>) -> tensor<7x576xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x576xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x4xi8>, tensor<576x4xi8>) outs(%zero : tensor<7x576xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %1 = arith.extui %a : i8 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x576xi32>
  return %0 : tensor<7x576xi32>
}
func.func private @single(%x: tensor<7x4xi8>, %w: tensor<64x4xi8>) -> tensor<7x64xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x64xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x4xi8>, tensor<64x4xi8>) outs(%zero : tensor<7x64xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %1 = arith.extui %a : i8 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x64xi32>
  return %0 : tensor<7x64xi32>
}
func.func private @narrow(%x: tensor<7x4xi8>, %w: tensor<96x4xi8>) -> tensor<7x96xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x96xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x4xi8>, tensor<96x4xi8>) outs(%zero : tensor<7x96xi32>) {
  ^bb0(%a: i8, %b: i8, %sum: i32):
    %1 = arith.extui %a : i8 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x96xi32>
  return %0 : tensor<7x96xi32>
}
func.func private @shorts(%x: tensor<7x4xi16>, %w: tensor<192x4xi8>) -> tensor<7x192xi32> attributes {vitya.kernel} {
  %zero = arith.constant dense<0> : tensor<7x192xi32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x4xi16>, tensor<192x4xi8>) outs(%zero : tensor<7x192xi32>) {
  ^bb0(%a: i16, %b: i8, %sum: i32):
    %1 = arith.extsi %a : i16 to i32
    %2 = arith.extsi %b : i8 to i32
    %3 = arith.muli %1, %2 : i32
    %4 = arith.addi %sum, %3 : i32
    linalg.yield %4 : i32
  } -> tensor<7x192xi32>
  return %0 : tensor<7x192xi32>
}
