// Contractions of bf16 in VNNI layout become dot products, or two fused multiply-adds with the second elements of the pairs
// first. Rounding to bf16 is integer arithmetic.
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=512 dot-bf16}))' | \
// RUN:   FileCheck %s --check-prefixes=CHECK,Z
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=256}))' | \
// RUN:   FileCheck %s --check-prefixes=CHECK,Y
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=128 instructions=neon}))' | \
// RUN:   FileCheck %s --check-prefixes=CHECK,Y
// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=128 instructions=sse2 dot-bytes=false}))' | \
// RUN:   FileCheck %s --check-prefixes=CHECK,SSE

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>
#row_x = affine_map<(n, k) -> (k)>
#row_w = affine_map<(n, k) -> (n, k)>
#row_y = affine_map<(n, k) -> (n)>

// CHECK-LABEL: func @matrix(
// Z-COUNT-2: "llvm.x86.avx512bf16.dpbf16ps.512"{{.*}} : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
// Z-NOT: dpbf16ps
// Z-NOT: vector.fma
// Y: arith.constant dense<-65536> : vector<{{8|4}}xi32>
// Y: arith.andi %{{.*}} : vector<{{8|4}}xi32>
// Y: vector.fma %{{.*}} : vector<{{8|4}}xf32>
// Y: arith.shli %{{.*}} : vector<{{8|4}}xi32>
// Y: vector.fma %{{.*}} : vector<{{8|4}}xf32>
// Y-NOT: arith.andi
// Y-NOT: llvm.call_intrinsic
// SSE: arith.mulf
// SSE: arith.addf
// SSE-NOT: vector.fma
// CHECK: return
func.func @matrix(%x: vector<2x2xbf16>, %w: vector<16x2xbf16>, %sum: vector<2x16xf32>) -> vector<2x16xf32> {
  %a = arith.extf %x : vector<2x2xbf16> to vector<2x2xf32>
  %b = arith.extf %w : vector<16x2xbf16> to vector<16x2xf32>
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x2xf32>, vector<16x2xf32> into vector<2x16xf32>
  return %0 : vector<2x16xf32>
}

// CHECK-LABEL: func @row(
// Z-COUNT-1: dpbf16ps.512
// Z-NOT: dpbf16ps
// CHECK: return
func.func @row(%x: vector<2xbf16>, %w: vector<16x2xbf16>, %sum: vector<16xf32>) -> vector<16xf32> {
  %a = arith.extf %x : vector<2xbf16> to vector<2xf32>
  %b = arith.extf %w : vector<16x2xbf16> to vector<16x2xf32>
  %0 = vector.contract {indexing_maps = [#row_x, #row_w, #row_y], iterator_types = ["parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2xf32>, vector<16x2xf32> into vector<16xf32>
  return %0 : vector<16xf32>
}

// CHECK-LABEL: func @round(
// CHECK-NOT: arith.truncf
// CHECK: arith.trunci %{{.*}} : vector<16xi32> to vector<16xi16>
// CHECK: return
func.func @round(%x: vector<16xf32>) -> vector<16xbf16> {
  %0 = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  return %0 : vector<16xbf16>
}
