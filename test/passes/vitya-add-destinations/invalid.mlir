// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-add-destinations

// expected-error @below {{expected a kernel with a result}}
func.func private @nothing(%x: tensor<7x8xf32>) attributes {vitya.kernel} {
  return
}
