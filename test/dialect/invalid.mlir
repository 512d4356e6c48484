// RUN: vitya-opt %s -verify-diagnostics -split-input-file

func.func @image_rank(%x: tensor<32x32xf32>) {
  // expected-error @below {{operand #0 must be static f32 tensor of positive sizes [channels, height, width], less than 2^31 elements, but got 'tensor<32x32xf32>'}}
  %0 = "vitya.normalize"(%x) <{mean = array<f32>, std = array<f32>}> : (tensor<32x32xf32>) -> tensor<32x32xf32>
  return
}

// -----

func.func @tokens_dynamic(%x: tensor<?x8xf32>) {
  // expected-error @below {{operand #0 must be static f32 tensor of positive sizes [tokens, width], less than 2^31 elements, but got 'tensor<?x8xf32>'}}
  %0 = vitya.gelu erf %x : tensor<?x8xf32>
  return
}

// -----

func.func @tokens_empty(%x: tensor<0x8xf32>) {
  // expected-error @below {{operand #0 must be static f32 tensor of positive sizes [tokens, width], less than 2^31 elements, but got 'tensor<0x8xf32>'}}
  %0 = vitya.mean_pool %x : tensor<0x8xf32> -> tensor<1x8xf32>
  return
}

// -----

func.func @tokens_overflow(%x: tensor<9223372036854775807x9223372036854775807xf32>) {
  // expected-error @below {{operand #0 must be static f32 tensor of positive sizes [tokens, width], less than 2^31 elements, but got 'tensor<9223372036854775807x9223372036854775807xf32>'}}
  %0 = vitya.gelu erf %x : tensor<9223372036854775807x9223372036854775807xf32>
  return
}

// -----

func.func @tokens_type(%x: tensor<4x8xf64>) {
  // expected-error @below {{operand #0 must be static f32 tensor of positive sizes [tokens, width], less than 2^31 elements, but got 'tensor<4x8xf64>'}}
  %0 = vitya.gelu erf %x : tensor<4x8xf64>
  return
}

// -----

func.func @normalize_c1_mean(%x: tensor<3x4x4xf32>) {
  // expected-error @below {{'vitya.normalize' op expected one mean and one std for each of 3 channels, found 2 and 3}}
  %0 = vitya.normalize %x mean [0.5, 0.5] std [0.2, 0.2, 0.2] : tensor<3x4x4xf32>
  return
}

// -----

func.func @normalize_c1_std(%x: tensor<3x4x4xf32>) {
  // expected-error @below {{'vitya.normalize' op expected one mean and one std for each of 3 channels, found 3 and 1}}
  %0 = vitya.normalize %x mean [0.5, 0.5, 0.5] std [0.2] : tensor<3x4x4xf32>
  return
}

// -----

func.func @normalize_c2_zero_std(%x: tensor<1x4x4xf32>) {
  // expected-error @below {{'vitya.normalize' op expected finite means and positive finite stds, found mean 5.000000e-01, std 0.000000e+00}}
  %0 = vitya.normalize %x mean [0.5] std [0.0] : tensor<1x4x4xf32>
  return
}

// -----

func.func @normalize_c2_nan_mean(%x: tensor<1x4x4xf32>) {
  // expected-error @below {{'vitya.normalize' op expected finite means and positive finite stds, found mean nan, std 1.000000e+00}}
  %0 = "vitya.normalize"(%x) <{mean = array<f32: 0x7FC00000>, std = array<f32: 1.0>}> : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32>
  return
}

// -----

func.func @patchify_c1_one_size(%x: tensor<3x4x4xf32>) {
  // expected-error @below {{'vitya.patchify' op attribute 'patch' failed to satisfy constraint: i64 dense array attribute with two sizes from 1 to 65536 (height, width)}}
  %0 = vitya.patchify %x [4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
  return
}

// -----

func.func @patchify_c1_zero(%x: tensor<3x4x4xf32>) {
  // expected-error @below {{'vitya.patchify' op attribute 'patch' failed to satisfy constraint: i64 dense array attribute with two sizes from 1 to 65536 (height, width)}}
  %0 = vitya.patchify %x [4, 0] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
  return
}

// -----

func.func @patchify_c2_height(%x: tensor<3x9x8xf32>) {
  // expected-error @below {{'vitya.patchify' op expected the patch to divide the image, found patch 4x4 and image 9x8}}
  %0 = vitya.patchify %x [4, 4] channel_row_column : tensor<3x9x8xf32> -> tensor<4x48xf32>
  return
}

// -----

func.func @unfold_c1_stride(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.unfold' op attribute 'stride' failed to satisfy constraint: i64 dense array attribute with two sizes from 1 to 65536 (height, width)}}
  %0 = vitya.unfold %x grid [4, 8] window [3, 3] stride [0, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<8x36xf32>
  return
}

// -----

func.func @unfold_c1_padding(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.unfold' op attribute 'padding' failed to satisfy constraint: i64 dense array attribute with two sizes from 0 to 65536 (above and below, left and right)}}
  %0 = vitya.unfold %x grid [4, 8] window [3, 3] stride [2, 2] padding [-1, 1] : tensor<32x4xf32> -> tensor<8x36xf32>
  return
}

// -----

func.func @unfold_c1_overflow(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.unfold' op attribute 'padding' failed to satisfy constraint: i64 dense array attribute with two sizes from 0 to 65536 (above and below, left and right)}}
  %0 = vitya.unfold %x grid [4, 8] window [3, 3] stride [2, 2] padding [9223372036854775807, 1] : tensor<32x4xf32> -> tensor<8x36xf32>
  return
}

// -----

func.func @unfold_c2(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.unfold' op expected a row for each pixel of a grid of 4x4, found 32 rows}}
  %0 = vitya.unfold %x grid [4, 4] window [3, 3] stride [2, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<4x36xf32>
  return
}

// -----

func.func @unfold_c3(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.unfold' op expected a window that is not larger than the padded grid, found window 7x3 and padded grid 6x10}}
  %0 = vitya.unfold %x grid [4, 8] window [7, 3] stride [2, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<8x84xf32>
  return
}

// -----

func.func @unfold_c4(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.unfold' op expected padding that is smaller than the window, found padding 1x1 and window 3x1}}
  %0 = vitya.unfold %x grid [4, 8] window [3, 1] stride [2, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<10x12xf32>
  return
}

// -----

func.func @max_pool_c1_stride(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.max_pool' op attribute 'stride' failed to satisfy constraint: i64 dense array attribute with two sizes from 1 to 65536 (height, width)}}
  %0 = vitya.max_pool %x grid [4, 8] window [3, 3] stride [0, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<8x4xf32>
  return
}

// -----

func.func @max_pool_c1_padding(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.max_pool' op attribute 'padding' failed to satisfy constraint: i64 dense array attribute with two sizes from 0 to 65536 (above and below, left and right)}}
  %0 = vitya.max_pool %x grid [4, 8] window [3, 3] stride [2, 2] padding [-1, 1] : tensor<32x4xf32> -> tensor<8x4xf32>
  return
}

// -----

func.func @max_pool_c2(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.max_pool' op expected a row for each pixel of a grid of 4x4, found 32 rows}}
  %0 = vitya.max_pool %x grid [4, 4] window [3, 3] stride [2, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @max_pool_c3(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.max_pool' op expected a window that is not larger than the padded grid, found window 7x3 and padded grid 6x10}}
  %0 = vitya.max_pool %x grid [4, 8] window [7, 3] stride [2, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<8x4xf32>
  return
}

// -----

func.func @max_pool_c4(%x: tensor<32x4xf32>) {
  // expected-error @below {{'vitya.max_pool' op expected padding that is smaller than the window, found padding 1x1 and window 3x1}}
  %0 = vitya.max_pool %x grid [4, 8] window [3, 1] stride [2, 2] padding [1, 1] : tensor<32x4xf32> -> tensor<10x4xf32>
  return
}

// -----

func.func @patchify_c2_width(%x: tensor<3x8x9xf32>) {
  // expected-error @below {{'vitya.patchify' op expected the patch to divide the image, found patch 4x4 and image 8x9}}
  %0 = vitya.patchify %x [4, 4] row_column_channel : tensor<3x8x9xf32> -> tensor<4x48xf32>
  return
}

// -----

func.func @patchify_result(%x: tensor<3x8x8xf32>) {
  // expected-error @below {{'vitya.patchify' op inferred type(s) 'tensor<4x48xf32>' are incompatible with return type(s) of operation 'tensor<48x4xf32>'}}
  // expected-error @below {{'vitya.patchify' op failed to infer returned types}}
  %0 = vitya.patchify %x [4, 4] row_column_channel : tensor<3x8x8xf32> -> tensor<48x4xf32>
  return
}

// -----

func.func @patchify_order(%x: tensor<3x8x8xf32>) {
  // expected-error @below {{expected string or keyword containing one of the following enum values for attribute 'order' [channel_row_column, row_column_channel, channel_column_row, row_channel_column, column_channel_row, column_row_channel]}}
  %0 = vitya.patchify %x [4, 4] row_by_row : tensor<3x8x8xf32> -> tensor<4x48xf32>
  return
}

// -----

func.func @linear_c1_width(%x: tensor<4x8xf32>, %w: tensor<3x9xf32>) {
  // expected-error @below {{'vitya.linear' op expected a weight with as many columns as the input, found 9 and 8}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8xf32>, tensor<3x9xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c2_bias(%x: tensor<4x8xf32>, %w: tensor<3x8xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{'vitya.linear' op expected a bias with as many entries as the weight has rows, found 8 and 3}}
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<4x8xf32>, tensor<3x8xf32>, tensor<8xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_result(%x: tensor<4x8xf32>, %w: tensor<3x8xf32>) {
  // expected-error @below {{'vitya.linear' op inferred type(s) 'tensor<4x3xf32>' are incompatible with return type(s) of operation 'tensor<3x4xf32>'}}
  // expected-error @below {{'vitya.linear' op failed to infer returned types}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8xf32>, tensor<3x8xf32> -> tensor<3x4xf32>
  return
}

// -----

func.func @scale_columns_c1_factors(%x: tensor<4x8xf32>, %f: tensor<7xf32>) {
  // expected-error @below {{'vitya.scale_columns' op expected factors with one entry for each of 8 columns, found 7}}
  %0 = vitya.scale_columns %x by %f : tensor<4x8xf32>, tensor<7xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @layer_norm_c1_weight(%x: tensor<4x8xf32>, %w: tensor<7xf32>, %b: tensor<8xf32>) {
  // expected-error @below {{'vitya.layer_norm' op expected weight and bias with one entry for each of 8 columns, found 7 and 8}}
  %0 = vitya.layer_norm "norm" %x, %w, %b eps 1.0e-6 : tensor<4x8xf32>, tensor<7xf32>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @layer_norm_c1_bias(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{'vitya.layer_norm' op expected weight and bias with one entry for each of 8 columns, found 8 and 4}}
  %0 = vitya.layer_norm "norm" %x, %w, %b eps 1.0e-6 : tensor<4x8xf32>, tensor<8xf32>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @layer_norm_c2_negative(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{'vitya.layer_norm' op expected a finite eps that is not negative, found -1.000000e-06}}
  %0 = vitya.layer_norm "norm" %x, %w, %w eps -1.0e-6 : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @layer_norm_c2_infinite(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{'vitya.layer_norm' op expected a finite eps that is not negative, found INF}}
  %0 = vitya.layer_norm "norm" %x, %w, %w eps 0x7FF0000000000000 : tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @rms_norm_c1(%x: tensor<4x8xf32>, %w: tensor<7xf32>) {
  // expected-error @below {{'vitya.rms_norm' op expected a weight with one entry for each of 8 columns, found 7}}
  %0 = vitya.rms_norm "norm" %x, %w eps 1.0e-6 : tensor<4x8xf32>, tensor<7xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @rms_norm_c2(%x: tensor<4x8xf32>, %w: tensor<8xf32>) {
  // expected-error @below {{'vitya.rms_norm' op expected a finite eps that is not negative, found -1.000000e-06}}
  %0 = vitya.rms_norm "norm" %x, %w eps -1.0e-6 : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @rotary_embedding_cos_sin(%x: tensor<4x8xf32>, %c: tensor<4x2xf32>, %s: tensor<4x4xf32>) {
  // expected-error @below {{'vitya.rotary_embedding' op failed to verify that all of {cos, sin} have same type}}
  %0 = vitya.rotary_embedding %x, %c, %s heads 2 : tensor<4x8xf32>, tensor<4x2xf32>, tensor<4x4xf32>
  return
}

// -----

func.func @rotary_embedding_c1(%x: tensor<4x8xf32>, %c: tensor<5x2xf32>) {
  // expected-error @below {{'vitya.rotary_embedding' op expected cos and sin with as many rows as the input, found 5 and 4}}
  %0 = vitya.rotary_embedding %x, %c, %c heads 2 : tensor<4x8xf32>, tensor<5x2xf32>, tensor<5x2xf32>
  return
}

// -----

func.func @rotary_embedding_c2_heads(%x: tensor<4x8xf32>, %c: tensor<4x2xf32>) {
  // expected-error @below {{'vitya.rotary_embedding' op expected a positive number of heads of an even width, found 0 heads, width of the input 8}}
  %0 = vitya.rotary_embedding %x, %c, %c heads 0 : tensor<4x8xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @rotary_embedding_c2_width(%x: tensor<4x6xf32>, %c: tensor<4x2xf32>) {
  // expected-error @below {{'vitya.rotary_embedding' op expected a positive number of heads of an even width, found 2 heads, width of the input 6}}
  %0 = vitya.rotary_embedding %x, %c, %c heads 2 : tensor<4x6xf32>, tensor<4x2xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @rotary_embedding_c3(%x: tensor<4x8xf32>, %c: tensor<4x3xf32>) {
  // expected-error @below {{'vitya.rotary_embedding' op expected cos and sin with a column for each of 2 pairs of a head, or of all 2 heads, found 3}}
  %0 = vitya.rotary_embedding %x, %c, %c heads 2 : tensor<4x8xf32>, tensor<4x3xf32>, tensor<4x3xf32>
  return
}

// -----

func.func @attention_c1_widths(%q: tensor<4x6xf32>, %k: tensor<4x8xf32>) {
  // expected-error @below {{'vitya.attention' op expected query and key of the same width, found 6 and 8}}
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 1.0 : tensor<4x6xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c2_keys(%q: tensor<4x8xf32>, %v: tensor<5x8xf32>) {
  // expected-error @below {{'vitya.attention' op expected as many keys as values, found 4 and 5}}
  %0 = vitya.attention "attn" %q, %q, %v heads 2 scale 1.0 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<5x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_none(%q: tensor<4x8xf32>) {
  // expected-error @below {{'vitya.attention' op expected a positive number of heads that divides the widths of query and value, found 0 heads, widths 8 and 8}}
  %0 = vitya.attention "attn" %q, %q, %q heads 0 scale 1.0 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_query(%q: tensor<4x8xf32>, %v: tensor<4x9xf32>) {
  // expected-error @below {{'vitya.attention' op expected a positive number of heads that divides the widths of query and value, found 3 heads, widths 8 and 9}}
  %0 = vitya.attention "attn" %q, %q, %v heads 3 scale 1.0 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x9xf32> -> tensor<4x9xf32>
  return
}

// -----

func.func @attention_c3_value(%q: tensor<4x8xf32>, %v: tensor<4x9xf32>) {
  // expected-error @below {{'vitya.attention' op expected a positive number of heads that divides the widths of query and value, found 4 heads, widths 8 and 9}}
  %0 = vitya.attention "attn" %q, %q, %v heads 4 scale 1.0 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x9xf32> -> tensor<4x9xf32>
  return
}

// -----

func.func @attention_c4_scale(%q: tensor<4x8xf32>) {
  // expected-error @below {{'vitya.attention' op expected a finite scale, found nan}}
  %0 = vitya.attention "attn" %q, %q, %q heads 2 scale 0x7FF8000000000000 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c8_rows(%q: tensor<4x8xf32>, %b: tensor<3x8xf32>) {
  // expected-error @below {{'vitya.attention' op expected a bias of 4 rows, and 4 columns or more for each of 2 heads, found 'tensor<3x8xf32>'}}
  %0 = vitya.attention "attn" %q, %q, %q bias %b heads 2 scale 1.0 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<3x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c8_columns(%q: tensor<4x8xf32>, %b: tensor<4x6xf32>) {
  // expected-error @below {{'vitya.attention' op expected a bias of 4 rows, and 4 columns or more for each of 2 heads, found 'tensor<4x6xf32>'}}
  %0 = vitya.attention "attn" %q, %q, %q bias %b heads 2 scale 1.0 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x6xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c8_heads(%q: tensor<4x8xf32>, %b: tensor<4x9xf32>) {
  // expected-error @below {{'vitya.attention' op expected a bias of 4 rows, and 4 columns or more for each of 2 heads, found 'tensor<4x9xf32>'}}
  %0 = vitya.attention "attn" %q, %q, %q bias %b heads 2 scale 1.0 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x9xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_result(%q: tensor<4x8xf32>, %k: tensor<5x8xf32>) {
  // expected-error @below {{'vitya.attention' op inferred type(s) 'tensor<4x8xf32>' are incompatible with return type(s) of operation 'tensor<5x8xf32>'}}
  // expected-error @below {{'vitya.attention' op failed to infer returned types}}
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 1.0 : tensor<4x8xf32>, tensor<5x8xf32>, tensor<5x8xf32> -> tensor<5x8xf32>
  return
}

// -----

func.func @gelu_form(%x: tensor<4x8xf32>) {
  // expected-error @below {{expected string or keyword containing one of the following enum values for attribute 'form' [erf, tanh, quick]}}
  %0 = vitya.gelu sigmoid %x : tensor<4x8xf32>
  return
}

// -----

func.func @mean_pool_result(%x: tensor<4x8xf32>) {
  // expected-error @below {{'vitya.mean_pool' op inferred type(s) 'tensor<1x8xf32>' are incompatible with return type(s) of operation 'tensor<4x8xf32>'}}
  // expected-error @below {{'vitya.mean_pool' op failed to infer returned types}}
  %0 = vitya.mean_pool %x : tensor<4x8xf32> -> tensor<4x8xf32>
  return
}
