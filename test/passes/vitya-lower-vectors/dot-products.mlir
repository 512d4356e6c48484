// Contractions of integers in VNNI layout become dot products on registers of 512 or 256 bits.
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=512}))' | \
// RUN:   FileCheck %s --check-prefixes=CHECK,Z
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=256}))' | \
// RUN:   FileCheck %s --check-prefixes=CHECK,Y

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
#row_x = affine_map<(n, k) -> (k)>
#row_w = affine_map<(n, k) -> (n, k)>
#row_y = affine_map<(n, k) -> (n)>
#short_x = affine_map<(m, n, k, g) -> (m, g, k)>
#short_w = affine_map<(m, n, k, g) -> (g, n, k)>
#short_y = affine_map<(m, n, k, g) -> (m, n)>
#short_row_x = affine_map<(n, k, g) -> (g, k)>
#short_row_w = affine_map<(n, k, g) -> (g, n, k)>
#short_row_y = affine_map<(n, k, g) -> (n)>

// CHECK-LABEL: func @bytes(
// Z-COUNT-2: "llvm.x86.avx512.vpdpbusd.512"{{.*}} : (vector<16xi32>, vector<64xi8>, vector<64xi8>) -> vector<16xi32>
// Y-COUNT-4: "llvm.x86.avx512.vpdpbusd.256"{{.*}} : (vector<8xi32>, vector<32xi8>, vector<32xi8>) -> vector<8xi32>
// CHECK-NOT: llvm.call_intrinsic
// CHECK-NOT: arith.muli
// CHECK: return
func.func @bytes(%x: vector<2x4xi8>, %w: vector<16x4xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extui %x : vector<2x4xi8> to vector<2x4xi32>
  %b = arith.extsi %w : vector<16x4xi8> to vector<16x4xi32>
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x4xi32>, vector<16x4xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}

// Weights are sign-extended to 16 bits once for all rows.

// CHECK-LABEL: func @shorts(
// Z: arith.extsi %{{.*}} : vector<32xi8> to vector<32xi16>
// Z-NOT: arith.extsi
// Z-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"{{.*}} : (vector<32xi16>, vector<32xi16>) -> vector<16xi32>
// Y-COUNT-2: arith.extsi %{{.*}} : vector<16xi8> to vector<16xi16>
// Y-NOT: arith.extsi
// Y-COUNT-4: llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"{{.*}} : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
// CHECK-NOT: llvm.call_intrinsic
// CHECK: return
func.func @shorts(%x: vector<2x2xi16>, %w: vector<16x2xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extsi %x : vector<2x2xi16> to vector<2x2xi32>
  %b = arith.extsi %w : vector<16x2xi8> to vector<16x2xi32>
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x2xi32>, vector<16x2xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}

// CHECK-LABEL: func @row(
// Z-COUNT-1: vpdpbusd.512
// Y-COUNT-2: vpdpbusd.256
// CHECK-NOT: llvm.call_intrinsic
// CHECK: return
func.func @row(%x: vector<4xi8>, %w: vector<16x4xi8>, %sum: vector<16xi32>) -> vector<16xi32> {
  %a = arith.extui %x : vector<4xi8> to vector<4xi32>
  %b = arith.extsi %w : vector<16x4xi8> to vector<16x4xi32>
  %0 = vector.contract {indexing_maps = [#row_x, #row_w, #row_y], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<4xi32>, vector<16x4xi32> into vector<16xi32>
  return %0 : vector<16xi32>
}

// The short sums of two blocks are added in 16 bits, then widened by a product with ones.

// CHECK-LABEL: func @short_sums(
// Y: %[[ONES:.*]] = arith.constant dense<1> : vector<16xi16>
// Y: %[[A:.*]] = llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"{{.*}} : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
// Y: %[[B:.*]] = llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"{{.*}} : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
// Y: %[[SUM:.*]] = arith.addi %[[A]], %[[B]] : vector<16xi16>
// Y: %[[WIDE:.*]] = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%[[SUM]], %[[ONES]]) : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
// Y: arith.addi %{{.*}}, %[[WIDE]] : vector<8xi32>
// Y-COUNT-6: llvm.call_intrinsic "llvm.x86.avx2.pmadd.ub.sw"
// Z-COUNT-4: llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"{{.*}} : (vector<64xi8>, vector<64xi8>) -> vector<32xi16>
// CHECK-NOT: pmadd.ub
// CHECK-NOT: arith.muli
// CHECK: return
func.func @short_sums(%x: vector<2x2x4xi8>, %w: vector<2x16x4xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extui %x : vector<2x2x4xi8> to vector<2x2x4xi32>
  %b = arith.extsi %w : vector<2x16x4xi8> to vector<2x16x4xi32>
  %0 = vector.contract {indexing_maps = [#short_x, #short_w, #short_y], iterator_types = ["parallel", "parallel", "reduction", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x2x4xi32>, vector<2x16x4xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}

// CHECK-LABEL: func @short_sums_of_a_row(
// Z-COUNT-1: pmaddubs.w.512
// Y-COUNT-2: pmadd.ub.sw
// CHECK-NOT: pmadd{{.*}}ub
// CHECK: return
func.func @short_sums_of_a_row(%x: vector<1x4xi8>, %w: vector<1x16x4xi8>, %sum: vector<16xi32>) -> vector<16xi32> {
  %a = arith.extui %x : vector<1x4xi8> to vector<1x4xi32>
  %b = arith.extsi %w : vector<1x16x4xi8> to vector<1x16x4xi32>
  %0 = vector.contract {indexing_maps = [#short_row_x, #short_row_w, #short_row_y], iterator_types = ["parallel", "reduction", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<1x4xi32>, vector<1x16x4xi32> into vector<16xi32>
  return %0 : vector<16xi32>
}

// vpdpbusd multiplies unsigned by signed bytes, so two signed operands become plain arithmetic.

// CHECK-LABEL: func @signed(
// CHECK-NOT: llvm.call_intrinsic
// CHECK: arith.muli
// CHECK: return
func.func @signed(%x: vector<2x4xi8>, %w: vector<16x4xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extsi %x : vector<2x4xi8> to vector<2x4xi32>
  %b = arith.extsi %w : vector<16x4xi8> to vector<16x4xi32>
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x4xi32>, vector<16x4xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}
