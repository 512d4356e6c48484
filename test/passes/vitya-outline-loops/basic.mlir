// RUN: vitya-opt %s -split-input-file --vitya-outline-loops | FileCheck %s

// Two callers of a kernel launch its loop with their own buffers and layer names. Views and constants that the loop reads
// are cloned into its function.

// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: memref<4x32xf32>, %[[Y:.*]]: memref<4x32xf32>)
// CHECK: %[[END:.*]] = arith.constant 4 : index
// CHECK-NEXT: call @kernel(%[[X]], %[[Y]], %{{.*}}, %[[END]]) {vitya.layer = "a", vitya.loop}
// CHECK: call @kernel(%[[Y]], %[[X]], %{{.*}}, %{{.*}}) {vitya.layer = "b", vitya.loop}
// CHECK: func.func private @kernel(
// CHECK-SAME: %[[IN:.*]]: memref<4x32xf32>, %[[OUT:.*]]: memref<4x32xf32>, %[[FROM:.*]]: index, %[[TO:.*]]: index)
// CHECK: %[[VIEW:.*]] = memref.expand_shape %[[IN]]
// CHECK: scf.for %[[I:.*]] = %[[FROM]] to %[[TO]]
// CHECK: vector.load %[[VIEW]][%[[I]],
// CHECK: vector.store %{{.*}}, %[[OUT]][%[[I]],
// CHECK-NOT: scf.forall
// CHECK-NOT: vitya.kernel
func.func @main(%x: memref<4x32xf32>, %y: memref<4x32xf32>) {
  call @kernel(%x, %y) {vitya.layer = "a"} : (memref<4x32xf32>, memref<4x32xf32>) -> ()
  call @kernel(%y, %x) {vitya.layer = "b"} : (memref<4x32xf32>, memref<4x32xf32>) -> ()
  return
}
func.func private @kernel(%x: memref<4x32xf32>, %out: memref<4x32xf32>) attributes {vitya.kernel} {
  %c0 = arith.constant 0 : index
  %groups = memref.expand_shape %x [[0], [1, 2]] output_shape [4, 2, 16] : memref<4x32xf32> into memref<4x2x16xf32>
  scf.forall (%i) in (4) {
    %row = vector.load %groups[%i, %c0, %c0] : memref<4x2x16xf32>, vector<16xf32>
    vector.store %row, %out[%i, %c0] : memref<4x32xf32>, vector<16xf32>
  }
  return
}

// -----

// A kernel without a parallel loop becomes a loop of one iteration.

// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[BEGIN:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[END:.*]] = arith.constant 1 : index
// CHECK: call @copy(%{{.*}}, %{{.*}}, %[[BEGIN]], %[[END]]) {vitya.layer = "copy", vitya.loop}
// CHECK: func.func private @copy(%[[IN:.*]]: memref<16xf32>, %[[OUT:.*]]: memref<16xf32>, {{.*}}: index, {{.*}}: index)
// CHECK-NEXT: memref.copy %[[IN]], %[[OUT]]
// CHECK-NEXT: return
func.func @main(%x: memref<16xf32>, %y: memref<16xf32>) {
  call @copy(%x, %y) {vitya.layer = "copy"} : (memref<16xf32>, memref<16xf32>) -> ()
  return
}
func.func private @copy(%x: memref<16xf32>, %out: memref<16xf32>) attributes {vitya.kernel} {
  memref.copy %x, %out : memref<16xf32> to memref<16xf32>
  return
}

// -----

// Ops of a kernel outside its loops are inlined into the callers: here the allocation of a buffer that two loops share.
// The two loops get different names, and the first one has the work of the kernel.

// CHECK-LABEL: func.func @main
// CHECK: %[[SHARED:.*]] = memref.alloc()
// CHECK: call @[[FIRST:kernel.*]](%{{.*}}, %[[SHARED]], %{{.*}}, %{{.*}}) {vitya.layer = "two", vitya.loop}
// CHECK: call @[[SECOND:kernel.*]](%[[SHARED]], %{{.*}}, %{{.*}}, %{{.*}}) {vitya.layer = "two", vitya.loop}
// CHECK: func.func private @[[FIRST]]({{.*}} attributes {vitya.work = #vitya.work<"kernel", multiply_adds = 64, products = f32, bytes = 512>}
// CHECK: func.func private @[[SECOND]]({{.*}} attributes {vitya.work = #vitya.work<"kernel", multiply_adds = 0, products = f32, bytes = 0>}
func.func @main(%x: memref<4x16xf32>, %y: memref<4x16xf32>) {
  call @kernel(%x, %y) {vitya.layer = "two"} : (memref<4x16xf32>, memref<4x16xf32>) -> ()
  return
}
func.func private @kernel(%x: memref<4x16xf32>, %out: memref<4x16xf32>) attributes {vitya.kernel, vitya.work = #vitya.work<"kernel", multiply_adds = 64, products = f32, bytes = 512>} {
  %c0 = arith.constant 0 : index
  %shared = memref.alloc() : memref<4x16xf32>
  scf.forall (%i) in (4) {
    %row = vector.load %x[%i, %c0] : memref<4x16xf32>, vector<16xf32>
    vector.store %row, %shared[%i, %c0] : memref<4x16xf32>, vector<16xf32>
  }
  scf.forall (%i) in (4) {
    %row = vector.load %shared[%i, %c0] : memref<4x16xf32>, vector<16xf32>
    vector.store %row, %out[%i, %c0] : memref<4x16xf32>, vector<16xf32>
  }
  return
}

// -----

// A vector defined outside the loop is passed to it through a buffer.

// CHECK-LABEL: func.func @main
// CHECK: %[[VALUE:.*]] = vector.load
// CHECK: %[[BUFFER:.*]] = memref.alloc() : memref<16xf32>
// CHECK: vector.transfer_write %[[VALUE]], %[[BUFFER]]
// CHECK: call @kernel(%[[BUFFER]], %{{.*}}, %{{.*}}, %{{.*}})
// CHECK: func.func private @kernel(%[[CAPTURED:[^:]*]]: memref<16xf32>,
// CHECK: scf.for
// CHECK: %[[READ:.*]] = vector.transfer_read %[[CAPTURED]]
// CHECK: vector.store %[[READ]]
func.func @main(%x: memref<4x16xf32>) {
  call @kernel(%x) {vitya.layer = "spill"} : (memref<4x16xf32>) -> ()
  return
}
func.func private @kernel(%x: memref<4x16xf32>) attributes {vitya.kernel} {
  %c0 = arith.constant 0 : index
  %row = vector.load %x[%c0, %c0] : memref<4x16xf32>, vector<16xf32>
  scf.forall (%i) in (4) {
    vector.store %row, %x[%i, %c0] : memref<4x16xf32>, vector<16xf32>
  }
  return
}

// -----

// After bufferization a kernel returns its destination, and its callers read that buffer. The result of @main becomes an
// argument.

// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: memref<4x16xf32>, %[[RESULT:.*]]: memref<4x16xf32>) {
// CHECK: call @kernel(%[[X]], %[[RESULT]], %{{.*}}, %{{.*}}) {vitya.layer = "returned", vitya.loop}
// CHECK-NEXT: return
// CHECK: func.func private @kernel(%{{.*}}: memref<4x16xf32>, {{.*}}: memref<4x16xf32>, {{.*}}: index, {{.*}}: index) {
func.func @main(%x: memref<4x16xf32>) -> memref<4x16xf32> {
  %y = memref.alloc() : memref<4x16xf32>
  %0 = call @kernel(%x, %y) {vitya.layer = "returned"} : (memref<4x16xf32>, memref<4x16xf32>) -> memref<4x16xf32>
  return %0 : memref<4x16xf32>
}
func.func private @kernel(%x: memref<4x16xf32>, %out: memref<4x16xf32>) -> memref<4x16xf32> attributes {vitya.kernel} {
  memref.copy %x, %out : memref<4x16xf32> to memref<4x16xf32>
  return %out : memref<4x16xf32>
}

// -----

// A kernel without a parallel loop may also return a view of its destination, or a buffer of its own. Only the allocation
// and the view are inlined into the caller.

// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: memref<1x16xf32>, %[[Y:.*]]: memref<16xf32>)
// CHECK: %[[VIEW:.*]] = memref.expand_shape %[[Y]]
// CHECK: call @view(%[[X]], %[[Y]], %{{.*}}, %{{.*}}) {vitya.layer = "view", vitya.loop}
// CHECK: %[[OWN:.*]] = memref.alloc() : memref<1x16xf32>
// CHECK: call @own(%[[VIEW]], %[[OWN]], %{{.*}}, %{{.*}}) {vitya.layer = "own", vitya.loop}
// CHECK-NEXT: memref.copy %[[OWN]], %[[X]]
// CHECK: func.func private @view(%[[IN:.*]]: memref<1x16xf32>, %[[OUT:.*]]: memref<16xf32>, {{.*}}: index, {{.*}}: index) {
// CHECK: %[[EXPANDED:.*]] = memref.expand_shape %[[OUT]]
// CHECK: memref.copy %[[IN]], %[[EXPANDED]]
// CHECK: func.func private @own(%[[IN:.*]]: memref<1x16xf32>, %[[OUT:.*]]: memref<1x16xf32>, {{.*}}: index, {{.*}}: index) {
// CHECK-NEXT: memref.copy %[[IN]], %[[OUT]]
func.func @main(%x: memref<1x16xf32>, %y: memref<16xf32>) {
  %0 = call @view(%x, %y) {vitya.layer = "view"} : (memref<1x16xf32>, memref<16xf32>) -> memref<1x16xf32>
  %1 = call @own(%0) {vitya.layer = "own"} : (memref<1x16xf32>) -> memref<1x16xf32>
  memref.copy %1, %x : memref<1x16xf32> to memref<1x16xf32>
  return
}
func.func private @view(%x: memref<1x16xf32>, %out: memref<16xf32>) -> memref<1x16xf32> attributes {vitya.kernel} {
  %view = memref.expand_shape %out [[0, 1]] output_shape [1, 16] : memref<16xf32> into memref<1x16xf32>
  memref.copy %x, %view : memref<1x16xf32> to memref<1x16xf32>
  return %view : memref<1x16xf32>
}
func.func private @own(%x: memref<1x16xf32>) -> memref<1x16xf32> attributes {vitya.kernel} {
  %own = memref.alloc() : memref<1x16xf32>
  memref.copy %x, %own : memref<1x16xf32> to memref<1x16xf32>
  return %own : memref<1x16xf32>
}
