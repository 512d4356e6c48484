// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-add-destinations

// expected-error @below {{expected a kernel whose results are static tensors, found '(tensor<7x8xf32>) -> ()'}}
func.func private @nothing(%x: tensor<7x8xf32>) attributes {vitya.kernel} {
  return
}

// -----

// expected-error @below {{expected a kernel whose results are static tensors, found '(memref<8xf32>) -> memref<8xf32>'}}
func.func private @buffer(%x: memref<8xf32>) -> memref<8xf32> attributes {vitya.kernel} {
  return %x : memref<8xf32>
}

// -----

func.func private @kernel(%x: tensor<8xf32>) -> tensor<8xf32> attributes {vitya.kernel} {
  return %x : tensor<8xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @below {{'func.constant' op expected kernel @kernel to be called only}}
  %kernel = func.constant @kernel : (tensor<8xf32>) -> tensor<8xf32>
  %0 = call_indirect %kernel(%x) : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}
