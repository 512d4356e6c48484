// RUN: vitya-opt %s | vitya-opt | FileCheck %s

// CHECK-LABEL: @layers
func.func @layers(%x: tensor<65x192xf32>, %w: tensor<768x192xf32>, %b: tensor<768xf32>) -> tensor<65x768xf32> {
  // CHECK: vitya.linear "blocks.0.mlp.fc1" %{{.*}}, %{{.*}} bias %{{.*}} : tensor<65x192xf32>, tensor<768x192xf32>, tensor<768xf32> -> tensor<65x768xf32>
  %0 = vitya.linear "blocks.0.mlp.fc1" %x, %w bias %b : tensor<65x192xf32>, tensor<768x192xf32>, tensor<768xf32> -> tensor<65x768xf32>
  // CHECK: vitya.gelu erf
  %1 = vitya.gelu erf %0 : tensor<65x768xf32>
  return %1 : tensor<65x768xf32>
}
