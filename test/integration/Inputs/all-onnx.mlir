// Every op that other models of the tests of ONNX lack: constants as tokens, norms of heads, gates, reshapes.
!tokens = tensor<6x4xf32>
!integers = !quant.uniform<u8<0:127>:f32, 0.0625:64>
module attributes {vitya.model = #vitya.model<name = "all", image = [3, 32, 32], classes = ["cat", "dog", "\22", "emu"],
                                              preprocessing = <bicubic resize [40]>>} {
  func.func @main(%image: tensor<3x32x32xf32>) -> tensor<1x4xf32> {
    %w = arith.constant dense<[[0.5, -0.25, 0.75, 1.0], [-1.0, 0.5, 0.25, -0.5], [0.125, 1.5, -0.75, 0.25], [1.0, 0.25, -0.5, 0.5]]> : tensor<4x4xf32>
    %c = arith.constant dense<[1.5, 0.5, -1.25, 2.0]> : tensor<4xf32>
    %two = arith.constant dense<2.0> : !tokens
    %embed = arith.constant dense<0.0078125> : tensor<4x768xf32>
    %n = vitya.normalize %image mean [0.5, 0.25, 0.75] std [0.5, 0.25, 1.0] : tensor<3x32x32xf32>
    %p = vitya.patchify %n [16, 16] column_channel_row : tensor<3x32x32xf32> -> tensor<4x768xf32>
    %e = vitya.linear "embed" %p, %embed bias %c : tensor<4x768xf32>, tensor<4x768xf32>, tensor<4xf32> -> tensor<4x4xf32>
    // Tokens that do not depend on the image, before those that do.
    %first = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [0.5, -1.0, 0.25, 1.0]]> : tensor<2x4xf32>
    %gated = vitya.gelu tanh %first : tensor<2x4xf32>
    %t = tensor.concat dim(0) %gated, %e : (tensor<2x4xf32>, tensor<4x4xf32>) -> !tokens
    // A norm of each of two heads.
    %heads = tensor.expand_shape %t [[0], [1, 2]] output_shape [6, 2, 2] : !tokens into tensor<6x2x2xf32>
    %rows = tensor.collapse_shape %heads [[0, 1], [2]] : tensor<6x2x2xf32> into tensor<12x2xf32>
    %half = arith.constant dense<[1.5, 0.5]> : tensor<2xf32>
    %norm = vitya.rms_norm "norm" %rows, %half eps 1.0e-6 : tensor<12x2xf32>, tensor<2xf32> -> tensor<12x2xf32>
    %split = tensor.expand_shape %norm [[0, 1], [2]] output_shape [6, 2, 2] : tensor<12x2xf32> into tensor<6x2x2xf32>
    %merged = tensor.collapse_shape %split [[0], [1, 2]] : tensor<6x2x2xf32> into !tokens
    // Rotations of both heads by one angle for each token, and of neighbouring columns by one for each head.
    %cos = arith.constant dense<[[1.0], [0.0], [-1.0], [0.6], [0.8], [0.0]]> : tensor<6x1xf32>
    %sin = arith.constant dense<[[0.0], [1.0], [0.0], [0.8], [-0.6], [-1.0]]> : tensor<6x1xf32>
    %rotated = vitya.rotary_embedding %merged, %cos, %sin heads 2 : !tokens, tensor<6x1xf32>, tensor<6x1xf32>
    %cosines = arith.constant dense<[[1.0, 0.6], [0.0, 0.6], [-1.0, 0.0], [0.6, 1.0], [0.8, 0.8], [0.0, 0.6]]> : tensor<6x2xf32>
    %sines = arith.constant dense<[[0.0, 0.8], [1.0, -0.8], [0.0, 1.0], [0.8, 0.0], [-0.6, 0.6], [-1.0, 0.8]]> : tensor<6x2xf32>
    %q = vitya.rotary_embedding %rotated, %cosines, %sines heads 2 interleaved : !tokens, tensor<6x2xf32>, tensor<6x2xf32>
    // A gate: silu(x) * (x - 2) / 2, with scaled columns.
    %s = vitya.silu %q : !tokens
    %d = arith.subf %q, %two : !tokens
    %m = arith.mulf %s, %d : !tokens
    %v = arith.divf %m, %two : !tokens
    %scaled = vitya.scale_columns %v by %c : !tokens, tensor<4xf32> -> !tokens
    %g = vitya.gelu quick %scaled : !tokens
    %r = vitya.relu %g : !tokens
    // What seven bits hold of it.
    %i = quant.qcast %r : !tokens to tensor<6x4x!integers>
    %f = quant.dcast %i : tensor<6x4x!integers> to !tokens
    %x = arith.addf %f, %t : !tokens
    // Every second token, whose rank drops and returns.
    %even = tensor.extract_slice %x[0, 0] [3, 4] [2, 1] : !tokens to tensor<3x4xf32>
    %one = tensor.extract_slice %x[5, 0] [1, 4] [1, 1] : !tokens to tensor<4xf32>
    %last = tensor.expand_shape %one [[0, 1]] output_shape [1, 4] : tensor<4xf32> into tensor<1x4xf32>
    %both = tensor.concat dim(0) %even, %last : (tensor<3x4xf32>, tensor<1x4xf32>) -> tensor<4x4xf32>
    // Pooling by attention, whose only query is a constant.
    %query = arith.constant dense<[[0.5, 1.0, -0.5, 0.25]]> : tensor<1x4xf32>
    %bias = arith.constant dense<[[0.5, 0.0, -1.0, 0.25, 9.0, 2.0, 0.5, -0.25, 0.0, 9.0]]> : tensor<1x10xf32> // not all read
    %pooled = vitya.attention "pool" %query, %both, %both bias %bias heads 2 scale 0.7 : tensor<1x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<1x10xf32> -> tensor<1x4xf32>
    %logits = vitya.linear "head" %pooled, %w : tensor<1x4xf32>, tensor<4x4xf32> -> tensor<1x4xf32>
    return %logits : tensor<1x4xf32>
  }
}
