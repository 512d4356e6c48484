// RUN: vitya-opt %s -split-input-file --vitya-convert-to-bf16 -verify-diagnostics | FileCheck %s -enable-var-scope
// RUN: vitya-opt %s -split-input-file --vitya-convert-to-bf16="layers=a except=skip" 2>&1 | FileCheck %s --check-prefix=FILTER

// A value that two layers read is rounded once, where it is made. Weights round to nearest, ties to even, and those below
// 2^-55 to zero. Biases stay f32.
// CHECK-LABEL: @main
// CHECK: %[[X:.*]] = vitya.to_bf16 %arg0 : tensor<3x4xf32> -> tensor<3x4xbf16>
// CHECK: %[[W:.*]] = arith.constant dense_resource<weight{{.*}}> : tensor<2x4xbf16>
// CHECK: vitya.linear "a" %[[X]], %[[W]] bias %{{.*}} {info = #vitya.linear_info<"a", in = 4, out = 2, format = "bf16", reason = "rounded to bf16">} : tensor<3x4xbf16>, tensor<2x4xbf16>, tensor<2xf32> -> tensor<3x2xf32>
// CHECK-NOT: vitya.to_bf16
// CHECK: vitya.linear "b" %[[X]],
// CHECK: dialect_resources
// 1.0, 1 + 2^-8 (a tie), 1 + 3 * 2^-8 (a tie), -2^-55; 2^-56, 2^-55, 0.1, -0.0
// CHECK: weight{{.*}}: "0x40000000803F803F823F00A400000024CD3D0000"
// FILTER-LABEL: @main
// FILTER: vitya.linear "a" {{.*}} format = "bf16"
// FILTER: vitya.linear "b" {{.*}} : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
func.func @main(%x: tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %w = arith.constant dense<[[1.0, 0x3F808000, 0x3F818000, 0xA4000000], [0x23800000, 0x24000000, 0.1, -0.0]]> : tensor<2x4xf32>
  %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = vitya.linear "a" %x, %w bias %c : tensor<3x4xf32>, tensor<2x4xf32>, tensor<2xf32> -> tensor<3x2xf32>
  %1 = vitya.linear "b" %x, %w : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
  // The filter of the second run must match a layer.
  %2 = vitya.linear "skip" %x, %w : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<3x2xf32>
}

// -----

// A layer whose weight is computed stays f32, and one that is quantized stays so.
// CHECK-LABEL: @main
// CHECK: vitya.linear "computed" {{.*}} : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
// CHECK: vitya.linear "quantized" {{.*}} : tensor<3x4x!quant
// CHECK: vitya.linear "last" {{.*}} format = "bf16"
// FILTER-LABEL: @main
// FILTER: vitya.linear "last" {{.*}} format = "bf16"
func.func @main(%x: tensor<3x4xf32>, %c: tensor<4x4xf32>) -> tensor<3x4xf32> {
  %i = arith.constant dense<1> : tensor<4x4xi8>
  %q = quant.scast %i : tensor<4x4xi8> to tensor<4x4x!quant.uniform<i8<-127:127>:f32, 0.5>>
  %w = arith.constant dense<1.0> : tensor<4x4xf32>
  // expected-remark @below {{layer 'computed' stays f32: its weight is computed}}
  %0 = vitya.linear "computed" %x, %c : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
  %y = quant.qcast %0 : tensor<3x4xf32> to tensor<3x4x!quant.uniform<u8:f32, 0.5:100>>
  %1 = vitya.linear "quantized" %y, %q : tensor<3x4x!quant.uniform<u8:f32, 0.5:100>>, tensor<4x4x!quant.uniform<i8<-127:127>:f32, 0.5>> -> tensor<3x4xf32>
  %2 = vitya.linear "last" %1, %w : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
  %3 = vitya.linear "skip" %2, %w : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
  return %3 : tensor<3x4xf32>
}

// -----

// The parts of a layer share one record, whose format is mixed if theirs differ.
// FILTER-LABEL: @main
// FILTER: vitya.linear "qkv.a" {{.*}} #vitya.linear_info<"qkv", in = 4, out = 8, format = "mixed", reason = "a: rounded to bf16; skip: stays f32">
// FILTER: vitya.linear "qkv.skip" {{.*}} #vitya.linear_info<"qkv", in = 4, out = 8, format = "mixed", reason = "a: rounded to bf16; skip: stays f32">
// CHECK-LABEL: @main
// CHECK: vitya.linear "qkv.a" {{.*}} format = "bf16", reason = "rounded to bf16">
func.func @main(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %w = arith.constant dense<1.0> : tensor<4x4xf32>
  %0 = vitya.linear "qkv.a" %x, %w {info = #vitya.linear_info<"qkv", in = 4, out = 8, format = "f32", reason = "no compression requested">} : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
  %1 = vitya.linear "qkv.skip" %0, %w {info = #vitya.linear_info<"qkv", in = 4, out = 8, format = "f32", reason = "no compression requested">} : tensor<3x4xf32>, tensor<4x4xf32> -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}
