// RUN: vitya-opt %s -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=128}))'
// RUN: sed 's/256 or 512 bits, found 128/128 bits, found 256/' %s > %t.mlir
// RUN: vitya-opt %t.mlir -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=256 instructions=neon}))'

// expected-error @below {{expected registers of 256 or 512 bits, found 128}}
func.func @nothing() {
  return
}
