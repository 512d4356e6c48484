// Contractions of integers in VNNI layout on AArch64: usdot where the processor has it, else sdot of the activations minus
// 128, whose difference to the result is subtracted. 16-bit integers and short sums are long products.
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=128 instructions=neon}))' | \
// RUN:   FileCheck %s --check-prefixes=CHECK,SDOT
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=128 instructions=neon-i8mm}))' | \
// RUN:   FileCheck %s --check-prefixes=CHECK,USDOT

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
#short_x = affine_map<(m, n, k, g) -> (m, g, k)>
#short_w = affine_map<(m, n, k, g) -> (g, n, k)>
#short_y = affine_map<(m, n, k, g) -> (m, n)>

// CHECK-LABEL: func @bytes(
// SDOT-DAG: %[[OFFSET:.*]] = arith.constant dense<-128> : vector<16xi8>
// SDOT-DAG: %[[ZERO:.*]] = arith.constant dense<0> : vector<4xi32>
// SDOT: %[[CORRECTION:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%[[ZERO]], %[[W:.*]], %[[OFFSET]])
// SDOT-COUNT-3: sdot
// SDOT: %[[SHIFTED:.*]] = arith.xori %{{.*}}, %[[OFFSET]] : vector<16xi8>
// SDOT: %[[CORRECTED:.*]] = arith.subi %{{.*}}, %[[CORRECTION]] : vector<4xi32>
// SDOT: llvm.call_intrinsic "llvm.aarch64.neon.sdot.v4i32.v16i8"(%[[CORRECTED]], %[[W]], %[[SHIFTED]])
// SDOT-COUNT-7: sdot
// USDOT-COUNT-8: llvm.call_intrinsic "llvm.aarch64.neon.usdot.v4i32.v16i8"{{.*}} : (vector<4xi32>, vector<16xi8>, vector<16xi8>) -> vector<4xi32>
// CHECK-NOT: llvm.call_intrinsic
// CHECK: return
func.func @bytes(%x: vector<2x4xi8>, %w: vector<16x4xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extui %x : vector<2x4xi8> to vector<2x4xi32>
  %b = arith.extsi %w : vector<16x4xi8> to vector<16x4xi32>
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x4xi32>, vector<16x4xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}

// The even, then the odd weights of a register are multiplied by the factor of a row.

// CHECK-LABEL: func @shorts(
// CHECK: %[[WIDE:.*]] = arith.extsi %{{.*}} : vector<8xi8> to vector<8xi16>
// CHECK: %[[EVEN:.*]] = vector.shuffle %[[WIDE]], %[[WIDE]] [0, 2, 4, 6]
// CHECK: %[[ODD:.*]] = vector.shuffle %[[WIDE]], %[[WIDE]] [1, 3, 5, 7]
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.smull.v4i32"(%[[EVEN]], %{{.*}})
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.smull.v4i32"(%[[ODD]], %{{.*}})
// CHECK: return
func.func @shorts(%x: vector<2x2xi16>, %w: vector<16x2xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extsi %x : vector<2x2xi16> to vector<2x2xi32>
  %b = arith.extsi %w : vector<16x2xi8> to vector<16x2xi32>
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x2xi32>, vector<16x2xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}

// Products of two halves of a register are added up over two blocks, then in pairs. 128 times the sums of the weights are
// added modulo 2^16, and the result, which fits 16 bits, is widened.

// CHECK-LABEL: func @short_sums(
// CHECK-DAG: %[[OFFSET:.*]] = arith.constant dense<-128> : vector<16xi8>
// CHECK-DAG: %[[SEVEN:.*]] = arith.constant dense<7> : vector<8xi16>
// CHECK: arith.xori %{{.*}}, %[[OFFSET]] : vector<16xi8>
// CHECK: %[[A:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.saddlp.v8i16.v16i8"
// CHECK: %[[B:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.saddlp.v8i16.v16i8"
// CHECK: %[[SUM:.*]] = arith.addi %[[A]], %[[B]] : vector<8xi16>
// CHECK: %[[CORRECTION:.*]] = arith.shli %[[SUM]], %[[SEVEN]] : vector<8xi16>
// CHECK-COUNT-4: llvm.call_intrinsic "llvm.aarch64.neon.smull.v8i16"
// CHECK: %[[PAIRS:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.addp.v8i16"
// CHECK: %[[EXACT:.*]] = arith.addi %[[PAIRS]], %[[CORRECTION]] : vector<8xi16>
// CHECK: %[[LONG:.*]] = llvm.call_intrinsic "llvm.aarch64.neon.saddlp.v4i32.v8i16"(%[[EXACT]])
// CHECK: arith.addi %{{.*}}, %[[LONG]] : vector<4xi32>
// CHECK-COUNT-7: addp.v8i16
// CHECK-NOT: addp.v8i16
// CHECK: return
func.func @short_sums(%x: vector<2x2x4xi8>, %w: vector<2x16x4xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extui %x : vector<2x2x4xi8> to vector<2x2x4xi32>
  %b = arith.extsi %w : vector<2x16x4xi8> to vector<2x16x4xi32>
  %0 = vector.contract {indexing_maps = [#short_x, #short_w, #short_y], iterator_types = ["parallel", "parallel", "reduction", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x2x4xi32>, vector<2x16x4xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}

// Columns are put in order by a table lookup.

// CHECK-LABEL: func @shuffle(
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.tbl1.v16i8"
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
