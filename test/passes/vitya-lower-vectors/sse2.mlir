// On processors without AVX2 and FMA, registers have 128 bits, products of f32 are rounded before they are added, and bytes
// are extended to 16 bits before they are multiplied.
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=128 instructions=sse2}))' | FileCheck %s

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
#short_x = affine_map<(m, n, k, g) -> (m, g, k)>
#short_w = affine_map<(m, n, k, g) -> (g, n, k)>
#short_y = affine_map<(m, n, k, g) -> (m, n)>

// CHECK-LABEL: func @products(
// CHECK-NOT: fma
// CHECK: %[[PRODUCT:.*]] = arith.mulf
// CHECK: arith.addf %[[PRODUCT]], %{{.*}} : vector<16xf32>
// CHECK: %[[PRODUCT:.*]] = arith.mulf
// CHECK: arith.addf %[[PRODUCT]], %{{.*}} : vector<16xf32>
// CHECK-NOT: fma
// CHECK: return
func.func @products(%x: vector<2x1xf32>, %w: vector<16x1xf32>, %sum: vector<2x16xf32>) -> vector<2x16xf32> {
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %x, %w, %sum : vector<2x1xf32>, vector<16x1xf32> into vector<2x16xf32>
  return %0 : vector<2x16xf32>
}

// Functions are exact: fused multiply-adds are computed with f64, whose sum is rounded to odd, and roundings to integers are
// additions of 2^23. None needs a call.

// CHECK-LABEL: func @functions(
// CHECK-NOT: math.
// CHECK: arith.mulf %{{.*}} : vector<16xf64>
// CHECK-COUNT-2: arith.addf %{{.*}} : vector<16xf64>
// CHECK: %[[ODD:.*]] = arith.bitcast %{{.*}} : vector<16xi64> to vector<16xf64>
// CHECK-NEXT: arith.truncf %[[ODD]] : vector<16xf64> to vector<16xf32>
// CHECK-NOT: math.{{[^ac]}}
// CHECK: %[[SHIFT:.*]] = arith.addf %[[X:.*]], %[[BIG:.*]] : vector<16xf32>
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.subf %[[SHIFT]], %[[BIG]]
// CHECK: math.copysign
// CHECK: return
func.func @functions(%x: vector<16xf32>) -> (vector<16xf32>, vector<16xf32>) {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.roundeven %x : vector<16xf32>
  return %0, %1 : vector<16xf32>, vector<16xf32>
}

// CHECK-LABEL: func @shorts(
// CHECK-COUNT-8: llvm.call_intrinsic "llvm.x86.sse2.pmadd.wd"{{.*}} : (vector<8xi16>, vector<8xi16>) -> vector<4xi32>
// CHECK-NOT: llvm.call_intrinsic
// CHECK: return
func.func @shorts(%x: vector<2x2xi16>, %w: vector<16x2xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extsi %x : vector<2x2xi16> to vector<2x2xi32>
  %b = arith.extsi %w : vector<16x2xi8> to vector<16x2xi32>
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x2xi32>, vector<16x2xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}

// The even and the odd bytes are extended and multiplied, the products of both and of two blocks are added in 16 bits.

// CHECK-LABEL: func @short_sums(
// CHECK-DAG: %[[ONES:.*]] = arith.constant dense<1> : vector<8xi16>
// CHECK-DAG: %[[LOW:.*]] = arith.constant dense<255> : vector<8xi16>
// CHECK-DAG: %[[EIGHT:.*]] = arith.constant dense<8> : vector<8xi16>
// CHECK: %[[EVEN_X:.*]] = arith.andi %[[X:.*]], %[[LOW]]
// CHECK: %[[HIGH_W:.*]] = arith.shli %[[W:.*]], %[[EIGHT]]
// CHECK: %[[EVEN_W:.*]] = arith.shrsi %[[HIGH_W]], %[[EIGHT]]
// CHECK: %[[ODD_X:.*]] = arith.shrui %[[X]], %[[EIGHT]]
// CHECK: %[[ODD_W:.*]] = arith.shrsi %[[W]], %[[EIGHT]]
// CHECK: %[[EVEN:.*]] = arith.muli %[[EVEN_X]], %[[EVEN_W]]
// CHECK: %[[ODD:.*]] = arith.muli %[[ODD_X]], %[[ODD_W]]
// CHECK: %[[A:.*]] = arith.addi %[[EVEN]], %[[ODD]] : vector<8xi16>
// CHECK: %[[SUM:.*]] = arith.addi %[[A]], %{{.*}} : vector<8xi16>
// CHECK: llvm.call_intrinsic "llvm.x86.sse2.pmadd.wd"(%[[SUM]], %[[ONES]])
// CHECK-NOT: pmadd.ub
// CHECK: return
func.func @short_sums(%x: vector<2x2x4xi8>, %w: vector<2x16x4xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extui %x : vector<2x2x4xi8> to vector<2x2x4xi32>
  %b = arith.extsi %w : vector<2x16x4xi8> to vector<2x16x4xi32>
  %0 = vector.contract {indexing_maps = [#short_x, #short_w, #short_y], iterator_types = ["parallel", "parallel", "reduction", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x2x4xi32>, vector<2x16x4xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}

// Columns are put in order one by one.

// CHECK-LABEL: func @shuffle(
// CHECK-COUNT-16: vector.load %{{.*}} : memref<7x48xi8>, vector<1xi8>
// CHECK-NOT: {{vector.gather|call_intrinsic}}
// CHECK: return
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
