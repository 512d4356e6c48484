// RUN: vitya-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(vitya-vectorize-kernels),canonicalize,cse)' \
// RUN:   | FileCheck %s

// A loop that adds two rows of 16 lanes: each row is read from the tensor, and the sums stay in a register in between.

// CHECK-LABEL: func.func private @sum
// CHECK-SAME: (%[[X:.*]]: tensor<2x16xf32>, %[[INIT:.*]]: tensor<16xf32>)
// CHECK: %[[START:.*]] = vector.transfer_read %[[INIT]]
// CHECK: %[[SUM:.*]] = scf.for {{.*}} iter_args(%[[PARTIAL:.*]] = %[[START]]) -> (vector<16xf32>)
// CHECK: %[[ROW:.*]] = vector.transfer_read %[[X]]
// CHECK: %[[NEXT:.*]] = arith.addf %[[ROW]], %[[PARTIAL]] : vector<16xf32>
// CHECK: scf.yield %[[NEXT]]
// CHECK: vector.transfer_write %[[SUM]], %[[INIT]]
// CHECK-NOT: linalg.
#in = affine_map<(d0) -> (d0)>
func.func private @sum(%x: tensor<2x16xf32>, %init: tensor<16xf32>) -> tensor<16xf32> attributes {vitya.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = scf.for %i = %c0 to %c2 step %c1 iter_args(%partial = %init) -> (tensor<16xf32>) {
    %row = tensor.extract_slice %x[%i, 0] [1, 16] [1, 1] : tensor<2x16xf32> to tensor<16xf32>
    %next = linalg.generic {indexing_maps = [#in, #in], iterator_types = ["parallel"]}
      ins(%row : tensor<16xf32>) outs(%partial : tensor<16xf32>) {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      linalg.yield %s : f32
    } -> tensor<16xf32>
    scf.yield %next : tensor<16xf32>
  }
  return %0 : tensor<16xf32>
}

// -----

// Functions that are not kernels are not changed.

// CHECK-LABEL: func.func @main
// CHECK: linalg.fill
func.func @main(%init: tensor<16xf32>) -> tensor<16xf32> {
  %zero = arith.constant 0.0 : f32
  %0 = linalg.fill ins(%zero : f32) outs(%init : tensor<16xf32>) -> tensor<16xf32>
  return %0 : tensor<16xf32>
}

// -----

// A column order of one window is a gather from the window, which starts where position 0 is.

// CHECK-LABEL: func.func private @order
// CHECK-SAME: (%[[X:.*]]: tensor<7x48xi8>, %[[ORDER:.*]]: tensor<16xi8>, %[[RESULT:.*]]: tensor<1x16xi8>, %[[ROW:.*]]: index, %[[WINDOW:.*]]: index)
// CHECK-DAG: %[[MASK:.*]] = arith.constant dense<15> : vector<16xi8>
// CHECK-DAG: %[[ALL:.*]] = arith.constant dense<true> : vector<16xi1>
// CHECK: %[[START:.*]] = arith.muli %[[WINDOW]], %{{.*}} : index
// CHECK: %[[BYTES:.*]] = vector.transfer_read %[[ORDER]]
// CHECK: %[[POSITIONS:.*]] = arith.andi %[[BYTES]], %[[MASK]]
// CHECK: %[[INDICES:.*]] = arith.extui %[[POSITIONS]] : vector<16xi8> to vector<16xi32>
// CHECK: %[[ORDERED:.*]] = vector.gather %[[X]][%[[ROW]], %[[START]]] [%[[INDICES]]], %[[ALL]]
// CHECK: vector.transfer_write %[[ORDERED]], %[[RESULT]]
func.func private @order(%x: tensor<7x48xi8>, %order: tensor<16xi8>, %result: tensor<1x16xi8>, %row: index, %window: index) -> tensor<1x16xi8>
    attributes {vitya.kernel} {
  %c16 = arith.constant 16 : index
  %c15 = arith.constant 15 : i8
  %0 = linalg.generic {indexing_maps = [affine_map<(n, i) -> (i)>, affine_map<(n, i) -> (n, i)>], iterator_types = ["parallel", "parallel"]}
    ins(%order : tensor<16xi8>) outs(%result : tensor<1x16xi8>) {
  ^bb0(%position: i8, %old: i8):
    %start = arith.muli %window, %c16 : index
    %low = arith.andi %position, %c15 : i8
    %within = arith.index_castui %low : i8 to index
    %column = arith.addi %start, %within : index
    %element = tensor.extract %x[%row, %column] : tensor<7x48xi8>
    linalg.yield %element : i8
  } -> tensor<1x16xi8>
  return %0 : tensor<1x16xi8>
}
