// The offsets of a dynamic layer are the sums of the rows of its weight, in 16 bits if these hold them. An i4 weight stays i4.
// RUN: vitya-opt %s --vitya-lower-quantization | FileCheck %s

// CHECK-LABEL: func.func @main
// CHECK: %[[W:.*]] = arith.constant dense<[{{\[}}7, -7, 7, 7], [-7, -7, -7, 0]]> : tensor<2x4xi4>
// CHECK: %[[O:.*]] = arith.constant dense_resource<short.offset> : tensor<2xi16>
// CHECK: vitya.integer_linear "short" %{{.*}}, %[[W]] offset %[[O]] {{.*}} : tensor<3x4xi8>, tensor<2x4xi4>, tensor<2xi16>, tensor<2xf32> -> tensor<3x2xf32>
// CHECK: arith.constant dense_resource<long.offset> : tensor<1xi32>
// CHECK: short.offset: "0x400000000E00EBFF"
// CHECK: long.offset: "0x40000000E8800000"
func.func @main(%x: tensor<3x4xf32>, %y: tensor<3x264xf32>) -> (tensor<3x2xf32>, tensor<3x1xf32>) {
  %p = vitya.choose_qparams token %x : tensor<3x4xf32> -> tensor<3x2xf32>
  %q = vitya.quantize %x, %p : tensor<3x4xf32>, tensor<3x2xf32> -> tensor<3x4x!quant.any<u8:f32>>
  %i = arith.constant dense<[[7, -7, 7, 7], [-7, -7, -7, 0]]> : tensor<2x4xi4>
  %w = quant.scast %i : tensor<2x4xi4> to tensor<2x4x!quant.uniform<i4<-7:7>:f32, 0.01>>
  %0 = vitya.linear "short" %q, %w params(%p : tensor<3x2xf32>)
     : tensor<3x4x!quant.any<u8:f32>>, tensor<2x4x!quant.uniform<i4<-7:7>:f32, 0.01>> -> tensor<3x2xf32>
  %r = vitya.choose_qparams token %y : tensor<3x264xf32> -> tensor<3x2xf32>
  %s = vitya.quantize %y, %r : tensor<3x264xf32>, tensor<3x2xf32> -> tensor<3x264x!quant.any<u8:f32>>
  %j = arith.constant dense<125> : tensor<1x264xi8>
  %v = quant.scast %j : tensor<1x264xi8> to tensor<1x264x!quant.uniform<i8<-127:127>:f32, 0.01>>
  %1 = vitya.linear "long" %s, %v params(%r : tensor<3x2xf32>)
     : tensor<3x264x!quant.any<u8:f32>>, tensor<1x264x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<3x1xf32>
  return %0, %1 : tensor<3x2xf32>, tensor<3x1xf32>
}
