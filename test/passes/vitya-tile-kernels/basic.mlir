// RUN: vitya-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(vitya-tile-kernels{rows=3}))' | FileCheck %s

// A linear layer of 7x8x48 whose weight is packed into three inner tiles. The parallel loop runs over these tiles. Two threads
// would not share three iterations evenly, so the loop inside is parallel, too. It computes two tiles of 3 rows; the remaining
// row is computed after it. The contraction steps through the input column by
// column, on accumulators of 3x16 elements. Bias and activation are fused into the same tiles.

#row = affine_map<(n, t, c, i) -> (n, i)>
#tile = affine_map<(n, t, c, i) -> (t, i, c)>
#sum = affine_map<(n, t, c, i) -> (n, t, c)>
#matrix = affine_map<(n, o) -> (n, o)>
#bias = affine_map<(n, o) -> (o)>

// CHECK-LABEL: func.func private @linear
// CHECK-SAME: (%[[X:.*]]: tensor<7x8xf32>, %[[W:.*]]: tensor<3x8x16xf32>, %{{.*}}: tensor<48xf32>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C8:.*]] = arith.constant 8 : index
// CHECK: scf.forall (%[[T:.*]]) in (3)
// CHECK: tensor.extract_slice %[[W]][%[[T]], 0, 0] [1, 8, 16] [1, 1, 1]
// CHECK: scf.forall (%[[ROWS:.*]]) in (2)
// CHECK: %[[ROW:.*]] = affine.apply #{{.*}}(%[[ROWS]])
// CHECK: tensor.extract_slice %[[X]][%[[ROW]], 0] [3, 8] [1, 1]
// CHECK: linalg.fill
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C8]] step %[[C1]]
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<3x1xf32>, tensor<1x16xf32>) outs(%{{.*}} : tensor<3x16xf32>)
// CHECK: math.erf
// CHECK: tensor.extract_slice %[[X]][6, 0] [1, 8] [1, 1]
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C8]] step %[[C1]]
// CHECK: math.erf
// CHECK: scf.forall.in_parallel
// CHECK-NEXT: tensor.parallel_insert_slice
func.func private @linear(%x: tensor<7x8xf32>, %w: tensor<3x8x16xf32>, %b: tensor<48xf32>) -> tensor<7x48xf32>
    attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<7x3x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x3x16xf32>) -> tensor<7x3x16xf32>
  %0 = linalg.generic {indexing_maps = [#row, #tile, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<7x8xf32>, tensor<3x8x16xf32>) outs(%init : tensor<7x3x16xf32>) {
  ^bb0(%p: f32, %q: f32, %sum: f32):
    %product = arith.mulf %p, %q : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  } -> tensor<7x3x16xf32>
  %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<7x3x16xf32> into tensor<7x48xf32>
  %out = tensor.empty() : tensor<7x48xf32>
  %2 = linalg.generic {indexing_maps = [#matrix, #bias, #matrix], iterator_types = ["parallel", "parallel"]}
    ins(%1, %b : tensor<7x48xf32>, tensor<48xf32>) outs(%out : tensor<7x48xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<7x48xf32>
  %3 = linalg.generic {indexing_maps = [#matrix, #matrix], iterator_types = ["parallel", "parallel"]}
    ins(%2 : tensor<7x48xf32>) outs(%out : tensor<7x48xf32>) {
  ^bb0(%p: f32, %o: f32):
    %s = math.erf %p : f32
    linalg.yield %s : f32
  } -> tensor<7x48xf32>
  return %3 : tensor<7x48xf32>
}

// -----

// A weight of one inner tile and an input of one row leave nothing to run in parallel. The contraction is tiled all the
// same, and its unit dimensions are dropped.

#row = affine_map<(n, t, c, i) -> (n, i)>
#tile = affine_map<(n, t, c, i) -> (t, i, c)>
#sum = affine_map<(n, t, c, i) -> (n, t, c)>

// CHECK-LABEL: func.func private @head
// CHECK-NOT: scf.forall
// CHECK: scf.for
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]}
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<1xf32>, tensor<1x16xf32>) outs(%{{.*}} : tensor<16xf32>)
// CHECK-NOT: scf.forall
// CHECK: return
func.func private @head(%x: tensor<1x8xf32>, %w: tensor<1x8x16xf32>) -> tensor<1x16xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x1x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x1x16xf32>) -> tensor<1x1x16xf32>
  %0 = linalg.generic {indexing_maps = [#row, #tile, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
    ins(%x, %w : tensor<1x8xf32>, tensor<1x8x16xf32>) outs(%init : tensor<1x1x16xf32>) {
  ^bb0(%p: f32, %q: f32, %sum: f32):
    %product = arith.mulf %p, %q : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  } -> tensor<1x1x16xf32>
  %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<1x1x16xf32> into tensor<1x16xf32>
  return %1 : tensor<1x16xf32>
}

// -----

// A kernel without a contraction runs in parallel over its rows, one at a time, on vectors of 16 lanes. The sum over lanes,
// which every lane of the row needs, is computed once per row.

#lanes = affine_map<(n, g, l) -> (n, g, l)>
#partial = affine_map<(n, g, l) -> (n, l)>
#perRow = affine_map<(n, g, l) -> (n)>
#matrix = affine_map<(n, l) -> (n, l)>
#sum = affine_map<(n, l) -> (n)>

// CHECK-LABEL: func.func private @normalize
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C1:.*]] = arith.constant 1 : index
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : index
// CHECK: scf.forall (%{{.*}}) in (7)
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C3]] step %[[C1]]
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x1x16xf32>) outs(%{{.*}} : tensor<1x16xf32>)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<1x16xf32>) outs(%{{.*}} : tensor<1xf32>)
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C3]] step %[[C1]]
// CHECK: arith.divf
func.func private @normalize(%x: tensor<7x3x16xf32>) -> tensor<7x3x16xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<7x16xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
  %0 = linalg.generic {indexing_maps = [#lanes, #partial], iterator_types = ["parallel", "reduction", "parallel"]}
    ins(%x : tensor<7x3x16xf32>) outs(%init : tensor<7x16xf32>) {
  ^bb0(%p: f32, %sum: f32):
    %next = arith.addf %p, %sum : f32
    linalg.yield %next : f32
  } -> tensor<7x16xf32>
  %rows = tensor.empty() : tensor<7xf32>
  %start = linalg.fill ins(%zero : f32) outs(%rows : tensor<7xf32>) -> tensor<7xf32>
  %1 = linalg.generic {indexing_maps = [#matrix, #sum], iterator_types = ["parallel", "reduction"]}
    ins(%0 : tensor<7x16xf32>) outs(%start : tensor<7xf32>) {
  ^bb0(%p: f32, %sum: f32):
    %next = arith.addf %p, %sum : f32
    linalg.yield %next : f32
  } -> tensor<7xf32>
  %out = tensor.empty() : tensor<7x3x16xf32>
  %2 = linalg.generic {indexing_maps = [#lanes, #perRow, #lanes], iterator_types = ["parallel", "parallel", "parallel"]}
    ins(%x, %1 : tensor<7x3x16xf32>, tensor<7xf32>) outs(%out : tensor<7x3x16xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %s = arith.divf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<7x3x16xf32>
  return %2 : tensor<7x3x16xf32>
}

// -----

// A kernel that has a parallel loop keeps it, and its result is tiled by 3 rows. The transposed operand, which every tile
// needs whole, is computed before the loop over the rows.

#transpose = affine_map<(c, i) -> (i, c)>
#matrix = affine_map<(c, i) -> (c, i)>
#row = affine_map<(n, c, i) -> (n, i)>
#column = affine_map<(n, c, i) -> (i, c)>
#sum = affine_map<(n, c, i) -> (n, c)>

// CHECK-LABEL: func.func private @heads
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C3:.*]] = arith.constant 3 : index
// CHECK-DAG: %[[C6:.*]] = arith.constant 6 : index
// CHECK: scf.forall (%{{.*}}) in (2)
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<16x1xf32>) outs(%{{.*}} : tensor<1x16xf32>)
// CHECK: scf.for %{{.*}} = %[[C0]] to %[[C6]] step %[[C3]]
// CHECK-NOT: tensor<16x
// CHECK: linalg.generic
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<3x1xf32>, tensor<1x16xf32>) outs(%{{.*}} : tensor<3x16xf32>)
// CHECK: math.exp
// CHECK: scf.forall.in_parallel
func.func private @heads(%q: tensor<6x8xf32>, %k: tensor<16x8xf32>) -> tensor<6x32xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  %empty = tensor.empty() : tensor<6x32xf32>
  %0 = scf.forall (%head) in (2) shared_outs(%out = %empty) -> (tensor<6x32xf32>) {
    %from = arith.muli %head, %c4 : index
    %to = arith.muli %head, %c16 : index
    %query = tensor.extract_slice %q[0, %from] [6, 4] [1, 1] : tensor<6x8xf32> to tensor<6x4xf32>
    %key = tensor.extract_slice %k[0, %from] [16, 4] [1, 1] : tensor<16x8xf32> to tensor<16x4xf32>
    %columns = tensor.empty() : tensor<4x16xf32>
    %1 = linalg.generic {indexing_maps = [#transpose, #matrix], iterator_types = ["parallel", "parallel"]}
      ins(%key : tensor<16x4xf32>) outs(%columns : tensor<4x16xf32>) {
    ^bb0(%p: f32, %o: f32):
      linalg.yield %p : f32
    } -> tensor<4x16xf32>
    %scores = tensor.empty() : tensor<6x16xf32>
    %init = linalg.fill ins(%zero : f32) outs(%scores : tensor<6x16xf32>) -> tensor<6x16xf32>
    %2 = linalg.generic {indexing_maps = [#row, #column, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%query, %1 : tensor<6x4xf32>, tensor<4x16xf32>) outs(%init : tensor<6x16xf32>) {
    ^bb0(%p: f32, %r: f32, %sum: f32):
      %product = arith.mulf %p, %r : f32
      %next = arith.addf %sum, %product : f32
      linalg.yield %next : f32
    } -> tensor<6x16xf32>
    %3 = linalg.generic {indexing_maps = [#matrix, #matrix], iterator_types = ["parallel", "parallel"]}
      ins(%2 : tensor<6x16xf32>) outs(%scores : tensor<6x16xf32>) {
    ^bb0(%p: f32, %o: f32):
      %s = math.exp %p : f32
      linalg.yield %s : f32
    } -> tensor<6x16xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %3 into %out[0, %to] [6, 16] [1, 1] : tensor<6x16xf32> into tensor<6x32xf32>
    }
  }
  return %0 : tensor<6x32xf32>
}

// -----

// A weight in VNNI layout. One dot product instruction reduces the inner tile of 4 bytes, so this loop is not tiled.

#row = affine_map<(n, t, c, i, k) -> (n, i, k)>
#tile = affine_map<(n, t, c, i, k) -> (t, i, c, k)>
#sum = affine_map<(n, t, c, i, k) -> (n, t, c)>

// CHECK-LABEL: func.func private @integers
// CHECK: scf.forall (%{{.*}}) in (2)
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]}
// CHECK-SAME: ins(%{{.*}}, %{{.*}} : tensor<3x4xi8>, tensor<16x4xi8>) outs(%{{.*}} : tensor<3x16xi32>)
func.func private @integers(%x: tensor<3x2x4xi8>, %w: tensor<2x2x16x4xi8>) -> tensor<3x2x16xi32>
    attributes {vitya.kernel} {
  %zero = arith.constant 0 : i32
  %empty = tensor.empty() : tensor<3x2x16xi32>
  %init = linalg.fill ins(%zero : i32) outs(%empty : tensor<3x2x16xi32>) -> tensor<3x2x16xi32>
  %0 = linalg.generic {indexing_maps = [#row, #tile, #sum],
                       iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
    ins(%x, %w : tensor<3x2x4xi8>, tensor<2x2x16x4xi8>) outs(%init : tensor<3x2x16xi32>) {
  ^bb0(%p: i8, %q: i8, %sum: i32):
    %a = arith.extui %p : i8 to i32
    %b = arith.extsi %q : i8 to i32
    %product = arith.muli %a, %b : i32
    %next = arith.addi %sum, %product : i32
    linalg.yield %next : i32
  } -> tensor<3x2x16xi32>
  return %0 : tensor<3x2x16xi32>
}

// -----

// Functions that are not kernels are not changed.

// CHECK-LABEL: func.func @main
// CHECK-NEXT: linalg.matmul
// CHECK-NEXT: return
func.func @main(%x: tensor<7x8xf32>, %w: tensor<8x16xf32>, %init: tensor<7x16xf32>) -> tensor<7x16xf32> {
  %0 = linalg.matmul ins(%x, %w : tensor<7x8xf32>, tensor<8x16xf32>) outs(%init : tensor<7x16xf32>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}
