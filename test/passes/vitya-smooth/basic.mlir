// RUN: vitya-opt %s -split-input-file --vitya-smooth="images=%demo/calibration-256.bin count=2 alpha=1" -verify-diagnostics | FileCheck %s

// The weight of "source" is zero, so that its result is its bias, [8, -0.5]. With alpha=1 the factors are the magnitudes of
// the columns: the bias becomes [1, -1], and the columns of both readers are multiplied by 8 and 0.5. One reader sees the
// value through a slice of rows.
// CHECK-LABEL: @main
// CHECK: %[[BIAS:.*]] = arith.constant dense_resource<source.bias>
// CHECK: %[[SOURCE:.*]] = vitya.linear "source" {{.*}} bias %[[BIAS]]
// CHECK: %[[ROW:.*]] = tensor.extract_slice %[[SOURCE]]
// CHECK: %[[FIRST:.*]] = arith.constant dense_resource<first.weight>
// CHECK: vitya.linear "first" %[[ROW]], %[[FIRST]]
// CHECK: %[[SECOND:.*]] = arith.constant dense_resource<second.weight>
// CHECK: vitya.linear "second" %[[SOURCE]], %[[SECOND]]
// CHECK-DAG: first.weight: "0x40000000000000410000003F"
// CHECK-DAG: second.weight: "0x400000000000804100008040"
// CHECK-DAG: source.bias: "0x400000000000803F000080BF"
func.func @main(%image: tensor<3x2x2xf32>) -> tensor<1x1xf32> {
  %w = arith.constant dense<0.0> : tensor<2x3xf32>
  %b = arith.constant dense<[8.0, -0.5]> : tensor<2xf32>
  %w1 = arith.constant dense<1.0> : tensor<1x2xf32>
  %w2 = arith.constant dense<[[2.0, 8.0]]> : tensor<1x2xf32>
  %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x2x2xf32> -> tensor<4x3xf32>
  // expected-remark @below {{layer 'source' keeps the scale of its input: no norm, linear layer or elementwise op computes it}}
  %source = vitya.linear "source" %x, %w bias %b : tensor<4x3xf32>, tensor<2x3xf32>, tensor<2xf32> -> tensor<4x2xf32>
  %row = tensor.extract_slice %source[0, 0] [1, 2] [1, 1] : tensor<4x2xf32> to tensor<1x2xf32>
  %first = vitya.linear "first" %row, %w1 : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x1xf32>
  %second = vitya.linear "second" %source, %w2 : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x1xf32>
  %last = tensor.extract_slice %second[3, 0] [1, 1] [1, 1] : tensor<4x1xf32> to tensor<1x1xf32>
  %sum = arith.addf %first, %last : tensor<1x1xf32>
  return %sum : tensor<1x1xf32>
}

// -----

// A value that another op reads keeps its scale.
// CHECK-LABEL: @main
// CHECK-NOT: dense_resource
func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x1xf32> {
  %w = arith.constant dense<0.5> : tensor<2x3xf32>
  %v = arith.constant dense<0.5> : tensor<1x2xf32>
  %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
  // expected-remark @below {{layer 'source' keeps the scale of its input: no norm, linear layer or elementwise op computes it}}
  %source = vitya.linear "source" %x, %w : tensor<1x3xf32>, tensor<2x3xf32> -> tensor<1x2xf32>
  // expected-remark @below {{layer 'reader' keeps the scale of its input: others read it too}}
  %reader = vitya.linear "reader" %source, %v : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x1xf32>
  %gelu = vitya.gelu erf %source : tensor<1x2xf32>
  %column = tensor.extract_slice %gelu[0, 0] [1, 1] [1, 1] : tensor<1x2xf32> to tensor<1x1xf32>
  %sum = arith.addf %reader, %column : tensor<1x1xf32>
  return %sum : tensor<1x1xf32>
}

// -----

// Behind GELU an op divides. The bias is large enough for GELU to be the identity: with alpha=1 the columns are divided by 16 and
// 8. With inputs=folded nothing happens, and with inputs=inserted only this input is smoothed.
// CHECK-LABEL: @main
// CHECK: %[[GELU:.*]] = vitya.gelu erf
// CHECK: %[[FACTORS:.*]] = arith.constant dense_resource<reader.input_factors> : tensor<2xf32>
// CHECK: %[[SCALED:.*]] = vitya.scale_columns %[[GELU]] by %[[FACTORS]] : tensor<1x2xf32>, tensor<2xf32> -> tensor<1x2xf32>
// CHECK: %[[W:.*]] = arith.constant dense_resource<reader.weight>
// CHECK: vitya.linear "reader" %[[SCALED]], %[[W]]
// CHECK-DAG: reader.input_factors: "0x400000000000803D0000003E"
// CHECK-DAG: reader.weight: "0x400000000000804100000041"
func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x1xf32> {
  %w = arith.constant dense<0.0> : tensor<2x3xf32>
  %b = arith.constant dense<[16.0, 8.0]> : tensor<2xf32>
  %v = arith.constant dense<1.0> : tensor<1x2xf32>
  %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
  // expected-remark @below {{layer 'source' keeps the scale of its input: no norm, linear layer or elementwise op computes it}}
  %source = vitya.linear "source" %x, %w bias %b : tensor<1x3xf32>, tensor<2x3xf32>, tensor<2xf32> -> tensor<1x2xf32>
  %gelu = vitya.gelu erf %source : tensor<1x2xf32>
  %reader = vitya.linear "reader" %gelu, %v : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x1xf32>
  return %reader : tensor<1x1xf32>
}
