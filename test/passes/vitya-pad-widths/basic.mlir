// RUN: vitya-opt %s --vitya-pad-widths | FileCheck %s

!u = !quant.uniform<u8:f32, 0.5:100>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.5, 0.25, 2.0}>
!s = !quant.uniform<i8<-127:127>:f32, 0.5>
!a = !quant.any<u8:f32>

// Padding goes through GELU, quantization and a slice of rows. New rows of a weight have the scale of its last row.

// CHECK-LABEL: func @quantized(
// CHECK: vitya.linear "right" {{.*}} : tensor<4x8x!{{.*}}>, tensor<16x8x!quant.uniform<i8<-127:127>:f32:0, {5.000000e-01,2.500000e-01,2.000000e+00,2.000000e+00,{{.*}}}>>, tensor<16xf32> -> tensor<4x16xf32>
// CHECK: vitya.gelu erf %{{.*}} : tensor<4x16xf32>
// CHECK: quant.qcast %{{.*}} : tensor<4x16xf32> to tensor<4x16x!{{.*}}>
// CHECK: tensor.extract_slice %{{.*}}[0, 0] [1, 16] [1, 1]
// CHECK: vitya.linear "left" {{.*}} : tensor<1x16x!{{.*}}>, tensor<2x16x!{{.*}}> -> tensor<1x2xf32>
func.func @quantized(%x: tensor<4x8xf32>) -> tensor<1x2xf32> {
  %c = arith.constant dense<1> : tensor<3x8xi8>
  %w = quant.scast %c : tensor<3x8xi8> to tensor<3x8x!w>
  %b = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %d = arith.constant dense<2> : tensor<2x3xi8>
  %v = quant.scast %d : tensor<2x3xi8> to tensor<2x3x!s>
  %q = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!u>
  %0 = vitya.linear "right" %q, %w bias %b : tensor<4x8x!u>, tensor<3x8x!w>, tensor<3xf32> -> tensor<4x3xf32>
  %1 = vitya.gelu erf %0 : tensor<4x3xf32>
  %2 = quant.qcast %1 : tensor<4x3xf32> to tensor<4x3x!u>
  %3 = tensor.extract_slice %2[0, 0] [1, 3] [1, 1] : tensor<4x3x!u> to tensor<1x3x!u>
  %4 = vitya.linear "left" %3, %v : tensor<1x3x!u>, tensor<2x3x!s> -> tensor<1x2xf32>
  return %4 : tensor<1x2xf32>
}

// An input that is not the result of a linear layer is padded before it is quantized, once for all layers that read it.

// CHECK-LABEL: func @input(
// CHECK: %[[ZEROS:.*]] = arith.constant dense<0.000000e+00> : tensor<4x11xf32>
// CHECK: %[[WIDE:.*]] = tensor.concat dim(1) %arg0, %[[ZEROS]] : (tensor<4x5xf32>, tensor<4x11xf32>) -> tensor<4x16xf32>
// CHECK: %[[Q:.*]] = quant.qcast %[[WIDE]] : tensor<4x16xf32> to tensor<4x16x!{{.*}}>
// CHECK-NOT: quant.qcast
// CHECK: vitya.linear "one" %[[Q]], %{{.*}} : tensor<4x16x!{{.*}}>, tensor<2x16x!{{.*}}> -> tensor<4x2xf32>
// CHECK: vitya.linear "other" %[[Q]], %{{.*}} -> tensor<4x2xf32>
func.func @input(%x: tensor<4x5xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %c = arith.constant dense<1> : tensor<2x5xi8>
  %w = quant.scast %c : tensor<2x5xi8> to tensor<2x5x!s>
  %q = quant.qcast %x : tensor<4x5xf32> to tensor<4x5x!u>
  %0 = vitya.linear "one" %q, %w : tensor<4x5x!u>, tensor<2x5x!s> -> tensor<4x2xf32>
  %1 = vitya.linear "other" %q, %w : tensor<4x5x!u>, tensor<2x5x!s> -> tensor<4x2xf32>
  return %0, %1 : tensor<4x2xf32>, tensor<4x2xf32>
}

// CHECK-LABEL: func @dynamic(
// CHECK: %[[PARAMS:.*]] = vitya.choose_qparams token %arg0
// CHECK: %[[WIDE:.*]] = tensor.concat dim(1) %arg0
// CHECK: vitya.quantize %[[WIDE]], %[[PARAMS]] : tensor<4x16xf32>, tensor<4x2xf32> -> tensor<4x16x!quant.any<u8:f32>>
func.func @dynamic(%x: tensor<4x5xf32>) -> tensor<4x2xf32> {
  %c = arith.constant dense<1> : tensor<2x5xi8>
  %w = quant.scast %c : tensor<2x5xi8> to tensor<2x5x!s>
  %p = vitya.choose_qparams token %x : tensor<4x5xf32> -> tensor<4x2xf32>
  %q = vitya.quantize %x, %p : tensor<4x5xf32>, tensor<4x2xf32> -> tensor<4x5x!a>
  %0 = vitya.linear "one" %q, %w params(%p : tensor<4x2xf32>) : tensor<4x5x!a>, tensor<2x5x!s> -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// Widths that are multiples of 16, and results that an op other than a linear layer reads, are not changed.

// CHECK-LABEL: func @same(
// CHECK: vitya.linear "whole" {{.*}} -> tensor<4x16xf32>
// CHECK: vitya.linear "read" {{.*}} -> tensor<4x3xf32>
// CHECK: vitya.linear "returned" {{.*}} -> tensor<4x16xf32>
func.func @same(%x: tensor<4x8xf32>) -> (tensor<4x16xf32>, tensor<4x3xf32>) {
  %w = arith.constant dense<1.0> : tensor<16x8xf32>
  %v = arith.constant dense<1.0> : tensor<3x16xf32>
  %u = arith.constant dense<1.0> : tensor<16x3xf32>
  %0 = vitya.linear "whole" %x, %w : tensor<4x8xf32>, tensor<16x8xf32> -> tensor<4x16xf32>
  %1 = vitya.linear "read" %0, %v : tensor<4x16xf32>, tensor<3x16xf32> -> tensor<4x3xf32>
  %2 = vitya.linear "returned" %1, %u : tensor<4x3xf32>, tensor<16x3xf32> -> tensor<4x16xf32>
  return %2, %1 : tensor<4x16xf32>, tensor<4x3xf32>
}

// The factors of columns are padded with zeros.

// CHECK-LABEL: func @scaled(
// CHECK: %[[F:.*]] = arith.constant dense_resource<{{.*}}> : tensor<16xf32>
// CHECK: vitya.scale_columns %{{.*}} by %[[F]] : tensor<4x16xf32>, tensor<16xf32> -> tensor<4x16xf32>
// CHECK: vitya.linear "left" {{.*}} : tensor<4x16x!{{.*}}>, tensor<2x16x!{{.*}}> -> tensor<4x2xf32>
func.func @scaled(%x: tensor<4x8xf32>) -> tensor<4x2xf32> {
  %c = arith.constant dense<1> : tensor<3x8xi8>
  %w = quant.scast %c : tensor<3x8xi8> to tensor<3x8x!w>
  %d = arith.constant dense<2> : tensor<2x3xi8>
  %v = quant.scast %d : tensor<2x3xi8> to tensor<2x3x!s>
  %f = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %q = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!u>
  %0 = vitya.linear "right" %q, %w : tensor<4x8x!u>, tensor<3x8x!w> -> tensor<4x3xf32>
  %1 = vitya.scale_columns %0 by %f : tensor<4x3xf32>, tensor<3xf32> -> tensor<4x3xf32>
  %2 = quant.qcast %1 : tensor<4x3xf32> to tensor<4x3x!u>
  %3 = vitya.linear "left" %2, %v : tensor<4x3x!u>, tensor<2x3x!s> -> tensor<4x2xf32>
  return %3 : tensor<4x2xf32>
}

// Columns of zeros are appended before an input of odd width is rounded to bf16; an even width stays.

// CHECK-LABEL: func @bf16(
// CHECK: %[[X:.*]] = tensor.concat dim(1) %arg0, %{{.*}} : (tensor<4x7xf32>, tensor<4x9xf32>) -> tensor<4x16xf32>
// CHECK: vitya.to_bf16 %[[X]] : tensor<4x16xf32> -> tensor<4x16xbf16>
// CHECK: vitya.linear "odd" %{{.*}} : tensor<4x16xbf16>, tensor<6x16xbf16> -> tensor<4x6xf32>
// CHECK: vitya.linear "even" %{{.*}} : tensor<4x6xbf16>, tensor<2x6xbf16> -> tensor<4x2xf32>
func.func @bf16(%x: tensor<4x7xf32>) -> tensor<4x2xf32> {
  %w = arith.constant dense<1.0> : tensor<6x7xbf16>
  %v = arith.constant dense<1.0> : tensor<2x6xbf16>
  %0 = vitya.to_bf16 %x : tensor<4x7xf32> -> tensor<4x7xbf16>
  %1 = vitya.linear "odd" %0, %w : tensor<4x7xbf16>, tensor<6x7xbf16> -> tensor<4x6xf32>
  %2 = arith.addf %1, %1 : tensor<4x6xf32>
  %3 = vitya.to_bf16 %2 : tensor<4x6xf32> -> tensor<4x6xbf16>
  %4 = vitya.linear "even" %3, %v : tensor<4x6xbf16>, tensor<2x6xbf16> -> tensor<4x2xf32>
  return %4 : tensor<4x2xf32>
}

// A constant bias of attention is padded in each head, once for all layers that read it. One that is computed is not.

// CHECK-LABEL: func @bias(
// CHECK: %[[BIAS:.*]] = arith.constant dense_resource<weight.padded{{.*}}> : tensor<2x32xf32>
// CHECK: vitya.attention "one" %{{.*}} bias %[[BIAS]] heads 2 {{.*}}, tensor<2x32xf32> -> tensor<2x4xf32>
// CHECK: vitya.attention "other" %{{.*}} bias %[[BIAS]] heads 2 {{.*}}, tensor<2x32xf32> -> tensor<2x4xf32>
// CHECK: vitya.attention "computed" %{{.*}} bias %{{.*}} heads 2 {{.*}}, tensor<2x4xf32> -> tensor<2x4xf32>
func.func @bias(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %b = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %0 = vitya.attention "one" %x, %x, %x bias %b heads 2 scale 1.0 : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %1 = vitya.attention "other" %0, %0, %0 bias %b heads 2 scale 1.0 : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %2 = vitya.attention "computed" %1, %1, %1 bias %x heads 2 scale 1.0 : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// CHECK: dialect_resources
// CHECK: weight.padded: "0x400000000101010101010101010101010101010101010101010101010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
