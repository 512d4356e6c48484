// RUN: vitya-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-to-linalg))'

// An elementwise op on unranked tensors cannot be lowered to loops.

func.func @unranked(%x: tensor<*xf32>) -> tensor<*xf32> {
  // expected-error @below {{failed to legalize operation 'arith.addf'}}
  %0 = arith.addf %x, %x : tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

!u8 = !quant.any<u8:f32>
!s8 = !quant.uniform<i8<-127:127>:f32, 1.0>

func.func @quantized(%x: tensor<4x8x!u8>, %w: tensor<16x8x!s8>, %params: tensor<1x2xf32>) -> tensor<4x16xf32> {
  // expected-error @below {{expected no quantized tensors, which vitya-lower-quantization lowers, found 'tensor<4x8x!quant.any<u8:f32>>'}}
  %0 = vitya.linear "fc" %x, %w params(%params : tensor<1x2xf32>) : tensor<4x8x!u8>, tensor<16x8x!s8> -> tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}
