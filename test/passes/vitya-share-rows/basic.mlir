// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-share-rows))' | FileCheck %s

// Three iterations of ten tiles become twelve: four parts each, of three, three, three and one tile and the rest.

// CHECK-LABEL: func.func private @rows
// CHECK-SAME: (%[[X:.*]]: memref<31x3xf32>, %[[Y:.*]]: memref<31x3xf32>)
// CHECK: scf.forall (%[[BOTH:.*]]) in (12)
// CHECK: %[[C4:.*]] = arith.constant 4 : index
// CHECK: %[[I:.*]] = arith.divui %[[BOTH]], %[[C4]]
// CHECK: %[[PART:.*]] = arith.remui %[[BOTH]], %[[C4]]
// CHECK: %[[FACTOR:.*]] = memref.load %[[X]][%[[I]], %[[I]]]
// CHECK: %[[C3:.*]] = arith.constant 3 : index
// CHECK: %[[BEGIN:.*]] = arith.muli %[[PART]], %[[C3]]
// CHECK: %[[NEXT:.*]] = arith.addi %[[BEGIN]], %[[C3]]
// CHECK: %[[END:.*]] = arith.minui %[[NEXT]], %c10
// CHECK: scf.for %[[J:.*]] = %[[BEGIN]] to %[[END]] step %c1
// CHECK: memref.store %[[FACTOR]], %[[Y]][%[[J]], %[[I]]]
// CHECK: %[[LAST:.*]] = arith.cmpi eq, %[[PART]], %c3
// CHECK: scf.if %[[LAST]]
// CHECK-NEXT: memref.store %[[FACTOR]], %[[Y]][%c30, %[[I]]]
// CHECK-NOT: scf.forall (
// CHECK: return
func.func private @rows(%x: memref<31x3xf32>, %y: memref<31x3xf32>) attributes {vitya.kernel} {
  %c30 = arith.constant 30 : index
  scf.forall (%i) in (3) {
    %factor = memref.load %x[%i, %i] : memref<31x3xf32>
    scf.forall (%j) in (10) {
      memref.store %factor, %y[%j, %i] : memref<31x3xf32>
    }
    memref.store %factor, %y[%c30, %i] : memref<31x3xf32>
  }
  return
}

// No more parts than tiles, and nothing after them.

// CHECK-LABEL: func.func private @few
// CHECK: scf.forall (%{{.*}}) in (2)
// CHECK: scf.for
// CHECK-NOT: scf.if
// CHECK: return
func.func private @few(%y: memref<2xf32>) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (1) {
    scf.forall (%j) in (2) {
      memref.store %zero, %y[%j] : memref<2xf32>
    }
  }
  return
}

// A loop alone, and a function that is not a kernel, stay as they are.

// CHECK-LABEL: func.func private @alone
// CHECK: scf.forall (%{{.*}}) in (3) {
// CHECK-NEXT: memref.store
func.func private @alone(%y: memref<3xf32>) attributes {vitya.kernel} {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (3) {
    memref.store %zero, %y[%i] : memref<3xf32>
  }
  return
}

// CHECK-LABEL: func.func private @function
// CHECK: scf.forall (%{{.*}}) in (3) {
// CHECK-NEXT: scf.forall (%{{.*}}) in (2) {
func.func private @function(%y: memref<2x3xf32>) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%i) in (3) {
    scf.forall (%j) in (2) {
      memref.store %zero, %y[%j, %i] : memref<2x3xf32>
    }
  }
  return
}
