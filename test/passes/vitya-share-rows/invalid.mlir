// RUN: vitya-opt %s -split-input-file -verify-diagnostics --pass-pipeline='builtin.module(func.func(vitya-share-rows))'

func.func private @writes(%x: memref<3xf32>, %y: memref<2x3xf32>) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{expected a parallel loop that writes nothing before its rows}}
  scf.forall (%i) in (3) {
    // expected-note @below {{this op writes a buffer}}
    memref.store %zero, %x[%i] : memref<3xf32>
    scf.forall (%j) in (2) {
      memref.store %zero, %y[%j, %i] : memref<2x3xf32>
    }
  }
  return
}

// -----

func.func private @step(%y: memref<4x3xf32>) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{expected nested parallel loops on buffers, each over one range from 0 with step 1 that is not empty}}
  scf.forall (%i) in (3) {
    scf.forall (%j) = (0) to (4) step (2) {
      memref.store %zero, %y[%j, %i] : memref<4x3xf32>
    }
  }
  return
}

// -----

func.func private @two_ranges(%y: memref<4x3xf32>) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{expected nested parallel loops on buffers, each over one range from 0 with step 1 that is not empty}}
  scf.forall (%i, %k) in (3, 2) {
    scf.forall (%j) in (4) {
      memref.store %zero, %y[%j, %i] : memref<4x3xf32>
    }
  }
  return
}

// -----

func.func private @empty(%y: memref<4x3xf32>) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{expected nested parallel loops on buffers, each over one range from 0 with step 1 that is not empty}}
  scf.forall (%i) in (3) {
    scf.forall (%j) in (0) {
      memref.store %zero, %y[%j, %i] : memref<4x3xf32>
    }
  }
  return
}
