// RUN: vitya-opt %s --vitya-lower-quantization | FileCheck %s -D$T=i8
// RUN: vitya-opt %s --vitya-lower-quantization=width=16 | FileCheck %s -D$T=i16
// RUN: vitya-opt %s --vitya-lower-quantization | vitya-opt --vitya-lower-quantization | FileCheck %s -D$T=i8

!x = !quant.uniform<u8:f32, 0.5:100>
!k = !quant.uniform<i8<-127:127>:f32, 0.25>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.5, 2.0}>

// Offsets are the zero point times the sums of rows, 100 * 10 and 100 * -4. Multipliers are products of scales.

// CHECK-LABEL: func @static(
// CHECK-SAME: %[[X:.*]]: tensor<4x4xf32>, %[[B:.*]]: tensor<2xf32>
// CHECK: %[[P:.*]] = arith.constant dense<{{\[}}[5.000000e-01, 1.000000e+02]]> : tensor<1x2xf32>
// CHECK: %[[W:.*]] = arith.constant dense<{{.*}}> : tensor<2x4xi8>
// CHECK: %[[Q:.*]] = vitya.quantize %[[X]], %[[P]] : tensor<4x4xf32>, tensor<1x2xf32> -> tensor<4x4x[[$T]]>
// CHECK: %[[ROW:.*]] = tensor.extract_slice %[[Q]][1, 0] [1, 4] [1, 1] : tensor<4x4x[[$T]]> to tensor<1x4x[[$T]]>
// CHECK: %[[O:.*]] = arith.constant dense_resource<[[$OFFSET:.*]]> : tensor<2xi32>
// CHECK: %[[M:.*]] = arith.constant dense_resource<[[$FACTOR:.*]]> : tensor<2xf32>
// CHECK: vitya.integer_linear "fc" %[[ROW]], %[[W]] offset %[[O]] multiplier %[[M]] bias %[[B]] : tensor<1x4x[[$T]]>, tensor<2x4xi8>, tensor<2xi32>, tensor<2xf32>, tensor<2xf32> -> tensor<1x2xf32>
func.func @static(%x: tensor<4x4xf32>, %b: tensor<2xf32>) -> tensor<1x2xf32> {
  %c = arith.constant dense<[[1, 2, 3, 4], [-1, -1, -1, -1]]> : tensor<2x4xi8>
  %w = quant.scast %c : tensor<2x4xi8> to tensor<2x4x!w>
  %q = quant.qcast %x : tensor<4x4xf32> to tensor<4x4x!x>
  %row = tensor.extract_slice %q[1, 0] [1, 4] [1, 1] : tensor<4x4x!x> to tensor<1x4x!x>
  %0 = vitya.linear "fc" %row, %w bias %b : tensor<1x4x!x>, tensor<2x4x!w>, tensor<2xf32> -> tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// An i32 bias is subtracted from the offsets: at compile time if it is constant, 1000 - 8 and -400 + 3, else at run time.

// CHECK-LABEL: func @bias(
// CHECK-SAME: %{{.*}}: tensor<4x4xf32>, %[[STEPS:.*]]: tensor<2xi32>)
// CHECK: vitya.integer_linear "folded" %{{.*}}, %{{.*}} offset %[[O:.*]] multiplier %{{[0-9a-z_]+}} : tensor<4x4x[[$T]]>
// CHECK: %[[O:.*]] = arith.constant dense_resource<{{.*}}> : tensor<2xi32>
// CHECK: %[[D:.*]] = arith.subi %[[O]], %[[STEPS]] : tensor<2xi32>
// CHECK: vitya.integer_linear "computed" %{{.*}}, %{{.*}} offset %[[D]] multiplier %{{[0-9a-z_]+}} : tensor<4x4x[[$T]]>
func.func @bias(%x: tensor<4x4xf32>, %steps: tensor<2xi32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %c = arith.constant dense<[[1, 2, 3, 4], [-1, -1, -1, -1]]> : tensor<2x4xi8>
  %b = arith.constant dense<[8, -3]> : tensor<2xi32>
  %w = quant.scast %c : tensor<2x4xi8> to tensor<2x4x!w>
  %q = quant.qcast %x : tensor<4x4xf32> to tensor<4x4x!x>
  %0 = vitya.linear "folded" %q, %w bias %b : tensor<4x4x!x>, tensor<2x4x!w>, tensor<2xi32> -> tensor<4x2xf32>
  %1 = vitya.linear "computed" %q, %w bias %steps : tensor<4x4x!x>, tensor<2x4x!w>, tensor<2xi32> -> tensor<4x2xf32>
  return %0, %1 : tensor<4x2xf32>, tensor<4x2xf32>
}

// CHECK-LABEL: func @dynamic(
// CHECK: %[[P:.*]] = vitya.choose_qparams token
// CHECK: %[[Q:.*]] = vitya.quantize %{{.*}}, %[[P]] : tensor<4x4xf32>, tensor<4x2xf32> -> tensor<4x4x[[$T]]>
// CHECK: vitya.integer_linear "fc" %[[Q]], %{{.*}} offset %{{.*}} multiplier %{{.*}} params(%[[P]] : tensor<4x2xf32>)
func.func @dynamic(%x: tensor<4x4xf32>) -> tensor<4x2xf32> {
  %c = arith.constant dense<3> : tensor<2x4xi8>
  %w = quant.scast %c : tensor<2x4xi8> to tensor<2x4x!w>
  %p = vitya.choose_qparams token %x : tensor<4x4xf32> -> tensor<4x2xf32>
  %q = vitya.quantize %x, %p : tensor<4x4xf32>, tensor<4x2xf32> -> tensor<4x4x!quant.any<u8:f32>>
  %0 = vitya.linear "fc" %q, %w params(%p : tensor<4x2xf32>) : tensor<4x4x!quant.any<u8:f32>>, tensor<2x4x!w> -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// The factors are that of a score, 0.5 * 0.25 * 0.5, the zero point of the query, the reciprocal of the weights' scale,
// and the scale of the values.

// CHECK-LABEL: func @attention(
// CHECK: %[[F:.*]] = arith.constant dense<[6.250000e-02, 1.000000e+02, 2.560000e+02, 2.500000e-01]> : tensor<4xf32>
// CHECK: %[[Q:.*]] = vitya.quantize %{{.*}} -> tensor<4x4x[[$T]]>
// CHECK: %[[K:.*]] = vitya.quantize signed %{{.*}} -> tensor<4x4x[[$T]]>
// CHECK: vitya.integer_attention "attn" %[[Q]], %[[K]], %[[K]] factors %[[F]] heads 2
func.func @attention(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %q = quant.qcast %x : tensor<4x4xf32> to tensor<4x4x!x>
  %k = quant.qcast %x : tensor<4x4xf32> to tensor<4x4x!k>
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 0.5 weights !quant.uniform<u8:f32, 0.00390625> : tensor<4x4x!x>, tensor<4x4x!k>, tensor<4x4x!k> -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// CHECK-DAG: [[$OFFSET]]: "0x40000000E803000070FEFFFF"
// CHECK-DAG: folded.offset: "0x40000000E003000073FEFFFF"
// CHECK-DAG: [[$FACTOR]]: "0x400000000000803E0000803F"
