// NaN and infinity have a defined result in both engines. The image is 3 tokens of 8 values; the constant adds NaN to one
// value of the first token and to all of the second, and infinities to the third.
// RUN: %python %S/Inputs/make_images.py > %t.bin
// RUN: not vitya-run %s --images=%t.bin --count=1 --engine=reference 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=ERROR --input-file=%t.err
// RUN: not vitya-run %s --images=%t.bin --count=1 --engine=compiled 2>%t.err | FileCheck %s
// RUN: FileCheck %s --check-prefix=ERROR --input-file=%t.err
// ERROR: vitya-run: error: expected finite logits, found NaN as logit {{[0-9]+}} of image 0
// ERROR-NOT: {{.}}

// With parameters found at run time, a NaN or an infinity makes all results of its token NaN.
// CHECK: image 0: logits{{( -?nan)}}{{( -?nan)}}{{( -?nan)}}{{( -?nan)}}{{( -?nan)}}{{( -?nan)}}{{( -?nan)}}{{( -?nan)}}
// With static parameters infinities are quantized to the levels 0 and 255, NaN to level 0: 0.25 (level - 16).
// CHECK-SAME: 56.7500 59.7500 -4.0000 -4.0000
// The other functions return NaN for NaN.
// CHECK-SAME: 0.0000 {{-?}}nan 0.0000 {{-?}}nan{{$}}

!u = !quant.uniform<u8:f32, 0.25:16>
!any = !quant.any<u8:f32>
!w = !quant.uniform<i8<-127:127>:f32, 1.0>

module attributes {vitya.model = #vitya.model<name = "nan", image = [3, 2, 4], classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"]>} {
  func.func @main(%image: tensor<3x2x4xf32>) -> tensor<1x16xf32> {
    %finite = tensor.collapse_shape %image [[0], [1, 2]] : tensor<3x2x4xf32> into tensor<3x8xf32>
    %special = arith.constant dense<[
      [0.0, 0x7FC00000, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
      [0x7FC00000, 0x7FC00000, 0x7FC00000, 0x7FC00000, 0x7FC00000, 0x7FC00000, 0x7FC00000, 0x7FC00000],
      [0x7F800000, 0xFF800000, 0x7FC00000, 1.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<3x8xf32>
    %x = arith.addf %finite, %special : tensor<3x8xf32>
    %columns = arith.constant dense<[
      [1, 1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0, 0]]> : tensor<4x8xi8>
    %w = quant.scast %columns : tensor<4x8xi8> to tensor<4x8x!w>
    %b = arith.constant dense<[0.5, 1.0, 2.0, 4.0]> : tensor<4xf32>

    %some = tensor.extract_slice %x[0, 0] [2, 8] [1, 1] : tensor<3x8xf32> to tensor<2x8xf32>
    %p = vitya.choose_qparams token %some : tensor<2x8xf32> -> tensor<2x2xf32>
    %q0 = vitya.quantize %some, %p : tensor<2x8xf32>, tensor<2x2xf32> -> tensor<2x8x!any>
    %dynamic = vitya.linear "dynamic" %q0, %w bias %b params(%p : tensor<2x2xf32>) : tensor<2x8x!any>, tensor<4x8x!w>, tensor<4xf32> -> tensor<2x4xf32>

    %last = tensor.extract_slice %x[2, 0] [1, 8] [1, 1] : tensor<3x8xf32> to tensor<1x8xf32>
    %q1 = quant.qcast %last : tensor<1x8xf32> to tensor<1x8x!u>
    %static = vitya.linear "static" %q1, %w : tensor<1x8x!u>, tensor<4x8x!w> -> tensor<1x4xf32>

    %two = tensor.extract_slice %x[0, 0] [1, 2] [1, 1] : tensor<3x8xf32> to tensor<1x2xf32>
    %erf = vitya.gelu erf %two : tensor<1x2xf32>
    %tanh = vitya.gelu tanh %two : tensor<1x2xf32>

    %tokens = tensor.collapse_shape %dynamic [[0, 1]] : tensor<2x4xf32> into tensor<8xf32>
    %row = tensor.expand_shape %tokens [[0, 1]] output_shape [1, 8] : tensor<8xf32> into tensor<1x8xf32>
    %all = tensor.concat dim(1) %row, %static, %erf, %tanh : (tensor<1x8xf32>, tensor<1x4xf32>, tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x16xf32>
    return %all : tensor<1x16xf32>
  }
}
