// The verifier of vitya.model accepts elided weights, splats and complete resources, and it does not compare an @main that no
// longer works on tensors with the model.
// RUN: vitya-opt %s -split-input-file | FileCheck %s

// CHECK: classes = ["cat", "dog"]>
// CHECK: dense_resource<elided>
// CHECK: dense_resource<complete>
module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {
  func.func @main(%image: tensor<1x1x2xf32>) -> tensor<1x2xf32> {
    %w = arith.constant dense_resource<elided> : tensor<2x2xf32>
    %b = arith.constant dense_resource<complete> : tensor<2xf32>
    %x = tensor.collapse_shape %image [[0, 1], [2]] : tensor<1x1x2xf32> into tensor<1x2xf32>
    %0 = vitya.linear "head" %x, %w bias %b : tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32> -> tensor<1x2xf32>
    return %0 : tensor<1x2xf32>
  }
}

{-#
  dialect_resources: {
    builtin: {
      complete: "0x040000000000803F00000040"
    }
  }
#-}

// -----

// CHECK: classes = ["cat", "dog"], preprocessing = <bilinear antialias false>>
// CHECK: func.func @main(%{{.*}}: memref<1x1x2xf32>, %{{.*}}: memref<1x2xf32>)
module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"], preprocessing = <bilinear antialias false>>} {
  func.func @main(%image: memref<1x1x2xf32>, %logits: memref<1x2xf32>) {
    return
  }
}

// -----

// CHECK: preprocessing = <bicubic resize [256] crop floor>>
module attributes {vitya.model = #vitya.model<name = "vit", image = [3, 224, 224], classes = ["cat"], preprocessing = <bicubic resize [256] crop floor>>} {}

// -----

// CHECK: classes = ["cat"], preprocessing = <bilinear resize [224, 256]>>
module attributes {vitya.model = #vitya.model<name = "vit", image = [3, 224, 224], classes = ["cat"], preprocessing = <bilinear resize [224, 256] crop half_even>>} {}

// -----

// CHECK: classes = ["cat"]>
module attributes {vitya.model = #vitya.model<name = "vit", image = [3, 224, 224], classes = ["cat"], preprocessing = <bilinear>>} {}

// -----

// CHECK: module @whole attributes {vitya.cascade = #vitya.cascade<margin = 1.250000e-01 : f32, images = 5000, deferred = 48, disagreements = 20>}
// CHECK: module @first
// CHECK: module @dense
module @whole attributes {vitya.cascade = #vitya.cascade<margin = 0.125 : f32, images = 5000, deferred = 48, disagreements = 20>} {
  module @first attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {}
  module @dense attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {}
}

// -----

// CHECK: vitya.cascade = #vitya.cascade<margin = 0.000000e+00 : f32>}
module attributes {vitya.cascade = #vitya.cascade<margin = 0.0 : f32>} {
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {}
  module attributes {vitya.model = #vitya.model<name = "vit", image = [1, 1, 2], classes = ["cat", "dog"]>} {}
}
