// RUN: vitya-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(vitya-tile-kernels{columns=64}))' | FileCheck %s

// A row of 50 columns is three whole vectors and one of two columns.

#map = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func private @tail
// CHECK: scf.for {{.*}} = %c0 to %c48 step %c16
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<1x16xf32>)
// CHECK-NOT: scf.for
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<1x2xf32>)
func.func private @tail(%x: tensor<7x50xf32>) -> tensor<7x50xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<7x50xf32>
  %0 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]}
    ins(%x : tensor<7x50xf32>) outs(%empty : tensor<7x50xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = math.sqrt %a : f32
    linalg.yield %s : f32
  } -> tensor<7x50xf32>
  return %0 : tensor<7x50xf32>
}

// -----

// 48 columns are three tiles of 16, not two of 24, which are no power of two.

#row = affine_map<(n, c, i) -> (n, i)>
#column = affine_map<(n, c, i) -> (i, c)>
#sum = affine_map<(n, c, i) -> (n, c)>
// CHECK-LABEL: func.func private @three_tiles
// CHECK: linalg.matmul {{.*}} outs(%{{.*}} : tensor<1x16xf32>)
func.func private @three_tiles(%x: tensor<5x8xf32>, %w: tensor<8x48xf32>) -> tensor<5x48xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<5x48xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<5x48xf32>) -> tensor<5x48xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<5x8xf32>, tensor<8x48xf32>) outs(%init : tensor<5x48xf32>) -> tensor<5x48xf32>
  return %0 : tensor<5x48xf32>
}

// -----

// 6 x 64 sums fit into registers. Inner tiles of 16 columns have 12 rows, so that as many sums as in 3 x 64 are computed
// at the same time.

#x = affine_map<(n, t, c, i) -> (n, i)>
#w = affine_map<(n, t, c, i) -> (t, i, c)>
#y = affine_map<(n, t, c, i) -> (n, t, c)>
// CHECK-LABEL: func.func private @narrow
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<12x16xf32>)
func.func private @narrow(%x: tensor<24x8xf32>, %w: tensor<3x8x16xf32>) -> tensor<24x3x16xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<24x3x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<24x3x16xf32>) -> tensor<24x3x16xf32>
  %0 = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<24x8xf32>, tensor<3x8x16xf32>) outs(%init : tensor<24x3x16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<24x3x16xf32>
  return %0 : tensor<24x3x16xf32>
}

// -----

// The 80 columns of this product of matrices are one register tile of 64 and one of 16. Each is complete, from its
// initial value to the op on the sums, before the next one begins, though a reshape is in between.

#row = affine_map<(n, c, i) -> (n, i)>
#column = affine_map<(n, c, i) -> (i, c)>
#sum = affine_map<(n, c, i) -> (n, c)>
#all = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-LABEL: func.func private @register_tiles
// CHECK: linalg.fill {{.*}} tensor<1x16xf32>
// CHECK: linalg.matmul {{.*}} outs(%{{.*}} : tensor<1x64xf32>)
// CHECK: math.exp
// CHECK: linalg.fill {{.*}} tensor<1x16xf32>
// CHECK: linalg.matmul {{.*}} outs(%{{.*}} : tensor<1x16xf32>)
// CHECK: math.exp
// CHECK: return
func.func private @register_tiles(%x: tensor<6x8xf32>, %w: tensor<8x80xf32>) -> tensor<6x5x16xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<6x80xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x80xf32>) -> tensor<6x80xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<6x8xf32>, tensor<8x80xf32>) outs(%init : tensor<6x80xf32>) -> tensor<6x80xf32>
  %1 = tensor.expand_shape %0 [[0], [1, 2]] output_shape [6, 5, 16] : tensor<6x80xf32> into tensor<6x5x16xf32>
  %empty_blocks = tensor.empty() : tensor<6x5x16xf32>
  %2 = linalg.generic {indexing_maps = [#all, #all], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%1 : tensor<6x5x16xf32>) outs(%empty_blocks : tensor<6x5x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %e = math.exp %a : f32
    linalg.yield %e : f32
  } -> tensor<6x5x16xf32>
  return %2 : tensor<6x5x16xf32>
}

// -----

// Of the 16 columns of this weight only 11 are needed, but all are computed: they fill one vector.

#row = affine_map<(n, c, i) -> (n, i)>
#column = affine_map<(n, c, i) -> (i, c)>
#sum = affine_map<(n, c, i) -> (n, c)>
#map = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-LABEL: func.func private @whole_vectors
// CHECK: %[[SUMS:.*]] = scf.for %{{.*}} = %c0 to %c8
// CHECK: linalg.matmul {{.*}} outs(%{{.*}} : tensor<1x16xf32>)
// CHECK: %[[NEEDED:.*]] = tensor.extract_slice %[[SUMS]][0, 0] [1, 11] [1, 1] : tensor<1x16xf32> to tensor<1x11xf32>
// CHECK: linalg.generic {{.*}} ins(%[[NEEDED]] : tensor<1x11xf32>)
func.func private @whole_vectors(%x: tensor<6x8xf32>, %w: tensor<8x16xf32>) -> tensor<6x11xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<6x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x16xf32>) -> tensor<6x16xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<6x8xf32>, tensor<8x16xf32>) outs(%init : tensor<6x16xf32>) -> tensor<6x16xf32>
  %1 = tensor.extract_slice %0[0, 0] [6, 11] [1, 1] : tensor<6x16xf32> to tensor<6x11xf32>
  %empty_result = tensor.empty() : tensor<6x11xf32>
  %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]}
    ins(%1 : tensor<6x11xf32>) outs(%empty_result : tensor<6x11xf32>) {
  ^bb0(%a: f32, %b: f32):
    %e = math.exp %a : f32
    linalg.yield %e : f32
  } -> tensor<6x11xf32>
  return %2 : tensor<6x11xf32>
}
