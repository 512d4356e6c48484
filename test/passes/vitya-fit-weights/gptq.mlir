// RUN: vitya-opt %s --vitya-fit-weights="images=%demo/calibration-256.bin count=2 quantize=dynamic,rounding=gptq,except=a" | FileCheck %s
// RUN: vitya-opt %s --vitya-fit-weights="images=%demo/calibration-256.bin count=2 quantize=dynamic,rounding=gptq,bits=c:4,weights=tensor,except=a" | FileCheck %s --check-prefix=FOUR
// RUN: vitya-opt %s --vitya-fit-weights="images=%demo/calibration-256.bin count=2 quantize=static,rounding=gptq" --vitya-calibrate="images=%demo/calibration-256.bin count=2" --vitya-quantize-static="rounding=gptq" | FileCheck %s --check-prefix=STATIC
// RUN: vitya-opt %s --vitya-fit-weights="images=%demo/calibration-256.bin count=2 quantize=dynamic,rounding=gptq,except=a" --emit-bytecode -o %t.mlirbc
// RUN: vitya-compile %t.mlirbc --emit=import -o - | vitya-opt --vitya-quantize-dynamic="rounding=gptq except=a|c" | FileCheck %s --check-prefix=BYTECODE

// The input of "b" and "c" is (1, 1, 1). The sum of the row of "b", 128, is exact in integers that are not all the nearest.
// The f32 weights stay. Layers that will not be quantized have no integers.
// CHECK: vitya.linear "a" %{{[0-9]+}}, %{{[a-z0-9_]+}} bias %{{[a-z0-9_]+}} :
// CHECK: %[[B:.*]] = arith.constant dense<{{.*}}1.270000e+02, 5.000000e-01, 5.000000e-01
// CHECK: vitya.linear "b" %{{[0-9]+}}, %[[B]] {vitya.rounded = #vitya.rounded<dense_resource<b.weight.i8> : tensor<1x3xi8>, type = !quant.uniform<i8<-127:127>:f32:0, {1.000000e+00}>, reason = "GPTQ, damping 0.01">}
// CHECK: vitya.linear "c" {{.*}}vitya.rounded
// CHECK: b.weight.i8: "0x400000007F0001"

// FOUR: vitya.linear "b" {{.*}}type = !quant.uniform<i8<-127:127>:f32, 1.000000e+00>
// FOUR: vitya.linear "c" {{.*}}#vitya.rounded<dense_resource<c.weight.i4> : tensor<2x3xi4>, type = !quant.uniform<i4<-7:7>:f32,

// Quantization takes the integers and removes the attribute.
// STATIC-NOT: vitya.rounded
// STATIC-NOT: vitya.calibrated
// STATIC: %[[I:.*]] = arith.constant dense_resource<b.weight.i8> : tensor<1x3xi8>
// STATIC: quant.scast %[[I]] {vitya.noise = {{.*}}} : tensor<1x3xi8> to tensor<1x3x!quant.uniform<i8<-127:127>:f32:0, {1.000000e+00}>>
// STATIC: vitya.linear "b" {{.*}}reason = "mse, {{.*}}; weight: GPTQ, damping 0.01"
// STATIC: b.weight.i8: "0x400000007F0001"

// Bytecode keeps the integers, which a search for a bound reads from it. Layers that stay f32 have their f32 weights.
// BYTECODE: vitya.linear "b" {{.*}}; weight: GPTQ, damping 0.01"
// BYTECODE: %[[C:.*]] = arith.constant dense<{{.*}}7.000000e+00, 4.000000e-01, 4.000000e-01
// BYTECODE: vitya.linear "c" %{{[0-9]+}}, %[[C]] {info = {{.*}} format = "f32"
// BYTECODE-NOT: c.weight
// BYTECODE: b.weight.i8: "0x400000007F0001"
func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x3xf32> {
  %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
  %wa = arith.constant dense<0.0> : tensor<3x3xf32>
  %ba = arith.constant dense<1.0> : tensor<3xf32>
  %a = vitya.linear "a" %x, %wa bias %ba : tensor<1x3xf32>, tensor<3x3xf32>, tensor<3xf32> -> tensor<1x3xf32>
  %wb = arith.constant dense<[[127.0, 0.5, 0.5]]> : tensor<1x3xf32>
  %b = vitya.linear "b" %a, %wb : tensor<1x3xf32>, tensor<1x3xf32> -> tensor<1x1xf32>
  %wc = arith.constant dense<[[7.0, 0.4, 0.4], [3.0, 1.0, -2.0]]> : tensor<2x3xf32>
  %c = vitya.linear "c" %a, %wc : tensor<1x3xf32>, tensor<2x3xf32> -> tensor<1x2xf32>
  %d = tensor.concat dim(1) %b, %c : (tensor<1x1xf32>, tensor<1x2xf32>) -> tensor<1x3xf32>
  return %d : tensor<1x3xf32>
}
