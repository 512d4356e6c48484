// RUN: vitya-opt %s --vitya-add-before-concat | FileCheck %s

// Constants on both sides of the patches, and the sum with its operands the other way round. Resources stay resources.
// CHECK-LABEL: @both_sides(
// CHECK-SAME: %[[X:.*]]: tensor<2x2xf32>
// CHECK-DAG: %[[FIRST:.*]] = arith.constant dense<[{{\[}}1.500000e+00, 2.250000e+00]]> : tensor<1x2xf32>
// CHECK-DAG: %[[ROWS:.*]] = arith.constant dense_resource<position{{.*}}> : tensor<2x2xf32>
// CHECK-DAG: %[[LAST:.*]] = arith.constant dense<[{{\[}}1.100000e+01, 1.300000e+01]]> : tensor<1x2xf32>
// CHECK: %[[SUM:.*]] = arith.addf %[[X]], %[[ROWS]] : tensor<2x2xf32>
// CHECK-NEXT: %[[R:.*]] = tensor.concat dim(0) %[[FIRST]], %[[SUM]], %[[LAST]]
// CHECK-NEXT: return %[[R]]
func.func @both_sides(%x: tensor<2x2xf32>) -> tensor<4x2xf32> {
  %c = arith.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %d = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %p = arith.constant dense_resource<position> : tensor<4x2xf32>
  %0 = tensor.concat dim(0) %c, %x, %d : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<1x2xf32>) -> tensor<4x2xf32>
  %1 = arith.addf %p, %0 : tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// Nothing to gain: two parts are computed.
// CHECK-LABEL: @no_constant(
// CHECK: tensor.concat
// CHECK-NEXT: arith.addf
func.func @no_constant(%x: tensor<2x2xf32>) -> tensor<4x2xf32> {
  %p = arith.constant dense<1.0> : tensor<4x2xf32>
  %0 = tensor.concat dim(0) %x, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %1 = arith.addf %0, %p : tensor<4x2xf32>
  return %1 : tensor<4x2xf32>
}

// The concatenation has another reader, columns are concatenated, or the addend is computed.
// CHECK-LABEL: @read_twice(
// CHECK: tensor.concat
// CHECK-NEXT: arith.addf
func.func @read_twice(%x: tensor<2x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>) {
  %c = arith.constant dense<1.0> : tensor<1x2xf32>
  %p = arith.constant dense<1.0> : tensor<3x2xf32>
  %0 = tensor.concat dim(0) %c, %x : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %1 = arith.addf %0, %p : tensor<3x2xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<3x2xf32>
}
// CHECK-LABEL: @columns(
// CHECK: tensor.concat
// CHECK-NEXT: arith.addf
func.func @columns(%x: tensor<2x2xf32>) -> tensor<2x3xf32> {
  %c = arith.constant dense<1.0> : tensor<2x1xf32>
  %p = arith.constant dense<1.0> : tensor<2x3xf32>
  %0 = tensor.concat dim(1) %c, %x : (tensor<2x1xf32>, tensor<2x2xf32>) -> tensor<2x3xf32>
  %1 = arith.addf %0, %p : tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}
// CHECK-LABEL: @computed(
// CHECK: tensor.concat
// CHECK-NEXT: arith.addf
func.func @computed(%x: tensor<2x2xf32>, %p: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %c = arith.constant dense<1.0> : tensor<1x2xf32>
  %0 = tensor.concat dim(0) %c, %x : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %1 = arith.addf %0, %p : tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

// Other types than static f32 tensors are left alone.
// CHECK-LABEL: @bf16(
// CHECK: tensor.concat
// CHECK-NEXT: arith.addf
func.func @bf16(%x: tensor<2x2xbf16>) -> tensor<3x2xbf16> {
  %c = arith.constant dense<1.0> : tensor<1x2xbf16>
  %p = arith.constant dense<1.0> : tensor<3x2xbf16>
  %0 = tensor.concat dim(0) %c, %x : (tensor<1x2xbf16>, tensor<2x2xbf16>) -> tensor<3x2xbf16>
  %1 = arith.addf %0, %p : tensor<3x2xbf16>
  return %1 : tensor<3x2xbf16>
}
// CHECK-LABEL: @dynamic(
// CHECK: tensor.concat
// CHECK-NEXT: arith.addf
func.func @dynamic(%x: tensor<?x2xf32>) -> tensor<3x2xf32> {
  %c = arith.constant dense<1.0> : tensor<1x2xf32>
  %p = arith.constant dense<1.0> : tensor<3x2xf32>
  %0 = tensor.concat dim(0) %c, %x : (tensor<1x2xf32>, tensor<?x2xf32>) -> tensor<3x2xf32>
  %1 = arith.addf %0, %p : tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

{-#
  dialect_resources: {
    builtin: {
      // [[0.5, 0.25], [1, 2], [3, 4], [8, 9]]
      position: "0x040000000000003F0000803E0000803F0000004000004040000080400000004100001041"
    }
  }
#-}
