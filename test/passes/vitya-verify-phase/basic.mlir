// RUN: vitya-opt %s --vitya-verify-phase=phase=import | FileCheck %s -DPHASE=import
// RUN: vitya-opt %s --vitya-verify-phase=phase=compress | FileCheck %s -DPHASE=compress

// CHECK: module attributes {{.*}}vitya.phase = "[[PHASE]]"
module attributes {vitya.model = #vitya.model<name = "t", image = [1, 4, 4], classes = ["a", "b", "c", "d"]>} {
  func.func @main(%image: tensor<1x4x4xf32>) -> tensor<1x4xf32> {
    %0 = vitya.patchify %image [2, 2] channel_row_column : tensor<1x4x4xf32> -> tensor<4x4xf32>
    %1 = arith.addf %0, %0 : tensor<4x4xf32>
    %2 = tensor.extract_slice %1[0, 0] [1, 4] [1, 1] : tensor<4x4xf32> to tensor<1x4xf32>
    return %2 : tensor<1x4xf32>
  }
}
