// RUN: vitya-opt %s -split-input-file --vitya-plan-memory --canonicalize --cse | FileCheck %s

// Weights of 12 and 64 bytes start at multiples of 64, in the order of their first use. A constant that is read twice is
// stored once, and a splat is expanded.

// CHECK-LABEL: module attributes
// CHECK-SAME: vitya.weights = dense_resource<vitya.weights> : tensor<128xi8>
// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[OUT:.*]]: memref<3xf32>, %[[WEIGHTS:.*]]: memref<128xi8>, %{{.*}}: memref<64xi8>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C64:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[A:.*]] = memref.view %[[WEIGHTS]][%[[C0]]][] : memref<128xi8> to memref<3xf32>
// CHECK-DAG: %[[B:.*]] = memref.view %[[WEIGHTS]][%[[C64]]][] : memref<128xi8> to memref<16xf32>
// CHECK: call @use(%[[A]], %[[B]], %[[OUT]])
// CHECK-NEXT: call @use(%[[A]], %[[B]], %[[OUT]])
// CHECK-NOT: memref.global
// CHECK: vitya.weights: "0x400000000000803F0000004000004040{{(0{104}(0000003F){16})}}"
memref.global "private" constant @b : memref<16xf32> = dense<0.5>
memref.global "private" constant @a : memref<3xf32> = dense<[1.0, 2.0, 3.0]>
func.func @main(%out: memref<3xf32>) {
  %a = memref.get_global @a : memref<3xf32>
  %b = memref.get_global @b : memref<16xf32>
  call @use(%a, %b, %out) : (memref<3xf32>, memref<16xf32>, memref<3xf32>) -> ()
  %again = memref.get_global @a : memref<3xf32>
  call @use(%again, %b, %out) : (memref<3xf32>, memref<16xf32>, memref<3xf32>) -> ()
  return
}
func.func private @use(memref<3xf32>, memref<16xf32>, memref<3xf32>)

// -----

// A chain of four buffers needs the memory of two neighbors: the third buffer takes the place of the first one. The last
// one, which is small, takes the first gap that is large enough.

// CHECK-LABEL: module attributes
// CHECK-SAME: vitya.workspace_bytes = 384 : i64
// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[WORKSPACE:[a-z0-9]*]]: memref<384xi8>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C128:.*]] = arith.constant 128 : index
// CHECK-DAG: %[[FIRST:.*]] = memref.view %[[WORKSPACE]][%[[C0]]][] : memref<384xi8> to memref<32xf32>
// CHECK-DAG: %[[SECOND:.*]] = memref.view %[[WORKSPACE]][%[[C128]]][] : memref<384xi8> to memref<64xf32>
// CHECK: call @wider(%[[FIRST]], %[[SECOND]])
// CHECK: call @narrower(%[[SECOND]], %[[FIRST]])
// CHECK: %[[FOURTH:.*]] = memref.view %[[WORKSPACE]][%[[C128]]][] : memref<384xi8> to memref<1xf32>
// CHECK: call @last(%[[FIRST]], %[[FOURTH]])
func.func @main(%out: memref<1xf32>) {
  %0 = memref.alloc() : memref<32xf32>
  %1 = memref.alloc() : memref<64xf32>
  call @wider(%0, %1) : (memref<32xf32>, memref<64xf32>) -> ()
  %2 = memref.alloc() : memref<32xf32>
  call @narrower(%1, %2) : (memref<64xf32>, memref<32xf32>) -> ()
  %3 = memref.alloc() : memref<1xf32>
  call @last(%2, %3) : (memref<32xf32>, memref<1xf32>) -> ()
  memref.copy %3, %out : memref<1xf32> to memref<1xf32>
  return
}
func.func private @wider(memref<32xf32>, memref<64xf32>)
func.func private @narrower(memref<64xf32>, memref<32xf32>)
func.func private @last(memref<32xf32>, memref<1xf32>)

// -----

// A buffer is live as long as its views are, and until the end of a loop that reads it.

// CHECK-LABEL: func.func @main
// CHECK-SAME: %[[WORKSPACE:[a-z0-9]*]]: memref<192xi8>)
// CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG: %[[C64:.*]] = arith.constant 64 : index
// CHECK-DAG: %[[C128:.*]] = arith.constant 128 : index
// CHECK: %[[VIEWED:.*]] = memref.view %[[WORKSPACE]][%[[C0]]][]
// CHECK: call @make(%[[VIEWED]])
// CHECK: %[[LOOPED:.*]] = memref.view %[[WORKSPACE]][%[[C64]]][]
// CHECK: call @make(%[[LOOPED]])
// CHECK: %[[OTHER:.*]] = memref.view %[[WORKSPACE]][%[[C128]]][]
// CHECK: call @make(%[[OTHER]])
func.func @main(%out: memref<16xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %viewed = memref.alloc() : memref<16xf32>
  call @make(%viewed) : (memref<16xf32>) -> ()
  %view = memref.expand_shape %viewed [[0, 1]] output_shape [4, 4] : memref<16xf32> into memref<4x4xf32>
  %looped = memref.alloc() : memref<16xf32>
  call @make(%looped) : (memref<16xf32>) -> ()
  %other = memref.alloc() : memref<16xf32>
  call @make(%other) : (memref<16xf32>) -> ()
  scf.for %i = %c0 to %c16 step %c1 {
    %value = memref.load %looped[%i] : memref<16xf32>
    %same = memref.load %view[%c0, %c0] : memref<4x4xf32>
    %sum = arith.addf %value, %same : f32
    memref.store %sum, %out[%i] : memref<16xf32>
  }
  call @make(%other) : (memref<16xf32>) -> ()
  return
}
func.func private @make(memref<16xf32>)

// -----

// The blob and the workspace of a model without weights and buffers are not empty either.

// CHECK-LABEL: module attributes
// CHECK-SAME: vitya.weights = dense_resource<vitya.weights{{.*}}> : tensor<64xi8>
// CHECK-SAME: vitya.workspace_bytes = 64 : i64
// CHECK-LABEL: func.func @main
// CHECK-SAME: memref<4xf32>, %[[WEIGHTS:.*]]: memref<64xi8>, %[[WORKSPACE:.*]]: memref<64xi8>)
func.func @main(%image: memref<4xf32>, %logits: memref<4xf32>) {
  memref.copy %image, %logits : memref<4xf32> to memref<4xf32>
  return
}
