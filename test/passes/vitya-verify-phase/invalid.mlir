// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-verify-phase=phase=import

func.func @main(%image: tensor<1x2x4xf32>) -> tensor<1x4xf32> {
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x2x4xf32> into tensor<2x4xf32>
  // expected-error @below {{expected only vitya, arith, tensor, quant and func ops at the end of phase import, found 'math.exp'}}
  %1 = math.exp %0 : tensor<2x4xf32>
  %2 = vitya.mean_pool %1 : tensor<2x4xf32> -> tensor<1x4xf32>
  return %2 : tensor<1x4xf32>
}

// -----

// expected-error @below {{expected a function @main with a body of one block}}
module {
  func.func @forward(%image: tensor<1x2x4xf32>) -> tensor<1x2x4xf32> {
    return %image : tensor<1x2x4xf32>
  }
}

// -----

// expected-error @below {{expected a function @main with a body of one block}}
module {
  func.func private @main(%image: tensor<1x2x4xf32>) -> tensor<1x4xf32>
}

// -----

// expected-error @below {{expected no function other than @main at the end of phase import, found @helper}}
func.func private @helper(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  return %x : tensor<1x4xf32>
}
func.func @main(%image: tensor<1x1x4xf32>) -> tensor<1x4xf32> {
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x4xf32> into tensor<1x4xf32>
  %1 = call @helper(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}

// -----

func.func @main(%image: tensor<1x1x4xf32>, %n: index) -> tensor<1x4xf32> {
  // expected-error @below {{expected static shapes}}
  %0 = tensor.extract_slice %image[0, 0, 0] [1, 1, %n] [1, 1, 1] : tensor<1x1x4xf32> to tensor<1x?xf32>
  %1 = tensor.cast %0 : tensor<1x?xf32> to tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}

// -----

// expected-error @below {{expected @main to map one image, tensor<CxHxWxf32>, to logits, tensor<1xNxf32>, found '(tensor<1x4xf32>) -> tensor<1x4xf32>'}}
func.func @main(%image: tensor<1x4xf32>) -> tensor<1x4xf32> {
  return %image : tensor<1x4xf32>
}

// -----

// expected-error @below {{found '(tensor<1x1x4xf32>, tensor<4x4xf32>) -> tensor<1x4xf32>'}}
func.func @main(%image: tensor<1x1x4xf32>, %w: tensor<4x4xf32>) -> tensor<1x4xf32> {
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x4xf32> into tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}

// -----

// expected-error @below {{found '(tensor<1x1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>)'}}
func.func @main(%image: tensor<1x1x4xf32>) -> (tensor<1x4xf32>, tensor<1x4xf32>) {
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x4xf32> into tensor<1x4xf32>
  return %0, %0 : tensor<1x4xf32>, tensor<1x4xf32>
}

// -----

// expected-error @below {{found '(tensor<1x2x4xf32>) -> tensor<2x4xf32>'}}
func.func @main(%image: tensor<1x2x4xf32>) -> tensor<2x4xf32> {
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x2x4xf32> into tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// -----

// expected-error @below {{found '(tensor<1x1x4xf64>) -> tensor<1x4xf64>'}}
func.func @main(%image: tensor<1x1x4xf64>) -> tensor<1x4xf64> {
  %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x4xf64> into tensor<1x4xf64>
  return %0 : tensor<1x4xf64>
}
