// RUN: vitya-opt %s -split-input-file --pass-pipeline='builtin.module(vitya-outline-kernels,func.func(vitya-to-linalg),canonicalize,cse,vitya-pack-weights{panel=16},func.func(vitya-tile-kernels{rows=3}))' | FileCheck %s

// A linear layer of 7x8x48, tiles of 3 rows: three parallel panels; in each a loop over twice three rows, then the
// remaining row on its own; the contraction runs along the input one column at a time, on [3, 16] accumulators. Bias
// and GELU follow on the same rows.

// CHECK-LABEL: func.func private @linear_gelu_7x8x48
// CHECK-SAME: (%[[X:.*]]: tensor<7x8xf32>, %[[W:.*]]: tensor<3x8x16xf32>, %{{.*}}: tensor<48xf32>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : index
// CHECK-DAG: %[[C6:.*]] = arith.constant 6 : index
// CHECK-DAG: %[[C8:.*]] = arith.constant 8 : index
// CHECK: scf.forall (%[[P:.*]]) in (3)
// CHECK: tensor.extract_slice %[[W]][%[[P]], 0, 0] [1, 8, 16] [1, 1, 1]
// CHECK: scf.for %[[ROW:.*]] = %[[C0]] to %[[C6]] step %[[C3]]
// CHECK: tensor.extract_slice %[[X]][%[[ROW]], 0] [3, 8] [1, 1]
// CHECK: linalg.fill
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C8]] step %[[C1]]
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]} ins(%{{.*}}, %{{.*}} : tensor<3x1xf32>, tensor<1x16xf32>) outs(%{{.*}} : tensor<3x16xf32>)
// CHECK: math.erf
// CHECK: tensor.extract_slice %[[X]][6, 0] [1, 8] [1, 1]
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C8]] step %[[C1]]
// CHECK: math.erf
// CHECK: scf.forall.in_parallel
// CHECK-NEXT: tensor.parallel_insert_slice
func.func @main(%x: tensor<7x8xf32>) -> tensor<7x48xf32> {
  %w = arith.constant dense<1.0> : tensor<48x8xf32>
  %b = arith.constant dense<1.0> : tensor<48xf32>
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<7x8xf32>, tensor<48x8xf32>, tensor<48xf32> -> tensor<7x48xf32>
  %1 = vitya.gelu erf %0 : tensor<7x48xf32>
  return %1 : tensor<7x48xf32>
}

// -----

// A head of 10 classes is one panel: nothing to run in parallel, but tiled all the same.

// CHECK-LABEL: func.func private @linear_1x8x10
// CHECK-NOT: scf.forall
// CHECK: scf.for
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]} ins(%{{.*}}, %{{.*}} : tensor<1xf32>, tensor<1x16xf32>) outs(%{{.*}} : tensor<16xf32>)
// CHECK-NOT: scf.forall
// CHECK: return
func.func @main(%x: tensor<1x8xf32>) -> tensor<1x10xf32> {
  %w = arith.constant dense<1.0> : tensor<10x8xf32>
  %0 = vitya.linear "head" %x, %w : tensor<1x8xf32>, tensor<10x8xf32> -> tensor<1x10xf32>
  return %0 : tensor<1x10xf32>
}

// -----

// A layer norm runs row by row, on vectors of 16 lanes.

// CHECK-LABEL: func.func private @layer_norm_7x48
// CHECK: scf.forall (%{{.*}}) in (7)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x1x16xf32>) outs(%{{.*}} : tensor<1x16xf32>)
// CHECK: math.sqrt
func.func @main(%x: tensor<7x48xf32>, %w: tensor<48xf32>) -> tensor<7x48xf32> {
  %0 = vitya.layer_norm "norm" %x, %w, %w eps 1.0e-6 : tensor<7x48xf32>, tensor<48xf32>, tensor<48xf32> -> tensor<7x48xf32>
  return %0 : tensor<7x48xf32>
}

// -----

// Attention keeps its loop over heads; scores, softmax and weighted sum are fused on three queries at a time, and keys
// and values are packed outside of that loop.

// CHECK-LABEL: func.func private @attention_6x8
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : index
// CHECK-DAG: %[[C6:.*]] = arith.constant 6 : index
// CHECK: scf.forall (%{{.*}}) in (2)
// CHECK: tensor<1x1x16xf32>
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C6]] step %[[C3]]
// CHECK: arith.maxnumf
// CHECK: math.exp
// CHECK: arith.divf
// CHECK: scf.forall.in_parallel
func.func @main(%q: tensor<6x8xf32>, %k: tensor<5x8xf32>) -> tensor<6x8xf32> {
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 0.5 : tensor<6x8xf32>, tensor<5x8xf32>, tensor<5x8xf32> -> tensor<6x8xf32>
  return %0 : tensor<6x8xf32>
}

// -----

// Functions that are no kernels stay as they are.

// CHECK-LABEL: func.func @main
// CHECK: call @linear_7x8x16
// CHECK-NOT: scf.for
// CHECK: return
// CHECK: func.func private @linear_7x8x16
func.func @main(%x: tensor<7x8xf32>, %w: tensor<16x8xf32>) -> tensor<7x16xf32> {
  %0 = vitya.linear "fc" %x, %w : tensor<7x8xf32>, tensor<16x8xf32> -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}
