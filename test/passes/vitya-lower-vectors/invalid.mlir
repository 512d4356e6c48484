// RUN: vitya-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-lower-vectors{bits=128}))'

// expected-error @below {{expected registers of 256 or 512 bits, found 128}}
func.func @nothing() {
  return
}
