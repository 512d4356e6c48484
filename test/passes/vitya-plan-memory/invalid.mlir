// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-plan-memory

// expected-error @below {{expected a function @main of one block}}
module {
  func.func @forward() {
    return
  }
}

// -----

// expected-error @below {{expected a function @main of one block}}
module {
  func.func @main(%c: i1) {
    cf.cond_br %c, ^a, ^b
  ^a:
    return
  ^b:
    return
  }
}

// -----

// expected-error @below {{expected a constant with a value}}
memref.global "private" @external : memref<4xf32> = uninitialized
func.func @main(%out: memref<4xf32>) {
  // expected-note @below {{the constant is read here}}
  %0 = memref.get_global @external : memref<4xf32>
  memref.copy %0, %out : memref<4xf32> to memref<4xf32>
  return
}

// -----

// expected-error @below {{expected a constant with all its bytes, or a splat}}
memref.global "private" constant @absent : memref<4xf32> = dense_resource<absent>
func.func @main(%out: memref<4xf32>) {
  // expected-note @below {{the constant is read here}}
  %0 = memref.get_global @absent : memref<4xf32>
  memref.copy %0, %out : memref<4xf32> to memref<4xf32>
  return
}

// -----

// expected-error @below {{expected @main to map buffers to nothing, as after vitya-outline-loops, found '(tensor<4xf32>) -> tensor<4xf32>'}}
func.func @main(%image: tensor<4xf32>) -> tensor<4xf32> {
  return %image : tensor<4xf32>
}

// -----

func.func @main(%out: memref<4xf32>) {
  %size = arith.constant 4 : index
  // expected-error @below {{expected integers or floats, positive sizes and less than 2^31 elements, found 'memref<?xf32>'}}
  %0 = memref.alloc(%size) : memref<?xf32>
  return
}

// -----

func.func @main(%out: memref<4xf32>) {
  // expected-error @below {{expected integers or floats, positive sizes and less than 2^31 elements, found 'memref<65536x65536xf32>'}}
  %0 = memref.alloc() : memref<65536x65536xf32>
  return
}

// -----

func.func @main(%out: memref<4xf32>) {
  // expected-error @below {{expected integers or floats, positive sizes and less than 2^31 elements, found 'memref<4xindex>'}}
  %0 = memref.alloc() : memref<4xindex>
  return
}
