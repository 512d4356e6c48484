// Bytes that are not multiplied in short sums need a processor with a dot product of bytes.
// RUN: vitya-opt %s -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{dot-bytes=false}))'
// RUN: vitya-opt %s -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=128 instructions=neon dot-bytes=false}))'

#x = affine_map<(m, n, k) -> (m, k)>
#w = affine_map<(m, n, k) -> (n, k)>
#y = affine_map<(m, n, k) -> (m, n)>

func.func @bytes(%x: vector<2x4xi8>, %w: vector<16x4xi8>, %sum: vector<2x16xi32>) -> vector<2x16xi32> {
  %a = arith.extui %x : vector<2x4xi8> to vector<2x4xi32>
  %b = arith.extsi %w : vector<16x4xi8> to vector<16x4xi32>
  // expected-error @below {{expected bytes to be multiplied in short sums, as the processor has no dot product of bytes: was an earlier phase compiled for another processor?}}
  %0 = vector.contract {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
    %a, %b, %sum : vector<2x4xi32>, vector<16x4xi32> into vector<2x16xi32>
  return %0 : vector<2x16xi32>
}
