// RUN: vitya-opt %s --vitya-drop-key-biases | FileCheck %s

!u8 = !quant.any<u8:f32>
!s8 = !quant.uniform<i8<-127:127>:f32, 0.5>

// Keys of two attentions.
// CHECK-LABEL: @keys(
// CHECK-NEXT: vitya.linear "k" %{{[^ ]+}}, %{{[^ ]+}} params(
// CHECK-NOT: bias
func.func @keys(%x: tensor<9x8x!u8>, %p: tensor<9x2xf32>, %w: tensor<8x8x!s8>, %b: tensor<8xf32>, %q: tensor<9x8xf32>) -> (tensor<9x8xf32>, tensor<9x8xf32>) {
  %0 = vitya.linear "k" %x, %w bias %b params(%p : tensor<9x2xf32>) : tensor<9x8x!u8>, tensor<8x8x!s8>, tensor<8xf32> -> tensor<9x8xf32>
  %1 = vitya.attention "a" %q, %0, %q heads 2 scale 0.5 : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
  %2 = vitya.attention "b" %q, %0, %q heads 4 scale 0.5 : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
  return %1, %2 : tensor<9x8xf32>, tensor<9x8xf32>
}

// Queries, values, and keys that are also values keep their biases.
// CHECK-LABEL: @others(
// CHECK-NEXT: vitya.linear "q" {{.*}} bias %
// CHECK-NEXT: vitya.linear "kv" {{.*}} bias %
func.func @others(%x: tensor<9x8x!u8>, %p: tensor<9x2xf32>, %w: tensor<8x8x!s8>, %b: tensor<8xf32>) -> tensor<9x8xf32> {
  %0 = vitya.linear "q" %x, %w bias %b params(%p : tensor<9x2xf32>) : tensor<9x8x!u8>, tensor<8x8x!s8>, tensor<8xf32> -> tensor<9x8xf32>
  %1 = vitya.linear "kv" %x, %w bias %b params(%p : tensor<9x2xf32>) : tensor<9x8x!u8>, tensor<8x8x!s8>, tensor<8xf32> -> tensor<9x8xf32>
  %2 = vitya.attention "a" %0, %1, %1 heads 2 scale 0.5 : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
  return %2 : tensor<9x8xf32>
}

// So do layers in f32, for the bits of models that are not quantized.
// CHECK-LABEL: @floats(
// CHECK-NEXT: vitya.linear "k" {{.*}} bias %
func.func @floats(%x: tensor<9x8xf32>, %w: tensor<8x8xf32>, %b: tensor<8xf32>) -> tensor<9x8xf32> {
  %0 = vitya.linear "k" %x, %w bias %b : tensor<9x8xf32>, tensor<8x8xf32>, tensor<8xf32> -> tensor<9x8xf32>
  %1 = vitya.attention "a" %x, %0, %x heads 2 scale 0.5 : tensor<9x8xf32>, tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
  return %1 : tensor<9x8xf32>
}

// And those whose result is quantized with a range that includes the bias.
// CHECK-LABEL: @quantized_keys(
// CHECK-NEXT: vitya.linear "k" {{.*}} bias %
func.func @quantized_keys(%x: tensor<9x8x!u8>, %p: tensor<9x2xf32>, %w: tensor<8x8x!s8>, %b: tensor<8xf32>, %q: tensor<9x8x!quant.uniform<u8:f32, 0.5>>, %v: tensor<9x8x!s8>) -> tensor<9x8xf32> {
  %0 = vitya.linear "k" %x, %w bias %b params(%p : tensor<9x2xf32>) : tensor<9x8x!u8>, tensor<8x8x!s8>, tensor<8xf32> -> tensor<9x8xf32>
  %1 = quant.qcast %0 : tensor<9x8xf32> to tensor<9x8x!s8>
  %2 = vitya.attention "a" %q, %1, %v heads 2 scale 0.5 weights !quant.uniform<u8:f32, 0.00390625> : tensor<9x8x!quant.uniform<u8:f32, 0.5>>, tensor<9x8x!s8>, tensor<9x8x!s8> -> tensor<9x8xf32>
  return %2 : tensor<9x8xf32>
}
