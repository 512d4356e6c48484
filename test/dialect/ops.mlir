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
module attributes {
    vitya.model = #vitya.model<name = "vit", image = [3, 32, 32], classes = ["cat", "a dog"]>,
    vitya.linears = [
      #vitya.linear_info<"head", in = 192, out = 10, format = "f32", reason = "dense">,
      #vitya.linear_info<"fc", in = 192, out = 768, format = "f32", reason = "budget", rank = 16>],
    vitya.fingerprint = "00112233445566778899aabbccddeeff", vitya.multiply_adds = 1920 : i64,
    vitya.parameters = 1930 : i64, vitya.phase = "import"} {

// CHECK-LABEL: func @image(
// CHECK-SAME: %[[IMAGE:.*]]: tensor<3x32x16xf32>
// GENERIC-LABEL: sym_name = "image"
func.func @image(%image: tensor<3x32x16xf32>) -> (tensor<32x48xf32>, tensor<64x24xf32>) {
  // CHECK: %[[NORMAL:.*]] = vitya.normalize %[[IMAGE]] mean [5.000000e-01, 4.000000e-01, 0.000000e+00] std [2.000000e-01, 1.000000e+00, 3.000000e-01] : tensor<3x32x16xf32>
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
  // GENERIC: "vitya.linear"(%{{.*}}, %{{.*}}, %{{.*}}) <{layer = "blocks.0.mlp.fc1"}>
  %0 = vitya.linear "blocks.0.mlp.fc1" %x, %w bias %b : tensor<65x192xf32>, tensor<768x192xf32>, tensor<768xf32> -> tensor<65x768xf32>
  // CHECK: vitya.linear "fc2" %[[X]], %[[W]] {hint = 1 : i64} : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
  %1 = vitya.linear "fc2" %x, %w {hint = 1 : i64} : tensor<65x192xf32>, tensor<768x192xf32> -> tensor<65x768xf32>
  return %0, %1 : tensor<65x768xf32>, tensor<65x768xf32>
}

// CHECK-LABEL: func @tokens(
// CHECK-SAME: %[[X:.*]]: tensor<65x192xf32>, %[[W:.*]]: tensor<192xf32>
// GENERIC-LABEL: sym_name = "tokens"
func.func @tokens(%x: tensor<65x192xf32>, %w: tensor<192xf32>) -> tensor<1x192xf32> {
  // CHECK: %[[NORM:.*]] = vitya.layer_norm "norm" %[[X]], %[[W]], %[[W]] eps 9.9999999999999995E-7 : tensor<65x192xf32>, tensor<192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  // GENERIC: "vitya.layer_norm"(%{{.*}}, %{{.*}}, %{{.*}}) <{eps = 9.9999999999999995E-7 : f64, layer = "norm"}>
  %0 = vitya.layer_norm "norm" %x, %w, %w eps 1.0e-6 : tensor<65x192xf32>, tensor<192xf32>, tensor<192xf32> -> tensor<65x192xf32>
  // CHECK: %[[ERF:.*]] = vitya.gelu erf %[[NORM]] : tensor<65x192xf32>
  // GENERIC: "vitya.gelu"(%{{.*}}) <{form = 0 : i32}>
  %1 = vitya.gelu erf %0 : tensor<65x192xf32>
  // CHECK: %[[TANH:.*]] = vitya.gelu tanh %[[ERF]] : tensor<65x192xf32>
  // GENERIC: "vitya.gelu"(%{{.*}}) <{form = 1 : i32}>
  %2 = vitya.gelu tanh %1 : tensor<65x192xf32>
  // CHECK: vitya.mean_pool %[[TANH]] : tensor<65x192xf32> -> tensor<1x192xf32>
  // GENERIC: "vitya.mean_pool"(%{{.*}}) : (tensor<65x192xf32>) -> tensor<1x192xf32>
  %3 = vitya.mean_pool %2 : tensor<65x192xf32> -> tensor<1x192xf32>
  return %3 : tensor<1x192xf32>
}

// Heads of query and key may be narrower than those of value, and there may be fewer queries than keys.
// CHECK-LABEL: func @attention(
// CHECK-SAME: %[[Q:.*]]: tensor<1x96xf32>, %[[K:.*]]: tensor<65x96xf32>, %[[V:.*]]: tensor<65x192xf32>
func.func @attention(%q: tensor<1x96xf32>, %k: tensor<65x96xf32>, %v: tensor<65x192xf32>) -> tensor<1x192xf32> {
  // CHECK: vitya.attention "attn" %[[Q]], %[[K]], %[[V]] heads 3 scale 1.250000e-01 : tensor<1x96xf32>, tensor<65x96xf32>, tensor<65x192xf32> -> tensor<1x192xf32>
  // GENERIC: "vitya.attention"(%{{.*}}, %{{.*}}, %{{.*}}) <{heads = 3 : i64, layer = "attn", scale = 1.250000e-01 : f64}>
  %0 = vitya.attention "attn" %q, %k, %v heads 3 scale 0.125 : tensor<1x96xf32>, tensor<65x96xf32>, tensor<65x192xf32> -> tensor<1x192xf32>
  return %0 : tensor<1x192xf32>
}
}
