// Slices that must stay where they are.
// RUN: vitya-opt %s --vitya-drop-unread-rows | FileCheck %s

// Other rows are read: nothing moves.
// CHECK-LABEL: @rows_and_all(
// CHECK-NEXT: %[[ALL:.*]] = vitya.gelu
// CHECK-NEXT: tensor.extract_slice %[[ALL]]
func.func @rows_and_all(%x: tensor<9x8xf32>) -> (tensor<1x8xf32>, tensor<9x8xf32>) {
  %0 = vitya.gelu erf %x : tensor<9x8xf32>
  %1 = tensor.extract_slice %0[0, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
  return %1, %0 : tensor<1x8xf32>, tensor<9x8xf32>
}

// CHECK-LABEL: @two_sets_of_rows(
// CHECK-NEXT: %[[ALL:.*]] = vitya.gelu
// CHECK-NEXT: tensor.extract_slice %[[ALL]][0, 0]
// CHECK-NEXT: tensor.extract_slice %[[ALL]][1, 0]
func.func @two_sets_of_rows(%x: tensor<9x8xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  %0 = vitya.gelu erf %x : tensor<9x8xf32>
  %1 = tensor.extract_slice %0[0, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
  %2 = tensor.extract_slice %0[1, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
  return %1, %2 : tensor<1x8xf32>, tensor<1x8xf32>
}

// Columns depend on all columns: nothing moves.
// CHECK-LABEL: @columns(
// CHECK-NEXT: %[[ALL:.*]] = vitya.layer_norm
// CHECK-NEXT: tensor.extract_slice %[[ALL]][0, 0] [9, 4] [1, 1]
func.func @columns(%x: tensor<9x8xf32>, %w: tensor<8xf32>) -> tensor<9x4xf32> {
  %0 = vitya.layer_norm "norm" %x, %w, %w eps 1.0e-5 : tensor<9x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<9x8xf32>
  %1 = tensor.extract_slice %0[0, 0] [9, 4] [1, 1] : tensor<9x8xf32> to tensor<9x4xf32>
  return %1 : tensor<9x4xf32>
}

// CHECK-LABEL: @rows_at_run_time(
// CHECK-NEXT: %[[ALL:.*]] = vitya.gelu
// CHECK-NEXT: tensor.extract_slice %[[ALL]]
func.func @rows_at_run_time(%x: tensor<9x8xf32>, %row: index) -> tensor<1x8xf32> {
  %0 = vitya.gelu erf %x : tensor<9x8xf32>
  %1 = tensor.extract_slice %0[%row, 0] [1, 8] [1, 1] : tensor<9x8xf32> to tensor<1x8xf32>
  return %1 : tensor<1x8xf32>
}

// Patches are rows of the result, but not of the image.
// CHECK-LABEL: @rows_of_patches(
// CHECK-NEXT: %[[ALL:.*]] = vitya.patchify
// CHECK-NEXT: tensor.extract_slice %[[ALL]]
func.func @rows_of_patches(%x: tensor<1x4x4xf32>) -> tensor<1x4xf32> {
  %0 = vitya.patchify %x [2, 2] channel_row_column : tensor<1x4x4xf32> -> tensor<4x4xf32>
  %1 = tensor.extract_slice %0[0, 0] [1, 4] [1, 1] : tensor<4x4xf32> to tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}

// CHECK-LABEL: @across_parts(
// CHECK-NEXT: %[[ALL:.*]] = tensor.concat
// CHECK-NEXT: tensor.extract_slice %[[ALL]]
func.func @across_parts(%class: tensor<1x8xf32>, %x: tensor<4x8xf32>) -> tensor<2x8xf32> {
  %0 = tensor.concat dim(0) %class, %x : (tensor<1x8xf32>, tensor<4x8xf32>) -> tensor<5x8xf32>
  %1 = tensor.extract_slice %0[0, 0] [2, 8] [1, 1] : tensor<5x8xf32> to tensor<2x8xf32>
  return %1 : tensor<2x8xf32>
}
