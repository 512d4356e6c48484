// RUN: vitya-opt %s -split-input-file --vitya-add-destinations | FileCheck %s

// The parallel loop writes into the last argument, to which the reshape after the loop is applied in reverse. Each caller
// passes an empty tensor. The calls keep the names of their layers.

// CHECK-LABEL: func.func @main
// CHECK: %[[E1:.*]] = tensor.empty() : tensor<4x32xf32>
// CHECK: %[[A:.*]] = call @kernel(%{{.*}}, %[[E1]]) {vitya.layer = "a"}
// CHECK: %[[E2:.*]] = tensor.empty() : tensor<4x32xf32>
// CHECK: call @kernel(%[[A]], %[[E2]]) {vitya.layer = "b"}
// CHECK: func.func private @kernel(%{{.*}}: tensor<4x32xf32>, %[[D:.*]]: tensor<4x32xf32>) -> tensor<4x32xf32>
// CHECK: %[[E:.*]] = tensor.expand_shape %[[D]] {{\[\[}}0], [1, 2]] output_shape [4, 2, 16] : tensor<4x32xf32> into tensor<4x2x16xf32>
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[E]])
func.func @main(%x: tensor<4x32xf32>) -> tensor<4x32xf32> {
  %0 = call @kernel(%x) {vitya.layer = "a"} : (tensor<4x32xf32>) -> tensor<4x32xf32>
  %1 = call @kernel(%0) {vitya.layer = "b"} : (tensor<4x32xf32>) -> tensor<4x32xf32>
  return %1 : tensor<4x32xf32>
}
func.func private @kernel(%x: tensor<4x32xf32>) -> tensor<4x32xf32> attributes {vitya.kernel} {
  %groups = tensor.expand_shape %x [[0], [1, 2]] output_shape [4, 2, 16] : tensor<4x32xf32> into tensor<4x2x16xf32>
  %empty = tensor.empty() : tensor<4x2x16xf32>
  %0 = scf.forall (%i) in (4) shared_outs(%out = %empty) -> (tensor<4x2x16xf32>) {
    %row = tensor.extract_slice %groups[%i, 0, 0] [1, 2, 16] [1, 1, 1] : tensor<4x2x16xf32> to tensor<1x2x16xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %row into %out[%i, 0, 0] [1, 2, 16] [1, 1, 1] : tensor<1x2x16xf32> into tensor<4x2x16xf32>
    }
  }
  %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<4x2x16xf32> into tensor<4x32xf32>
  return %1 : tensor<4x32xf32>
}

// -----

// A result that no parallel loop produces is copied. A loop whose initial tensor has contents keeps it, and its result is
// copied, too.

// CHECK-LABEL: func.func private @identity
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x32xf32>, %[[D:[^:]*]]: tensor<4x32xf32>
// CHECK: %[[C:.*]] = linalg.copy ins(%[[X]] : tensor<4x32xf32>) outs(%[[D]] : tensor<4x32xf32>)
// CHECK: return %[[C]]
// CHECK-LABEL: func.func private @update
// CHECK-SAME: (%[[Y:[^:]*]]: tensor<4x32xf32>, %[[F:[^:]*]]: tensor<4x32xf32>
// CHECK: %[[L:.*]] = scf.forall {{.*}} shared_outs(%{{.*}} = %[[Y]])
// CHECK: linalg.copy ins(%[[L]] : tensor<4x32xf32>) outs(%[[F]] : tensor<4x32xf32>)
func.func private @identity(%x: tensor<4x32xf32>) -> tensor<4x32xf32> attributes {vitya.kernel} {
  return %x : tensor<4x32xf32>
}
func.func private @update(%x: tensor<4x32xf32>) -> tensor<4x32xf32> attributes {vitya.kernel} {
  %0 = scf.forall (%i) in (2) shared_outs(%out = %x) -> (tensor<4x32xf32>) {
    %row = tensor.extract_slice %out[%i, 0] [1, 32] [1, 1] : tensor<4x32xf32> to tensor<1x32xf32>
    %sum = arith.addf %row, %row : tensor<1x32xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %sum into %out[%i, 0] [1, 32] [1, 1] : tensor<1x32xf32> into tensor<4x32xf32>
    }
  }
  return %0 : tensor<4x32xf32>
}

// -----

// Functions that are not kernels keep their arguments.

// CHECK-LABEL: func.func private @helper
// CHECK-SAME: (%{{[^:]*}}: tensor<4x32xf32>) -> tensor<4x32xf32>
func.func private @helper(%x: tensor<4x32xf32>) -> tensor<4x32xf32> {
  return %x : tensor<4x32xf32>
}

// -----

// A kernel with two results has two destinations.

// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[E1:.*]] = tensor.empty() : tensor<4x2xf32>
// CHECK-DAG: %[[E2:.*]] = tensor.empty() : tensor<4x32xi8>
// CHECK: call @kernel(%{{.*}}, %[[E1]], %[[E2]])
// CHECK: func.func private @kernel(%{{.*}}: tensor<4x32xi8>, %[[D1:.*]]: tensor<4x2xf32>, %[[D2:.*]]: tensor<4x32xi8>)
// CHECK: scf.forall {{.*}} shared_outs(%{{.*}} = %[[D2]], %{{.*}} = %[[D1]])
func.func @main(%x: tensor<4x32xi8>) -> (tensor<4x2xf32>, tensor<4x32xi8>) {
  %0:2 = call @kernel(%x) {vitya.layer = "a"} : (tensor<4x32xi8>) -> (tensor<4x2xf32>, tensor<4x32xi8>)
  return %0#0, %0#1 : tensor<4x2xf32>, tensor<4x32xi8>
}
func.func private @kernel(%x: tensor<4x32xi8>) -> (tensor<4x2xf32>, tensor<4x32xi8>) attributes {vitya.kernel} {
  %params = arith.constant dense<1.0> : tensor<1x2xf32>
  %empty = tensor.empty() : tensor<4x32xi8>
  %pairs = tensor.empty() : tensor<4x2xf32>
  %0:2 = scf.forall (%i) in (4) shared_outs(%out = %empty, %out_pairs = %pairs) -> (tensor<4x32xi8>, tensor<4x2xf32>) {
    %row = tensor.extract_slice %x[%i, 0] [1, 32] [1, 1] : tensor<4x32xi8> to tensor<1x32xi8>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %row into %out[%i, 0] [1, 32] [1, 1] : tensor<1x32xi8> into tensor<4x32xi8>
      tensor.parallel_insert_slice %params into %out_pairs[%i, 0] [1, 2] [1, 1] : tensor<1x2xf32> into tensor<4x2xf32>
    }
  }
  return %0#1, %0#0 : tensor<4x2xf32>, tensor<4x32xi8>
}

// -----

// A loop computes the first 195 rows, and the rest follows. Both write into the last argument.

// CHECK-LABEL: func.func private @rest
// CHECK-SAME: (%{{[^:]*}}: tensor<197x8xf32>, %[[LAST:[^:]*]]: tensor<2x8xf32>, %[[D:[^:]*]]: tensor<197x8xf32>
// CHECK: %[[PART:.*]] = tensor.extract_slice %[[D]][0, 0] [195, 8] [1, 1]
// CHECK: %[[L:.*]] = scf.forall {{.*}} shared_outs(%{{.*}} = %[[PART]])
// CHECK: %[[FIRST:.*]] = tensor.insert_slice %[[L]] into %[[D]][0, 0] [195, 8] [1, 1]
// CHECK: %[[ALL:.*]] = tensor.insert_slice %[[LAST]] into %[[FIRST]][195, 0] [2, 8] [1, 1]
// CHECK: return %[[ALL]]
func.func private @rest(%x: tensor<197x8xf32>, %last: tensor<2x8xf32>) -> tensor<197x8xf32> attributes {vitya.kernel} {
  %empty = tensor.empty() : tensor<195x8xf32>
  %0 = scf.forall (%i) in (195) shared_outs(%out = %empty) -> (tensor<195x8xf32>) {
    %row = tensor.extract_slice %x[%i, 0] [1, 8] [1, 1] : tensor<197x8xf32> to tensor<1x8xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %row into %out[%i, 0] [1, 8] [1, 1] : tensor<1x8xf32> into tensor<195x8xf32>
    }
  }
  %whole = tensor.empty() : tensor<197x8xf32>
  %1 = tensor.insert_slice %0 into %whole[0, 0] [195, 8] [1, 1] : tensor<195x8xf32> into tensor<197x8xf32>
  %2 = tensor.insert_slice %last into %1[195, 0] [2, 8] [1, 1] : tensor<2x8xf32> into tensor<197x8xf32>
  return %2 : tensor<197x8xf32>
}
