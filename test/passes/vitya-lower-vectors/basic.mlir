// RUN: vitya-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(vitya-lower-vectors))' | FileCheck %s

// A sum across 8 lanes becomes a tree: halves are added until one lane is left.

// CHECK-LABEL: func.func @sum
// CHECK-SAME: (%[[X:.*]]: vector<8xf32>, %[[ACC:.*]]: f32)
// CHECK-DAG: %[[A:.*]] = vector.extract_strided_slice %[[X]] {offsets = [0], sizes = [4]
// CHECK-DAG: %[[B:.*]] = vector.extract_strided_slice %[[X]] {offsets = [4], sizes = [4]
// CHECK: %[[AB:.*]] = arith.addf %[[A]], %[[B]] : vector<4xf32>
// CHECK: arith.addf %{{.*}}, %{{.*}} : vector<2xf32>
// CHECK: %[[LAST:.*]] = arith.addf %{{.*}}, %{{.*}} : vector<1xf32>
// CHECK: %[[SUM:.*]] = vector.extract %[[LAST]][0]
// CHECK: arith.addf %[[SUM]], %[[ACC]] : f32
// CHECK-NOT: vector.reduction
func.func @sum(%x: vector<8xf32>, %acc: f32) -> f32 {
  %0 = vector.reduction <add>, %x, %acc : vector<8xf32> into f32
  return %0 : f32
}

// -----

// CHECK-LABEL: func.func @maximum
// CHECK: arith.maxnumf %{{.*}}, %{{.*}} : vector<2xf32>
// CHECK: arith.maxnumf %{{.*}}, %{{.*}} : vector<1xf32>
// CHECK-NOT: vector.reduction
func.func @maximum(%x: vector<4xf32>) -> f32 {
  %0 = vector.reduction <maxnumf>, %x : vector<4xf32> into f32
  return %0 : f32
}

// -----

// Not rewritten: three lanes cannot be halved, and sums of integers do not depend on the order.

// CHECK-LABEL: func.func @no_tree
// CHECK: vector.reduction <add>, %{{.*}} : vector<3xf32>
// CHECK: vector.reduction <add>, %{{.*}} : vector<4xi32>
func.func @no_tree(%x: vector<3xf32>, %y: vector<4xi32>) -> (f32, i32) {
  %0 = vector.reduction <add>, %x : vector<3xf32> into f32
  %1 = vector.reduction <add>, %y : vector<4xi32> into i32
  return %0, %1 : f32, i32
}

// -----

// Copies between buffers become loops over vectors. A row of 32 elements is two vectors of 16, a row of 43 is two of 16,
// one of 8, one of 2 and one of 1.

// CHECK-LABEL: func.func @copy
// CHECK: scf.for
// CHECK: scf.for
// CHECK: %[[A:.*]] = vector.load %{{.*}} : memref<4x32xf32, strided<[48, 1]>>, vector<16xf32>
// CHECK: vector.store %[[A]]
// CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16
// CHECK: %[[B:.*]] = vector.load %{{.*}} : memref<4x43xf32>, vector<16xf32>
// CHECK: vector.store %[[B]]
// CHECK: scf.for %{{.*}} = %c32 to %c40 step %c8
// CHECK: vector.load {{.*}} : memref<4x43xf32>, vector<8xf32>
// CHECK: scf.for %{{.*}} = %c40 to %c42 step %c2
// CHECK: vector.load {{.*}} : memref<4x43xf32>, vector<2xf32>
// CHECK: scf.for %{{.*}} = %c42 to %c43 step %c1
// CHECK: vector.load {{.*}} : memref<4x43xf32>, vector<1xf32>
// CHECK-NOT: memref.copy
func.func @copy(%a: memref<4x32xf32, strided<[48, 1]>>, %b: memref<4x32xf32>, %c: memref<4x43xf32>, %d: memref<4x43xf32>) {
  memref.copy %a, %b : memref<4x32xf32, strided<[48, 1]>> to memref<4x32xf32>
  memref.copy %c, %d : memref<4x43xf32> to memref<4x43xf32>
  return
}

// -----

// A transposition of 16 x 16 elements combines whole rows.

// CHECK-LABEL: func.func @transposition
// CHECK-COUNT-64: vector.shuffle {{.*}} vector<16xf32>, vector<16xf32>
// CHECK-NOT: vector<256xf32>
func.func @transposition(%x: vector<16x16xf32>) -> vector<16x16xf32> {
  %0 = vector.transpose %x, [1, 0] : vector<16x16xf32> to vector<16x16xf32>
  return %0 : vector<16x16xf32>
}

// -----

// A row of 32 sums is stored in two parts, but loaded as a whole; 32 bytes fit into a register.

// CHECK-LABEL: func.func @stores
// CHECK: vector.load {{.*}} vector<32xf32>
// CHECK: vector.store {{.*}} vector<16xf32>
// CHECK: vector.store {{.*}} vector<16xf32>
// CHECK: vector.store {{.*}} vector<32xi8>
func.func @stores(%a: memref<4x32xf32>, %b: memref<4x32xf32>, %c: memref<32xi8>, %bytes: vector<32xi8>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %row = vector.transfer_read %a[%c0, %c0], %zero {in_bounds = [true]} : memref<4x32xf32>, vector<32xf32>
  vector.transfer_write %row, %b[%c0, %c0] {in_bounds = [true]} : vector<32xf32>, memref<4x32xf32>
  vector.transfer_write %bytes, %c[%c0] {in_bounds = [true]} : vector<32xi8>, memref<32xi8>
  return
}

// -----

// Not rewritten: rows that are not contiguous.

// CHECK-LABEL: func.func @scattered_copy
// CHECK: memref.copy
func.func @scattered_copy(%a: memref<4x32xf32, strided<[1, 4]>>, %b: memref<4x32xf32>) {
  memref.copy %a, %b : memref<4x32xf32, strided<[1, 4]>> to memref<4x32xf32>
  return
}

// -----

// No call of libm is left: erf, exp and tanh become polynomials of fused multiply-adds.

// CHECK-LABEL: func.func @functions
// CHECK: math.fma
// CHECK-NOT: math.{{(erf|exp|tanh)}}
// CHECK: return
func.func @functions(%x: vector<16xf32>) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>) {
  %0 = math.erf %x : vector<16xf32>
  %1 = math.exp %x : vector<16xf32>
  %2 = math.tanh %x : vector<16xf32>
  return %0, %1, %2 : vector<16xf32>, vector<16xf32>, vector<16xf32>
}

// -----

// A contraction with a single product per sum becomes one fused multiply-add.

// CHECK-LABEL: func.func @products
// CHECK-SAME: %[[A:.*]]: vector<1x1x16xf32>, %[[B:.*]]: vector<1x1x16xf32>, %[[SUM:.*]]: vector<1x16xf32>
// CHECK-DAG: %[[LEFT:.*]] = vector.extract %[[A]][0]
// CHECK-DAG: %[[RIGHT:.*]] = vector.extract %[[B]][0]
// CHECK: math.fma %[[LEFT]], %[[RIGHT]], %[[SUM]] : vector<1x16xf32>
#products = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#sums = affine_map<(d0, d1, d2) -> (d0, d2)>
func.func @products(%a: vector<1x1x16xf32>, %b: vector<1x1x16xf32>, %sum: vector<1x16xf32>) -> vector<1x16xf32> {
  %0 = vector.contract {indexing_maps = [#products, #products, #sums],
                        iterator_types = ["parallel", "reduction", "parallel"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<1x1x16xf32>, vector<1x1x16xf32> into vector<1x16xf32>
  return %0 : vector<1x16xf32>
}

// CHECK-LABEL: func.func @one_product
// CHECK-SAME: %[[A:.*]]: vector<1xf32>, %[[B:.*]]: vector<1xf32>, %[[SUM:.*]]: f32
// CHECK-DAG: %[[LEFT:.*]] = vector.extract %[[A]][0]
// CHECK-DAG: %[[RIGHT:.*]] = vector.extract %[[B]][0]
// CHECK: %[[RESULT:.*]] = math.fma %[[LEFT]], %[[RIGHT]], %[[SUM]] : f32
// CHECK: return %[[RESULT]]
func.func @one_product(%a: vector<1xf32>, %b: vector<1xf32>, %sum: f32) -> f32 {
  %0 = vector.contract {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>],
                        iterator_types = ["reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<1xf32>, vector<1xf32> into f32
  return %0 : f32
}

// -----

// Transfers become one-dimensional.

// CHECK-LABEL: func.func @transfer
// CHECK: vector.load %{{.*}} : memref<4x16xf32>, vector<16xf32>
// CHECK: vector.load %{{.*}} : memref<4x16xf32>, vector<16xf32>
// CHECK: vector.store %{{.*}} : memref<4x16xf32>, vector<16xf32>
// CHECK: vector.store %{{.*}} : memref<4x16xf32>, vector<16xf32>
// CHECK-NOT: vector.transfer
func.func @transfer(%a: memref<4x16xf32>, %b: memref<4x16xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %0 = vector.transfer_read %a[%c0, %c0], %zero {in_bounds = [true, true]} : memref<4x16xf32>, vector<2x16xf32>
  vector.transfer_write %0, %b[%c0, %c0] {in_bounds = [true, true]} : vector<2x16xf32>, memref<4x16xf32>
  return
}

// -----

// A gather of 16 bytes is a shuffle if the positions cannot leave the 16 bytes after its start.

// CHECK-LABEL: func.func @shuffle(
// CHECK-SAME: %[[X:.*]]: memref<7x48xi8>, %{{.*}}: vector<16xi8>, %[[ROW:.*]]: index, %[[COLUMN:.*]]: index
// CHECK: %[[POSITIONS:.*]] = arith.andi
// CHECK: %[[WINDOW:.*]] = vector.load %[[X]][%[[ROW]], %[[COLUMN]]] : memref<7x48xi8>, vector<16xi8>
// CHECK: llvm.call_intrinsic "llvm.x86.ssse3.pshuf.b.128"(%[[WINDOW]], %[[POSITIONS]])
// CHECK-NOT: vector.gather
func.func @shuffle(%x: memref<7x48xi8>, %order: vector<16xi8>, %row: index, %column: index) -> vector<16xi8> {
  %mask = arith.constant dense<15> : vector<16xi8>
  %all = arith.constant dense<true> : vector<16xi1>
  %none = arith.constant dense<0> : vector<16xi8>
  %positions = arith.andi %order, %mask : vector<16xi8>
  %indices = arith.extui %positions : vector<16xi8> to vector<16xi32>
  %0 = vector.gather %x[%row, %column] [%indices], %all, %none
    : memref<7x48xi8>, vector<16xi32>, vector<16xi1>, vector<16xi8> into vector<16xi8>
  return %0 : vector<16xi8>
}
