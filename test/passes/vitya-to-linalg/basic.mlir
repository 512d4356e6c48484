// RUN: vitya-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(vitya-to-linalg),canonicalize,cse)' | FileCheck %s

// A linear layer of 7x8x16 is a product with the transposed weight that starts at zero, then adds the bias of each column.

// CHECK-DAG: #[[$MATRIX:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @linear(
// CHECK-SAME: %[[X:.*]]: tensor<7x8xf32>, %[[W:.*]]: tensor<16x8xf32>, %[[B:.*]]: tensor<16xf32>)
// CHECK: %[[ZERO:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%{{.*}} : tensor<7x16xf32>)
// CHECK: %[[P:.*]] = linalg.matmul {{.*}} ins(%[[X]], %[[W]] : tensor<7x8xf32>, tensor<16x8xf32>) outs(%[[ZERO]] : tensor<7x16xf32>)
// CHECK: %[[R:.*]] = linalg.generic {indexing_maps = [#[[$MATRIX]], #[[$COLUMN]], #[[$MATRIX]]], iterator_types = ["parallel", "parallel"]} ins(%[[P]], %[[B]] :
// CHECK: arith.addf
// CHECK: return %[[R]]
func.func @linear(%x: tensor<7x8xf32>, %w: tensor<16x8xf32>, %b: tensor<16xf32>) -> tensor<7x16xf32> {
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<7x8xf32>, tensor<16x8xf32>, tensor<16xf32> -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}

// -----

// CHECK-LABEL: func.func @linear_without_bias
// CHECK: %[[P:.*]] = linalg.matmul
// CHECK-NEXT: return %[[P]]
func.func @linear_without_bias(%x: tensor<7x8xf32>, %w: tensor<16x8xf32>) -> tensor<7x16xf32> {
  %0 = vitya.linear "fc" %x, %w : tensor<7x8xf32>, tensor<16x8xf32> -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}

// -----

// A row of 48 is three blocks of 16 lanes. The sum and the sum of squares run lane by lane, then across the lanes. The
// mean is computed before the squares, in two passes over the row.

// CHECK-DAG: #[[$ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[$LANES:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1, d2) -> (d0)>
// CHECK-DAG: #[[$ELEMENT:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$OF_ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[$OF_COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @layer_norm
// CHECK-SAME: (%[[X:.*]]: tensor<7x48xf32>,
// CHECK-DAG: %[[COUNT:.*]] = arith.constant 4.800000e+01 : f32
// CHECK-DAG: %[[EPS:.*]] = arith.constant 9.99999997E-7 : f32
// CHECK-DAG: %[[GROUPS:.*]] = tensor.expand_shape %[[X]] {{\[\[}}0], [1, 2]] output_shape [7, 3, 16]
// CHECK: linalg.generic {indexing_maps = [#[[$ALL]], #[[$LANES]]], iterator_types = ["parallel", "reduction", "parallel"]} ins(%[[GROUPS]] : tensor<7x3x16xf32>)
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: arith.divf %{{.*}}, %[[COUNT]]
// CHECK: linalg.generic {indexing_maps = [#[[$ALL]], #[[$ROW]], #[[$LANES]]], iterator_types = ["parallel", "reduction", "parallel"]} ins(%[[GROUPS]],
// CHECK: arith.subf
// CHECK: arith.mulf
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: arith.addf %{{.*}}, %[[EPS]]
// CHECK: math.sqrt
// CHECK: linalg.generic {indexing_maps = [#[[$ELEMENT]], #[[$OF_ROW]], #[[$OF_ROW]], #[[$OF_COLUMN]], #[[$OF_COLUMN]], #[[$ELEMENT]]]
func.func @layer_norm(%x: tensor<7x48xf32>, %w: tensor<48xf32>, %b: tensor<48xf32>) -> tensor<7x48xf32> {
  %0 = vitya.layer_norm "norm" %x, %w, %b eps 1.0e-6 : tensor<7x48xf32>, tensor<48xf32>, tensor<48xf32> -> tensor<7x48xf32>
  return %0 : tensor<7x48xf32>
}

// -----

// CHECK-DAG: #[[$ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[$LANES:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[$ELEMENT:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$OF_ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[$OF_COLUMN:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @rms_norm
// CHECK-SAME: (%[[X:.*]]: tensor<7x48xf32>,
// CHECK: %[[GROUPS:.*]] = tensor.expand_shape %[[X]] {{\[\[}}0], [1, 2]] output_shape [7, 3, 16]
// CHECK-NOT: arith.subf
// CHECK: linalg.generic {indexing_maps = [#[[$ALL]], #[[$LANES]]], iterator_types = ["parallel", "reduction", "parallel"]} ins(%[[GROUPS]] : tensor<7x3x16xf32>)
// CHECK: arith.mulf
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]
// CHECK: math.sqrt
// CHECK: linalg.generic {indexing_maps = [#[[$ELEMENT]], #[[$OF_ROW]], #[[$OF_COLUMN]], #[[$ELEMENT]]]
func.func @rms_norm(%x: tensor<7x48xf32>, %w: tensor<48xf32>) -> tensor<7x48xf32> {
  %0 = vitya.rms_norm "norm" %x, %w eps 1.0e-6 : tensor<7x48xf32>, tensor<48xf32> -> tensor<7x48xf32>
  return %0 : tensor<7x48xf32>
}

// -----

// A row of 38 is two blocks of 16 lanes and, after them, three blocks of 2 lanes; their sum begins with that of the first
// two. A row of 12 is three blocks of 4 lanes.

// CHECK-LABEL: func.func @rest
// CHECK-SAME: (%[[X:.*]]: tensor<3x38xf32>
// CHECK-DAG: %[[WHOLE:.*]] = tensor.extract_slice %[[X]][0, 0] [3, 32] [1, 1]
// CHECK-DAG: %[[REST:.*]] = tensor.extract_slice %[[X]][0, 32] [3, 6] [1, 1]
// CHECK-DAG: %[[BLOCKS:.*]] = tensor.expand_shape %[[WHOLE]] {{.*}} output_shape [3, 2, 16]
// CHECK-DAG: %[[LAST:.*]] = tensor.expand_shape %[[REST]] {{.*}} output_shape [3, 3, 2]
// CHECK: linalg.generic {{.*}} ins(%[[BLOCKS]] : tensor<3x2x16xf32>) outs(%{{.*}} : tensor<3x16xf32>)
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} ins(%{{.*}} : tensor<3x16xf32>)
// CHECK: %[[LANES_OF_REST:.*]] = linalg.generic {{.*}} ins(%[[LAST]] : tensor<3x3x2xf32>) outs(%{{.*}} : tensor<3x2xf32>)
// CHECK: linalg.generic {{.*}} ins(%[[LANES_OF_REST]] : tensor<3x2xf32>) outs(%[[SUM]] : tensor<3xf32>)
// CHECK: tensor.expand_shape %{{.*}} output_shape [3, 3, 4]
func.func @rest(%x: tensor<3x38xf32>, %w: tensor<38xf32>, %y: tensor<3x12xf32>, %v: tensor<12xf32>) -> (tensor<3x38xf32>, tensor<3x12xf32>) {
  %0 = vitya.layer_norm "norm" %x, %w, %w eps 0.0 : tensor<3x38xf32>, tensor<38xf32>, tensor<38xf32> -> tensor<3x38xf32>
  %1 = vitya.layer_norm "norm" %y, %v, %v eps 0.0 : tensor<3x12xf32>, tensor<12xf32>, tensor<12xf32> -> tensor<3x12xf32>
  return %0, %1 : tensor<3x38xf32>, tensor<3x12xf32>
}

// -----

// Attention with two heads and 5 keys has one parallel iteration a head. Keys and values are padded to one block of 16,
// and the keys are transposed. The scores of padding start at the lowest f32. The sum of the weights divides the result.

// CHECK-LABEL: func.func @attention
// CHECK-SAME: (%[[Q:.*]]: tensor<3x8xf32>, %[[K:.*]]: tensor<5x8xf32>, %[[V:.*]]: tensor<5x12xf32>)
// CHECK-DAG: %[[LOWEST:.*]] = arith.constant -3.40282347E+38 : f32
// CHECK-DAG: %[[FIVE:.*]] = arith.constant 5 : index
// CHECK: scf.forall (%[[HEAD:.*]]) in (2) shared_outs(%[[OUT:.*]] = %{{.*}}) -> (tensor<3x12xf32>)
// CHECK-DAG: tensor.extract_slice %[[Q]][0, %{{.*}}] [3, 4] [1, 1]
// CHECK-DAG: tensor.extract_slice %[[K]][0, %{{.*}}] [5, 4] [1, 1]
// CHECK-DAG: tensor.extract_slice %[[V]][0, %{{.*}}] [5, 6] [1, 1]
// CHECK-DAG: tensor<4x16xf32>
// CHECK: arith.cmpi ult, %{{.*}}, %[[FIVE]]
// CHECK: arith.select %{{.*}}, %{{.*}}, %[[LOWEST]]
// CHECK: arith.mulf
// CHECK: arith.cmpf ogt
// CHECK: arith.maxnumf
// CHECK: math.exp
// CHECK: arith.divf
// CHECK: scf.forall.in_parallel
// CHECK-NEXT: tensor.parallel_insert_slice %{{.*}} into %[[OUT]][0, %{{.*}}] [3, 6] [1, 1]
func.func @attention(%q: tensor<3x8xf32>, %k: tensor<5x8xf32>, %v: tensor<5x12xf32>) -> tensor<3x12xf32> {
  %0 = vitya.attention "attn" %q, %k, %v heads 2 scale 0.5 : tensor<3x8xf32>, tensor<5x8xf32>, tensor<5x12xf32> -> tensor<3x12xf32>
  return %0 : tensor<3x12xf32>
}

// -----

// Whole blocks of keys need no mask.

// CHECK-LABEL: func.func @attention_without_padding
// CHECK-NOT: arith.cmpi
// CHECK: math.exp
func.func @attention_without_padding(%x: tensor<32x8xf32>) -> tensor<32x8xf32> {
  %0 = vitya.attention "attn" %x, %x, %x heads 2 scale 0.5 : tensor<32x8xf32>, tensor<32x8xf32>, tensor<32x8xf32> -> tensor<32x8xf32>
  return %0 : tensor<32x8xf32>
}

// -----

// The image [3, 4, 6] is read as [3, 2, 2, 3, 2]: channel, grid row, row, grid column, column. The two orders differ in
// the map from the pixels of a patch to the image.

// CHECK-DAG: #[[$CHANNEL_FIRST:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d2, d0, d3, d1, d4)>
// CHECK-DAG: #[[$CHANNEL_LAST:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d4, d0, d2, d1, d3)>
// CHECK-LABEL: func.func @patchify
// CHECK: %[[GRID:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2], [3, 4]] output_shape [3, 2, 2, 3, 2]
// CHECK: linalg.generic {indexing_maps = [#[[$CHANNEL_FIRST]], #{{.*}}], {{.*}}} ins(%[[GRID]] : tensor<3x2x2x3x2xf32>) outs(%{{.*}} : tensor<2x3x3x2x2xf32>)
// CHECK: linalg.generic {indexing_maps = [#[[$CHANNEL_LAST]], #{{.*}}], {{.*}}} ins(%[[GRID]] : tensor<3x2x2x3x2xf32>) outs(%{{.*}} : tensor<2x3x2x2x3xf32>)
func.func @patchify(%image: tensor<3x4x6xf32>) -> (tensor<6x12xf32>, tensor<6x12xf32>) {
  %0 = vitya.patchify %image [2, 2] channel_row_column : tensor<3x4x6xf32> -> tensor<6x12xf32>
  %1 = vitya.patchify %image [2, 2] row_column_channel : tensor<3x4x6xf32> -> tensor<6x12xf32>
  return %0, %1 : tensor<6x12xf32>, tensor<6x12xf32>
}

// -----

// CHECK-LABEL: func.func @normalize
// CHECK-DAG: %[[MEAN:.*]] = arith.constant dense<[5.000000e-01, 2.500000e-01]> : tensor<2xf32>
// CHECK-DAG: %[[STD:.*]] = arith.constant dense<[1.250000e-01, 3.750000e-01]> : tensor<2xf32>
// CHECK: linalg.generic {{.*}} ins(%{{.*}}, %[[MEAN]], %[[STD]] :
// CHECK: %[[CENTRED:.*]] = arith.subf
// CHECK: arith.divf %[[CENTRED]]
func.func @normalize(%image: tensor<2x4x4xf32>) -> tensor<2x4x4xf32> {
  %0 = vitya.normalize %image mean [0.5, 0.25] std [0.125, 0.375] : tensor<2x4x4xf32>
  return %0 : tensor<2x4x4xf32>
}

// -----

// CHECK-LABEL: func.func @gelu
// CHECK: math.erf
// CHECK: math.tanh
// CHECK: %[[SCALED:[^ ]*]] = arith.mulf %[[X:[^ ,]*]], %{{.*}} : f32{{[[:space:]]+}}%[[EXP:.*]] = math.exp %[[SCALED]] : f32
// CHECK: %[[SUM:.*]] = arith.addf %[[EXP]], %{{.*}} : f32
// CHECK: arith.divf %[[X]], %[[SUM]] : f32
func.func @gelu(%x: tensor<7x8xf32>) -> tensor<7x8xf32> {
  %0 = vitya.gelu erf %x : tensor<7x8xf32>
  %1 = vitya.gelu tanh %0 : tensor<7x8xf32>
  %2 = vitya.gelu quick %1 : tensor<7x8xf32>
  return %2 : tensor<7x8xf32>
}

// -----

// CHECK-LABEL: func.func @relu
// CHECK: %[[IS_NEGATIVE:.*]] = arith.cmpf ogt, %[[ZERO:.*]], %[[X:.*]] : f32
// CHECK: arith.select %[[IS_NEGATIVE]], %[[ZERO]], %[[X]] : f32
func.func @relu(%x: tensor<7x8xf32>) -> tensor<7x8xf32> {
  %0 = vitya.relu %x : tensor<7x8xf32>
  return %0 : tensor<7x8xf32>
}

// -----

// CHECK-LABEL: func.func @silu
// CHECK: %[[SLOPE:.*]] = arith.constant -1.000000e+00 : f32
// CHECK: arith.mulf %[[X:.*]], %[[SLOPE]] : f32
// CHECK: math.exp
// CHECK: arith.divf %[[X]], %{{.*}} : f32
func.func @silu(%x: tensor<7x8xf32>) -> tensor<7x8xf32> {
  %0 = vitya.silu %x : tensor<7x8xf32>
  return %0 : tensor<7x8xf32>
}

// -----

// CHECK-LABEL: func.func @scale_columns
// CHECK-SAME: %[[X:[^:]*]]: tensor<7x8xf32>, %[[F:[^:]*]]: tensor<8xf32>
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%[[X]], %[[F]] : tensor<7x8xf32>, tensor<8xf32>)
// CHECK: %[[P:.*]] = arith.mulf
// CHECK: linalg.yield %[[P]]
func.func @scale_columns(%x: tensor<7x8xf32>, %f: tensor<8xf32>) -> tensor<7x8xf32> {
  %0 = vitya.scale_columns %x by %f : tensor<7x8xf32>, tensor<8xf32> -> tensor<7x8xf32>
  return %0 : tensor<7x8xf32>
}

// -----

// CHECK-DAG: #[[$UNFOLD:.*]] = affine_map<(d0, d1, d2, d3) -> (d0 * 2 + d2, d1 * 8 + d3)>
// CHECK-DAG: #[[$POOL:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0 * 2 + d3, d1 * 2 + d4, d2)>
// CHECK-LABEL: func.func @unfold
// CHECK: linalg.fill
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[1, 1, 0] [4, 8, 4] [1, 1, 1] : tensor<4x8x4xf32> into tensor<6x10x4xf32>
// CHECK: linalg.generic {indexing_maps = [#[[$UNFOLD]], #{{.*}}], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
// CHECK: tensor.collapse_shape %{{.*}} {{\[\[}}0, 1], [2, 3]] : tensor<2x4x3x12xf32> into tensor<8x36xf32>
func.func @unfold(%x: tensor<32x4xf32>) -> tensor<8x36xf32> {
  %0 = vitya.unfold %x grid [4, 8] window [3, 3] stride [2, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<8x36xf32>
  return %0 : tensor<8x36xf32>
}

// CHECK-LABEL: func.func @max_pool
// CHECK-NOT: tensor.insert_slice
// CHECK: linalg.generic {indexing_maps = [#[[$POOL]], #{{.*}}, #{{.*}}], iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
// CHECK: arith.maximumf
func.func @max_pool(%x: tensor<32x4xf32>) -> tensor<8x4xf32> {
  %0 = vitya.max_pool %x grid [4, 8] window [2, 2] stride [2, 2] padding [0, 0] : tensor<32x4xf32> -> tensor<8x4xf32>
  return %0 : tensor<8x4xf32>
}

// -----

// CHECK-LABEL: func.func @mean_pool
// CHECK-DAG: %[[ROWS:.*]] = arith.constant 7.000000e+00 : f32
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: arith.divf %{{.*}}, %[[ROWS]]
// CHECK: return %{{.*}} : tensor<1x48xf32>
func.func @mean_pool(%x: tensor<7x48xf32>) -> tensor<1x48xf32> {
  %0 = vitya.mean_pool %x : tensor<7x48xf32> -> tensor<1x48xf32>
  return %0 : tensor<1x48xf32>
}

// -----

// Elementwise arith ops and concatenations are converted, too.

// CHECK-LABEL: func.func @between_layers
// CHECK-NOT: tensor.concat
// CHECK: tensor.insert_slice
// CHECK: tensor.insert_slice
// CHECK: linalg.generic
// CHECK: arith.addf %{{.*}}, %{{.*}} : f32
func.func @between_layers(%cls: tensor<1x8xf32>, %x: tensor<7x8xf32>, %pos: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %0 = tensor.concat dim(0) %cls, %x : (tensor<1x8xf32>, tensor<7x8xf32>) -> tensor<8x8xf32>
  %1 = arith.addf %0, %pos : tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// -----

// Parameters of quantization. The minimum and the maximum ignore NaN, which the sum of products by zero detects. The
// comparisons select the constant if the zero point is NaN.

// CHECK-LABEL: func.func @choose_qparams
// CHECK-DAG: %[[LEVELS:.*]] = arith.constant 1.270000e+02 : f32
// CHECK-DAG: %[[LEAST:.*]] = arith.constant 1.17549435E-38 : f32
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f32
// CHECK: arith.cmpf olt
// CHECK: arith.minnumf
// CHECK: arith.cmpf ogt
// CHECK: arith.maxnumf
// CHECK: %[[TERM:.*]] = arith.mulf %{{.*}}, %[[ZERO]]
// CHECK: arith.addf %{{.*}}, %[[TERM]]
// CHECK: arith.mulf %{{.*}}, %[[ZERO]]
// CHECK: arith.addf
// CHECK: %[[RANGE:.*]] = arith.subf
// CHECK: %[[STEP:.*]] = arith.divf %[[RANGE]], %[[LEVELS]]
// CHECK: %[[ABOVE:.*]] = arith.cmpf ogt, %[[STEP]], %[[LEAST]]
// CHECK: %[[FINITE:.*]] = arith.select %[[ABOVE]], %[[STEP]], %[[LEAST]]
// CHECK: %[[SCALE:.*]] = arith.addf %[[FINITE]]
// CHECK: %[[ROUNDED:.*]] = math.roundeven
// CHECK: %[[POSITIVE:.*]] = arith.cmpf ogt, %[[ROUNDED]], %[[ZERO]]
// CHECK: %[[AT_LEAST:.*]] = arith.select %[[POSITIVE]], %[[ROUNDED]], %[[ZERO]]
// CHECK: %[[BELOW:.*]] = arith.cmpf olt, %[[AT_LEAST]], %[[LEVELS]]
// CHECK: %[[POINT:.*]] = arith.select %[[BELOW]], %[[AT_LEAST]], %[[LEVELS]]
// CHECK: arith.select %{{.*}}, %[[SCALE]], %[[POINT]]
func.func @choose_qparams(%x: tensor<7x48xf32>) -> tensor<7x2xf32> {
  %0 = vitya.choose_qparams token %x levels 127 : tensor<7x48xf32> -> tensor<7x2xf32>
  return %0 : tensor<7x2xf32>
}

// -----

// Each element is extracted from its window of 16 columns; the low four bits of its position count.

// CHECK-LABEL: func.func @order_columns
// CHECK-SAME: (%[[X:.*]]: tensor<7x48xi8>, %[[ORDER:.*]]: tensor<48xi8>)
// CHECK-DAG: %[[LANES:.*]] = arith.constant 16 : index
// CHECK-DAG: %[[MASK:.*]] = arith.constant 15 : i8
// CHECK: linalg.generic {{.*}} ins(%[[ORDER]] : tensor<48xi8>)
// CHECK: ^bb0(%[[POSITION:.*]]: i8, %{{.*}}: i8):
// CHECK: %[[COLUMN:.*]] = linalg.index 1
// CHECK: %[[WINDOW:.*]] = arith.divui %[[COLUMN]], %[[LANES]]
// CHECK: %[[LOW:.*]] = arith.andi %[[POSITION]], %[[MASK]]
// CHECK: %[[WITHIN:.*]] = arith.index_castui %[[LOW]]
// CHECK: %[[START:.*]] = arith.muli %[[WINDOW]], %[[LANES]]
// CHECK: %[[SOURCE:.*]] = arith.addi %[[START]], %[[WITHIN]]
// CHECK: %[[ROW:.*]] = linalg.index 0
// CHECK: tensor.extract %[[X]][%[[ROW]], %[[SOURCE]]]
func.func @order_columns(%x: tensor<7x48xi8>, %order: tensor<48xi8>) -> tensor<7x48xi8> {
  %0 = vitya.order_columns %x, %order : tensor<7x48xi8>, tensor<48xi8>
  return %0 : tensor<7x48xi8>
}

// -----

// Clamps before the conversion to an integer; the comparisons select -127 if the level is NaN.

// CHECK-LABEL: func.func @quantize
// CHECK-DAG: %[[LOW:.*]] = arith.constant -1.270000e+02 : f32
// CHECK-DAG: %[[HIGH:.*]] = arith.constant 1.270000e+02 : f32
// CHECK: math.roundeven
// CHECK: %[[LEVEL:.*]] = arith.addf
// CHECK: %[[ABOVE:.*]] = arith.cmpf ogt, %[[LEVEL]], %[[LOW]]
// CHECK: %[[AT_LEAST:.*]] = arith.select %[[ABOVE]], %[[LEVEL]], %[[LOW]]
// CHECK: %[[BELOW:.*]] = arith.cmpf olt, %[[AT_LEAST]], %[[HIGH]]
// CHECK: %[[CLAMPED:.*]] = arith.select %[[BELOW]], %[[AT_LEAST]], %[[HIGH]]
// CHECK: %[[INTEGER:.*]] = arith.fptosi %[[CLAMPED]] : f32 to i32
// CHECK: arith.trunci %[[INTEGER]] : i32 to i8
func.func @quantize(%x: tensor<7x48xf32>, %p: tensor<1x2xf32>) -> tensor<7x48xi8> {
  %0 = vitya.quantize signed %x, %p : tensor<7x48xf32>, tensor<1x2xf32> -> tensor<7x48xi8>
  return %0 : tensor<7x48xi8>
}

// -----

// Numbers below 2^-55, whose bits are 0x24000000, become zero before they are rounded.

// CHECK-LABEL: func.func @to_bf16
// CHECK-SAME: %[[X:[^:]*]]: tensor<7x8xf32>
// CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel"]} ins(%[[X]] : tensor<7x8xf32>) outs(%{{.*}} : tensor<7x8xbf16>)
// CHECK: %[[BITS:.*]] = arith.bitcast %[[IN:.*]] : f32 to i32
// CHECK: %[[MAGNITUDE:.*]] = arith.andi %[[BITS]], %c2147483647_i32
// CHECK: %[[BELOW:.*]] = arith.cmpi ult, %[[MAGNITUDE]], %c603979776_i32
// CHECK: %[[KEPT:.*]] = arith.select %[[BELOW]], %{{.*}}, %[[IN]] : f32
// CHECK: arith.truncf %[[KEPT]] : f32 to bf16
func.func @to_bf16(%x: tensor<7x8xf32>) -> tensor<7x8xbf16> {
  %0 = vitya.to_bf16 %x : tensor<7x8xf32> -> tensor<7x8xbf16>
  return %0 : tensor<7x8xbf16>
}

// -----

// CHECK-LABEL: func.func @linear_bf16
// CHECK: linalg.matmul {{.*}} ins(%{{.*}}, %{{.*}} : tensor<7x8xbf16>, tensor<16x8xbf16>) outs(%{{.*}} : tensor<7x16xf32>)
func.func @linear_bf16(%x: tensor<7x8xbf16>, %w: tensor<16x8xbf16>) -> tensor<7x16xf32> {
  %0 = vitya.linear "fc" %x, %w : tensor<7x8xbf16>, tensor<16x8xbf16> -> tensor<7x16xf32>
  return %0 : tensor<7x16xf32>
}

// -----

// Both halves of all heads, each times cosines and sines of the token.
// CHECK-DAG: #[[$ALL:.*]] = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
// CHECK-DAG: #[[$OF_TOKEN:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-LABEL: func.func @rotary_embedding
// CHECK: %[[A:.*]] = tensor.extract_slice %[[X:.*]][0, 0, 0, 0] [7, 3, 1, 16] [1, 1, 1, 1] : tensor<7x3x2x16xf32> to tensor<7x3x16xf32>
// CHECK: %[[B:.*]] = tensor.extract_slice %[[X]][0, 0, 1, 0] [7, 3, 1, 16]
// CHECK: linalg.generic {indexing_maps = [#[[$ALL]], #[[$ALL]], #[[$OF_TOKEN]], #[[$OF_TOKEN]], #[[$ALL]]]{{.*}} ins(%[[A]], %[[B]],
// CHECK: arith.subf
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[B]],
// CHECK: arith.addf
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, 0] [7, 3, 1, 16]
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 1, 0] [7, 3, 1, 16]
func.func @rotary_embedding(%x: tensor<7x96xf32>, %c: tensor<7x16xf32>, %s: tensor<7x16xf32>) -> tensor<7x96xf32> {
  %0 = vitya.rotary_embedding %x, %c, %s heads 3 : tensor<7x96xf32>, tensor<7x16xf32>, tensor<7x16xf32>
  return %0 : tensor<7x96xf32>
}

// -----

// Neighbouring columns are a pair, and each head has cosines and sines of its own.
// CHECK-LABEL: func.func @rotary_embedding_interleaved
// CHECK: tensor.extract_slice %{{.*}}[0, 0, 0, 1] [7, 3, 16, 1] [1, 1, 1, 1] : tensor<7x3x16x2xf32> to tensor<7x3x16xf32>
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]] output_shape [7, 3, 16] : tensor<7x48xf32>
// CHECK: tensor.insert_slice %{{.*}} into %{{.*}}[0, 0, 0, 1] [7, 3, 16, 1]
func.func @rotary_embedding_interleaved(%x: tensor<7x96xf32>, %c: tensor<7x48xf32>, %s: tensor<7x48xf32>) -> tensor<7x96xf32> {
  %0 = vitya.rotary_embedding %x, %c, %s heads 3 interleaved : tensor<7x96xf32>, tensor<7x48xf32>, tensor<7x48xf32>
  return %0 : tensor<7x96xf32>
}
