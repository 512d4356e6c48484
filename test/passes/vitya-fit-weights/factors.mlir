// RUN: vitya-opt %s -split-input-file --vitya-fit-weights="images=%demo/calibration-256.bin count=2 quantize=dynamic" | FileCheck %s

// The input is the same for every image, so that the fit changes only the bias of the left factor: by the rounding of 0.3
// to 76 / 255.
// CHECK-LABEL: @main
// CHECK: %[[RIGHT:.*]] = arith.constant dense_resource<[[RIGHT_NAME:b.right.weight[_0-9]*]]> : tensor<2x2xf32>
// CHECK: vitya.linear "b.right" %{{.*}}, %[[RIGHT]] {info
// CHECK: %[[LEFT:.*]] = arith.constant dense_resource<[[LEFT_NAME:b.left.weight[_0-9]*]]> : tensor<1x2xf32>
// CHECK: %[[BIAS:.*]] = arith.constant dense_resource<[[BIAS_NAME:b.left.bias[_0-9]*]]> : tensor<1xf32>
// CHECK: vitya.linear "b.left" %{{.*}}, %[[LEFT]] bias %[[BIAS]] {info
// CHECK-DAG: [[RIGHT_NAME]]: "0x400000000000803F0000803F0000803F000080BF"
#info = #vitya.linear_info<"b", in = 2, out = 1, format = "f32", reason = "plain, rank 2", rank = 2>
func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x1xf32> {
  %wa = arith.constant dense<0.0> : tensor<2x3xf32>
  %ba = arith.constant dense<[1.0, 0.3]> : tensor<2xf32>
  %wr = arith.constant dense<[[1.0, 1.0], [1.0, -1.0]]> : tensor<2x2xf32>
  %wl = arith.constant dense<[[2.0, 1.0]]> : tensor<1x2xf32>
  %bl = arith.constant dense<0.0> : tensor<1xf32>
  %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
  %a = vitya.linear "a" %x, %wa bias %ba : tensor<1x3xf32>, tensor<2x3xf32>, tensor<2xf32> -> tensor<1x2xf32>
  %h = vitya.linear "b.right" %a, %wr {info = #info} : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  %b = vitya.linear "b.left" %h, %wl bias %bl {info = #info}
     : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1xf32> -> tensor<1x1xf32>
  return %b : tensor<1x1xf32>
}

// -----

// A model without factors does not change.
// CHECK-LABEL: @main
// CHECK-NOT: dense_resource
func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x1xf32> {
  %w = arith.constant dense<0.3> : tensor<1x3xf32>
  %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
  %a = vitya.linear "a" %x, %w : tensor<1x3xf32>, tensor<1x3xf32> -> tensor<1x1xf32>
  return %a : tensor<1x1xf32>
}
