// With norms of queries or keys, the scores are not a function of the product of the maps. The heads keep their widths,
// and the linear layers are anchored one by one.
// RUN: vitya-opt %s --vitya-low-rank="rank=2 method=joint images=%demo/calibration-256.bin count=4" 2>&1 | FileCheck %s
// Layers that are factorised already do not change.
// RUN: vitya-opt %s --vitya-low-rank="rank=2 method=joint images=%demo/calibration-256.bin count=4" 2>/dev/null | vitya-opt --vitya-low-rank="rank=2" 2>&1 | FileCheck %s --check-prefix=AGAIN

// CHECK: remark: attention 'blocks.0.attn' keeps its heads: query, key and value are not all columns of linear layers; its layers are anchored
// CHECK: vitya.linear "blocks.0.q.left" {{.*}}"anchored, rank 2"
// CHECK: vitya.attention "blocks.0.attn" {{.*}} heads 2 {{.*}} -> tensor<16x8xf32>

// AGAIN: remark: layer 'blocks.0.q' is factorised already: left alone
// AGAIN: remark: layer 'blocks.0.proj' is factorised already: left alone
// AGAIN-NOT: .left.left
func.func @main(%image: tensor<3x4x4xf32>) -> tensor<16x8xf32> {
  %e = arith.constant dense<[[0.5, 0.1, 0.2], [0.3, 0.9, 0.4], [0.1, 0.2, 0.8], [0.7, 0.3, 0.1], [0.2, 0.2, 0.5], [0.9, 0.1, 0.3], [0.4, 0.6, 0.2], [0.1, 0.8, 0.7]]> : tensor<8x3xf32>
  %w = arith.constant dense<0.25> : tensor<8x8xf32>
  %g = arith.constant dense<1.0> : tensor<8xf32>
  %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x4x4xf32> -> tensor<16x3xf32>
  %0 = vitya.linear "embedding" %x, %e : tensor<16x3xf32>, tensor<8x3xf32> -> tensor<16x8xf32>
  %q = vitya.linear "blocks.0.q" %0, %w : tensor<16x8xf32>, tensor<8x8xf32> -> tensor<16x8xf32>
  %qn = vitya.layer_norm "blocks.0.q_norm" %q, %g, %g eps 1.0e-6 : tensor<16x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<16x8xf32>
  %k = vitya.linear "blocks.0.k" %0, %w : tensor<16x8xf32>, tensor<8x8xf32> -> tensor<16x8xf32>
  %v = vitya.linear "blocks.0.v" %0, %w : tensor<16x8xf32>, tensor<8x8xf32> -> tensor<16x8xf32>
  %a = vitya.attention "blocks.0.attn" %qn, %k, %v heads 2 scale 0.5 : tensor<16x8xf32>, tensor<16x8xf32>, tensor<16x8xf32> -> tensor<16x8xf32>
  %y = vitya.linear "blocks.0.proj" %a, %w : tensor<16x8xf32>, tensor<8x8xf32> -> tensor<16x8xf32>
  return %y : tensor<16x8xf32>
}
