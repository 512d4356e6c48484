// The examples of the dialect's documentation, one function each.
// RUN: vitya-opt %s -split-input-file | FileCheck %s

// CHECK: vitya.normalize
func.func @normalize(%image: tensor<3x32x32xf32>) {
  %0 = vitya.normalize %image mean [0.5, 0.5, 0.5] std [0.2, 0.2, 0.2] : tensor<3x32x32xf32>
  return
}

// CHECK: vitya.patchify
func.func @patchify(%image: tensor<3x32x32xf32>) {
  %0 = vitya.patchify %image [4, 4] channel_row_column : tensor<3x32x32xf32> -> tensor<64x48xf32>
  return
}

// CHECK: vitya.linear "head"
func.func @linear(%x: tensor<1x192xf32>, %w: tensor<10x192xf32>, %b: tensor<10xf32>) {
  %0 = vitya.linear "head" %x, %w bias %b
     : tensor<1x192xf32>, tensor<10x192xf32>, tensor<10xf32> -> tensor<1x10xf32>
  return
}

// CHECK: vitya.linear "blocks.0.mlp.fc1"
func.func @linear_without_bias(%x: tensor<65x192xf32>, %w: tensor<768x192xf32>) {
  %1 = vitya.linear "blocks.0.mlp.fc1" %x, %w : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
  return
}

// CHECK: vitya.layer_norm
func.func @layer_norm(%x: tensor<65x192xf32>, %w: tensor<192xf32>, %b: tensor<192xf32>) {
  %0 = vitya.layer_norm "norm" %x, %w, %b eps 1.0e-6
     : tensor<65x192xf32>, tensor<192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  return
}

// CHECK: vitya.attention
func.func @attention(%q: tensor<65x192xf32>, %k: tensor<65x192xf32>, %v: tensor<65x192xf32>) {
  %0 = vitya.attention "blocks.0.attn" %q, %k, %v heads 3 scale 1.25e-01
     : tensor<65x192xf32>, tensor<65x192xf32>, tensor<65x192xf32> -> tensor<65x192xf32>
  return
}

// CHECK: vitya.gelu
func.func @gelu(%x: tensor<65x768xf32>) {
  %0 = vitya.gelu erf %x : tensor<65x768xf32>
  return
}

// CHECK: vitya.mean_pool
func.func @mean_pool(%x: tensor<64x192xf32>) {
  %0 = vitya.mean_pool %x : tensor<64x192xf32> -> tensor<1x192xf32>
  return
}

// CHECK: vitya.linear "static"
// CHECK: vitya.linear "dynamic"
func.func @quantized_linear(%x: tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>, %y: tensor<65x192x!quant.any<u8:f32>>,
                            %w: tensor<768x192x!quant.uniform<i8<-127:127>:f32, 0.01>>, %p: tensor<65x2xf32>) {
  %0 = vitya.linear "static" %x, %w : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>,
                                      tensor<768x192x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<65x768xf32>
  %1 = vitya.linear "dynamic" %y, %w params(%p : tensor<65x2xf32>)
     : tensor<65x192x!quant.any<u8:f32>>, tensor<768x192x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<65x768xf32>
  return
}

// CHECK: vitya.attention
func.func @quantized_attention(%q: tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>,
                               %k: tensor<65x192x!quant.uniform<i8:f32, 0.01>>) {
  %0 = vitya.attention "blocks.0.attn" %q, %k, %k heads 3 scale 1.25e-01 weights !quant.uniform<u8:f32, 3.9e-3>
     : tensor<65x192x!quant.uniform<u8:f32, 0.02:128>>, tensor<65x192x!quant.uniform<i8:f32, 0.01>>,
       tensor<65x192x!quant.uniform<i8:f32, 0.01>> -> tensor<65x192xf32>
  return
}

// CHECK: vitya.choose_qparams
func.func @choose_qparams(%x: tensor<65x192xf32>) {
  %0 = vitya.choose_qparams token %x : tensor<65x192xf32> -> tensor<65x2xf32>
  return
}

// CHECK: vitya.quantize
func.func @quantize(%x: tensor<65x192xf32>, %p: tensor<65x2xf32>) {
  %0 = vitya.quantize %x, %p : tensor<65x192xf32>, tensor<65x2xf32> -> tensor<65x192x!quant.any<u8:f32>>
  return
}

// CHECK: vitya.integer_linear
func.func @integer_linear(%x: tensor<65x192xi8>, %w: tensor<768x192xi8>, %o: tensor<768xi32>, %m: tensor<768xf32>,
                          %b: tensor<768xf32>) {
  %0 = vitya.integer_linear "fc1" %x, %w offset %o multiplier %m bias %b
     : tensor<65x192xi8>, tensor<768x192xi8>, tensor<768xi32>, tensor<768xf32>, tensor<768xf32> -> tensor<65x768xf32>
  return
}

// CHECK: vitya.integer_attention
func.func @integer_attention(%q: tensor<65x192xi8>, %k: tensor<65x192xi8>, %v: tensor<65x192xi8>, %f: tensor<4xf32>) {
  %0 = vitya.integer_attention "attn" %q, %k, %v factors %f heads 3
     : tensor<65x192xi8>, tensor<65x192xi8>, tensor<65x192xi8>, tensor<4xf32> -> tensor<65x192xf32>
  return
}

// -----

// CHECK: #vitya.model
module attributes {vitya.model = #vitya.model<name = "vit", image = [3, 32, 32], classes = ["cat", "dog"]>} {}

// -----

// CHECK: #vitya.linear_info
module attributes {vitya.linears = [#vitya.linear_info<"head", in = 192, out = 10, format = "f32",
                                                       reason = "no compression asked for">]} {}
