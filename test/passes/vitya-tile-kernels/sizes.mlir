// For models of any sizes, all linalg ops fit into registers after tiling: none has a result of more than 16 columns or
// more than 6 rows.

// DEFINE: %{lower} = vitya-opt %t.mlir --vitya-pipeline-compress --vitya-pipeline-linalg -o %t.linalg.mlir && \
// DEFINE:   vitya-opt %t.linalg.mlir --pass-pipeline='builtin.module(vitya-pack-weights,func.func(vitya-tile-kernels))' | \
// DEFINE:   FileCheck %s

// RUN: %python %inputs/make_model.py --width 20 --heads 1 --image 12 --classes 33 > %t.mlir && %{lower}
// RUN: %python %inputs/make_model.py --width 96 --heads 3 --image 12 --pool mean --order row_column_channel > %t.mlir && %{lower}
// RUN: %python %inputs/make_model.py --width 17 --heads 1 --rank 5 --patch 8 > %t.mlir && %{lower}

// CHECK: linalg.generic
// CHECK-NOT: linalg.{{.*}} outs(%{{[a-z0-9_]+}} : tensor<{{([0-9]+x)*([7-9]|[0-9]{2,})x([0-9]+x)*}}16xf32>)
// CHECK-NOT: linalg.{{.*}} outs(%{{[a-z0-9_]+}} : tensor<{{([0-9]+x)*(1[7-9]|[2-9][0-9]|[0-9]{3,})}}xf32>)
// CHECK: dialect_resources
