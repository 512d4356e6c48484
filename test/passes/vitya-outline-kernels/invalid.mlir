// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-outline-kernels

// expected-error @below {{expected a function @main with a body}}
module {
  func.func @forward(%x: tensor<7x16xf32>) -> tensor<7x16xf32> {
    return %x : tensor<7x16xf32>
  }
}

// -----

// expected-error @below {{expected a function @main with a body}}
module {
  func.func private @main(%x: tensor<7x16xf32>) -> tensor<7x16xf32>
}
