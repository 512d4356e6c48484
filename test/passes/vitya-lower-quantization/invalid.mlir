// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-lower-quantization

func.func @computed_weight(%x: tensor<4x8x!quant.uniform<u8:f32, 0.5>>, %w: tensor<2x8x!quant.uniform<i8:f32, 0.5>>) -> tensor<4x2xf32> {
  // expected-error @below {{'vitya.linear' op expected a weight that is the quant.scast of an integer constant with all its bytes}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.5>>, tensor<2x8x!quant.uniform<i8:f32, 0.5>> -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// -----

func.func @four_bits(%x: tensor<4x8xf32>) {
  // expected-error @below {{'quant.qcast' op expected a type !quant.uniform<u8:f32>, or !quant.uniform<i8:f32> with zero point 0, found 'tensor<4x8x!quant.uniform<u4:f32, 5.000000e-01>>'}}
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!quant.uniform<u4:f32, 0.5>>
  return
}

// -----

func.func @dequantized(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!quant.uniform<u8:f32, 0.5>>
  // expected-error @below {{'quant.dcast' op expected quantized values to be read by linear layers and attention alone}}
  %1 = quant.dcast %0 : tensor<4x8x!quant.uniform<u8:f32, 0.5>> to tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

func.func @cast_of_an_argument(%w: tensor<2x8xi8>) {
  // expected-error @below {{'quant.scast' op expected a storage cast of a constant weight}}
  %0 = quant.scast %w : tensor<2x8xi8> to tensor<2x8x!quant.uniform<i8:f32, 0.5>>
  return
}

// -----

func.func @other_reader(%x: tensor<4x8xf32>) {
  %0 = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!quant.uniform<u8:f32, 0.5>>
  // expected-error @below {{'tensor.cast' op expected an op that quantized values may go through, found 'tensor.cast'}}
  %1 = tensor.cast %0 : tensor<4x8x!quant.uniform<u8:f32, 0.5>> to tensor<?x8x!quant.uniform<u8:f32, 0.5>>
  return
}

// -----

// expected-error @below {{'func.func' op expected arguments and results that are not quantized, found 'tensor<4x8x!quant.uniform<u8:f32, 5.000000e-01>>'}}
func.func private @argument(tensor<4x8x!quant.uniform<u8:f32, 0.5>>)
