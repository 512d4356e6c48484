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
