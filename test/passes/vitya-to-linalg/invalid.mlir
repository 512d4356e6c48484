// RUN: vitya-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-to-linalg))'

// An elementwise op on unranked tensors cannot be lowered to loops.

func.func @unranked(%x: tensor<*xf32>) -> tensor<*xf32> {
  // expected-error @below {{failed to legalize operation 'arith.addf'}}
  %0 = arith.addf %x, %x : tensor<*xf32>
  return %0 : tensor<*xf32>
}
