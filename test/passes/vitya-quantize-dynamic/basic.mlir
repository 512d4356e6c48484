// RUN: vitya-opt %s -split-input-file --vitya-quantize-dynamic -verify-diagnostics | FileCheck %s -enable-var-scope
// RUN: vitya-opt %s -split-input-file --vitya-quantize-dynamic="granularity=tensor weights=tensor" | FileCheck %s --check-prefix=TENSOR

// A value that two layers read is quantized once, where it is made. Rows have scales of their own.
// CHECK-LABEL: @main
// CHECK: %[[P:.*]] = vitya.choose_qparams token %arg0 : tensor<3x4xf32> -> tensor<3x2xf32>
// CHECK-NEXT: %[[X:.*]] = vitya.quantize %arg0, %[[P]]
// CHECK: %[[I:.*]] = arith.constant dense_resource<a.weight.i8> : tensor<2x4xi8>
// CHECK: %[[A:.*]] = quant.scast %[[I]] {vitya.noise = 0.000000e+00 : f64} : tensor<2x4xi8> to tensor<2x4x!quant.uniform<i8<-127:127>:f32:0, {1.000000e-02,2.000000e-02}>>
// CHECK: vitya.linear "a" %[[X]], %[[A]] bias %{{.*}} params(%[[P]] : tensor<3x2xf32>) {info = #vitya.linear_info<"a", in = 4, out = 2, format = "u8 x s8 dynamic", reason = "range of each token">}
// CHECK-NOT: vitya.choose_qparams
// CHECK: vitya.linear "b" %[[X]], %{{.*}} params(%[[P]] : tensor<3x2xf32>)
// CHECK: a.weight.i8: "0x400000007F8100007F000000"
// TENSOR-LABEL: @main
// TENSOR: vitya.choose_qparams tensor %arg0 : tensor<3x4xf32> -> tensor<1x2xf32>
// TENSOR: quant.scast %{{.*}} {vitya.noise = 2.066{{[0-9]*}}E-5 : f64} : tensor<2x4xi8> to tensor<2x4x!quant.uniform<i8<-127:127>:f32, 2.000000e-02>>
// TENSOR: reason = "range of each tensor"
func.func @main(%x: tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant dense<[[1.27, -1.27, 0.0, 0.0], [2.54, 0.0, 0.0, 0.0]]> : tensor<2x4xf32>
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = vitya.linear "a" %x, %w bias %c : tensor<3x4xf32>, tensor<2x4xf32>, tensor<2xf32> -> tensor<3x2xf32>
  %1 = vitya.linear "b" %x, %w : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

// What cannot be quantized stays f32, with the reason. The inner width may be any.
// CHECK-LABEL: @main
// CHECK: vitya.linear "narrow" {{.*}} in = 3, out = 5, format = "u8 x s8 dynamic"
// CHECK: vitya.linear "factor" {{.*}} format = "u8 x s8 dynamic"
// CHECK: vitya.linear "computed" {{.*}} reason = "stays f32: its weight is computed"
func.func @main(%x: tensor<3x3xf32>, %c: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %w = arith.constant dense<1.0> : tensor<5x3xf32>
  %v = arith.constant dense<1.0> : tensor<4x5xf32>
  %0 = vitya.linear "narrow" %x, %w : tensor<3x3xf32>, tensor<5x3xf32> -> tensor<3x5xf32>
  %1 = vitya.linear "factor" %0, %v : tensor<3x5xf32>, tensor<4x5xf32> -> tensor<3x4xf32>
  // expected-remark @below {{layer 'computed' stays f32: its weight is computed}}
  %2 = vitya.linear "computed" %1, %c : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}

// -----

// More products than 32 bits hold.
// CHECK-LABEL: @main
// CHECK: vitya.linear "wide" {{.*}} reason = "stays f32: 32 bits do not hold the sum of 65540 products"
// CHECK: vitya.linear "widest" {{.*}} format = "u8 x s8 dynamic"
func.func @main(%x: tensor<1x65540xf32>, %y: tensor<1x65536xf32>) -> (tensor<1x1xf32>, tensor<1x1xf32>) {
  %w = arith.constant dense<1.0> : tensor<1x65540xf32>
  %v = arith.constant dense<1.0> : tensor<1x65536xf32>
  // expected-remark @below {{layer 'wide' stays f32: 32 bits do not hold the sum of 65540 products}}
  %0 = vitya.linear "wide" %x, %w : tensor<1x65540xf32>, tensor<1x65540xf32> -> tensor<1x1xf32>
  %1 = vitya.linear "widest" %y, %v : tensor<1x65536xf32>, tensor<1x65536xf32> -> tensor<1x1xf32>
  return %0, %1 : tensor<1x1xf32>, tensor<1x1xf32>
}

// -----

// Weights that have no normal scale. Zeros have one, and small rows are quantized with the others.
// CHECK-LABEL: @main
// CHECK: vitya.linear "zeros" {{.*}} format = "u8 x s8 dynamic"
// CHECK: vitya.linear "small_row" {{.*}} format = "u8 x s8 dynamic"
// CHECK: vitya.linear "small" {{.*}} reason = "stays f32: its largest weight, 1.00e-38, is too small for a normal f32 scale"
func.func @main(%x: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %zeros = arith.constant dense<0.0> : tensor<2x2xf32>
  %0 = vitya.linear "zeros" %x, %zeros : tensor<3x2xf32>, tensor<2x2xf32> -> tensor<3x2xf32>
  %row = arith.constant dense<[[1.0e-38, 0.0], [1.0, 2.0]]> : tensor<2x2xf32>
  %1 = vitya.linear "small_row" %0, %row : tensor<3x2xf32>, tensor<2x2xf32> -> tensor<3x2xf32>
  %small = arith.constant dense<[[1.0e-38, 0.0], [0.0, -1.0e-39]]> : tensor<2x2xf32>
  // expected-remark @below {{layer 'small' stays f32: its largest weight, 1.00e-38, is too small for a normal f32 scale}}
  %2 = vitya.linear "small" %1, %small : tensor<3x2xf32>, tensor<2x2xf32> -> tensor<3x2xf32>
  return %2 : tensor<3x2xf32>
}

// -----

// Quantized already.
// CHECK-LABEL: @main
// CHECK: quant.qcast
// CHECK-NOT: vitya.quantize
func.func @main(%x: tensor<3x4xf32>, %i: tensor<2x4xi8>) -> tensor<3x2xf32> {
  %q = quant.qcast %x : tensor<3x4xf32> to tensor<3x4x!quant.uniform<u8:f32, 0.02:128>>
  %w = quant.scast %i : tensor<2x4xi8> to tensor<2x4x!quant.uniform<i8<-127:127>:f32, 0.01>>
  // expected-remark @below {{layer 'a' is quantized already: left alone}}
  %0 = vitya.linear "a" %q, %w
     : tensor<3x4x!quant.uniform<u8:f32, 0.02:128>>, tensor<2x4x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

// In bf16 already.
// CHECK-LABEL: @main
// CHECK-NOT: vitya.quantize
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = arith.constant dense<0.5> : tensor<2x4xbf16>
  %b = vitya.to_bf16 %x : tensor<3x4xf32> -> tensor<3x4xbf16>
  // expected-remark @below {{layer 'a' is bf16 already: left alone}}
  %0 = vitya.linear "a" %b, %w : tensor<3x4xbf16>, tensor<2x4xbf16> -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

// A pair of factors has one record.
#info = #vitya.linear_info<"fc", in = 4, out = 8, format = "f32", reason = "plain, rank 2", rank = 2>
// CHECK-LABEL: @main
// CHECK: vitya.linear "fc.right" {{.*}}<"fc", in = 4, out = 8, format = "u8 x s8 dynamic", reason = "plain, rank 2; range of each token", rank = 2>
// CHECK: vitya.linear "fc.left" {{.*}}<"fc", in = 4, out = 8, format = "u8 x s8 dynamic", reason = "plain, rank 2; range of each token", rank = 2>
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x8xf32> {
  %w = arith.constant dense<1.0> : tensor<2x4xf32>
  %v = arith.constant dense<1.0> : tensor<8x2xf32>
  %0 = vitya.linear "fc.right" %x, %w {info = #info} : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
  %1 = vitya.linear "fc.left" %0, %v {info = #info} : tensor<3x2xf32>, tensor<8x2xf32> -> tensor<3x8xf32>
  return %1 : tensor<3x8xf32>
}
