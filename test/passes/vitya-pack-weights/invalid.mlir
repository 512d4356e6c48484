// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-pack-weights
// RUN: not vitya-opt %s -split-input-file --vitya-pack-weights=columns=8 2>&1 | FileCheck %s --check-prefix=FRACTION
// RUN: not vitya-opt %s -split-input-file --vitya-pack-weights=columns=-16 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// FRACTION: error: expected columns to be a positive multiple of 16, found 8
// NEGATIVE: error: expected columns to be a positive multiple of 16, found -16

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

func.func @main(%x: tensor<7x2xf32>) -> tensor<7x16xf32> {
  // expected-error @below {{expected a weight with all its bytes}}
  %w = arith.constant dense_resource<absent> : tensor<16x2xf32>
  // expected-note @below {{the weight is packed for this call}}
  %0 = call @linear(%x, %w) : (tensor<7x2xf32>, tensor<16x2xf32>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}
func.func private @linear(%x: tensor<7x2xf32>, %w: tensor<16x2xf32>) -> tensor<7x16xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<7x16xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x2xf32>, tensor<16x2xf32>) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}

// -----

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// The products of bf16 have the order of packed weights, so their weights must be packed.

func.func @main(%x: tensor<7x2xbf16>, %w: tensor<16x2xbf16>) -> tensor<7x16xf32> {
  %0 = call @linear(%x, %w) : (tensor<7x2xbf16>, tensor<16x2xbf16>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}
func.func private @linear(%x: tensor<7x2xbf16>, %w: tensor<16x2xbf16>) -> tensor<7x16xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<7x16xf32>
  // expected-error @below {{expected a bf16 weight that can be packed: a caller passes a value that is not constant}}
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x2xbf16>, tensor<16x2xbf16>) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}

// -----

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// 0xA380 is -2^-56.

func.func @main(%x: tensor<7x2xbf16>) -> tensor<7x16xf32> {
  %w = arith.constant dense<0xA380> : tensor<16x2xbf16>
  %0 = call @linear(%x, %w) : (tensor<7x2xbf16>, tensor<16x2xbf16>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}
func.func private @linear(%x: tensor<7x2xbf16>, %w: tensor<16x2xbf16>) -> tensor<7x16xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<7x16xf32>
  // expected-error @below {{expected a bf16 weight that can be packed: it has elements that are not zero but below 2^-55}}
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x2xbf16>, tensor<16x2xbf16>) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}
