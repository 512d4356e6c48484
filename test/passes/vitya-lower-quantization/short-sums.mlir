// Layers whose short sums fit 16 bits read bytes on every processor. On one without a dot product of bytes, a value that
// other layers read as well is quantized twice, and layers know the group of their short sums.
// RUN: vitya-opt %s --vitya-lower-quantization=width=16 | FileCheck %s --check-prefixes=CHECK,SHORT
// RUN: vitya-opt %s --vitya-lower-quantization | FileCheck %s --check-prefixes=CHECK,BYTE

!x = !quant.uniform<u8:f32, 0.5:100>
!any = !quant.any<u8:f32>
!w = !quant.uniform<i8<-127:127>:f32, 0.25>

// CHECK-LABEL: func @both(
// SHORT: %[[WIDE:.*]] = vitya.quantize {{.*}} -> tensor<4x8xi16>
// SHORT: %[[BYTES:.*]] = vitya.quantize {{.*}} -> tensor<4x8xi8>
// SHORT: %[[ROWS:.*]] = tensor.extract_slice %[[BYTES]][1, 0] [2, 8] [1, 1] : tensor<4x8xi8> to tensor<2x8xi8>
// SHORT: vitya.integer_linear "proven" %[[BYTES]], {{.*}} group 2 : tensor<4x8xi8>
// SHORT: vitya.integer_linear "rows" %[[ROWS]], {{.*}} group 1 : tensor<2x8xi8>
// SHORT: vitya.integer_linear "other" %[[WIDE]], {{.*}} : tensor<4x8xi16>
// BYTE-COUNT-1: vitya.quantize
// BYTE-NOT: vitya.quantize
// BYTE-NOT: group
// BYTE: return
func.func @both(%x: tensor<4x8xf32>) -> (tensor<4x2xf32>, tensor<2x2xf32>, tensor<4x2xf32>) {
  %c = arith.constant dense<16> : tensor<2x8xi8>
  %d = arith.constant dense<50> : tensor<2x8xi8>
  %e = arith.constant dense<100> : tensor<2x8xi8>
  %u = quant.scast %c : tensor<2x8xi8> to tensor<2x8x!w>
  %v = quant.scast %d : tensor<2x8xi8> to tensor<2x8x!w>
  %w = quant.scast %e : tensor<2x8xi8> to tensor<2x8x!w>
  %q = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!x>
  %r = tensor.extract_slice %q[1, 0] [2, 8] [1, 1] : tensor<4x8x!x> to tensor<2x8x!x>
  %0 = vitya.linear "proven" %q, %u {vitya.short_sums = #vitya.short_sums<group = 2, largest = 16320, row = 0, column = 0>} : tensor<4x8x!x>, tensor<2x8x!w> -> tensor<4x2xf32>
  %1 = vitya.linear "rows" %r, %v {vitya.short_sums = #vitya.short_sums<group = 1, largest = 25500, row = 0, column = 0>} : tensor<2x8x!x>, tensor<2x8x!w> -> tensor<2x2xf32>
  %2 = vitya.linear "other" %q, %w {vitya.short_sums = #vitya.short_sums<group = 0, largest = 51000, row = 0, column = 0>} : tensor<4x8x!x>, tensor<2x8x!w> -> tensor<4x2xf32>
  return %0, %1, %2 : tensor<4x2xf32>, tensor<2x2xf32>, tensor<4x2xf32>
}

// If all readers are proven, the value is quantized once. The group is one that divides the blocks of the input.

// CHECK-LABEL: func @dynamic(
// CHECK-COUNT-1: vitya.quantize {{.*}} -> tensor<4x12xi8>
// CHECK-NOT: vitya.quantize
// SHORT: vitya.integer_linear "fc" {{.*}} params({{.*}}) group 1 :
// BYTE: vitya.integer_linear "fc" {{.*}} params({{.*}}) :
func.func @dynamic(%x: tensor<4x12xf32>) -> tensor<4x2xf32> {
  %c = arith.constant dense<3> : tensor<2x12xi8>
  %w = quant.scast %c : tensor<2x12xi8> to tensor<2x12x!w>
  %p = vitya.choose_qparams token %x : tensor<4x12xf32> -> tensor<4x2xf32>
  %q = vitya.quantize %x, %p : tensor<4x12xf32>, tensor<4x2xf32> -> tensor<4x12x!any>
  %0 = vitya.linear "fc" %q, %w params(%p : tensor<4x2xf32>) {vitya.short_sums = #vitya.short_sums<group = 4, largest = 4590, row = 0, column = 0>} : tensor<4x12x!any>, tensor<2x12x!w> -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// If the proof is of ordered columns, those of the input and of the weight are ordered: the second of the large weights,
// in column 1, goes to where its short sum has no other.

// CHECK-LABEL: func @ordered(
// SHORT: %[[BYTES:.*]] = vitya.quantize {{.*}} -> tensor<4x16xi8>
// SHORT: %[[ORDER:.*]] = arith.constant dense_resource<fc.order> : tensor<16xi8>
// SHORT: %[[ORDERED:.*]] = vitya.order_columns %[[BYTES]], %[[ORDER]] : tensor<4x16xi8>, tensor<16xi8>
// SHORT: %[[WEIGHT:.*]] = arith.constant dense_resource<fc.ordered> : tensor<1x16xi8>
// SHORT: vitya.integer_linear "fc" %[[ORDERED]], %[[WEIGHT]] {{.*}} group 1 : tensor<4x16xi8>
// BYTE-NOT: vitya.order_columns
// BYTE: return
// SHORT: fc.order: "0x40000000000201030405060708090A0B0C0D0E0F"
// SHORT: fc.ordered: "0x4000000064016401010101010101010101010101"
func.func @ordered(%x: tensor<4x16xf32>) -> tensor<4x1xf32> {
  %c = arith.constant dense<[[100, 100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]> : tensor<1x16xi8>
  %w = quant.scast %c : tensor<1x16xi8> to tensor<1x16x!w>
  %q = quant.qcast %x : tensor<4x16xf32> to tensor<4x16x!x>
  %0 = vitya.linear "fc" %q, %w {vitya.short_sums = #vitya.short_sums<group = 1, largest = 25755, row = 0, column = 0, ordered = true>} : tensor<4x16x!x>, tensor<1x16x!w> -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}
