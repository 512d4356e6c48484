// Weights have the bits of the first pattern that matches the name of their layer; factors and parts are matched by the name
// of their layer, too. Activations have 8 bits unless 7 are asked for.
// RUN: vitya-opt %s --vitya-quantize-dynamic="bits=^a:4,fc:5,b|d:6,7 weights=tensor activation-bits=7" | FileCheck %s
// RUN: vitya-opt %s --vitya-quantize-dynamic="bits=4" | FileCheck %s --check-prefix=FOUR

// CHECK-LABEL: @main
// CHECK: vitya.choose_qparams token %arg0 levels 127
// CHECK-NEXT: vitya.quantize %arg0, %{{.*}} levels 127 : {{.*}} -> tensor<3x4x!quant.any<u8<0:127>:f32>>
// CHECK: %[[A:.*]] = arith.constant dense_resource<a.weight.i4> : tensor<2x4xi4>
// CHECK: quant.scast %[[A]] {{.*}} : tensor<2x4xi4> to tensor<2x4x!quant.uniform<i4<-7:7>:f32, 1.000000e-01>>
// CHECK: vitya.linear "a" {{.*}} format = "u7 x s4 dynamic"
// CHECK: arith.constant dense_resource<b.weight.i8>
// CHECK: !quant.uniform<i8<-31:31>:f32, 0.09999
// CHECK: vitya.linear "b" {{.*}} format = "u7 x s6 dynamic"
// CHECK: !quant.uniform<i8<-63:63>:f32,
// CHECK: vitya.linear "c" {{.*}} format = "u7 x s7 dynamic"
// CHECK: !quant.uniform<i8<-15:15>:f32,
// CHECK: vitya.linear "fc.right" {{.*}} format = "u7 x s5 dynamic"
// CHECK: vitya.linear "fc.left" {{.*}} format = "u7 x s5 dynamic"
// CHECK: a.weight.i4: "0x4000000007F90100FD000000"
// CHECK: b.weight.i8: "0x400000001FE10A00FD000000"

// FOUR: vitya.choose_qparams token %arg0 :
// FOUR: vitya.linear "a" {{.*}} format = "u8 x s4 dynamic"
// FOUR: vitya.linear "fc.left" {{.*}} format = "u8 x s4 dynamic"
#info = #vitya.linear_info<"fc", in = 4, out = 8, format = "f32", reason = "plain, rank 2", rank = 2>
func.func @main(%x: tensor<3x4xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x8xf32>) {
  %wa = arith.constant dense<[[0.7, -0.7, 0.1, 0.0], [-0.3, 0.0, 0.0, 0.0]]> : tensor<2x4xf32>
  %0 = vitya.linear "a" %x, %wa : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
  %wb = arith.constant dense<[[3.1, -3.1, 1.0, 0.0], [-0.3, 0.0, 0.0, 0.0]]> : tensor<2x4xf32>
  %1 = vitya.linear "b" %x, %wb : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
  %2 = vitya.linear "c" %x, %wb : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
  %wr = arith.constant dense<1.0> : tensor<2x4xf32>
  %wl = arith.constant dense<1.0> : tensor<8x2xf32>
  %3 = vitya.linear "fc.right" %x, %wr {info = #info} : tensor<3x4xf32>, tensor<2x4xf32> -> tensor<3x2xf32>
  %4 = vitya.linear "fc.left" %3, %wl {info = #info} : tensor<3x2xf32>, tensor<8x2xf32> -> tensor<3x8xf32>
  return %0, %1, %2, %4 : tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<3x8xf32>
}
