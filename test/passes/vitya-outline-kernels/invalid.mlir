// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-outline-kernels

// expected-error @below {{expected a function @main with a body of one block}}
module {
  func.func @forward(%x: tensor<7x16xf32>) -> tensor<7x16xf32> {
    return %x : tensor<7x16xf32>
  }
}

// -----

// expected-error @below {{expected a function @main with a body of one block}}
module {
  func.func private @main(%x: tensor<7x16xf32>) -> tensor<7x16xf32>
}

// -----

func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8x!quant.uniform<u8:f32, 2.5e-01>> {
  // expected-error @below {{expected no quantized tensors, which vitya-lower-quantization lowers, found 'tensor<4x8x!quant.uniform<u8:f32, 2.500000e-01>>'}}
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!quant.uniform<u8:f32, 2.5e-01>>
  return %0 : tensor<4x8x!quant.uniform<u8:f32, 2.5e-01>>
}

// -----

func.func @main(%x: tensor<*xf32>) -> tensor<*xf32> {
  // expected-error @below {{expected static tensors of integers or floats, found 'tensor<*xf32>'}}
  %0 = arith.addf %x, %x : tensor<*xf32>
  return %0 : tensor<*xf32>
}

// -----

func.func private @nothing()
func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // expected-error @below {{expected one result, a tensor, found ()}}
  call @nothing() : () -> ()
  return %x : tensor<4x8xf32>
}
