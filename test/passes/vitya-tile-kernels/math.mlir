// Elementary functions of the result of a contraction are computed on two rows at a time, other elementwise ops on all rows of
// a register tile.
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-tile-kernels))' | FileCheck %s

#row = affine_map<(n, t, c, i) -> (n, i)>
#tile = affine_map<(n, t, c, i) -> (t, i, c)>
#sum = affine_map<(n, t, c, i) -> (n, t, c)>
#matrix = affine_map<(n, o) -> (n, o)>

// CHECK-LABEL: func.func private @erf
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<6x1xf32>, tensor<1x16xf32>) outs(%{{.*}} : tensor<6x16xf32>)
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<2x1x16xf32>)
// CHECK: math.erf
// The remaining 5 rows are no multiple of two.
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<5x1xf32>, tensor<1x16xf32>) outs(%{{.*}} : tensor<5x16xf32>)
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<1x1x16xf32>)
// CHECK: math.erf

// CHECK-LABEL: func.func private @square
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<6x16xf32>)
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<6x1x16xf32>)
// CHECK-NEXT: ^bb0
// CHECK-NEXT: arith.mulf
func.func private @erf(%x: tensor<11x8xf32>, %w: tensor<2x8x16xf32>) -> tensor<11x32xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<11x2x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<11x2x16xf32>) -> tensor<11x2x16xf32>
  %0 = linalg.generic {indexing_maps = [#row, #tile, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<11x8xf32>, tensor<2x8x16xf32>) outs(%init : tensor<11x2x16xf32>) {
  ^bb0(%p: f32, %q: f32, %sum: f32):
    %product = arith.mulf %p, %q : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  } -> tensor<11x2x16xf32>
  %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<11x2x16xf32> into tensor<11x32xf32>
  %out = tensor.empty() : tensor<11x32xf32>
  %2 = linalg.generic {indexing_maps = [#matrix, #matrix], iterator_types = ["parallel", "parallel"]}
    ins(%1 : tensor<11x32xf32>) outs(%out : tensor<11x32xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = math.erf %p : f32
    linalg.yield %s : f32
  } -> tensor<11x32xf32>
  return %2 : tensor<11x32xf32>
}
func.func private @square(%x: tensor<11x8xf32>, %w: tensor<2x8x16xf32>) -> tensor<11x32xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<11x2x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<11x2x16xf32>) -> tensor<11x2x16xf32>
  %0 = linalg.generic {indexing_maps = [#row, #tile, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<11x8xf32>, tensor<2x8x16xf32>) outs(%init : tensor<11x2x16xf32>) {
  ^bb0(%p: f32, %q: f32, %sum: f32):
    %product = arith.mulf %p, %q : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  } -> tensor<11x2x16xf32>
  %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<11x2x16xf32> into tensor<11x32xf32>
  %out = tensor.empty() : tensor<11x32xf32>
  %2 = linalg.generic {indexing_maps = [#matrix, #matrix], iterator_types = ["parallel", "parallel"]}
    ins(%1 : tensor<11x32xf32>) outs(%out : tensor<11x32xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = arith.mulf %p, %p : f32
    linalg.yield %s : f32
  } -> tensor<11x32xf32>
  return %2 : tensor<11x32xf32>
}

// A maximum as a comparison is no reduction that vectorization knows. With one block at a time the op is elementwise.

#blocks = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#lanes = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-LABEL: func.func private @maximum
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%{{.*}} : tensor<1x16xf32>) outs(%{{.*}} : tensor<1x16xf32>)
// CHECK: arith.cmpf
func.func private @maximum(%x: tensor<4x3x16xf32>) -> tensor<4x16xf32> attributes {vitya.kernel} {
  %lowest = arith.constant -3.0e+38 : f32
  %empty = tensor.empty() : tensor<4x16xf32>
  %init = linalg.fill ins(%lowest : f32) outs(%empty : tensor<4x16xf32>) -> tensor<4x16xf32>
  %0 = linalg.generic {indexing_maps = [#blocks, #lanes], iterator_types = ["parallel", "reduction", "parallel"]}
    ins(%x : tensor<4x3x16xf32>) outs(%init : tensor<4x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    %larger = arith.cmpf ogt, %a, %b : f32
    %max = arith.select %larger, %a, %b : f32
    linalg.yield %max : f32
  } -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}
