// RUN: vitya-opt %s -split-input-file --vitya-launch-loops | FileCheck %s

// Layers get indices in the order of their first launch. A layer that launches two loops keeps its index, and a loop
// without a layer is listed under its own name. All launches of a loop share one body, which has its work, and all launches share one array.

// CHECK-LABEL: module attributes {vitya.layers = ["a", "b", "other"]}
// CHECK: llvm.func @vitya_parallel_for(!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr)
// CHECK: llvm.func @vitya_forward(%[[CONTEXT:[^:]*]]: !llvm.ptr, %[[IMAGE:[^:]*]]: !llvm.ptr, {{.*}}) {
// CHECK: %[[SIZE:.*]] = llvm.mlir.constant(5 : i64)
// CHECK: %[[ARRAY:.*]] = llvm.alloca %[[SIZE]] x !llvm.ptr
// CHECK-NOT: llvm.alloca
// CHECK: llvm.store %[[IMAGE]],
// CHECK: %[[N0:.*]] = llvm.mlir.constant(0 : i64)
// CHECK: %[[BODY:.*]] = llvm.mlir.addressof @loop_body
// CHECK: llvm.call @vitya_parallel_for(%[[CONTEXT]], %[[N0]], %{{.*}}, %[[BODY]], %[[ARRAY]])
// CHECK: %[[N1:.*]] = llvm.mlir.constant(1 : i64)
// CHECK: llvm.call @vitya_parallel_for(%[[CONTEXT]], %[[N1]],
// CHECK: %[[N2:.*]] = llvm.mlir.constant(0 : i64)
// CHECK: llvm.call @vitya_parallel_for(%[[CONTEXT]], %[[N2]],
// CHECK: %[[N3:.*]] = llvm.mlir.constant(2 : i64)
// CHECK: llvm.mlir.addressof @other_body
// CHECK: llvm.call @vitya_parallel_for(%[[CONTEXT]], %[[N3]],
// CHECK: llvm.call @unmarked
// CHECK: llvm.func @loop(
// CHECK-NOT: vitya.work
// CHECK: llvm.func internal @loop_body(%[[CAPTURES:.*]]: !llvm.ptr, %[[FROM:.*]]: i64, %[[TO:.*]]: i64, %{{.*}}: !llvm.ptr)
// CHECK-SAME: attributes {vitya.work = #vitya.work<"copy", multiply_adds = 0, products = f32, bytes = 512>}
// CHECK: %[[FIRST:.*]] = llvm.load
// CHECK: %[[SECOND:.*]] = llvm.load
// CHECK: llvm.call @loop(%[[FIRST]], %[[SECOND]], %[[FROM]], %[[TO]])
// CHECK-NOT: @loop_body
// CHECK: llvm.func internal @other_body
llvm.func @main(%image: !llvm.ptr, %logits: !llvm.ptr, %weights: !llvm.ptr, %workspace: !llvm.ptr) {
  %begin = llvm.mlir.constant(0 : index) : i64
  %end = llvm.mlir.constant(4 : index) : i64
  llvm.call @loop(%image, %workspace, %begin, %end) {vitya.layer = "a", vitya.loop} : (!llvm.ptr, !llvm.ptr, i64, i64) -> ()
  llvm.call @loop(%workspace, %workspace, %begin, %end) {vitya.layer = "b", vitya.loop} : (!llvm.ptr, !llvm.ptr, i64, i64) -> ()
  llvm.call @loop(%workspace, %workspace, %begin, %end) {vitya.layer = "a", vitya.loop} : (!llvm.ptr, !llvm.ptr, i64, i64) -> ()
  llvm.call @other(%workspace, %weights, %logits, %begin, %end) {vitya.loop} : (!llvm.ptr, !llvm.ptr, !llvm.ptr, i64, i64) -> ()
  llvm.call @unmarked() : () -> ()
  llvm.return
}
llvm.func @loop(%x: !llvm.ptr, %out: !llvm.ptr, %begin: i64, %end: i64)
    attributes {vitya.work = #vitya.work<"copy", multiply_adds = 0, products = f32, bytes = 512>} {
  llvm.return
}
llvm.func @other(%x: !llvm.ptr, %y: !llvm.ptr, %out: !llvm.ptr, %begin: i64, %end: i64) {
  llvm.return
}
llvm.func @unmarked() {
  llvm.return
}

// -----

// At most 16 KB of buffers stay on the stack. The largest move to the end of the workspace, 64-byte aligned, until the
// others fit. Loops share this memory.

// CHECK-LABEL: module attributes {vitya.layers = ["large", "small"], vitya.workspace_bytes = 37056 : i64}
module attributes {vitya.workspace_bytes = 128 : i64} {
  llvm.func @main(%image: !llvm.ptr, %logits: !llvm.ptr, %weights: !llvm.ptr, %workspace: !llvm.ptr) {
    %begin = llvm.mlir.constant(0 : index) : i64
    %end = llvm.mlir.constant(4 : index) : i64
    llvm.call @large(%image, %begin, %end) {vitya.loop} : (!llvm.ptr, i64, i64) -> ()
    llvm.call @small(%image, %begin, %end) {vitya.loop} : (!llvm.ptr, i64, i64) -> ()
    llvm.return
  }
  // CHECK: llvm.func @large(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %[[SCRATCH:.*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.noalias})
  // CHECK: %[[TILE:.*]] = llvm.alloca {{.*}} x f32
  // CHECK: %[[ZERO:.*]] = llvm.mlir.constant(0 : i64)
  // CHECK: %[[LARGEST:.*]] = llvm.getelementptr %[[SCRATCH]][%[[ZERO]]]
  // CHECK: %[[NEXT:.*]] = llvm.mlir.constant(20480 : i64)
  // CHECK: %[[MIDDLE:.*]] = llvm.getelementptr %[[SCRATCH]][%[[NEXT]]]
  // CHECK: llvm.store %{{.*}}, %[[TILE]]
  // CHECK: llvm.store %{{.*}}, %[[LARGEST]]
  // CHECK: llvm.store %{{.*}}, %[[MIDDLE]]
  llvm.func @large(%x: !llvm.ptr, %begin: i64, %end: i64) {
    %16 = llvm.mlir.constant(16 : index) : i64
    %tile = llvm.alloca %16 x f32 {alignment = 64 : i64} : (i64) -> !llvm.ptr
    %5120 = llvm.mlir.constant(5120 : index) : i64
    %largest = llvm.alloca %5120 x f32 {alignment = 64 : i64} : (i64) -> !llvm.ptr
    %4097 = llvm.mlir.constant(4097 : index) : i64
    %middle = llvm.alloca %4097 x f32 {alignment = 64 : i64} : (i64) -> !llvm.ptr
    llvm.store %x, %tile : !llvm.ptr, !llvm.ptr
    llvm.store %x, %largest : !llvm.ptr, !llvm.ptr
    llvm.store %x, %middle : !llvm.ptr, !llvm.ptr
    llvm.return
  }
  // CHECK: llvm.func @small(%{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64) {
  // CHECK-NEXT: llvm.mlir.constant
  // CHECK-NEXT: llvm.alloca
  llvm.func @small(%x: !llvm.ptr, %begin: i64, %end: i64) {
    %4096 = llvm.mlir.constant(4096 : index) : i64
    %fits = llvm.alloca %4096 x f32 {alignment = 64 : i64} : (i64) -> !llvm.ptr
    llvm.store %x, %fits : !llvm.ptr, !llvm.ptr
    llvm.return
  }
  // CHECK: llvm.func internal @large_body({{.*}}, %[[WORKSPACE:.*]]: !llvm.ptr)
  // CHECK: %[[END:.*]] = llvm.mlir.constant(128 : i64)
  // CHECK: %[[START:.*]] = llvm.getelementptr %[[WORKSPACE]][%[[END]]]
  // CHECK: llvm.call @large(%{{.*}}, %{{.*}}, %{{.*}}, %[[START]])
}
