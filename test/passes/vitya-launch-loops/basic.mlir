// RUN: vitya-opt %s -split-input-file --vitya-launch-loops | FileCheck %s

// Layers get indices in the order of their first launch. A layer that launches two loops keeps its index, and a loop
// without a layer is listed under its own name. All launches of a loop share one body, and all launches share one array.

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
// CHECK: llvm.func internal @loop_body(%[[CAPTURES:.*]]: !llvm.ptr, %[[FROM:.*]]: i64, %[[TO:.*]]: i64)
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
llvm.func @loop(%x: !llvm.ptr, %out: !llvm.ptr, %begin: i64, %end: i64) {
  llvm.return
}
llvm.func @other(%x: !llvm.ptr, %y: !llvm.ptr, %out: !llvm.ptr, %begin: i64, %end: i64) {
  llvm.return
}
llvm.func @unmarked() {
  llvm.return
}
