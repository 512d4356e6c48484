// Every constraint of quantized ops, each broken by one function.
// RUN: vitya-opt %s -split-input-file -verify-diagnostics

func.func @linear_c3_f32_weight(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8xf32>) {
  // expected-error @below {{'vitya.linear' op expected an input of 'f32' without params, as the weight is 'f32', found '!quant.uniform<u8:f32, 2.000000e-02:128>'}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_f32_input(%x: tensor<4x8xf32>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected an input of !quant.uniform<S:f32> or !quant.any<S:f32>, where S is u8 or u8<0:127>, as the weight is quantized, found 'f32'}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8xf32>, tensor<3x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_signed_input(%x: tensor<4x8x!quant.uniform<i8:f32, 0.01>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected an input of !quant.uniform<S:f32> or !quant.any<S:f32>, where S is u8 or u8<0:127>, as the weight is quantized, found '!quant.uniform<i8:f32, 1.000000e-02>'}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<i8:f32, 0.01>>, tensor<3x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_unsigned_weight(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8x!quant.uniform<u8:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected a weight of !quant.uniform<S:f32>, where S is i8, i8<-127:127>, i8<-63:63>, i8<-31:31>, i8<-15:15> or i4<-7:7>, with zero point 0 and one scale or one for each row, found }}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8x!quant.uniform<u8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_zero_point(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01:1>>) {
  // expected-error @below {{'vitya.linear' op expected a weight of !quant.uniform<S:f32>, where S is i8, i8<-127:127>, i8<-63:63>, i8<-31:31>, i8<-15:15> or i4<-7:7>, with zero point 0 and one scale or one for each row, found }}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8x!quant.uniform<i8:f32, 0.01:1>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_four_bits(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8x!quant.uniform<i4:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected a weight of !quant.uniform<S:f32>, where S is i8, i8<-127:127>, i8<-63:63>, i8<-31:31>, i8<-15:15> or i4<-7:7>, with zero point 0 and one scale or one for each row, found }}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8x!quant.uniform<i4:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_other_axis(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8x!quant.uniform<i8:f32:1, {0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01}>>) {
  // expected-error @below {{'vitya.linear' op expected a weight of !quant.uniform<S:f32>, where S is i8, i8<-127:127>, i8<-63:63>, i8<-31:31>, i8<-15:15> or i4<-7:7>, with zero point 0 and one scale or one for each row, found }}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8x!quant.uniform<i8:f32:1, {0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01}>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_narrow(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8x!quant.uniform<i8<-8:7>:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected a weight of !quant.uniform<S:f32>, where S is i8, i8<-127:127>, i8<-63:63>, i8<-31:31>, i8<-15:15> or i4<-7:7>, with zero point 0 and one scale or one for each row, found }}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8x!quant.uniform<i8<-8:7>:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_four_bits_in_bytes(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8x!quant.uniform<i8<-7:7>:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected a weight of !quant.uniform<S:f32>, where S is i8, i8<-127:127>, i8<-63:63>, i8<-31:31>, i8<-15:15> or i4<-7:7>, with zero point 0 and one scale or one for each row, found }}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8x!quant.uniform<i8<-7:7>:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c3_six_bit_input(%x: tensor<4x8x!quant.uniform<u8<0:63>:f32, 0.02:12>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected an input of !quant.uniform<S:f32> or !quant.any<S:f32>, where S is u8 or u8<0:127>, as the weight is quantized, found '!quant.uniform<u8<0:63>:f32, 2.000000e-02:12>'}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8<0:63>:f32, 0.02:12>>, tensor<3x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c4_scales(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8x!quant.uniform<i8:f32:0, {0.01, 0.02}>>) {
  // expected-error @below {{'vitya.linear' op expected one scale for each of 3 rows of the weight, found 2}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8x!quant.uniform<i8:f32:0, {0.01, 0.02}>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c4_zero_point(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:300>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected a zero point from 0 to 255, found 300}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 0.02:300>>, tensor<3x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c4_denormal(%x: tensor<4x8x!quant.uniform<u8:f32, 1.0e-39>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected scales that are normal f32 values with normal reciprocals, found 1.0}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.uniform<u8:f32, 1.0e-39>>, tensor<3x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c5_absent(%x: tensor<4x8x!quant.any<u8:f32>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected params if and only if the input is !quant.any, found input '!quant.any<u8:f32>' without params}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x8x!quant.any<u8:f32>>, tensor<3x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c5_present(%x: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>, %p: tensor<4x2xf32>) {
  // expected-error @below {{'vitya.linear' op expected params if and only if the input is !quant.any, found input '!quant.uniform<u8:f32, 2.000000e-02:128>' with params}}
  %0 = vitya.linear "fc" %x, %w params(%p : tensor<4x2xf32>) : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c5_shape(%x: tensor<4x8x!quant.any<u8:f32>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>, %p: tensor<3x2xf32>) {
  // expected-error @below {{'vitya.linear' op expected params of 2 columns with one row or one for each of 4 tokens, found 'tensor<3x2xf32>'}}
  %0 = vitya.linear "fc" %x, %w params(%p : tensor<3x2xf32>) : tensor<4x8x!quant.any<u8:f32>>, tensor<3x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c6_long(%x: tensor<4x65537x!quant.uniform<u8:f32, 0.02:128>>, %w: tensor<3x65537x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.linear' op expected at most 65536 inputs, found 65537}}
  %0 = vitya.linear "fc" %x, %w : tensor<4x65537x!quant.uniform<u8:f32, 0.02:128>>, tensor<3x65537x!quant.uniform<i8:f32, 0.01>> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c7_dynamic(%x: tensor<4x8x!quant.any<u8:f32>>, %w: tensor<3x8x!quant.uniform<i8:f32, 0.01>>, %b: tensor<3xi32>, %p: tensor<4x2xf32>) {
  // expected-error @below {{'vitya.linear' op expected an f32 bias, as the layer is quantized dynamically, found 'tensor<3xi32>'}}
  %0 = vitya.linear "fc" %x, %w bias %b params(%p : tensor<4x2xf32>) : tensor<4x8x!quant.any<u8:f32>>, tensor<3x8x!quant.uniform<i8:f32, 0.01>>, tensor<3xi32> -> tensor<4x3xf32>
  return
}

// -----

func.func @linear_c7_f32(%x: tensor<4x8xf32>, %w: tensor<3x8xf32>, %b: tensor<3xi32>) {
  // expected-error @below {{'vitya.linear' op expected an f32 bias, as the layer is 'f32', found 'tensor<3xi32>'}}
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<4x8xf32>, tensor<3x8xf32>, tensor<3xi32> -> tensor<4x3xf32>
  return
}

// -----

func.func @attention_c5_mixed(%q: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %k: tensor<4x8xf32>) {
  // expected-error @below {{'vitya.attention' op expected f32 query, key and value, or !quant.uniform<u8:f32>, !quant.uniform<i8:f32> twice with zero point 0, and weights, found }}
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 1.0 : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c5_weights(%q: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %k: tensor<4x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.attention' op expected f32 query, key and value, or !quant.uniform<u8:f32>, !quant.uniform<i8:f32> twice with zero point 0, and weights, found }}
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 1.0 : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<4x8x!quant.uniform<i8:f32, 0.01>>, tensor<4x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c5_f32(%q: tensor<4x8xf32>, %k: tensor<4x8xf32>) {
  // expected-error @below {{'vitya.attention' op expected f32 query, key and value, or !quant.uniform<u8:f32>, !quant.uniform<i8:f32> twice with zero point 0, and weights, found }}
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 1.0 weights !quant.uniform<u8:f32, 0.004> : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c6_scale(%q: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %k: tensor<4x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.attention' op expected weights of !quant.uniform<u8:f32> with zero point 0 and a scale of at most 1, found }}
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 1.0 weights !quant.uniform<u8:f32, 1.5> : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<4x8x!quant.uniform<i8:f32, 0.01>>, tensor<4x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c6_zero(%q: tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, %k: tensor<4x8x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.attention' op expected weights of !quant.uniform<u8:f32> with zero point 0 and a scale of at most 1, found }}
  %0 = vitya.attention "attn" %q, %k, %k heads 2 scale 1.0 weights !quant.uniform<u8:f32, 0.004:1> : tensor<4x8x!quant.uniform<u8:f32, 0.02:128>>, tensor<4x8x!quant.uniform<i8:f32, 0.01>>, tensor<4x8x!quant.uniform<i8:f32, 0.01>> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_c7_long(%q: tensor<1x1x!quant.uniform<u8:f32, 0.02:128>>, %k: tensor<65537x1x!quant.uniform<i8:f32, 0.01>>) {
  // expected-error @below {{'vitya.attention' op expected sums of at most 65536 products, found 65537}}
  %0 = vitya.attention "attn" %q, %k, %k heads 1 scale 1.0 weights !quant.uniform<u8:f32, 0.004> : tensor<1x1x!quant.uniform<u8:f32, 0.02:128>>, tensor<65537x1x!quant.uniform<i8:f32, 0.01>>, tensor<65537x1x!quant.uniform<i8:f32, 0.01>> -> tensor<1x1xf32>
  return
}

// -----

func.func @quantize_c1_sizes(%x: tensor<4x8xf32>, %p: tensor<4x2xf32>) {
  // expected-error @below {{'vitya.quantize' op expected a result of the input's sizes, found 'tensor<4x9xi8>' and 'tensor<4x8xf32>'}}
  %0 = vitya.quantize %x, %p : tensor<4x8xf32>, tensor<4x2xf32> -> tensor<4x9xi8>
  return
}

// -----

func.func @quantize_c2_params(%x: tensor<4x8xf32>, %p: tensor<4x3xf32>) {
  // expected-error @below {{'vitya.quantize' op expected params of 2 columns with one row or one for each of 4 tokens, found 'tensor<4x3xf32>'}}
  %0 = vitya.quantize %x, %p : tensor<4x8xf32>, tensor<4x3xf32> -> tensor<4x8xi8>
  return
}

// -----

func.func @quantize_c3_signed(%x: tensor<4x8xf32>, %p: tensor<4x2xf32>) {
  // expected-error @below {{'vitya.quantize' op expected a signed result to be i8 or i16, without levels, found '!quant.any<u8:f32>'}}
  %0 = vitya.quantize signed %x, %p : tensor<4x8xf32>, tensor<4x2xf32> -> tensor<4x8x!quant.any<u8:f32>>
  return
}

// -----

func.func @quantize_c3_levels(%x: tensor<4x8xf32>, %p: tensor<4x2xf32>) {
  // expected-error @below {{'vitya.quantize' op expected a signed result to be i8 or i16, without levels, found 'i8' with levels}}
  %0 = vitya.quantize signed %x, %p levels 127 : tensor<4x8xf32>, tensor<4x2xf32> -> tensor<4x8xi8>
  return
}

// -----

func.func @quantize_c4(%x: tensor<4x8xf32>, %p: tensor<4x2xf32>) {
  // expected-error @below {{'vitya.quantize' op expected levels that are the highest integer of the result, found 255 and '!quant.any<u8<0:127>:f32>'}}
  %0 = vitya.quantize %x, %p : tensor<4x8xf32>, tensor<4x2xf32> -> tensor<4x8x!quant.any<u8<0:127>:f32>>
  return
}

// -----

func.func @order_columns_c1_positions(%x: tensor<4x32xi8>, %o: tensor<16xi8>) {
  // expected-error @below {{'vitya.order_columns' op expected a position for each column, and columns that are a multiple of 16, found 16 positions and 32 columns}}
  %0 = vitya.order_columns %x, %o : tensor<4x32xi8>, tensor<16xi8>
  return
}

// -----

func.func @order_columns_c1_columns(%x: tensor<4x8xi8>, %o: tensor<8xi8>) {
  // expected-error @below {{'vitya.order_columns' op expected a position for each column, and columns that are a multiple of 16, found 8 positions and 8 columns}}
  %0 = vitya.order_columns %x, %o : tensor<4x8xi8>, tensor<8xi8>
  return
}

// -----

func.func @integer_linear_c1_width(%x: tensor<4x8xi8>, %w: tensor<3x9xi8>, %o: tensor<3xi32>, %m: tensor<3xf32>, %p: tensor<1x2xf32>) {
  // expected-error @below {{'vitya.integer_linear' op expected a weight with as many columns as the input, found 9 and 8}}
  %0 = vitya.integer_linear "fc" %x, %w offset %o multiplier %m params(%p : tensor<1x2xf32>) : tensor<4x8xi8>, tensor<3x9xi8>, tensor<3xi32>, tensor<3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @integer_linear_c2_offset(%x: tensor<4x8xi8>, %w: tensor<3x8xi8>, %o: tensor<4xi32>, %m: tensor<3xf32>, %p: tensor<1x2xf32>) {
  // expected-error @below {{'vitya.integer_linear' op expected offset, multiplier and bias with one entry for each of 3 rows of the weight, found 4}}
  %0 = vitya.integer_linear "fc" %x, %w offset %o multiplier %m params(%p : tensor<1x2xf32>) : tensor<4x8xi8>, tensor<3x8xi8>, tensor<4xi32>, tensor<3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @integer_linear_c3_params(%x: tensor<4x8xi8>, %w: tensor<3x8xi8>, %o: tensor<3xi32>, %m: tensor<3xf32>, %p: tensor<3x2xf32>) {
  // expected-error @below {{'vitya.integer_linear' op expected params of 2 columns with one row or one for each of 4 tokens, found 'tensor<3x2xf32>'}}
  %0 = vitya.integer_linear "fc" %x, %w offset %o multiplier %m params(%p : tensor<3x2xf32>) : tensor<4x8xi8>, tensor<3x8xi8>, tensor<3xi32>, tensor<3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @integer_linear_c4_columns(%x: tensor<4x8xi8>, %w: tensor<3x8xi8>, %o: tensor<3xi32>, %m: tensor<3xf32>) {
  // expected-error @below {{'vitya.integer_linear' op expected a positive group of blocks of four columns that divides the columns of an i8 input, found group 4 and input 'tensor<4x8xi8>'}}
  %0 = vitya.integer_linear "fc" %x, %w offset %o multiplier %m group 4 : tensor<4x8xi8>, tensor<3x8xi8>, tensor<3xi32>, tensor<3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @integer_linear_c4_shorts(%x: tensor<4x8xi16>, %w: tensor<3x8xi8>, %o: tensor<3xi32>, %m: tensor<3xf32>) {
  // expected-error @below {{expected a positive group of blocks of four columns that divides the columns of an i8 input, found group 1 and input 'tensor<4x8xi16>'}}
  %0 = vitya.integer_linear "fc" %x, %w offset %o multiplier %m group 1 : tensor<4x8xi16>, tensor<3x8xi8>, tensor<3xi32>, tensor<3xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @integer_attention_c1_width(%q: tensor<4x8xi8>, %k: tensor<5x6xi8>, %f: tensor<4xf32>) {
  // expected-error @below {{'vitya.integer_attention' op expected query and key of the same width, and as many keys as values, found 'tensor<4x8xi8>', 'tensor<5x6xi8>', 'tensor<5x6xi8>'}}
  %0 = vitya.integer_attention "attn" %q, %k, %k factors %f heads 2 : tensor<4x8xi8>, tensor<5x6xi8>, tensor<5x6xi8>, tensor<4xf32> -> tensor<4x6xf32>
  return
}

// -----

func.func @integer_attention_c2_heads(%q: tensor<4x8xi8>, %k: tensor<5x8xi8>, %f: tensor<4xf32>) {
  // expected-error @below {{'vitya.integer_attention' op expected a positive number of heads that divides the widths of query and value, found 3 heads, widths 8 and 8}}
  %0 = vitya.integer_attention "attn" %q, %k, %k factors %f heads 3 : tensor<4x8xi8>, tensor<5x8xi8>, tensor<5x8xi8>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @integer_attention_c3_factors(%q: tensor<4x8xi8>, %k: tensor<5x8xi8>, %f: tensor<3xf32>) {
  // expected-error @below {{'vitya.integer_attention' op expected four factors, found 3}}
  %0 = vitya.integer_attention "attn" %q, %k, %k factors %f heads 2 : tensor<4x8xi8>, tensor<5x8xi8>, tensor<5x8xi8>, tensor<3xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @integer_attention_c5(%q: tensor<4x8xi8>, %k: tensor<5x8xi8>, %f: tensor<4xf32>, %b: tensor<4x8xf32>) {
  // expected-error @below {{'vitya.integer_attention' op expected a bias of 4 rows, and 5 columns or more for each of 2 heads, found 'tensor<4x8xf32>'}}
  %0 = vitya.integer_attention "attn" %q, %k, %k factors %f bias %b heads 2 : tensor<4x8xi8>, tensor<5x8xi8>, tensor<5x8xi8>, tensor<4xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @integer_attention_c4_types(%q: tensor<4x8xi16>, %k: tensor<5x8xi8>, %f: tensor<4xf32>) {
  // expected-error @below {{'vitya.integer_attention' op expected query, key and value of one element type, found 'i16', 'i8', 'i8'}}
  %0 = vitya.integer_attention "attn" %q, %k, %k factors %f heads 2 : tensor<4x8xi16>, tensor<5x8xi8>, tensor<5x8xi8>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @linear_c3_bf16_weight(%x: tensor<1x2xf32>, %w: tensor<3x2xbf16>) {
  // expected-error @below {{'vitya.linear' op expected an input of 'bf16' without params, as the weight is 'bf16', found 'f32'}}
  %0 = vitya.linear "fc" %x, %w : tensor<1x2xf32>, tensor<3x2xbf16> -> tensor<1x3xf32>
  return
}

// -----

func.func @linear_c3_bf16_input(%x: tensor<1x2xbf16>, %w: tensor<3x2xf32>) {
  // expected-error @below {{'vitya.linear' op expected an input of 'f32' without params, as the weight is 'f32', found 'bf16'}}
  %0 = vitya.linear "fc" %x, %w : tensor<1x2xbf16>, tensor<3x2xf32> -> tensor<1x3xf32>
  return
}

// -----

func.func @linear_c7_bf16(%x: tensor<1x2xbf16>, %w: tensor<3x2xbf16>, %b: tensor<3xi32>) {
  // expected-error @below {{'vitya.linear' op expected an f32 bias, as the layer is 'bf16', found 'tensor<3xi32>'}}
  %0 = vitya.linear "fc" %x, %w bias %b : tensor<1x2xbf16>, tensor<3x2xbf16>, tensor<3xi32> -> tensor<1x3xf32>
  return
}

// -----

func.func @to_bf16_result(%x: tensor<1x2xf32>) {
  // expected-error @below {{'vitya.to_bf16' op failed to infer returned types}}
  // expected-error @below {{inferred type(s) 'tensor<1x2xbf16>' are incompatible with return type(s) of operation 'tensor<2x1xbf16>'}}
  %0 = "vitya.to_bf16"(%x) : (tensor<1x2xf32>) -> tensor<2x1xbf16>
  return
}

// -----

func.func @attention_c5_bf16(%x: tensor<3x2xbf16>) {
  // expected-error @below {{'vitya.attention' op expected f32 query, key and value, or}}
  %0 = vitya.attention "attn" %x, %x, %x heads 1 scale 1.0 : tensor<3x2xbf16>, tensor<3x2xbf16>, tensor<3x2xbf16> -> tensor<3x2xf32>
  return
}
