// Ops and types that the later phases do not allow, and a phase that does not exist.

// RUN: split-file %s %t
// RUN: not vitya-opt %t/vitya.mlir --vitya-verify-phase=phase=linalg 2>&1 | FileCheck %s --check-prefix=LINALG
// LINALG: vitya.mlir:2:8: error: expected no vitya and no quant op at the end of phase linalg, found 'vitya.mean_pool'
// RUN: not vitya-opt %t/helper.mlir --vitya-verify-phase=phase=linalg 2>&1 | FileCheck %s --check-prefix=HELPER
// HELPER: error: expected no function other than @main and kernels at the end of phase linalg, found @helper
// RUN: not vitya-opt %t/helper.mlir --vitya-verify-phase=phase=loops 2>&1 | FileCheck %s --check-prefix=LOOPS
// LOOPS: error: expected no tensor at the end of phase loops, found 'tensor.collapse_shape'
// RUN: not vitya-opt %t/buffers.mlir --vitya-verify-phase=phase=llvm 2>&1 | FileCheck %s --check-prefix=LLVM
// LLVM: error: expected only ops of the llvm dialect at the end of phase llvm, found 'memref.copy'
// RUN: vitya-opt %t/buffers.mlir --vitya-verify-phase=phase=loops | FileCheck %s --check-prefix=BUFFERS
// BUFFERS: vitya.phase = "loops"
// RUN: vitya-opt %t/llvm.mlir --vitya-verify-phase=phase=llvm | FileCheck %s --check-prefix=PHASE
// PHASE: vitya.phase = "llvm"
// RUN: not vitya-opt %t/llvm.mlir --vitya-verify-phase=phase=machine 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: expected a phase of the IR, found 'machine'

//--- vitya.mlir
func.func @main(%image: tensor<4x8xf32>) -> tensor<1x8xf32> {
  %0 = vitya.mean_pool %image : tensor<4x8xf32> -> tensor<1x8xf32>
  return %0 : tensor<1x8xf32>
}
//--- helper.mlir
func.func private @helper(%x: tensor<1x1x4xf32>) -> tensor<1x4xf32> {
  %0 = tensor.collapse_shape %x [[0, 1], [2]] : tensor<1x1x4xf32> into tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
func.func private @kernel(%x: tensor<1x4xf32>) -> tensor<1x4xf32> attributes {vitya.kernel} {
  return %x : tensor<1x4xf32>
}
func.func @main(%image: tensor<1x1x4xf32>) -> tensor<1x4xf32> {
  %0 = call @helper(%image) : (tensor<1x1x4xf32>) -> tensor<1x4xf32>
  %1 = call @kernel(%0) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}
//--- buffers.mlir
llvm.func @other() {
  llvm.return
}
llvm.func @copy(%c: i1) {
  %0 = builtin.unrealized_conversion_cast %c : i1 to memref<4xf32>
  memref.copy %0, %0 : memref<4xf32> to memref<4xf32>
  llvm.return
}
//--- llvm.mlir
llvm.func @vitya_forward() {
  llvm.return
}
