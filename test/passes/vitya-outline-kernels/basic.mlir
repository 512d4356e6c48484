// RUN: vitya-opt %s -split-input-file --vitya-outline-kernels | FileCheck %s

// Two layers of the same shape share a kernel, which does not contain their names. A layer of another shape has its own.

// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<7x16xf32>)
// CHECK-DAG: %[[W1:.*]] = arith.constant dense<1.0{{.*}}> : tensor<16x16xf32>
// CHECK-DAG: %[[W2:.*]] = arith.constant dense<2.0{{.*}}> : tensor<16x16xf32>
// CHECK-DAG: %[[W3:.*]] = arith.constant dense<3.0{{.*}}> : tensor<48x16xf32>
// CHECK: %[[A:.*]] = call @linear_7x16x16(%[[X]], %[[W1]]) {vitya.layer = "a"}
// CHECK: %[[B:.*]] = call @linear_7x16x16(%[[A]], %[[W2]]) {vitya.layer = "b"}
// CHECK: %[[C:.*]] = call @linear_7x16x48(%[[B]], %[[W3]]) {vitya.layer = "c"}
// CHECK: return %[[C]]
// CHECK: func.func private @linear_7x16x16(%[[I:.*]]: tensor<7x16xf32>, %[[W:.*]]: tensor<16x16xf32>) -> tensor<7x16xf32>
// CHECK-SAME: attributes {vitya.kernel, vitya.work = #vitya.work<"linear_7x16x16", multiply_adds = 1792, products = f32, bytes = 1920>}
// CHECK: vitya.linear "linear_7x16x16" %[[I]], %[[W]]
// CHECK: func.func private @linear_7x16x48
func.func @main(%x: tensor<7x16xf32>) -> tensor<7x48xf32> {
  %w1 = arith.constant dense<1.0> : tensor<16x16xf32>
  %w2 = arith.constant dense<2.0> : tensor<16x16xf32>
  %w3 = arith.constant dense<3.0> : tensor<48x16xf32>
  %0 = vitya.linear "a" %x, %w1 : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
  %1 = vitya.linear "b" %0, %w2 : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
  %2 = vitya.linear "c" %1, %w3 : tensor<7x16xf32>, tensor<48x16xf32> -> tensor<7x48xf32>
  return %2 : tensor<7x48xf32>
}

// -----

// The bias, GELU and the addition of the residual are fused into the kernel of the linear layer, in order.

// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[X:.*]]: tensor<7x16xf32>, %[[W:.*]]: tensor<16x16xf32>, %[[B:.*]]: tensor<16xf32>)
// CHECK-NEXT: %[[R:.*]] = call @linear_gelu_addf_7x16x16(%[[X]], %[[W]], %[[B]]) {vitya.layer = "fc"}
// CHECK-NEXT: return %[[R]]
// CHECK: func.func private @linear_gelu_addf_7x16x16(%[[I:[^:]*]]: tensor<7x16xf32>
// CHECK-NEXT: %[[L:.*]] = vitya.linear {{.*}} bias
// CHECK-NEXT: %[[G:.*]] = vitya.gelu tanh %[[L]]
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[I]], %[[G]]
// CHECK-NEXT: return %[[S]]
func.func @main(%x: tensor<7x16xf32>, %w: tensor<16x16xf32>, %b: tensor<16xf32>) -> tensor<7x16xf32> {
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<7x16xf32>, tensor<16x16xf32>, tensor<16xf32> -> tensor<7x16xf32>
  %1 = vitya.gelu tanh %0 : tensor<7x16xf32>
  %2 = arith.addf %x, %1 : tensor<7x16xf32>
  return %2 : tensor<7x16xf32>
}

// -----

// An op is not fused if the result it reads has another user, if it reads a value that is computed later, or if the
// result it reads is padded.

// CHECK-LABEL: func.func @main
// CHECK: %[[L:.*]] = call @linear_7x16x16({{.*}}) {vitya.layer = "twice"}
// CHECK: %[[S:.*]] = call @gelu_addf_7x16(%[[L]]) {vitya.layer = "gelu"}
// CHECK: %[[E:.*]] = call @linear_7x16x16({{.*}}) {vitya.layer = "early"}
// CHECK: %[[N:.*]] = call @layer_norm_addf_7x16(%[[S]], {{.*}}, %[[E]]) {vitya.layer = "late"}
// CHECK: %[[P:.*]] = call @linear_7x16x10(%[[N]], {{.*}}) {vitya.layer = "padded"}
// CHECK: call @gelu_7x10(%[[P]])
func.func @main(%x: tensor<7x16xf32>, %w: tensor<16x16xf32>, %v: tensor<16xf32>, %h: tensor<10x16xf32>) -> tensor<7x10xf32> {
  %0 = vitya.linear "twice" %x, %w : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
  %1 = vitya.gelu erf %0 : tensor<7x16xf32>
  %2 = arith.addf %0, %1 : tensor<7x16xf32>
  %3 = vitya.linear "early" %x, %w : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
  %4 = vitya.layer_norm "late" %2, %v, %v eps 1.0e-6 : tensor<7x16xf32>, tensor<16xf32>, tensor<16xf32> -> tensor<7x16xf32>
  %5 = arith.addf %3, %4 : tensor<7x16xf32>
  %6 = vitya.linear "padded" %5, %h : tensor<7x16xf32>, tensor<10x16xf32> -> tensor<7x10xf32>
  %7 = vitya.gelu erf %6 : tensor<7x10xf32>
  return %7 : tensor<7x10xf32>
}

// -----

// Slices are cloned into the kernels that read through them and erased from @main.

// CHECK-LABEL: func.func @main
// CHECK-SAME: (%[[QKV:.*]]: tensor<5x24xf32>)
// CHECK-NEXT: %[[R:.*]] = call @attention_5x8(%[[QKV]]) {vitya.layer = "attn"}
// CHECK-NEXT: return %[[R]]
// CHECK: func.func private @attention_5x8(%[[A:.*]]: tensor<5x24xf32>)
// CHECK-DAG: %[[Q:.*]] = tensor.extract_slice %[[A]][0, 0]
// CHECK-DAG: %[[K:.*]] = tensor.extract_slice %[[A]][0, 8]
// CHECK-DAG: %[[V:.*]] = tensor.extract_slice %[[A]][0, 16]
// CHECK: vitya.attention "attention_5x8" %[[Q]], %[[K]], %[[V]] heads 2
func.func @main(%qkv: tensor<5x24xf32>) -> tensor<5x8xf32> {
  %q = tensor.extract_slice %qkv[0, 0] [5, 8] [1, 1] : tensor<5x24xf32> to tensor<5x8xf32>
  %k = tensor.extract_slice %qkv[0, 8] [5, 8] [1, 1] : tensor<5x24xf32> to tensor<5x8xf32>
  %v = tensor.extract_slice %qkv[0, 16] [5, 8] [1, 1] : tensor<5x24xf32> to tensor<5x8xf32>
  %0 = vitya.attention "attn" %q, %k, %v heads 2 scale 0.5 : tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32> -> tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}

// -----

// normalize and patchify are one kernel. Kernels that differ only in an attribute are not shared.

// CHECK-LABEL: func.func @main
// CHECK: %[[P:.*]] = call @normalize_patchify_4x12(%{{.*}}) {vitya.layer = "normalize"}
// CHECK: call @gelu_4x12(%[[P]])
// CHECK: call @[[TANH:gelu_4x12_[0-9]+]](%[[P]])
// CHECK: func.func private @gelu_4x12(
// CHECK: vitya.gelu erf
// CHECK: func.func private @[[TANH]](
// CHECK: vitya.gelu tanh
func.func @main(%image: tensor<3x4x4xf32>) -> (tensor<4x12xf32>, tensor<4x12xf32>) {
  %0 = vitya.normalize %image mean [0.5, 0.5, 0.5] std [0.2, 0.2, 0.2] : tensor<3x4x4xf32>
  %1 = vitya.patchify %0 [2, 2] channel_row_column : tensor<3x4x4xf32> -> tensor<4x12xf32>
  %2 = vitya.gelu erf %1 : tensor<4x12xf32>
  %3 = vitya.gelu tanh %1 : tensor<4x12xf32>
  return %2, %3 : tensor<4x12xf32>, tensor<4x12xf32>
}

// -----

// There is nothing to group if the result is an argument or a view of one.

// CHECK-LABEL: func.func @main
// CHECK-NEXT: tensor.extract_slice
// CHECK-NEXT: return
// CHECK-NOT: vitya.kernel
func.func @main(%x: tensor<7x16xf32>) -> tensor<1x16xf32> {
  %0 = tensor.extract_slice %x[3, 0] [1, 16] [1, 1] : tensor<7x16xf32> to tensor<1x16xf32>
  return %0 : tensor<1x16xf32>
}

// -----

// The quantization of tokens belongs to the kernel of the norm that computes them if nothing else reads them, and is one
// kernel of two results otherwise. Parameters of whole tensors need all tokens, so they are chosen in a kernel of their own.

// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]]:2 = call @layer_norm_choose_qparams_quantize_4x32(%{{.*}}) {vitya.layer = "norm"}
// CHECK-SAME: -> (tensor<4x2xf32>, tensor<4x32xi8>)
// CHECK: %[[L:.*]] = call @integer_linear_4x32x32(%[[A]]#1, %{{.*}}, %{{.*}}, %{{.*}}, %[[A]]#0) {vitya.layer = "fc"}
// CHECK: %[[N:.*]] = call @layer_norm_4x32(%[[L]]
// CHECK: %[[B:.*]]:2 = call @choose_qparams_quantize_4x32(%[[N]])
// CHECK: call @integer_linear_addf_4x32x32(%[[B]]#1, {{.*}}, %[[B]]#0, %[[N]])
// CHECK: %[[P:.*]] = call @choose_qparams_1x2(
// CHECK: call @quantize_4x32(%{{.*}}, %[[P]])
func.func @main(%x: tensor<4x32xf32>, %g: tensor<32xf32>, %w: tensor<32x32xi8>, %o: tensor<32xi32>, %m: tensor<32xf32>)
    -> (tensor<1x2xf32>, tensor<4x32xi8>) {
  %n0 = vitya.layer_norm "norm" %x, %g, %g eps 1.0e-06 : tensor<4x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<4x32xf32>
  %p0 = vitya.choose_qparams token %n0 : tensor<4x32xf32> -> tensor<4x2xf32>
  %q0 = vitya.quantize %n0, %p0 : tensor<4x32xf32>, tensor<4x2xf32> -> tensor<4x32xi8>
  %0 = vitya.integer_linear "fc" %q0, %w offset %o multiplier %m params(%p0 : tensor<4x2xf32>)
    : tensor<4x32xi8>, tensor<32x32xi8>, tensor<32xi32>, tensor<32xf32> -> tensor<4x32xf32>
  %n1 = vitya.layer_norm "post" %0, %g, %g eps 1.0e-06 : tensor<4x32xf32>, tensor<32xf32>, tensor<32xf32> -> tensor<4x32xf32>
  %p1 = vitya.choose_qparams token %n1 : tensor<4x32xf32> -> tensor<4x2xf32>
  %q1 = vitya.quantize %n1, %p1 : tensor<4x32xf32>, tensor<4x2xf32> -> tensor<4x32xi8>
  %1 = vitya.integer_linear "proj" %q1, %w offset %o multiplier %m params(%p1 : tensor<4x2xf32>)
    : tensor<4x32xi8>, tensor<32x32xi8>, tensor<32xi32>, tensor<32xf32> -> tensor<4x32xf32>
  %2 = arith.addf %1, %n1 : tensor<4x32xf32>
  %p2 = vitya.choose_qparams tensor %2 : tensor<4x32xf32> -> tensor<1x2xf32>
  %q2 = vitya.quantize %2, %p2 : tensor<4x32xf32>, tensor<1x2xf32> -> tensor<4x32xi8>
  return %p2, %q2 : tensor<1x2xf32>, tensor<4x32xi8>
}

// -----

// A module without vitya ops.

// CHECK-LABEL: func.func @main
// CHECK: call @addf_4x16
// CHECK: func.func private @addf_4x16{{.*}} attributes {vitya.kernel, vitya.work = #vitya.work<
func.func @main(%x: tensor<4x16xf32>) -> tensor<4x16xf32> {
  %0 = arith.addf %x, %x : tensor<4x16xf32>
  return %0 : tensor<4x16xf32>
}
