// RUN: vitya-opt %s -split-input-file -verify-diagnostics --vitya-outline-loops

func.func private @two_ranges(%x: memref<4x4xf32>) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{expected a parallel loop on buffers over one range from 0 with step 1}}
  scf.forall (%i, %j) in (4, 4) {
    memref.store %zero, %x[%i, %j] : memref<4x4xf32>
  }
  return
}

// -----

func.func private @step(%x: memref<4xf32>) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{expected a parallel loop on buffers over one range from 0 with step 1}}
  scf.forall (%i) = (0) to (4) step (2) {
    memref.store %zero, %x[%i] : memref<4xf32>
  }
  return
}

// -----

func.func private @dynamic(%x: memref<4xf32>, %n: index) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{expected a parallel loop on buffers over one range from 0 with step 1}}
  scf.forall (%i) in (%n) {
    memref.store %zero, %x[%i] : memref<4xf32>
  }
  return
}

// -----

func.func private @tensors(%x: tensor<4x16xf32>) -> tensor<4x16xf32> attributes {vitya.kernel} {
  // expected-error @below {{expected a parallel loop on buffers over one range from 0 with step 1}}
  %0 = scf.forall (%i) in (4) shared_outs(%out = %x) -> (tensor<4x16xf32>) {
    %row = tensor.extract_slice %out[%i, 0] [1, 16] [1, 1] : tensor<4x16xf32> to tensor<1x16xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %row into %out[%i, 0] [1, 16] [1, 1] : tensor<1x16xf32> into tensor<4x16xf32>
    }
  }
  return %0 : tensor<4x16xf32>
}

// -----

func.func private @scalar(%x: memref<4xf32>) attributes {vitya.kernel} {
  %c0 = arith.constant 0 : index
  // expected-note @below {{the value is defined here}}
  %value = memref.load %x[%c0] : memref<4xf32>
  // expected-error @below {{expected a parallel loop that reads buffers, found one that reads a value of type 'f32'}}
  scf.forall (%i) in (4) {
    memref.store %value, %x[%i] : memref<4xf32>
  }
  return
}

// -----

func.func private @kernel(%x: memref<4xf32>) attributes {vitya.kernel} {
  return
}
func.func @main(%x: memref<4xf32>) {
  // expected-error @below {{'func.constant' op expected kernel @kernel to be called only}}
  %kernel = func.constant @kernel : (memref<4xf32>) -> ()
  call_indirect %kernel(%x) : (memref<4xf32>) -> ()
  return
}
