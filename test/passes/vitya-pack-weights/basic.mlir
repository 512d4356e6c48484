// RUN: vitya-opt %s -split-input-file --vitya-pack-weights | FileCheck %s
// RUN: vitya-opt %s -split-input-file --vitya-pack-weights=columns=32 | FileCheck %s --check-prefix=WIDE
// RUN: vitya-opt %s -split-input-file --vitya-pack-weights=columns=64 | FileCheck %s --check-prefix=WIDE

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// A weight of [48, 2] becomes three inner tiles of 16 columns, for both callers of the kernel. With a limit of 32 or 64
// columns it still does: 32 does not divide 48, and 48 is not 16 times a power of two.

// CHECK-DAG: #[[$ROWS:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3)>
// CHECK-DAG: #[[$TILES:.*]] = affine_map<(d0, d1, d2, d3) -> (d1, d3, d2)>
// CHECK-DAG: #[[$RESULT:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<7x2xf32>)
// CHECK-DAG: %[[W1:.*]] = arith.constant dense_resource<weight.packed{{.*}}> : tensor<3x2x16xf32>
// CHECK-DAG: %[[W2:.*]] = arith.constant dense_resource<weight.packed{{.*}}> : tensor<3x2x16xf32>
// CHECK: call @linear(%[[X]], %[[W1]])
// CHECK: call @linear(%[[X]], %[[W2]])
// CHECK: func.func private @linear(%{{.*}}: tensor<7x2xf32>, %[[W:.*]]: tensor<3x2x16xf32>) -> tensor<7x48xf32>
// CHECK: linalg.generic {indexing_maps = [#[[$ROWS]], #[[$TILES]], #[[$RESULT]]],
// CHECK-SAME: iterator_types = ["parallel", "parallel", "parallel", "reduction"]} ins(%{{.*}}, %[[W]] :
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0], [1, 2]] : tensor<7x3x16xf32> into tensor<7x48xf32>
// CHECK-NOT: linalg.matmul
// WIDE-LABEL: func.func @main
// WIDE: tensor<3x2x16xf32>
func.func @main(%x: tensor<7x2xf32>) -> (tensor<7x48xf32>, tensor<7x48xf32>) {
  %w1 = arith.constant dense<1.0> : tensor<48x2xf32>
  %w2 = arith.constant dense<2.0> : tensor<48x2xf32>
  %0 = call @linear(%x, %w1) : (tensor<7x2xf32>, tensor<48x2xf32>) -> tensor<7x48xf32>
  %1 = call @linear(%x, %w2) : (tensor<7x2xf32>, tensor<48x2xf32>) -> tensor<7x48xf32>
  return %0, %1 : tensor<7x48xf32>, tensor<7x48xf32>
}
func.func private @linear(%x: tensor<7x2xf32>, %w: tensor<48x2xf32>) -> tensor<7x48xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<7x48xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x48xf32>) -> tensor<7x48xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x2xf32>, tensor<48x2xf32>) outs(%init : tensor<7x48xf32>) -> tensor<7x48xf32>
  return %0 : tensor<7x48xf32>
}

// -----

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// A weight of [32, 2] becomes two inner tiles of 16 columns, or one of 32.

// CHECK-LABEL: func.func @main
// CHECK: tensor<2x2x16xf32>
// WIDE-LABEL: func.func @main
// WIDE: tensor<1x2x32xf32>
func.func @main(%x: tensor<7x2xf32>) -> tensor<7x32xf32> {
  %w = arith.constant dense<1.0> : tensor<32x2xf32>
  %0 = call @linear(%x, %w) : (tensor<7x2xf32>, tensor<32x2xf32>) -> tensor<7x32xf32>
  return %0 : tensor<7x32xf32>
}
func.func private @linear(%x: tensor<7x2xf32>, %w: tensor<32x2xf32>) -> tensor<7x32xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<7x32xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x32xf32>) -> tensor<7x32xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x2xf32>, tensor<32x2xf32>) outs(%init : tensor<7x32xf32>) -> tensor<7x32xf32>
  return %0 : tensor<7x32xf32>
}

// -----

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>
#matrix = affine_map<(n, o) -> (n, o)>
#column = affine_map<(n, o) -> (o)>

// A head of 3 classes: weight and bias are padded with zeros to one inner tile, and the caller slices the result. The bytes
// are the alignment, then 1 3 5 and 13 zeros (the first column), 2 4 6 and 13 zeros (the second).

// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[W:.*]] = arith.constant dense_resource<[[WEIGHT:weight.packed.*]]> : tensor<1x2x16xf32>
// CHECK-DAG: %[[B:.*]] = arith.constant dense_resource<[[BIAS:weight.padded.*]]> : tensor<16xf32>
// CHECK: %[[R:.*]] = call @head(%{{.*}}, %[[W]], %[[B]]) {{.*}} -> tensor<1x16xf32>
// CHECK: %[[S:.*]] = tensor.extract_slice %[[R]][0, 0] [1, 3] [1, 1] : tensor<1x16xf32> to tensor<1x3xf32>
// CHECK: return %[[S]]
// CHECK: func.func private @head(
// CHECK-SAME: tensor<1x2xf32>, %{{.*}}: tensor<1x2x16xf32>, %{{.*}}: tensor<16xf32>) -> tensor<1x16xf32>
// CHECK: dialect_resources
// CHECK-DAG: [[WEIGHT]]: "0x400000000000803F000040400000A040{{(0{104})}}00000040000080400000C040{{(0{104})}}"
// CHECK-DAG: [[BIAS]]: "0x400000000000E0400000004100001041{{(0{104})}}"
func.func @main(%x: tensor<1x2xf32>) -> tensor<1x3xf32> {
  %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %b = arith.constant dense<[7.0, 8.0, 9.0]> : tensor<3xf32>
  %0 = call @head(%x, %w, %b) : (tensor<1x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<1x3xf32>
  return %0 : tensor<1x3xf32>
}
func.func private @head(%x: tensor<1x2xf32>, %w: tensor<3x2xf32>, %b: tensor<3xf32>) -> tensor<1x3xf32> attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  %empty = tensor.empty() : tensor<1x3xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<1x3xf32>) -> tensor<1x3xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<1x2xf32>, tensor<3x2xf32>) outs(%init : tensor<1x3xf32>) -> tensor<1x3xf32>
  %1 = linalg.generic {indexing_maps = [#matrix, #column, #matrix], iterator_types = ["parallel", "parallel"]}
    ins(%0, %b : tensor<1x3xf32>, tensor<3xf32>) outs(%empty : tensor<1x3xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %s = arith.addf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<1x3xf32>
  return %1 : tensor<1x3xf32>
}
