// RUN: vitya-opt %s -verify-diagnostics -split-input-file

// expected-error @below {{expected image to be three positive sizes (channels, height, width), found [3, 0, 32]}}
module attributes {vitya.model = #vitya.model<name = "model_c1", image = [3, 0, 32], classes = ["cat"]>} {}

// -----

// expected-error @below {{expected image to be three positive sizes (channels, height, width), found [32, 32]}}
module attributes {vitya.model = #vitya.model<name = "model_c1", image = [32, 32], classes = ["cat"]>} {}

// -----

// expected-error @below {{expected attribute 'vitya.model' to be #vitya.model on a module, found "vit"}}
module attributes {vitya.model = "vit"} {}

// -----

// expected-error @below {{expected pictures to be resized to at least the image, 224x224, found [200]}}
module attributes {vitya.model = #vitya.model<name = "model_c3_edge", image = [3, 224, 224], classes = ["cat"], preprocessing = <bilinear resize [200]>>} {}

// -----

// expected-error @below {{expected pictures to be resized to at least the image, 224x224, found [256, 223]}}
module attributes {vitya.model = #vitya.model<name = "model_c3_sides", image = [3, 224, 224], classes = ["cat"], preprocessing = <bilinear resize [256, 223]>>} {}

// -----

// expected-error @below {{expected at most two positive sizes to resize to, found [8, 8, 8]}}
module attributes {test.preprocessing_c1_three = #vitya.preprocessing<bilinear resize [8, 8, 8]>} {}

// -----

// expected-error @below {{expected at most two positive sizes to resize to, found [-8]}}
module attributes {test.preprocessing_c1_negative = #vitya.preprocessing<bilinear resize [-8]>} {}

// -----

// expected-error @below {{expected the filter bilinear without antialiasing, found bicubic}}
module attributes {test.preprocessing_c2 = #vitya.preprocessing<bicubic antialias false>} {}

// -----

// expected-error @below {{expected attribute 'vitya.model' to be #vitya.model on a module}}
func.func @model_c4_on_function() attributes {vitya.model = #vitya.model<name = "vit", image = [1, 4, 4], classes = ["cat"]>} {
  return
}

// -----

module attributes {vitya.model = #vitya.model<name = "model_c4_classes", image = [1, 1, 4], classes = ["cat", "dog"]>} {
  // expected-error @below {{'func.func' op expected '(tensor<1x1x4xf32>) -> tensor<1x2xf32>' to match vitya.model, found '(tensor<1x1x4xf32>) -> tensor<1x4xf32>'}}
  func.func @main(%image: tensor<1x1x4xf32>) -> tensor<1x4xf32> {
    %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x4xf32> into tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}

// -----

module attributes {vitya.model = #vitya.model<name = "model_c4_image", image = [1, 2, 2], classes = ["a", "b", "c", "d"]>} {
  // expected-error @below {{'func.func' op expected '(tensor<1x2x2xf32>) -> tensor<1x4xf32>' to match vitya.model, found '(tensor<1x1x4xf32>) -> tensor<1x4xf32>'}}
  func.func @main(%image: tensor<1x1x4xf32>) -> tensor<1x4xf32> {
    %0 = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x4xf32> into tensor<1x4xf32>
    return %0 : tensor<1x4xf32>
  }
}

// -----

module attributes {vitya.model = #vitya.model<name = "model_c5_truncated", image = [1, 1, 4], classes = ["cat"]>} {
  func.func @weights() -> tensor<3xf32> {
    // expected-error @below {{'arith.constant' op expected 12 bytes in resource 'short' of type 'tensor<3xf32>', found 8}}
    %0 = arith.constant dense_resource<short> : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

{-#
  dialect_resources: {
    builtin: {
      short: "0x040000000000803F00000040"
    }
  }
#-}

// -----

module attributes {vitya.model = #vitya.model<name = "model_c5_overflow", image = [1, 1, 4], classes = ["cat"]>} {
  func.func @weights() -> tensor<4611686018427387905xf32> {
    // expected-error @below {{'arith.constant' op expected positive sizes and less than 2^31 elements in resource 'wrapped', found 'tensor<4611686018427387905xf32>'}}
    %0 = arith.constant dense_resource<wrapped> : tensor<4611686018427387905xf32>
    return %0 : tensor<4611686018427387905xf32>
  }
}

{-#
  dialect_resources: {
    builtin: {
      wrapped: "0x040000000000803F"
    }
  }
#-}

// -----

module attributes {vitya.model = #vitya.model<name = "model_c5_too_long", image = [1, 1, 4], classes = ["cat"]>} {
  func.func @weights() -> tensor<2xi8> {
    // expected-error @below {{'arith.constant' op expected 2 bytes in resource 'long' of type 'tensor<2xi8>', found 3}}
    %0 = arith.constant dense_resource<long> : tensor<2xi8>
    return %0 : tensor<2xi8>
  }
}

{-#
  dialect_resources: {
    builtin: {
      long: "0x01000000010203"
    }
  }
#-}

// -----

// expected-error @below {{expected the value of setting 'setting_c1' to be JSON, found '[1': }}
module attributes {vitya.settings = [#vitya.setting<"setting_c1", value = "[1", source = file>]} {}

// -----

// expected-error @below {{expected attribute 'vitya.settings' to be an array of #vitya.setting on a module, found "heads"}}
module attributes {vitya.settings = "heads"} {}

// -----

// expected-error @below {{expected positive sizes of layer 'linear_info_c1', found in 0, out 10}}
module attributes {vitya.linears = [#vitya.linear_info<"linear_info_c1", in = 0, out = 10, format = "f32", reason = "">]} {}

// -----

// expected-error @below {{expected positive sizes of layer 'linear_info_c1', found in 4, out 10, rank 0}}
module attributes {vitya.linears = [#vitya.linear_info<"linear_info_c1", in = 4, out = 10, format = "f32", reason = "", rank = 0>]} {}

// -----

// expected-error @below {{expected a format (f32, mixed, or activations of u7 or u8 x weights of s4 to s8, static or dynamic, such as u8 x s6 static), found 'u8'}}
// expected-error @below {{failed to parse Vitya_LinearInfoAttr parameter 'format'}}
module attributes {vitya.linears = [#vitya.linear_info<"head", in = 4, out = 10, format = "u8", reason = "">]} {}

// -----

// expected-error @below {{expected attribute 'vitya.linears' to be an array of #vitya.linear_info on a module, found ["head"]}}
module attributes {vitya.linears = ["head"]} {}

// -----

// expected-error @below {{expected attribute 'vitya.fingerprint' to be a string on a module, found 12 : i64}}
module attributes {vitya.fingerprint = 12} {}

// -----

// expected-error @below {{expected attribute 'vitya.phase' to be a string on a module, found 1 : i64}}
module attributes {vitya.phase = 1} {}

// -----

// expected-error @below {{expected attribute 'vitya.parameters' to be an i64 on a module that is not negative, found -1 : i64}}
module attributes {vitya.parameters = -1} {}

// -----

// expected-error @below {{expected attribute 'vitya.multiply_adds' to be an i64 on a module that is not negative, found 1 : i32}}
module attributes {vitya.multiply_adds = 1 : i32} {}

// -----

// expected-error @below {{expected attribute 'vitya.integer_multiply_adds' to be an i64 on a module that is not negative, found -1 : i64}}
module attributes {vitya.integer_multiply_adds = -1} {}

// -----

// expected-error @below {{expected attribute 'vitya.bf16_multiply_adds' to be an i64 on a module that is not negative, found -1 : i64}}
module attributes {vitya.bf16_multiply_adds = -1} {}

// -----

// expected-error @below {{expected attribute 'vitya.workspace_bytes' to be an i64 on a module that is not negative, found -1 : i64}}
module attributes {vitya.workspace_bytes = -1} {}

// -----

// expected-error @below {{expected attribute 'vitya.weights' to be a resource of bytes on a module, found "weights"}}
module attributes {vitya.weights = "weights"} {}

// -----

// expected-error @below {{expected attribute 'vitya.layers' to be an array of strings on a module, found [1]}}
module attributes {vitya.layers = [1]} {}

// -----

// expected-error @below {{expected attribute 'vitya.work' to be #vitya.work on a function, found 1 : i64}}
func.func private @work() attributes {vitya.work = 1}

// -----

func.func @layer(%x: memref<4xf32>) {
  // expected-error @below {{expected attribute 'vitya.layer' to be a string on a call, found 1 : i64}}
  call @layer(%x) {vitya.layer = 1} : (memref<4xf32>) -> ()
  return
}

// -----

func.func @loop(%x: memref<4xf32>) {
  // expected-error @below {{expected attribute 'vitya.loop' to be a unit attribute on a call, found 1 : i64}}
  call @loop(%x) {vitya.loop = 1} : (memref<4xf32>) -> ()
  return
}

// -----

// expected-error @below {{expected a finite range that includes zero, found min 1.000000e+00, max 2.000000e+00}}
module attributes {test = #vitya.observed<"observed_c1", min = 1.0, max = 2.0, clipped = 0.0, noise = 0.0>} {}

// -----

// expected-error @below {{expected a finite range that includes zero, found min -2.000000e+00, max -1.000000e+00}}
module attributes {test = #vitya.observed<"observed_c1", min = -2.0, max = -1.0, clipped = 0.0, noise = 0.0>} {}

// -----

// expected-error @below {{expected clipped and noise to be finite and not negative, found -1.000000e+00 and 0.000000e+00}}
module attributes {test = #vitya.observed<"observed_c2", min = 0.0, max = 1.0, clipped = -1.0, noise = 0.0>} {}

// -----

// expected-error @below {{expected a group of 0, 1, 2, 4 or 8 blocks, found 3}}
module attributes {test = #vitya.short_sums<group = 3, largest = 1, row = 0, column = 0>} {} // short_sums_c1

// -----

// expected-error @below {{expected a largest short sum from 0 to 32767 in groups of 2 blocks, found 32768}}
module attributes {test = #vitya.short_sums<group = 2, largest = 32768, row = 0, column = 0>} {} // short_sums_c2

// -----

// expected-error @below {{expected a largest short sum above 32767 in groups of 0 blocks, found 32767}}
module attributes {test = #vitya.short_sums<group = 0, largest = 32767, row = 0, column = 0>} {} // short_sums_c2

// -----

// expected-error @below {{expected columns to be ordered for a group of blocks, found group 0}}
module attributes {test = #vitya.short_sums<group = 0, largest = 32895, row = 0, column = 0, ordered = true>} {} // short_sums_c3

// -----

// expected-error @below {{expected attribute 'vitya.short_sum_multiply_adds' to be four i64 on a module that are not negative, found array<i64: 1, 2>}}
module attributes {vitya.short_sum_multiply_adds = array<i64: 1, 2>} {}

// -----

func.func @short_sums_of_an_f32_layer(%x: tensor<5x8xf32>, %w: tensor<3x8xf32>) -> tensor<5x3xf32> {
  // expected-error @below {{expected attribute 'vitya.short_sums' to be #vitya.short_sums on a quantized linear layer, found #vitya.short_sums<group = 1, largest = 1, row = 0, column = 0>}}
  %0 = vitya.linear "fc" %x, %w {vitya.short_sums = #vitya.short_sums<group = 1, largest = 1, row = 0, column = 0>} : tensor<5x8xf32>, tensor<3x8xf32> -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

// -----

// expected-error @below {{expected attribute 'vitya.attentions' to be an array of #vitya.attention_info on a module, found 1}}
module attributes {vitya.attentions = 1 : i64} {}

// -----

// expected-error @below {{expected attribute 'vitya.attention_info' to be #vitya.attention_info on an attention}}
module attributes {vitya.attention_info = #vitya.attention_info<"a", heads = 1, scores = "f32", values = "f32", reason = "">} {}

// -----

// expected-error @below {{expected attribute 'vitya.calibrated' to be a string on a module, found 1}}
module attributes {vitya.calibrated = 1 : i64} {}

// -----

func.func @ranges_of_one_operand(%x: tensor<5x8xf32>) -> tensor<5x8xf32> {
  // expected-error @below {{expected attribute 'vitya.ranges' to be an array of #vitya.observed for each operand that can be quantized, found []}}
  %0 = vitya.attention "a" %x, %x, %x heads 1 scale 1.0 {vitya.ranges = []}
     : tensor<5x8xf32>, tensor<5x8xf32>, tensor<5x8xf32> -> tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}

// -----

func.func @ranges_of_a_layer_without_products(%x: tensor<5x8xf32>, %w: tensor<8xf32>) -> tensor<5x8xf32> {
  // expected-error @below {{expected attribute 'vitya.ranges' to be an array of #vitya.observed for each operand that can be quantized, found []}}
  %0 = vitya.layer_norm "n" %x, %w, %w eps 1.0e-6 {vitya.ranges = []}
     : tensor<5x8xf32>, tensor<8xf32>, tensor<8xf32> -> tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}

// -----

func.func @ranges_of_no_layer(%x: tensor<5x8xf32>) -> tensor<5x8xf32> {
  // expected-error @below {{expected attribute 'vitya.ranges' to be an array of #vitya.observed for each operand that can be quantized, found []}}
  %0 = vitya.gelu erf %x {vitya.ranges = []} : tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}

// -----

func.func @noise_of_a_weight(%x: tensor<5x8xf32>) -> tensor<5x8xf32> {
  // expected-error @below {{expected attribute 'vitya.noise' to be a finite f64 that is not negative on a quant.scast, found 1.000000e-01 : f64}}
  %0 = vitya.gelu erf %x {vitya.noise = 0.1 : f64} : tensor<5x8xf32>
  return %0 : tensor<5x8xf32>
}

// -----

func.func @noise_is_not_negative(%x: tensor<8xi8>) -> tensor<8x!quant.uniform<i8:f32, 0.5>> {
  // expected-error @below {{expected attribute 'vitya.noise' to be a finite f64 that is not negative on a quant.scast, found -1.000000e-01 : f64}}
  %0 = quant.scast %x {vitya.noise = -0.1 : f64} : tensor<8xi8> to tensor<8x!quant.uniform<i8:f32, 0.5>>
  return %0 : tensor<8x!quant.uniform<i8:f32, 0.5>>
}

// -----

func.func @rounded_c1_storage(%x: tensor<4x2xf32>, %w: tensor<1x2xf32>) -> tensor<4x1xf32> {
  // expected-error @below {{expected integers [out, in] of 'i4', which '!quant.uniform<i4<-7:7>:f32, 2.500000e-01>' stores, found 'tensor<1x2xi8>'}}
  %0 = vitya.linear "rounded_c1" %x, %w {vitya.rounded = #vitya.rounded<dense<1> : tensor<1x2xi8>, type = !quant.uniform<i4<-7:7>:f32, 0.25>, reason = "GPTQ">} : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

func.func @rounded_c1_scales(%x: tensor<4x2xf32>, %w: tensor<1x2xf32>) -> tensor<4x1xf32> {
  // expected-error @below {{expected one scale for each of 1 rows of the weight, found 2}}
  %0 = vitya.linear "rounded_c1" %x, %w {vitya.rounded = #vitya.rounded<dense<1> : tensor<1x2xi8>, type = !quant.uniform<i8<-127:127>:f32:0, {0.25, 0.5}>, reason = "GPTQ">} : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

func.func @rounded_c2_sizes(%x: tensor<4x2xf32>, %w: tensor<1x2xf32>) -> tensor<4x1xf32> {
  // expected-error @below {{'vitya.linear' op expected attribute 'vitya.rounded' to be #vitya.rounded of the sizes of the weight on an f32 vitya.linear}}
  %0 = vitya.linear "rounded_c2" %x, %w {vitya.rounded = #vitya.rounded<dense<1> : tensor<2x2xi8>, type = !quant.uniform<i8<-127:127>:f32, 0.25>, reason = "GPTQ">} : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

func.func @rounded_c2_op(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
  // expected-error @below {{'vitya.gelu' op expected attribute 'vitya.rounded' to be #vitya.rounded of the sizes of the weight on an f32 vitya.linear}}
  %0 = vitya.gelu erf %x {vitya.rounded = "GPTQ"} : tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// -----

// expected-error @below {{expected a name and positive sizes, or neither, of the tensor of constant 'stored_tensor_c1', found 'gamma' and []}}
module attributes {vitya.stored_tensors = [#vitya.stored_tensor<"stored_tensor_c1" as "gamma">]} {}

// -----

// expected-error @below {{expected a name and positive sizes, or neither, of the tensor of constant 'stored_tensor_c1', found 'w' and [2, 0]}}
module attributes {vitya.stored_tensors = [#vitya.stored_tensor<"stored_tensor_c1" as "w" shape [2, 0]>]} {}

// -----

// expected-error @below {{expected a permutation of the 2 dimensions of the tensor of constant 'stored_tensor_c2', found [0, 0]}}
module attributes {vitya.stored_tensors = [#vitya.stored_tensor<"stored_tensor_c2" as "w" shape [2, 2] order [0, 0]>]} {}

// -----

// expected-error @below {{expected attribute 'vitya.stored_tensors' to be an array of #vitya.stored_tensor on a module, found "w"}}
module attributes {vitya.stored_tensors = "w"} {}

// -----

// expected-error @below {{expected an f32 margin that is finite and not negative, found -1.000000e+00 : f32}}
module @cascade_c1_negative attributes {vitya.cascade = #vitya.cascade<margin = -1.0 : f32>} {}

// -----

// expected-error @below {{expected an f32 margin that is finite and not negative, found 0x7FC00000 : f32}}
module @cascade_c1_nan attributes {vitya.cascade = #vitya.cascade<margin = 0x7FC00000 : f32>} {}

// -----

// expected-error @below {{expected an f32 margin that is finite and not negative, found 1.000000e+00 : f64}}
module @cascade_c1_type attributes {vitya.cascade = #vitya.cascade<margin = 1.0 : f64>} {}

// -----

// expected-error @below {{expected deferred images and disagreements among 5 images, found 3 and 3}}
module @cascade_c2 attributes {vitya.cascade = #vitya.cascade<margin = 1.0 : f32, images = 5, deferred = 3, disagreements = 3>} {}

// -----

// expected-error @below {{expected attribute 'vitya.cascade' to be #vitya.cascade on a module of two modules with the same `vitya.model` of at least two classes}}
module @cascade_c3_one attributes {vitya.cascade = #vitya.cascade<margin = 1.0 : f32>} {
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {}
}

// -----

// expected-error @below {{expected attribute 'vitya.cascade' to be #vitya.cascade on a module of two modules with the same `vitya.model` of at least two classes}}
module @cascade_c3_classes attributes {vitya.cascade = #vitya.cascade<margin = 1.0 : f32>} {
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat"]>} {}
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat"]>} {}
}

// -----

// expected-error @below {{expected attribute 'vitya.cascade' to be #vitya.cascade on a module of two modules with the same `vitya.model` of at least two classes}}
module @cascade_c3_images attributes {vitya.cascade = #vitya.cascade<margin = 1.0 : f32>} {
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {}
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 2, 2], classes = ["cat", "dog"]>} {}
}

// -----

// expected-error @below {{expected attribute 'vitya.cascade' to be #vitya.cascade on a module of two modules with the same `vitya.model` of at least two classes, found}}
module @cascade_c3_other attributes {vitya.cascade = #vitya.cascade<margin = 1.0 : f32>} {
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {}
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {}
  func.func private @main()
}

// -----

// expected-error @below {{expected attribute 'vitya.cascade' to be #vitya.cascade on a module of two modules with the same `vitya.model` of at least two classes, found "margin"}}
module @cascade_c3_value attributes {vitya.cascade = "margin"} {}

// -----

// expected-error @below {{expected attribute 'vitya.phase' to be a string on a module, found "import"}}
func.func private @phase() attributes {vitya.phase = "import"}

// -----

// expected-error @below {{expected attribute 'vitya.parameters' to be an i64 on a module that is not negative, found 1 : i64}}
func.func private @count() attributes {vitya.parameters = 1 : i64}

// -----

// expected-error @below {{expected attribute 'vitya.layers' to be an array of strings on a module, found ["head"]}}
func.func private @array() attributes {vitya.layers = ["head"]}

// -----

// expected-error @below {{expected attribute 'vitya.layer' to be a string on a call, found "head"}}
func.func private @layer() attributes {vitya.layer = "head"}

// -----

// expected-error @below {{expected attribute 'vitya.loop' to be a unit attribute on a call, found unit}}
func.func private @loop() attributes {vitya.loop}
