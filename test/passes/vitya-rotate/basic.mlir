// RUN: vitya-opt %s -split-input-file --vitya-rotate | FileCheck %s

// In heads of two columns R is [[1, 1], [1, -1]] / sqrt(2). Query, key and value are multiplied by it in each head, biases
// too, and the columns that the next layer reads by R^T. Here all of these weights are multiples of sqrt(2).
// CHECK-LABEL: @main
// CHECK: %[[Q:.*]] = arith.constant dense_resource<[[Q_NAME:q.weight[_0-9]*]]> : tensor<2x2xf32>
// CHECK: %[[QB:.*]] = arith.constant dense_resource<[[QB_NAME:q.bias[_0-9]*]]> : tensor<2xf32>
// CHECK: vitya.linear "q" %{{.*}}, %[[Q]] bias %[[QB]]
// CHECK: %[[K:.*]] = arith.constant dense_resource<[[K_NAME:k.weight[_0-9]*]]> : tensor<2x2xf32>
// CHECK: vitya.linear "k" %{{.*}}, %[[K]] :
// CHECK: vitya.linear "v"
// CHECK: %[[O:.*]] = arith.constant dense_resource<[[O_NAME:o.weight[_0-9]*]]> : tensor<1x2xf32>
// CHECK: vitya.linear "o" %{{.*}}, %[[O]] :
// CHECK-DAG: [[Q_NAME]]: "0x400000000000803F0000803F0000803F000080BF"
// CHECK-DAG: [[QB_NAME]]: "0x400000000000004000000040"
// CHECK-DAG: [[K_NAME]]: "0x400000000000803F0000803F0000803F000080BF"
// CHECK-DAG: [[O_NAME]]: "0x400000000000803F000080BF"
func.func @main(%x: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %w = arith.constant dense<[[1.41421354, 0.0], [0.0, 1.41421354]]> : tensor<2x2xf32>
  %b = arith.constant dense<[2.82842708, 0.0]> : tensor<2xf32>
  %wo = arith.constant dense<[[0.0, 1.41421354]]> : tensor<1x2xf32>
  %q = vitya.linear "q" %x, %w bias %b : tensor<4x2xf32>, tensor<2x2xf32>, tensor<2xf32> -> tensor<4x2xf32>
  %k = vitya.linear "k" %x, %w : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
  %v = vitya.linear "v" %x, %w : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
  %a = vitya.attention "attn" %q, %k, %v heads 1 scale 1.0
     : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
  %o = vitya.linear "o" %a, %wo : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x1xf32>
  return %o : tensor<4x1xf32>
}

// -----

// Something else reads the result of the attention: the heads stay.
// CHECK-LABEL: @main
// CHECK-NOT: dense_resource
func.func @main(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = arith.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %q = vitya.linear "q" %x, %w : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
  %k = vitya.linear "k" %x, %w : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
  %v = vitya.linear "v" %x, %w : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
  %a = vitya.attention "attn" %q, %k, %v heads 1 scale 1.0
     : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
  %o = vitya.linear "o" %a, %w : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
  %s = arith.addf %a, %o : tensor<4x2xf32>
  return %s : tensor<4x2xf32>
}

// -----

// Weights that are quantized already stay.
// CHECK-LABEL: @main
// CHECK-NOT: dense_resource
!w = !quant.uniform<i8<-127:127>:f32, 0.01>
func.func @main(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  %w = arith.constant dense<[[1.0, 0.0], [0.0, 1.0]]> : tensor<2x2xf32>
  %i = arith.constant dense<1> : tensor<2x2xi8>
  %s = quant.scast %i {vitya.noise = 0.0 : f64} : tensor<2x2xi8> to tensor<2x2x!w>
  %p = vitya.choose_qparams token %x : tensor<4x2xf32> -> tensor<4x2xf32>
  %u = vitya.quantize %x, %p : tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2x!quant.any<u8:f32>>
  %q = vitya.linear "q" %u, %s params(%p : tensor<4x2xf32>) : tensor<4x2x!quant.any<u8:f32>>, tensor<2x2x!w> -> tensor<4x2xf32>
  %k = vitya.linear "k" %u, %s params(%p : tensor<4x2xf32>) : tensor<4x2x!quant.any<u8:f32>>, tensor<2x2x!w> -> tensor<4x2xf32>
  %v = vitya.linear "v" %u, %s params(%p : tensor<4x2xf32>) : tensor<4x2x!quant.any<u8:f32>>, tensor<2x2x!w> -> tensor<4x2xf32>
  %a = vitya.attention "attn" %q, %k, %v heads 1 scale 1.0
     : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
  %o = vitya.linear "o" %a, %w : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
  return %o : tensor<4x2xf32>
}
