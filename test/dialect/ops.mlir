// Each op and attribute survives printing and parsing: pretty, generic, and as bytecode.
// RUN: vitya-opt %s | vitya-opt | FileCheck %s
// RUN: vitya-opt %s --mlir-print-op-generic | vitya-opt | FileCheck %s
// RUN: vitya-opt %s --emit-bytecode | vitya-opt | FileCheck %s
// RUN: vitya-opt %s --mlir-print-op-generic | FileCheck %s --check-prefix=GENERIC

// CHECK: module attributes
// CHECK-SAME: vitya.fingerprint = "00112233445566778899aabbccddeeff"
// CHECK-SAME: vitya.linears = [#vitya.linear_info<"head", in = 192, out = 10, format = "f32", reason = "dense">, #vitya.linear_info<"fc", in = 192, out = 768, format = "f32", reason = "budget", rank = 16>]
// CHECK-SAME: vitya.model = #vitya.model<name = "vit", image = [3, 32, 32], classes = ["cat", "a dog"]>
// CHECK-SAME: vitya.multiply_adds = 1920 : i64
// CHECK-SAME: vitya.parameters = 1930 : i64
// CHECK-SAME: vitya.phase = "import"
// CHECK-SAME: vitya.settings = [#vitya.setting<"heads", value = "3", source = file>, #vitya.setting<"gelu", value = "\22erf\22", source = guess>, #vitya.setting<"eps", value = "1e-06", source = layout>, #vitya.setting<"image", value = "[32,32]", source = option>]
// CHECK-SAME: vitya.stored_tensors = [#vitya.stored_tensor<"cls" as "cls_token" shape [1, 1, 192]>, #vitya.stored_tensor<"w" as "k" shape [64, 3, 3, 3] order [0, 2, 3, 1]>, #vitya.stored_tensor<"w" as "gamma" shape [64] fill 1.000000e+00 : f32>, #vitya.stored_tensor<"pos">]
module attributes {
    vitya.model = #vitya.model<name = "vit", image = [3, 32, 32], classes = ["cat", "a dog"]>,
    vitya.linears = [
      #vitya.linear_info<"head", in = 192, out = 10, format = "f32", reason = "dense">,
      #vitya.linear_info<"fc", in = 192, out = 768, format = "f32", reason = "budget", rank = 16>],
    vitya.fingerprint = "00112233445566778899aabbccddeeff", vitya.multiply_adds = 1920 : i64,
    vitya.parameters = 1930 : i64, vitya.phase = "import",
    vitya.settings = [
      #vitya.setting<"heads", value = "3", source = file>, #vitya.setting<"gelu", value = "\22erf\22", source = guess>,
      #vitya.setting<"eps", value = "1e-06", source = layout>, #vitya.setting<"image", value = "[32,32]", source = option>],
    vitya.stored_tensors = [
      #vitya.stored_tensor<"cls" as "cls_token" shape [1, 1, 192]>,
      #vitya.stored_tensor<"w" as "k" shape [64, 3, 3, 3] order [0, 2, 3, 1]>,
      #vitya.stored_tensor<"w" as "gamma" shape [64] fill 1.0 : f32>, #vitya.stored_tensor<"pos">]} {

// CHECK-LABEL: func @image(
// CHECK-SAME: %[[IMAGE:.*]]: tensor<3x32x16xf32>
// GENERIC-LABEL: sym_name = "image"
func.func @image(%image: tensor<3x32x16xf32>) -> (tensor<32x48xf32>, tensor<64x24xf32>) {
  // CHECK: %[[NORMAL:.*]] = vitya.normalize %[[IMAGE]] mean [0.5, 0.4, 0.0] std [0.2, 1.0, 0.3] : tensor<3x32x16xf32>
  // GENERIC: "vitya.normalize"(%{{.*}}) <{mean = array<f32: {{.*}}>, std = array<f32: {{.*}}>}> : (tensor<3x32x16xf32>) -> tensor<3x32x16xf32>
  %0 = vitya.normalize %image mean [0.5, 0.4, 0.0] std [0.2, 1.0, 0.3] : tensor<3x32x16xf32>
  // CHECK: vitya.patchify %[[NORMAL]] [4, 4] channel_row_column : tensor<3x32x16xf32> -> tensor<32x48xf32>
  // GENERIC: "vitya.patchify"(%{{.*}}) <{order = 0 : i32, patch = array<i64: 4, 4>}> : (tensor<3x32x16xf32>) -> tensor<32x48xf32>
  %1 = vitya.patchify %0 [4, 4] channel_row_column : tensor<3x32x16xf32> -> tensor<32x48xf32>
  // CHECK: vitya.patchify %[[NORMAL]] [2, 4] row_column_channel : tensor<3x32x16xf32> -> tensor<64x24xf32>
  // GENERIC: "vitya.patchify"(%{{.*}}) <{order = 1 : i32, patch = array<i64: 2, 4>}>
  %2 = vitya.patchify %0 [2, 4] row_column_channel : tensor<3x32x16xf32> -> tensor<64x24xf32>
  return %1, %2 : tensor<32x48xf32>, tensor<64x24xf32>
}

// CHECK-LABEL: func @linear(
// CHECK-SAME: %[[X:.*]]: tensor<65x192xf32>, %[[W:.*]]: tensor<768x192xf32>, %[[B:.*]]: tensor<768xf32>
// GENERIC-LABEL: sym_name = "linear"
func.func @linear(%x: tensor<65x192xf32>, %w: tensor<768x192xf32>, %b: tensor<768xf32>)
    -> (tensor<65x768xf32>, tensor<65x768xf32>) {
  // CHECK: vitya.linear "blocks.0.mlp.fc1" %[[X]], %[[W]] bias %[[B]] : tensor<65x192xf32>, tensor<768x192xf32>, tensor<768xf32> -> tensor<65x768xf32>
  // GENERIC: "vitya.linear"(%{{.*}}, %{{.*}}, %{{.*}}) <{layer = "blocks.0.mlp.fc1", operandSegmentSizes
  %0 = vitya.linear "blocks.0.mlp.fc1" %x, %w bias %b : tensor<65x192xf32>, tensor<768x192xf32>, tensor<768xf32> -> tensor<65x768xf32>
  // CHECK: vitya.linear "fc2" %[[X]], %[[W]] {hint = 1 : i64} : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
  %1 = vitya.linear "fc2" %x, %w {hint = 1 : i64} : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
  return %0, %1 : tensor<65x768xf32>, tensor<65x768xf32>
}

// CHECK-LABEL: func @tokens(
// CHECK-SAME: %[[X:.*]]: tensor<65x192xf32>, %[[W:.*]]: tensor<192xf32>
// GENERIC-LABEL: sym_name = "tokens"
func.func @tokens(%x: tensor<65x192xf32>, %w: tensor<192xf32>) -> tensor<1x192xf32> {
  // CHECK: %[[NORM:.*]] = vitya.layer_norm "norm" %[[X]], %[[W]], %[[W]] eps 1.0e-6 : tensor<65x192xf32>, tensor<192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  // GENERIC: "vitya.layer_norm"(%{{.*}}, %{{.*}}, %{{.*}}) <{eps = 9.9999999999999995E-7 : f64, layer = "norm"}>
  %0 = vitya.layer_norm "norm" %x, %w, %w eps 1.0e-6 : tensor<65x192xf32>, tensor<192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  // CHECK: %[[RMS:.*]] = vitya.rms_norm "norm" %[[NORM]], %[[W]] eps 1.0e-6 : tensor<65x192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  // GENERIC: "vitya.rms_norm"(%{{.*}}, %{{.*}}) <{eps = 9.9999999999999995E-7 : f64, layer = "norm"}>
  %rms = vitya.rms_norm "norm" %0, %w eps 1.0e-6 : tensor<65x192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  // CHECK: vitya.rotary_embedding %[[RMS]], %[[C:.*]], %[[C]] heads 3 : tensor<65x192xf32>, tensor<65x32xf32>, tensor<65x32xf32>
  // GENERIC: "vitya.rotary_embedding"(%{{.*}}, %{{.*}}, %{{.*}}) <{heads = 3 : i64}>
  %c = arith.constant dense<0.5> : tensor<65x32xf32>
  %rotated = vitya.rotary_embedding %rms, %c, %c heads 3 : tensor<65x192xf32>, tensor<65x32xf32>, tensor<65x32xf32>
  // CHECK: vitya.rotary_embedding %{{.*}}, %[[ALL:.*]], %[[ALL]] heads 3 interleaved : tensor<65x192xf32>, tensor<65x96xf32>, tensor<65x96xf32>
  // GENERIC: "vitya.rotary_embedding"(%{{.*}}, %{{.*}}, %{{.*}}) <{heads = 3 : i64, interleaved}>
  %all = arith.constant dense<0.5> : tensor<65x96xf32>
  %pairs = vitya.rotary_embedding %rotated, %all, %all heads 3 interleaved : tensor<65x192xf32>, tensor<65x96xf32>, tensor<65x96xf32>
  // CHECK: %[[ERF:.*]] = vitya.gelu erf %[[RMS]] : tensor<65x192xf32>
  // GENERIC: "vitya.gelu"(%{{.*}}) <{form = 0 : i32}>
  %1 = vitya.gelu erf %rms : tensor<65x192xf32>
  // CHECK: %[[TANH:.*]] = vitya.gelu tanh %[[ERF]] : tensor<65x192xf32>
  // GENERIC: "vitya.gelu"(%{{.*}}) <{form = 1 : i32}>
  %2 = vitya.gelu tanh %1 : tensor<65x192xf32>
  // CHECK: %[[QUICK:.*]] = vitya.gelu quick %[[TANH]] : tensor<65x192xf32>
  // GENERIC: "vitya.gelu"(%{{.*}}) <{form = 2 : i32}>
  %quick = vitya.gelu quick %2 : tensor<65x192xf32>
  // CHECK: %[[RELU:.*]] = vitya.relu %[[QUICK]] : tensor<65x192xf32>
  // GENERIC: "vitya.relu"(%{{.*}}) : (tensor<65x192xf32>) -> tensor<65x192xf32>
  %relu = vitya.relu %quick : tensor<65x192xf32>
  // CHECK: vitya.silu %[[RELU]] : tensor<65x192xf32>
  // GENERIC: "vitya.silu"(%{{.*}}) : (tensor<65x192xf32>) -> tensor<65x192xf32>
  %silu = vitya.silu %relu : tensor<65x192xf32>
  // CHECK: vitya.scale_columns %[[QUICK]] by %{{.*}} : tensor<65x192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  %scaled = vitya.scale_columns %quick by %w : tensor<65x192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  // CHECK: vitya.mean_pool %[[QUICK]] : tensor<65x192xf32> -> tensor<1x192xf32>
  // GENERIC: "vitya.mean_pool"(%{{.*}}) : (tensor<65x192xf32>) -> tensor<1x192xf32>
  %3 = vitya.mean_pool %quick : tensor<65x192xf32> -> tensor<1x192xf32>
  return %3 : tensor<1x192xf32>
}

// CHECK-LABEL: func @windows(
// CHECK-SAME: %[[X:.*]]: tensor<32x16xf32>
func.func @windows(%x: tensor<32x16xf32>) -> (tensor<8x144xf32>, tensor<8x16xf32>) {
  // CHECK: vitya.unfold %[[X]] grid [4, 8] window [3, 3] stride [2, 2] padding [1, 1] : tensor<32x16xf32> -> tensor<8x144xf32>
  %0 = vitya.unfold %x grid [4, 8] window [3, 3] stride [2, 2] padding [1, 1] : tensor<32x16xf32> -> tensor<8x144xf32>
  // CHECK: vitya.max_pool %[[X]] grid [4, 8] window [2, 3] stride [2, 2] padding [0, 1] : tensor<32x16xf32> -> tensor<8x16xf32>
  %1 = vitya.max_pool %x grid [4, 8] window [2, 3] stride [2, 2] padding [0, 1] : tensor<32x16xf32> -> tensor<8x16xf32>
  return %0, %1 : tensor<8x144xf32>, tensor<8x16xf32>
}

// A bias has groups of columns that are as wide as the keys are many, or wider.
// CHECK-LABEL: func @attention_with_bias(
// CHECK-SAME: %[[X:.*]]: tensor<4x6xf32>, %[[B:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<4x32xf32>
func.func @attention_with_bias(%x: tensor<4x6xf32>, %b: tensor<4x8xf32>, %w: tensor<4x32xf32>) -> (tensor<4x6xf32>, tensor<4x6xf32>) {
  // CHECK: vitya.attention "attn" %[[X]], %[[X]], %[[X]] bias %[[B]] heads 2 scale 0.5 : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x8xf32> -> tensor<4x6xf32>
  %0 = vitya.attention "attn" %x, %x, %x bias %b heads 2 scale 0.5 : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x8xf32> -> tensor<4x6xf32>
  // CHECK: vitya.attention "attn" %[[X]], %[[X]], %[[X]] bias %[[W]] heads 2 scale 0.5 : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x32xf32> -> tensor<4x6xf32>
  %1 = vitya.attention "attn" %x, %x, %x bias %w heads 2 scale 0.5 : tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x6xf32>, tensor<4x32xf32> -> tensor<4x6xf32>
  return %0, %1 : tensor<4x6xf32>, tensor<4x6xf32>
}

// Heads of query and key may be narrower than those of value, and there may be fewer queries than keys.
// CHECK-LABEL: func @attention(
// CHECK-SAME: %[[Q:.*]]: tensor<1x96xf32>, %[[K:.*]]: tensor<65x96xf32>, %[[V:.*]]: tensor<65x192xf32>
func.func @attention(%q: tensor<1x96xf32>, %k: tensor<65x96xf32>, %v: tensor<65x192xf32>) -> tensor<1x192xf32> {
  // CHECK: vitya.attention "attn" %[[Q]], %[[K]], %[[V]] heads 3 scale 0.125 : tensor<1x96xf32>, tensor<65x96xf32>, tensor<65x192xf32> -> tensor<1x192xf32>
  // GENERIC: "vitya.attention"(%{{.*}}, %{{.*}}, %{{.*}}) <{heads = 3 : i64, layer = "attn", scale = 1.250000e-01 : f64}>
  %0 = vitya.attention "attn" %q, %k, %v heads 3 scale 0.125 : tensor<1x96xf32>, tensor<65x96xf32>, tensor<65x192xf32> -> tensor<1x192xf32>
  return %0 : tensor<1x192xf32>
}

// CHECK-LABEL: func @quantized(
// CHECK-SAME: %[[X:.*]]: tensor<65x192xf32>, %[[S:.*]]: tensor<192x192xi8>, %[[B:.*]]: tensor<192xf32>, %[[STEPS:.*]]: tensor<192xi32>
func.func @quantized(%x: tensor<65x192xf32>, %s: tensor<192x192xi8>, %b: tensor<192xf32>, %steps: tensor<192xi32>) -> tensor<65x192xf32> {
  // CHECK: %[[W:.*]] = quant.scast %[[S]] : tensor<192x192xi8> to tensor<192x192x!quant.uniform<i8<-127:127>:f32, 1.000000e-02>>
  %w = quant.scast %s : tensor<192x192xi8> to tensor<192x192x!quant.uniform<i8<-127:127>:f32, 0.01>>
  // CHECK: %[[Q:.*]] = quant.qcast %[[X]]
  %q = quant.qcast %x : tensor<65x192xf32> to tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>
  // CHECK: vitya.linear "static" %[[Q]], %[[W]] bias %[[B]] : tensor<65x192x!quant.uniform<u8:f32, 2.000000e-02:128>>, tensor<192x192x!quant.uniform<i8<-127:127>:f32, 1.000000e-02>>, tensor<192xf32> -> tensor<65x192xf32>
  // GENERIC: "vitya.linear"(%{{.*}}, %{{.*}}, %{{.*}}) <{layer = "static", operandSegmentSizes = array<i32: 1, 1, 1, 0>}>
  %0 = vitya.linear "static" %q, %w bias %b : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>, tensor<192x192x!quant.uniform<i8<-127:127>:f32, 0.01>>, tensor<192xf32> -> tensor<65x192xf32>
  // CHECK: vitya.linear "static" %[[Q]], %[[W]] bias %[[STEPS]] : {{.*}}, tensor<192xi32> -> tensor<65x192xf32>
  %integer_bias = vitya.linear "static" %q, %w bias %steps : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>, tensor<192x192x!quant.uniform<i8<-127:127>:f32, 0.01>>, tensor<192xi32> -> tensor<65x192xf32>
  // CHECK: %[[P:.*]] = vitya.choose_qparams token %{{.*}} : tensor<65x192xf32> -> tensor<65x2xf32>
  // GENERIC: "vitya.choose_qparams"(%{{.*}}) <{granularity = 0 : i32, levels = 255 : i32}>
  %p = vitya.choose_qparams token %0 : tensor<65x192xf32> -> tensor<65x2xf32>
  // CHECK: vitya.choose_qparams tensor %{{.*}} : tensor<65x192xf32> -> tensor<1x2xf32>
  %p1 = vitya.choose_qparams tensor %0 : tensor<65x192xf32> -> tensor<1x2xf32>
  // CHECK: vitya.choose_qparams tensor %{{.*}} levels 127 : tensor<65x192xf32> -> tensor<1x2xf32>
  %p2 = vitya.choose_qparams tensor %0 levels 127 : tensor<65x192xf32> -> tensor<1x2xf32>
  // CHECK: %[[D:.*]] = vitya.quantize %{{.*}}, %[[P]] : tensor<65x192xf32>, tensor<65x2xf32> -> tensor<65x192x!quant.any<u8:f32>>
  %d = vitya.quantize %0, %p : tensor<65x192xf32>, tensor<65x2xf32> -> tensor<65x192x!quant.any<u8:f32>>
  // CHECK: vitya.linear "dynamic" %[[D]], %[[W]] params(%[[P]] : tensor<65x2xf32>) : tensor<65x192x!quant.any<u8:f32>>, tensor<192x192x!quant.uniform<i8<-127:127>:f32, 1.000000e-02>> -> tensor<65x192xf32>
  // GENERIC: "vitya.linear"(%{{.*}}, %{{.*}}, %{{.*}}) <{layer = "dynamic", operandSegmentSizes = array<i32: 1, 1, 0, 1>}>
  %1 = vitya.linear "dynamic" %d, %w params(%p : tensor<65x2xf32>) : tensor<65x192x!quant.any<u8:f32>>, tensor<192x192x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<65x192xf32>
  // CHECK: vitya.quantize %{{.*}}, %{{.*}} levels 127 : tensor<65x192xf32>, tensor<1x2xf32> -> tensor<65x192x!quant.any<u8<0:127>:f32>>
  %d7 = vitya.quantize %0, %p2 levels 127 : tensor<65x192xf32>, tensor<1x2xf32> -> tensor<65x192x!quant.any<u8<0:127>:f32>>
  %i4 = arith.constant dense<-7> : tensor<192x192xi4>
  %w4 = quant.scast %i4 : tensor<192x192xi4> to tensor<192x192x!quant.uniform<i4<-7:7>:f32, 0.01>>
  // CHECK: vitya.linear "narrow" {{.*}} {info = #vitya.linear_info<"narrow", in = 192, out = 192, format = "u7 x s4 dynamic", reason = "">} : tensor<65x192x!quant.any<u8<0:127>:f32>>, tensor<192x192x!quant.uniform<i4<-7:7>:f32, 1.000000e-02>> -> tensor<65x192xf32>
  %narrow = vitya.linear "narrow" %d7, %w4 params(%p2 : tensor<1x2xf32>) {info = #vitya.linear_info<"narrow", in = 192, out = 192, format = "u7 x s4 dynamic", reason = "">} : tensor<65x192x!quant.any<u8<0:127>:f32>>, tensor<192x192x!quant.uniform<i4<-7:7>:f32, 0.01>> -> tensor<65x192xf32>
  %k = quant.qcast %1 : tensor<65x192xf32> to tensor<65x192x!quant.uniform<i8:f32, 0.01>>
  // CHECK: vitya.attention "attn" %[[Q]], %{{.*}}, %{{.*}} heads 3 scale 0.125 weights !quant.uniform<u8:f32, 3.900000e-03> : tensor<65x192x!quant.uniform<u8:f32, 2.000000e-02:128>>, tensor<65x192x!quant.uniform<i8:f32, 1.000000e-02>>, tensor<65x192x!quant.uniform<i8:f32, 1.000000e-02>> -> tensor<65x192xf32>
  %2 = vitya.attention "attn" %q, %k, %k heads 3 scale 0.125 weights !quant.uniform<u8:f32, 3.9e-3> : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>, tensor<65x192x!quant.uniform<i8:f32, 0.01>>, tensor<65x192x!quant.uniform<i8:f32, 0.01>> -> tensor<65x192xf32>
  return %2 : tensor<65x192xf32>
}

// CHECK-LABEL: func @bf16(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<3x8xbf16>, %[[B:.*]]: tensor<3xf32>
func.func @bf16(%x: tensor<4x8xf32>, %w: tensor<3x8xbf16>, %b: tensor<3xf32>) -> tensor<4x3xf32> {
  // CHECK: %[[Y:.*]] = vitya.to_bf16 %[[X]] : tensor<4x8xf32> -> tensor<4x8xbf16>
  %y = vitya.to_bf16 %x : tensor<4x8xf32> -> tensor<4x8xbf16>
  // CHECK: vitya.linear "fc" %[[Y]], %[[W]] bias %[[B]] {info = #vitya.linear_info<"fc", in = 8, out = 3, format = "bf16", reason = "">} : tensor<4x8xbf16>, tensor<3x8xbf16>, tensor<3xf32> -> tensor<4x3xf32>
  %0 = vitya.linear "fc" %y, %w bias %b {info = #vitya.linear_info<"fc", in = 8, out = 3, format = "bf16", reason = "">} : tensor<4x8xbf16>, tensor<3x8xbf16>, tensor<3xf32> -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// CHECK-LABEL: func @order(
func.func @order(%x: tensor<4x32xi8>, %o: tensor<32xi8>) -> tensor<4x32xi8> {
  // CHECK: vitya.order_columns %{{.*}}, %{{.*}} : tensor<4x32xi8>, tensor<32xi8>
  %0 = vitya.order_columns %x, %o : tensor<4x32xi8>, tensor<32xi8>
  return %0 : tensor<4x32xi8>
}

// CHECK-LABEL: func @integer(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf32>, %[[W:.*]]: tensor<8x8xi8>, %[[O:.*]]: tensor<8xi32>, %[[M:.*]]: tensor<8xf32>, %[[P:.*]]: tensor<1x2xf32>, %[[F:.*]]: tensor<4xf32>
func.func @integer(%x: tensor<4x8xf32>, %w: tensor<8x8xi8>, %o: tensor<8xi32>, %m: tensor<8xf32>, %p: tensor<1x2xf32>, %f: tensor<4xf32>) -> tensor<4x8xf32> {
  // CHECK: %[[U:.*]] = vitya.quantize %[[X]], %[[P]] : tensor<4x8xf32>, tensor<1x2xf32> -> tensor<4x8xi8>
  %u = vitya.quantize %x, %p : tensor<4x8xf32>, tensor<1x2xf32> -> tensor<4x8xi8>
  // CHECK: %[[S:.*]] = vitya.quantize signed %[[X]], %[[P]] : tensor<4x8xf32>, tensor<1x2xf32> -> tensor<4x8xi8>
  %s = vitya.quantize signed %x, %p : tensor<4x8xf32>, tensor<1x2xf32> -> tensor<4x8xi8>
  // CHECK: vitya.integer_linear "static" %[[U]], %[[W]] offset %[[O]] multiplier %[[M]] bias %[[M]] : tensor<4x8xi8>, tensor<8x8xi8>, tensor<8xi32>, tensor<8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  %0 = vitya.integer_linear "static" %u, %w offset %o multiplier %m bias %m : tensor<4x8xi8>, tensor<8x8xi8>, tensor<8xi32>, tensor<8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  // CHECK: vitya.integer_linear "dynamic" %[[U]], %[[W]] offset %[[O]] multiplier %[[M]] params(%[[P]] : tensor<1x2xf32>) : tensor<4x8xi8>, tensor<8x8xi8>, tensor<8xi32>, tensor<8xf32> -> tensor<4x8xf32>
  %1 = vitya.integer_linear "dynamic" %u, %w offset %o multiplier %m params(%p : tensor<1x2xf32>) : tensor<4x8xi8>, tensor<8x8xi8>, tensor<8xi32>, tensor<8xf32> -> tensor<4x8xf32>
  // CHECK: vitya.integer_attention "attn" %[[U]], %[[S]], %[[S]] factors %[[F]] bias %{{.*}} heads 2 : tensor<4x8xi8>, tensor<4x8xi8>, tensor<4x8xi8>, tensor<4xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %bias = arith.constant dense<1.0> : tensor<4x8xf32>
  %3 = vitya.integer_attention "attn" %u, %s, %s factors %f bias %bias heads 2 : tensor<4x8xi8>, tensor<4x8xi8>, tensor<4x8xi8>, tensor<4xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  // CHECK: vitya.integer_attention "attn" %[[U]], %[[S]], %[[S]] factors %[[F]] heads 2 : tensor<4x8xi8>, tensor<4x8xi8>, tensor<4x8xi8>, tensor<4xf32> -> tensor<4x8xf32>
  %2 = vitya.integer_attention "attn" %u, %s, %s factors %f heads 2 : tensor<4x8xi8>, tensor<4x8xi8>, tensor<4x8xi8>, tensor<4xf32> -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}
}
