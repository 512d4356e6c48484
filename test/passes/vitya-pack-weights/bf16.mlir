// Weights of bf16 get VNNI layout with a blocking factor of 2.
// RUN: vitya-opt %s --vitya-pack-weights | FileCheck %s

#x = affine_map<(n, o, i) -> (n, i)>
#w = affine_map<(n, o, i) -> (o, i)>
#y = affine_map<(n, o, i) -> (n, o)>

// CHECK-LABEL: func private @linear(
// CHECK-SAME: tensor<7x4xbf16>, %[[W:.*]]: tensor<1x2x16x2xbf16>
// CHECK: %[[X:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [7, 2, 2]
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
// CHECK-SAME: ins(%[[X]], %[[W]] : tensor<7x2x2xbf16>, tensor<1x2x16x2xbf16>)
// CHECK: %[[A:.*]] = arith.extf %{{.*}} : bf16 to f32
// CHECK: %[[B:.*]] = arith.extf %{{.*}} : bf16 to f32
// CHECK: arith.mulf %[[A]], %[[B]] : f32
func.func @main(%x: tensor<7x4xbf16>) -> tensor<7x16xf32> {
  %w = arith.constant dense_resource<w> : tensor<16x4xbf16>
  %0 = call @linear(%x, %w) : (tensor<7x4xbf16>, tensor<16x4xbf16>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}
func.func private @linear(%x: tensor<7x4xbf16>, %w: tensor<16x4xbf16>) -> tensor<7x16xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<7x16xf32>
  %0 = linalg.matmul indexing_maps = [#x, #w, #y]
    ins(%x, %w : tensor<7x4xbf16>, tensor<16x4xbf16>) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}

// The first two elements of every row come first, then the other two.
// CHECK: dialect_resources
// CHECK: w.packed: "0x40000000803F803F01400240{{.*}}0040004003400440
{-#
  dialect_resources: {
    builtin: {
      w: "0x40000000803F803F00400040014002400340044001400240034004400140024003400440014002400340044001400240034004400140024003400440014002400340044001400240034004400140024003400440014002400340044001400240034004400140024003400440014002400340044001400240034004400140024003400440"
    }
  }
#-}
