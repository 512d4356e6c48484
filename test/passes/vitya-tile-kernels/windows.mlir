// RUN: vitya-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(vitya-to-linalg,vitya-tile-kernels))' | FileCheck %s

// Windows are read through sums of loops. Tiled to one vector, the loops of one iteration are dropped from the sums, so
// that the op can be vectorized.

// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1, d2, d3) -> (0, d3)>
// CHECK-LABEL: func.func private @unfold
// CHECK: scf.forall
// CHECK: linalg.generic {indexing_maps = [#[[$ROW]], #{{.*}}]
// CHECK-SAME: ins(%{{.*}} : tensor<1x16xf32>) outs(%{{.*}} : tensor<1x1x1x16xf32>)
func.func private @unfold(%x: tensor<32x16xf32>) -> tensor<8x144xf32> attributes {vitya.kernel} {
  %0 = vitya.unfold %x grid [4, 8] window [3, 3] stride [2, 2] padding [1, 1] : tensor<32x16xf32> -> tensor<8x144xf32>
  return %0 : tensor<8x144xf32>
}

// -----

// CHECK-DAG: #[[$PIXEL:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (0, 0, d2)>
// CHECK-LABEL: func.func private @max_pool
// CHECK: scf.forall
// CHECK: linalg.generic {indexing_maps = [#[[$PIXEL]], #{{.*}}, #{{.*}}]
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<1x1x16xf32>, tensor<1x1xf32>) outs(%{{.*}} : tensor<1x1x16xf32>)
func.func private @max_pool(%x: tensor<32x16xf32>) -> tensor<8x16xf32> attributes {vitya.kernel} {
  %0 = vitya.max_pool %x grid [4, 8] window [2, 2] stride [2, 2] padding [0, 0] : tensor<32x16xf32> -> tensor<8x16xf32>
  return %0 : tensor<8x16xf32>
}
