// RUN: vitya-opt %s -split-input-file --vitya-pack-weights | FileCheck %s

// None of these matmuls is rewritten.

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// One of the two callers passes a weight that is not constant.

// CHECK-LABEL: func.func @main
// CHECK: arith.constant dense<1.0{{.*}}> : tensor<16x2xf32>
// CHECK: func.func private @linear
// CHECK: linalg.matmul
func.func @main(%x: tensor<7x2xf32>, %w: tensor<16x2xf32>) -> (tensor<7x16xf32>, tensor<7x16xf32>) {
  %c = arith.constant dense<1.0> : tensor<16x2xf32>
  %0 = call @linear(%x, %c) : (tensor<7x2xf32>, tensor<16x2xf32>) -> tensor<7x16xf32>
  %1 = call @linear(%x, %w) : (tensor<7x2xf32>, tensor<16x2xf32>) -> tensor<7x16xf32>
  return %0, %1 : tensor<7x16xf32>, tensor<7x16xf32>
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

// The weight has two uses: it is also the input.

// CHECK-LABEL: func.func private @gram
// CHECK: linalg.matmul
func.func @main() -> tensor<16x16xf32> {
  %c = arith.constant dense<1.0> : tensor<16x2xf32>
  %0 = call @gram(%c) : (tensor<16x2xf32>) -> tensor<16x16xf32>
  return %0 : tensor<16x16xf32>
}
func.func private @gram(%w: tensor<16x2xf32>) -> tensor<16x16xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<16x16xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%w, %w : tensor<16x2xf32>, tensor<16x2xf32>) outs(%empty : tensor<16x16xf32>) -> tensor<16x16xf32>
  return %0 : tensor<16x16xf32>
}

// -----

// The weight is not transposed, or the function is not a kernel.

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// CHECK-LABEL: func.func private @untransposed
// CHECK: linalg.matmul
// CHECK-LABEL: func.func private @no_kernel
// CHECK: linalg.matmul
func.func @main(%x: tensor<7x2xf32>) -> (tensor<7x16xf32>, tensor<7x16xf32>) {
  %v = arith.constant dense<1.0> : tensor<2x16xf32>
  %w = arith.constant dense<1.0> : tensor<16x2xf32>
  %0 = call @untransposed(%x, %v) : (tensor<7x2xf32>, tensor<2x16xf32>) -> tensor<7x16xf32>
  %1 = call @no_kernel(%x, %w) : (tensor<7x2xf32>, tensor<16x2xf32>) -> tensor<7x16xf32>
  return %0, %1 : tensor<7x16xf32>, tensor<7x16xf32>
}
func.func private @untransposed(%x: tensor<7x2xf32>, %w: tensor<2x16xf32>) -> tensor<7x16xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<7x16xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<7x2xf32>, tensor<2x16xf32>) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}
func.func private @no_kernel(%x: tensor<7x2xf32>, %w: tensor<16x2xf32>) -> tensor<7x16xf32> {
  %empty = tensor.empty() : tensor<7x16xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x2xf32>, tensor<16x2xf32>) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}

// -----

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>
#matrix = affine_map<(n, o) -> (n, o)>

// The result would be padded, but the epilogue adds a matrix that would not be.

// CHECK-LABEL: func.func private @residual
// CHECK: linalg.matmul
func.func @main(%x: tensor<7x2xf32>, %y: tensor<7x10xf32>) -> tensor<7x10xf32> {
  %w = arith.constant dense<1.0> : tensor<10x2xf32>
  %0 = call @residual(%x, %w, %y) : (tensor<7x2xf32>, tensor<10x2xf32>, tensor<7x10xf32>) -> tensor<7x10xf32>
  return %0 : tensor<7x10xf32>
}
func.func private @residual(%x: tensor<7x2xf32>, %w: tensor<10x2xf32>, %y: tensor<7x10xf32>) -> tensor<7x10xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<7x10xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x2xf32>, tensor<10x2xf32>) outs(%empty : tensor<7x10xf32>) -> tensor<7x10xf32>
  %1 = linalg.generic {indexing_maps = [#matrix, #matrix, #matrix], iterator_types = ["parallel", "parallel"]}
    ins(%0, %y : tensor<7x10xf32>, tensor<7x10xf32>) outs(%empty : tensor<7x10xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<7x10xf32>
  return %1 : tensor<7x10xf32>
}
