// RUN: vitya-opt %s -split-input-file -verify-diagnostics

func.func private @good(%x: tensor<4xf32>) -> tensor<4xf32> attributes {vitya.kernel} {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{expected the unit attribute 'vitya.kernel' on a private function with a body of one block}}
func.func @public(%x: tensor<4xf32>) -> tensor<4xf32> attributes {vitya.kernel} {
  return %x : tensor<4xf32>
}

// -----

// expected-error @below {{expected the unit attribute 'vitya.kernel' on a private function}}
func.func private @declaration(tensor<4xf32>) -> tensor<4xf32> attributes {vitya.kernel}

// -----

// expected-error @below {{expected the unit attribute 'vitya.kernel' on a private function}}
func.func private @value(%x: tensor<4xf32>) -> tensor<4xf32> attributes {vitya.kernel = 1} {
  return %x : tensor<4xf32>
}

// -----

func.func private @results(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) attributes {vitya.kernel} {
  return %x, %x : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error @below {{expected the unit attribute 'vitya.kernel' on a private function}}
func.func private @blocks(%x: tensor<4xf32>) -> tensor<4xf32> attributes {vitya.kernel} {
  cf.br ^next
^next:
  return %x : tensor<4xf32>
}

// -----

func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected the unit attribute 'vitya.kernel' on a private function}}
  %0 = tensor.cast %x {vitya.kernel} : tensor<4xf32> to tensor<4xf32>
  return %0 : tensor<4xf32>
}
