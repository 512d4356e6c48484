// RUN: vitya-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-vectorize-kernels))'

#map = affine_map<(d0) -> (d0)>
func.func private @dynamic(%x: tensor<?xf32>, %init: tensor<?xf32>) -> tensor<?xf32> attributes {vitya.kernel} {
  // expected-error @below {{expected an op that can be vectorized}}
  %0 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]}
    ins(%x : tensor<?xf32>) outs(%init : tensor<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    linalg.yield %s : f32
  } -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
