// RUN: vitya-opt %s --vitya-drop-unread-rows | FileCheck %s

//===----------------------------------------------------------------------===//
// op(x, w)[rows] = op(x[rows], w)
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @rows_of_linear(
// CHECK-SAME: %[[X:.*]]: tensor<9x8xf32>, %[[W:.*]]: tensor<3x8xf32>, %[[B:.*]]: tensor<3xf32>
// CHECK-NEXT: %[[ROWS:.*]] = tensor.extract_slice %[[X]][2, 0] [4, 8] [1, 1] : tensor<9x8xf32> to tensor<4x8xf32>
// CHECK-NEXT: %[[R:.*]] = vitya.linear "fc" %[[ROWS]], %[[W]] bias %[[B]] : tensor<4x8xf32>, tensor<3x8xf32>, tensor<3xf32> -> tensor<4x3xf32>
// CHECK-NEXT: return %[[R]]
func.func @rows_of_linear(%x: tensor<9x8xf32>, %w: tensor<3x8xf32>, %b: tensor<3xf32>) -> tensor<4x3xf32> {
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<9x8xf32>, tensor<3x8xf32>, tensor<3xf32> -> tensor<9x3xf32>
  %1 = tensor.extract_slice %0[2, 0] [4, 3] [1, 1] : tensor<9x3xf32> to tensor<4x3xf32>
  return %1 : tensor<4x3xf32>
}

// CHECK-LABEL: @rows_of_layer_norm(
// CHECK-SAME: %[[X:.*]]: tensor<9x8xf32>, %[[W:.*]]: tensor<8xf32>
// CHECK-NEXT: %[[ROWS:.*]] = tensor.extract_slice %[[X]][0, 0] [1, 8] [1, 1]
// CHECK-NEXT: %[[R:.*]] = vitya.layer_norm "norm" %[[ROWS]], %[[W]], %[[W]] eps 1.0e-5 : tensor<1x8xf32>
// CHECK-NEXT: return %[[R]]
func.func @rows_of_layer_norm(%x: tensor<9x8xf32>, %w: tensor<8xf32>) -> tensor<1x8xf32> {
  %0 = vitya.layer_norm "norm" %x, %w, %w eps 1.0e-5 : tensor<9x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<9x8xf32>
  %1 = tensor.extract_slice %0[0, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// The angles are those of the rows.
// CHECK-LABEL: @rows_of_rotary_embedding(
// CHECK-SAME: %[[X:.*]]: tensor<9x8xf32>, %[[C:.*]]: tensor<9x2xf32>, %[[S:.*]]: tensor<9x2xf32>
// CHECK-DAG: %[[ROWS:.*]] = tensor.extract_slice %[[X]][3, 0] [2, 8] [1, 1]
// CHECK-DAG: %[[COS:.*]] = tensor.extract_slice %[[C]][3, 0] [2, 2] [1, 1]
// CHECK-DAG: %[[SIN:.*]] = tensor.extract_slice %[[S]][3, 0] [2, 2] [1, 1]
// CHECK: vitya.rotary_embedding %[[ROWS]], %[[COS]], %[[SIN]] heads 2 : tensor<2x8xf32>
func.func @rows_of_rotary_embedding(%x: tensor<9x8xf32>, %c: tensor<9x2xf32>, %s: tensor<9x2xf32>) -> tensor<2x8xf32> {
  %0 = vitya.rotary_embedding %x, %c, %s heads 2 : tensor<9x8xf32>, tensor<9x2xf32>, tensor<9x2xf32>
  %1 = tensor.extract_slice %0[3, 0] [2, 8] [1, 1] : tensor<9x8xf32> to tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}

// Every third row: the slice keeps its strides.
// CHECK-LABEL: @rows_of_silu(
// CHECK-SAME: %[[X:.*]]: tensor<9x8xf32>
// CHECK-NEXT: %[[ROWS:.*]] = tensor.extract_slice %[[X]][0, 0] [3, 8] [1, 1]
// CHECK-NEXT: %[[RELU:.*]] = vitya.relu %[[ROWS]] : tensor<3x8xf32>
// CHECK-NEXT: vitya.silu %[[RELU]] : tensor<3x8xf32>
func.func @rows_of_silu(%x: tensor<9x8xf32>) -> tensor<3x8xf32> {
  %0 = vitya.relu %x : tensor<9x8xf32>
  %1 = vitya.silu %0 : tensor<9x8xf32>
  %2 = tensor.extract_slice %1[0, 0] [3, 8] [1, 1] : tensor<9x8xf32> to tensor<3x8xf32>
  return %2 : tensor<3x8xf32>
}

// CHECK-LABEL: @rows_of_gelu(
// CHECK-SAME: %[[X:.*]]: tensor<9x8xf32>
// CHECK-NEXT: %[[ROWS:.*]] = tensor.extract_slice %[[X]][1, 0] [3, 8] [3, 1] : tensor<9x8xf32> to tensor<3x8xf32>
// CHECK-NEXT: %[[R:.*]] = vitya.gelu tanh %[[ROWS]] : tensor<3x8xf32>
// CHECK-NEXT: return %[[R]]
func.func @rows_of_gelu(%x: tensor<9x8xf32>) -> tensor<3x8xf32> {
  %0 = vitya.gelu tanh %x : tensor<9x8xf32>
  %1 = tensor.extract_slice %0[1, 0] [3, 8] [3, 1] : tensor<9x8xf32> to tensor<3x8xf32>
  return %1 : tensor<3x8xf32>
}

// The query is the only operand with one row for each row of the result.
// CHECK-LABEL: @rows_of_attention(
// CHECK-SAME: %[[Q:.*]]: tensor<9x8xf32>, %[[V:.*]]: tensor<9x4xf32>
// CHECK-NEXT: %[[ROWS:.*]] = tensor.extract_slice %[[Q]][0, 0] [1, 8] [1, 1]
// CHECK-NEXT: %[[R:.*]] = vitya.attention "attn" %[[ROWS]], %[[Q]], %[[V]] heads 2 scale 0.5 : tensor<1x8xf32>, tensor<9x8xf32>, tensor<9x4xf32> -> tensor<1x4xf32>
// CHECK-NEXT: return %[[R]]
func.func @rows_of_attention(%q: tensor<9x8xf32>, %v: tensor<9x4xf32>) -> tensor<1x4xf32> {
  %0 = vitya.attention "attn" %q, %q, %v heads 2 scale 0.5 : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x4xf32> -> tensor<9x4xf32>
  %1 = tensor.extract_slice %0[0, 0] [1, 4] [1, 1] : tensor<9x4xf32> to tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}

// A bias has one, too.
// CHECK-LABEL: @rows_of_biased_attention(
// CHECK-SAME: %[[Q:.*]]: tensor<9x8xf32>, %[[B:.*]]: tensor<9x18xf32>
// CHECK-DAG: %[[QUERY:.*]] = tensor.extract_slice %[[Q]][0, 0] [1, 8] [1, 1]
// CHECK-DAG: %[[BIAS:.*]] = tensor.extract_slice %[[B]][0, 0] [1, 18] [1, 1]
// CHECK: vitya.attention "attn" %[[QUERY]], %[[Q]], %[[Q]] bias %[[BIAS]] heads 2 scale 0.5 : tensor<1x8xf32>, tensor<9x8xf32>, tensor<9x8xf32>, tensor<1x18xf32> -> tensor<1x8xf32>
func.func @rows_of_biased_attention(%q: tensor<9x8xf32>, %b: tensor<9x18xf32>) -> tensor<1x8xf32> {
  %0 = vitya.attention "attn" %q, %q, %q bias %b heads 2 scale 0.5 : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x18xf32> -> tensor<9x8xf32>
  %1 = tensor.extract_slice %0[0, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// CHECK-LABEL: @rows_of_sum(
// CHECK-SAME: %[[X:.*]]: tensor<9x8xf32>, %[[Y:.*]]: tensor<9x8xf32>
// CHECK-DAG: %[[XR:.*]] = tensor.extract_slice %[[X]][0, 0] [1, 8] [1, 1]
// CHECK-DAG: %[[YR:.*]] = tensor.extract_slice %[[Y]][0, 0] [1, 8] [1, 1]
// CHECK: %[[R:.*]] = arith.addf %[[XR]], %[[YR]] : tensor<1x8xf32>
// CHECK-NEXT: return %[[R]]
func.func @rows_of_sum(%x: tensor<9x8xf32>, %y: tensor<9x8xf32>) -> tensor<1x8xf32> {
  %0 = arith.addf %x, %y : tensor<9x8xf32>
  %1 = tensor.extract_slice %0[0, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

//===----------------------------------------------------------------------===//
// x[:, columns][rows] = x[rows, columns]
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @rows_of_columns(
// CHECK: %[[ALL:.*]] = vitya.linear
// CHECK-NEXT: tensor.extract_slice %[[ALL]][2, 5] [4, 3] [1, 1] : tensor<9x12xf32> to tensor<4x3xf32>
func.func @rows_of_columns(%x: tensor<9x8xf32>, %w: tensor<12x8xf32>) -> tensor<4x3xf32> {
  %0 = vitya.linear "qkv" %x, %w : tensor<9x8xf32>, tensor<12x8xf32> -> tensor<9x12xf32>
  %1 = tensor.extract_slice %0[1, 4] [8, 4] [1, 1] : tensor<9x12xf32> to tensor<8x4xf32>
  %2 = tensor.extract_slice %1[1, 1] [4, 3] [1, 1] : tensor<8x4xf32> to tensor<4x3xf32>
  return %2 : tensor<4x3xf32>
}

//===----------------------------------------------------------------------===//
// concat(..., x, ...)[inside x] = x[inside x]
//===----------------------------------------------------------------------===//

// CHECK-LABEL: @first_part(
// CHECK-SAME: %[[CLASS:.*]]: tensor<1x8xf32>, %{{.*}}: tensor<4x8xf32>
// CHECK-NEXT: return %[[CLASS]]
func.func @first_part(%class: tensor<1x8xf32>, %x: tensor<4x8xf32>) -> tensor<1x8xf32> {
  %0 = tensor.concat dim(0) %class, %x : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<5x8xf32>
  %1 = tensor.extract_slice %0[0, 0] [1, 8] [1, 1] : tensor<5x8xf32> to tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// CHECK-LABEL: @inside_second_part(
// CHECK-SAME: %{{.*}}: tensor<1x8xf32>, %[[X:.*]]: tensor<4x8xf32>
// CHECK-NEXT: %[[R:.*]] = tensor.extract_slice %[[X]][1, 2] [2, 3] [2, 1] : tensor<4x8xf32> to tensor<2x3xf32>
// CHECK-NEXT: return %[[R]]
func.func @inside_second_part(%class: tensor<1x8xf32>, %x: tensor<4x8xf32>) -> tensor<2x3xf32> {
  %0 = tensor.concat dim(0) %class, %x : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<5x8xf32>
  %1 = tensor.extract_slice %0[2, 2] [2, 3] [2, 1] : tensor<5x8xf32> to tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// All patterns together: after the keys and values, the last block of a model computes the class token alone.
// CHECK-LABEL: @last_block(
// CHECK-SAME: %[[X:[a-z0-9]*]]: tensor<9x8xf32>
// CHECK: %[[QKV:.*]] = vitya.linear "qkv" %[[X]], %{{.*}} -> tensor<9x24xf32>
// CHECK-DAG: %[[Q:.*]] = tensor.extract_slice %[[QKV]][0, 0] [1, 8]
// CHECK-DAG: %[[K:.*]] = tensor.extract_slice %[[QKV]][0, 8] [9, 8]
// CHECK-DAG: %[[V:.*]] = tensor.extract_slice %[[QKV]][0, 16] [9, 8]
// CHECK: %[[ATTENTION:.*]] = vitya.attention "attn" %[[Q]], %[[K]], %[[V]]
// CHECK: %[[PROJ:.*]] = vitya.linear "proj" %[[ATTENTION]], %{{.*}} -> tensor<1x8xf32>
// CHECK: %[[CLASS:.*]] = tensor.extract_slice %[[X]][0, 0] [1, 8]
// CHECK: %[[MIDDLE:.*]] = arith.addf %[[CLASS]], %[[PROJ]] : tensor<1x8xf32>
// CHECK: %[[NORM:.*]] = vitya.layer_norm "norm2" %[[MIDDLE]]
// CHECK: %[[FC1:.*]] = vitya.linear "fc1" %[[NORM]], %{{.*}} -> tensor<1x32xf32>
// CHECK: %[[GELU:.*]] = vitya.gelu erf %[[FC1]] : tensor<1x32xf32>
// CHECK: %[[FC2:.*]] = vitya.linear "fc2" %[[GELU]], %{{.*}} -> tensor<1x8xf32>
// CHECK: %[[END:.*]] = arith.addf %[[MIDDLE]], %[[FC2]] : tensor<1x8xf32>
// CHECK: return %[[END]]
func.func @last_block(%x: tensor<9x8xf32>, %qkv: tensor<24x8xf32>, %proj: tensor<8x8xf32>, %n: tensor<8xf32>,
                      %fc1: tensor<32x8xf32>, %fc2: tensor<8x32xf32>) -> tensor<1x8xf32> {
  %0 = vitya.linear "qkv" %x, %qkv : tensor<9x8xf32>, tensor<24x8xf32> -> tensor<9x24xf32>
  %q = tensor.extract_slice %0[0, 0] [9, 8] [1, 1] : tensor<9x24xf32> to tensor<9x8xf32>
  %k = tensor.extract_slice %0[0, 8] [9, 8] [1, 1] : tensor<9x24xf32> to tensor<9x8xf32>
  %v = tensor.extract_slice %0[0, 16] [9, 8] [1, 1] : tensor<9x24xf32> to tensor<9x8xf32>
  %1 = vitya.attention "attn" %q, %k, %v heads 2 scale 0.5 : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
  %2 = vitya.linear "proj" %1, %proj : tensor<9x8xf32>, tensor<8x8xf32> -> tensor<9x8xf32>
  %3 = arith.addf %x, %2 : tensor<9x8xf32>
  %4 = vitya.layer_norm "norm2" %3, %n, %n eps 1.0e-6 : tensor<9x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<9x8xf32>
  %5 = vitya.linear "fc1" %4, %fc1 : tensor<9x8xf32>, tensor<32x8xf32> -> tensor<9x32xf32>
  %6 = vitya.gelu erf %5 : tensor<9x32xf32>
  %7 = vitya.linear "fc2" %6, %fc2 : tensor<9x32xf32>, tensor<8x32xf32> -> tensor<9x8xf32>
  %8 = arith.addf %3, %7 : tensor<9x8xf32>
  %9 = tensor.extract_slice %8[0, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
  return %9 : tensor<1x8xf32>
}
