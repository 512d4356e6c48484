// DEFINE: %{options} =
// DEFINE: %{tile} = vitya-opt %s -split-input-file \
// DEFINE:   --pass-pipeline='builtin.module(func.func(vitya-tile-kernels%{options}))'
// RUN: %{tile} -verify-diagnostics
// REDEFINE: %{options} = {rows=0}
// RUN: not %{tile} 2>&1 | FileCheck %s --check-prefix=ROWS
// REDEFINE: %{options} = {columns=24}
// RUN: not %{tile} 2>&1 | FileCheck %s --check-prefix=COLUMNS
// ROWS: error: expected positive rows, and columns that are a positive multiple of 16, found 0 and 16
// COLUMNS: error: expected positive rows, and columns that are a positive multiple of 16, found 6 and 24

// A kernel that returns its argument is valid, and has nothing to tile.
func.func private @identity(%x: tensor<7x8xf32>) -> tensor<7x8xf32> attributes {vitya.kernel} {
  return %x : tensor<7x8xf32>
}

// -----

// expected-error @below {{expected a kernel with a result}}
func.func private @nothing(%x: tensor<7x8xf32>) attributes {vitya.kernel} {
  return
}

// -----

#map = affine_map<(d0, d1) -> (d0, d1)>
func.func private @dynamic(%x: tensor<1x?xf32>, %init: tensor<1x?xf32>) -> tensor<1x?xf32> attributes {vitya.kernel} {
  // expected-error @below {{expected static sizes after tiling}}
  %0 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]}
    ins(%x : tensor<1x?xf32>) outs(%init : tensor<1x?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<1x?xf32>
  return %0 : tensor<1x?xf32>
}
