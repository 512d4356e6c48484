// RUN: vitya-opt %s --vitya-prove-short-sums | FileCheck %s
// RUN: vitya-opt %s --vitya-prove-short-sums | vitya-opt --vitya-prove-short-sums | FileCheck %s

!x = !quant.uniform<u8:f32, 0.5>
!any = !quant.any<u8:f32>
!w = !quant.uniform<i8:f32, 0.25>

// The largest short sum of one block of @groups has the columns 2 and 3 of row 1, that of eight blocks has their columns 0
// and 1 in row 0: 255 * 8 * 16 = 32640. Padding to 32 columns adds nothing, so a part of a group counts as a whole one.

// CHECK-LABEL: func @groups(
// CHECK: vitya.linear "eight" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 8, largest = 32640, row = 0, column = 0>}
// CHECK: vitya.linear "four" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 4, largest = 32640, row = 1, column = 18>}
// CHECK: vitya.linear "two" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 2, largest = 32640, row = 0, column = 0>}
// CHECK: vitya.linear "one" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 1, largest = 32640, row = 0, column = 0>}
// CHECK: vitya.linear "none" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 0, largest = 32895, row = 0, column = 2>}
func.func @groups(%x: tensor<4x32x!x>, %y: tensor<4x4x!x>) -> (tensor<4x1xf32>, tensor<4x2xf32>, tensor<4x1xf32>, tensor<4x1xf32>, tensor<4x1xf32>) {
  %c8 = arith.constant dense<8> : tensor<1x32xi8>
  %w8 = quant.scast %c8 : tensor<1x32xi8> to tensor<1x32x!w>
  %0 = vitya.linear "eight" %x, %w8 : tensor<4x32x!x>, tensor<1x32x!w> -> tensor<4x1xf32>

  // Only the second group of row 1 is large. The sums of the positive and of the negative products count, not their
  // total, since any input may be zero.
  %c4 = arith.constant dense<[[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
                              [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, -3, 0, 0, 20, 8, 0, 0, -99, 0, 0, 0, 0, 0]]> : tensor<2x32xi8>
  %w4 = quant.scast %c4 : tensor<2x32xi8> to tensor<2x32x!w>
  %1 = vitya.linear "four" %x, %w4 : tensor<4x32x!x>, tensor<2x32x!w> -> tensor<4x2xf32>

  %c2 = arith.constant dense<32> : tensor<1x32xi8>
  %w2 = quant.scast %c2 : tensor<1x32xi8> to tensor<1x32x!w>
  %2 = vitya.linear "two" %x, %w2 : tensor<4x32x!x>, tensor<1x32x!w> -> tensor<4x1xf32>

  %c1 = arith.constant dense<-64> : tensor<1x32xi8>
  %w1 = quant.scast %c1 : tensor<1x32xi8> to tensor<1x32x!w>
  %3 = vitya.linear "one" %x, %w1 : tensor<4x32x!x>, tensor<1x32x!w> -> tensor<4x1xf32>

  %c0 = arith.constant dense<[[64, 64, 65, 64]]> : tensor<1x4xi8>
  %w0 = quant.scast %c0 : tensor<1x4xi8> to tensor<1x4x!w>
  %4 = vitya.linear "none" %y, %w0 : tensor<4x4x!x>, tensor<1x4x!w> -> tensor<4x1xf32>
  return %0, %1, %2, %3, %4 : tensor<4x1xf32>, tensor<4x2xf32>, tensor<4x1xf32>, tensor<4x1xf32>, tensor<4x1xf32>
}

// 20 columns will be padded to 32, which groups of 8 blocks divide; 40 columns to 48, which groups of 4 divide.

// CHECK-LABEL: func @padded(
// CHECK: vitya.linear "twenty" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 8, largest = 2550, row = 0, column = 0>}
// CHECK: vitya.linear "forty" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 4, largest = 2040, row = 0, column = 0>}
func.func @padded(%x: tensor<4x20x!any>, %y: tensor<4x40x!any>, %p: tensor<4x2xf32>) -> (tensor<4x1xf32>, tensor<4x1xf32>) {
  %c20 = arith.constant dense<1> : tensor<1x20xi8>
  %w20 = quant.scast %c20 : tensor<1x20xi8> to tensor<1x20x!w>
  %0 = vitya.linear "twenty" %x, %w20 params(%p : tensor<4x2xf32>) : tensor<4x20x!any>, tensor<1x20x!w> -> tensor<4x1xf32>
  %c40 = arith.constant dense<1> : tensor<1x40xi8>
  %w40 = quant.scast %c40 : tensor<1x40xi8> to tensor<1x40x!w>
  %1 = vitya.linear "forty" %y, %w40 params(%p : tensor<4x2xf32>) : tensor<4x40x!any>, tensor<1x40x!w> -> tensor<4x1xf32>
  return %0, %1 : tensor<4x1xf32>, tensor<4x1xf32>
}

// The two large weights of a row fit 16 bits only if they are in different short sums. @ordered puts the second of them
// elsewhere in its window of 16 columns, where both have seven small weights as company: 255 * (100 + 7) = 27285. Three
// large weights of the same sign are too many for two short sums of four blocks, but not for the four sums of two blocks.
// The columns of one token are not ordered.

// CHECK-LABEL: func @ordered(
// CHECK: vitya.linear "pair" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 4, largest = 27285, row = 0, column = 0, ordered = true>}
// CHECK: vitya.linear "three" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 2, largest = 26265, row = 0, column = 0, ordered = true>}
// CHECK: vitya.linear "narrow" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 0, largest = 51000, row = 0, column = 0>}
// CHECK: vitya.linear "token" {{.*}} {vitya.short_sums = #vitya.short_sums<group = 0, largest = 51000, row = 0, column = 0>}
func.func @ordered(%x: tensor<4x16x!x>, %y: tensor<4x8x!x>, %z: tensor<1x16x!x>)
    -> (tensor<4x1xf32>, tensor<4x1xf32>, tensor<4x1xf32>, tensor<1x1xf32>) {
  %c2 = arith.constant dense<[[100, 100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]> : tensor<1x16xi8>
  %w2 = quant.scast %c2 : tensor<1x16xi8> to tensor<1x16x!w>
  %0 = vitya.linear "pair" %x, %w2 : tensor<4x16x!x>, tensor<1x16x!w> -> tensor<4x1xf32>
  %c3 = arith.constant dense<[[100, 100, 100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]> : tensor<1x16xi8>
  %w3 = quant.scast %c3 : tensor<1x16xi8> to tensor<1x16x!w>
  %1 = vitya.linear "three" %x, %w3 : tensor<4x16x!x>, tensor<1x16x!w> -> tensor<4x1xf32>
  // Only windows of 16 columns are ordered.
  %c8 = arith.constant dense<[[100, 100, 1, 1, 1, 1, 1, 1]]> : tensor<1x8xi8>
  %w8 = quant.scast %c8 : tensor<1x8xi8> to tensor<1x8x!w>
  %2 = vitya.linear "narrow" %y, %w8 : tensor<4x8x!x>, tensor<1x8x!w> -> tensor<4x1xf32>
  %3 = vitya.linear "token" %z, %w2 : tensor<1x16x!x>, tensor<1x16x!w> -> tensor<1x1xf32>
  return %0, %1, %2, %3 : tensor<4x1xf32>, tensor<4x1xf32>, tensor<4x1xf32>, tensor<1x1xf32>
}

// Nothing is proven about weights that are not known, or not quantized.

// CHECK-LABEL: func @unknown(
// CHECK-NOT: short_sums
// CHECK: return
func.func @unknown(%x: tensor<4x4x!x>, %w: tensor<1x4x!w>, %y: tensor<4x4xf32>, %v: tensor<1x4xf32>) -> (tensor<4x1xf32>, tensor<4x1xf32>, tensor<4x1xf32>) {
  %c = arith.constant dense_resource<elided> : tensor<1x4xi8>
  %e = quant.scast %c : tensor<1x4xi8> to tensor<1x4x!w>
  %0 = vitya.linear "computed" %x, %w : tensor<4x4x!x>, tensor<1x4x!w> -> tensor<4x1xf32>
  %1 = vitya.linear "elided" %x, %e : tensor<4x4x!x>, tensor<1x4x!w> -> tensor<4x1xf32>
  %2 = vitya.linear "f32" %y, %v : tensor<4x4xf32>, tensor<1x4xf32> -> tensor<4x1xf32>
  return %0, %1, %2 : tensor<4x1xf32>, tensor<4x1xf32>, tensor<4x1xf32>
}
