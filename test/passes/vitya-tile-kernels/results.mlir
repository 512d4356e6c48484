// RUN: vitya-opt %s --pass-pipeline='builtin.module(func.func(vitya-to-linalg,vitya-tile-kernels))' | FileCheck %s

// One loop over the rows computes both results. The parameters, whose two columns it reads apart, are one of its results.

// CHECK-LABEL: func.func private @kernel
// CHECK: %[[L:.*]]:2 = scf.forall (%[[I:.*]]) in (4) shared_outs(%[[Q:.*]] = %{{.*}}, %[[P:.*]] = %{{.*}}) -> (tensor<4x2x16xi8>, tensor<4x2xf32>)
// CHECK: scf.forall.in_parallel
// CHECK-DAG: tensor.parallel_insert_slice %{{.*}} into %[[Q]][%[[I]], 0, 0] [1, 2, 16] [1, 1, 1]
// CHECK-DAG: tensor.parallel_insert_slice %{{.*}} into %[[P]][%[[I]], 0] [1, 1] [1, 1]
// CHECK-DAG: tensor.parallel_insert_slice %{{.*}} into %[[P]][%[[I]], 1] [1, 1] [1, 1]
// CHECK: %[[BYTES:.*]] = tensor.collapse_shape %[[L]]#0
// CHECK: return %[[L]]#1, %[[BYTES]]
func.func private @kernel(%x: tensor<4x32xf32>, %g: tensor<32xf32>) -> (tensor<4x2xf32>, tensor<4x32xi8>) attributes {vitya.kernel} {
  %0 = vitya.layer_norm "norm" %x, %g, %g eps 1.0e-06 : tensor<4x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<4x32xf32>
  %1 = vitya.choose_qparams token %0 : tensor<4x32xf32> -> tensor<4x2xf32>
  %2 = vitya.quantize %0, %1 : tensor<4x32xf32>, tensor<4x2xf32> -> tensor<4x32xi8>
  return %1, %2 : tensor<4x2xf32>, tensor<4x32xi8>
}

// An iteration computes up to five rows, if there are enough of them.

// CHECK-LABEL: func.func private @many_rows
// CHECK: scf.forall (%{{.*}}) in (13)
// CHECK: tensor.parallel_insert_slice %{{.*}} [5, 2] [1, 1]
func.func private @many_rows(%x: tensor<65x32xf32>) -> tensor<65x2xf32> attributes {vitya.kernel} {
  %0 = vitya.choose_qparams token %x : tensor<65x32xf32> -> tensor<65x2xf32>
  return %0 : tensor<65x2xf32>
}

// The 197 rows are 39 iterations of five rows and two more, which are computed after the loop, for both results.

// CHECK-LABEL: func.func private @rest
// CHECK: %[[L:.*]]:2 = scf.forall (%{{.*}}) in (39) shared_outs({{.*}}) -> (tensor<195x2x16xi8>, tensor<197x2xf32>)
// CHECK: %[[BYTES:.*]] = tensor.insert_slice %[[L]]#0 into %{{.*}}[0, 0, 0] [195, 2, 16] [1, 1, 1]
// CHECK-NOT: scf.forall
// CHECK: %[[ZEROS:.*]] = tensor.insert_slice %{{.*}} into %[[L]]#1[195, 1] [2, 1] [1, 1]
// CHECK: %[[PARAMS:.*]] = tensor.insert_slice %{{.*}} into %[[ZEROS]][195, 0] [2, 1] [1, 1]
// CHECK: %[[ALL:.*]] = tensor.insert_slice %{{.*}} into %[[BYTES]][195, 0, 0] [2, 2, 16] [1, 1, 1]
// CHECK: %[[RESULT:.*]] = tensor.collapse_shape %[[ALL]]
// CHECK: return %[[PARAMS]], %[[RESULT]]
func.func private @rest(%x: tensor<197x32xf32>, %g: tensor<32xf32>) -> (tensor<197x2xf32>, tensor<197x32xi8>) attributes {vitya.kernel} {
  %0 = vitya.layer_norm "norm" %x, %g, %g eps 1.0e-06 : tensor<197x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<197x32xf32>
  %1 = vitya.choose_qparams token %0 : tensor<197x32xf32> -> tensor<197x2xf32>
  %2 = vitya.quantize %0, %1 : tensor<197x32xf32>, tensor<197x2xf32> -> tensor<197x32xi8>
  return %1, %2 : tensor<197x2xf32>, tensor<197x32xi8>
}

// The loop over the heads of an attention also computes what follows it, on the rows of a register tile.

// CHECK-LABEL: func.func private @attention
// CHECK: %[[L:.*]] = scf.forall (%[[HEAD:.*]]) in (2) shared_outs(%[[BYTES:.*]] = %{{.*}}) -> (tensor<6x32xi8>)
// CHECK: scf.for
// CHECK: math.exp
// CHECK: math.roundeven
// CHECK: scf.forall.in_parallel
// CHECK-NEXT: tensor.parallel_insert_slice %{{.*}} into %[[BYTES]][0, %{{.*}}] [6, 16] [1, 1]
// CHECK-NEXT: }
// CHECK-NEXT: }
// CHECK-NEXT: return %[[L]]
func.func private @attention(%x: tensor<6x32xf32>, %qparams: tensor<1x2xf32>) -> tensor<6x32xi8> attributes {vitya.kernel} {
  %0 = vitya.attention "attention" %x, %x, %x heads 2 scale 0.25 : tensor<6x32xf32>, tensor<6x32xf32>, tensor<6x32xf32> -> tensor<6x32xf32>
  %1 = vitya.quantize %0, %qparams : tensor<6x32xf32>, tensor<1x2xf32> -> tensor<6x32xi8>
  return %1 : tensor<6x32xi8>
}

// The keys of a head are transposed 16 x 16 elements at a time, which are loaded and stored as whole vectors.

// CHECK-LABEL: func.func private @transposed_keys
// CHECK: linalg.generic {{.*}} ins(%{{.*}} : tensor<16x16xf32>) outs(%{{.*}} : tensor<16x16xf32>)
// CHECK: math.exp
func.func private @transposed_keys(%x: tensor<32x32xf32>) -> tensor<32x32xf32> attributes {vitya.kernel} {
  %0 = vitya.attention "attention" %x, %x, %x heads 2 scale 0.25 : tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32> -> tensor<32x32xf32>
  return %0 : tensor<32x32xf32>
}
