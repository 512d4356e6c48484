// The passes of passes/quantize/: affine quantization to 8-bit integers. Each description shows one example before and after, which
// test/passes/examples.test runs.
#ifndef VITYA_PASSES_QUANTIZE_PASSES
#define VITYA_PASSES_QUANTIZE_PASSES

include "mlir/Pass/PassBase.td"
include "passes/PassOptions.td"

def CalibratePass : Pass<"vitya-calibrate", "::mlir::ModuleOp"> {
  let summary = "write down the ranges of what can be quantized";
  let description = [{
    Runs the model on the first `count` records of `images` and puts on every f32 linear layer and attention of `@main`, as
    `vitya.ranges`, the range that each observer proposes for each operand that `vitya-quantize-static` can store in
    8 bits, with the share of numbers that it clips and the noise that it adds, relative to the signal. The fingerprint
    of the model stands on the module as `vitya.calibrated`: ranges are of no other model. What is written does not depend
    on the number of threads, and the model's meaning does not change.

    | observer | range |
    |---|---|
    | `minmax` | the least and the greatest number |
    | `moving-average` | of the extremes of an image, image after image, with weight 0.01 for the newest |
    | `percentile` | without the last 0.01 % at each end |
    | `mse` | shrunk at both ends to the least mean squared error |
    | `entropy` | clipped to where 128 bins tell the most about the distribution |

    Before:

    ```mlir
    func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
      %w = arith.constant dense<0.5> : tensor<2x48xf32>
      %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
      %0 = vitya.linear "head" %x, %w : tensor<1x48xf32>, tensor<2x48xf32> -> tensor<1x2xf32>
      return %0 : tensor<1x2xf32>
    }
    ```

    After, with `images=%demo/calibration-256.bin count=1`:

    ```mlir
    #minmax = #vitya.observed<"minmax", min = 0.0, max = 0.830392, clipped = 0.0, noise = 4.45e-6>
    #average = #vitya.observed<"moving-average", min = 0.0, max = 0.830392, clipped = 0.0, noise = 4.45e-6>
    #percentile = #vitya.observed<"percentile", min = 0.0, max = 0.830392, clipped = 0.0, noise = 4.45e-6>
    #mse = #vitya.observed<"mse", min = 0.0, max = 0.830392, clipped = 0.0, noise = 4.45e-6>
    #entropy = #vitya.observed<"entropy", min = 0.0, max = 0.830392, clipped = 0.0, noise = 4.45e-6>
    module attributes {vitya.calibrated = "44a89e374d6bf87ad34603c92f3338ae"} {
      func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
        %w = arith.constant dense<0.5> : tensor<2x48xf32>
        %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
        %0 = vitya.linear "head" %x, %w {vitya.ranges = [[#minmax, #average, #percentile, #mse, #entropy]]}
           : tensor<1x48xf32>, tensor<2x48xf32> -> tensor<1x2xf32>
        return %0 : tensor<1x2xf32>
      }
    }
    ```
  }];
  let options = kImageOptions;
}

def QuantizeDynamicPass : Pass<"vitya-quantize-dynamic", "::mlir::ModuleOp"> {
  let summary = "8-bit linear layers with ranges found at run time";
  let description = [{
    Before: f32 linear layers. After: each one that `layers` matches and `except` does not has an s8 weight, symmetric, and
    a u8 input, affine, whose scale and zero point are found for each token, or for all tokens of an image. A value that
    several layers read is quantized once. Layers whose weight is computed, or whose inner width is above 65,536, stay
    f32, with a remark; quantized ones are left alone, with a remark. What became of a layer, and why, stands on its ops
    as `info`, and on the cast of its weight, as `vitya.noise`, the mean squared error over the mean square of the
    weight. No images are needed. Attention stays f32.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x2xf32> {
      %w = arith.constant dense<[[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -2.54],
                                 [0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]> : tensor<2x8xf32>
      %0 = vitya.linear "head" %x, %w : tensor<4x8xf32>, tensor<2x8xf32> -> tensor<4x2xf32>
      return %0 : tensor<4x2xf32>
    }
    ```

    After, with `weights=tensor`:

    ```mlir
    #info = #vitya.linear_info<"head", in = 8, out = 2, format = "u8 x s8 dynamic", reason = "range of each token">
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x2xf32> {
      %p = vitya.choose_qparams token %x : tensor<4x8xf32> -> tensor<4x2xf32>
      %q = vitya.quantize %x, %p : tensor<4x8xf32>, tensor<4x2xf32> -> tensor<4x8x!quant.any<u8:f32>>
      %i = arith.constant dense_resource<head.weight.i8> : tensor<2x8xi8>
      %w = quant.scast %i {vitya.noise = 0.0 : f64} : tensor<2x8xi8> to tensor<2x8x!quant.uniform<i8<-127:127>:f32, 0.02>>
      %0 = vitya.linear "head" %q, %w params(%p : tensor<4x2xf32>) {info = #info}
         : tensor<4x8x!quant.any<u8:f32>>, tensor<2x8x!quant.uniform<i8<-127:127>:f32, 0.02>> -> tensor<4x2xf32>
      return %0 : tensor<4x2xf32>
    }
    ```
  }];
  let options = [
    Option<"granularity", "granularity", "::vitya::Granularity", "::vitya::Granularity::token",
           "What shares a scale and a zero point in an activation:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::Granularity::token, "token", "a token"),
        clEnumValN(::vitya::Granularity::tensor, "tensor", "all tokens of an image"))
    }]>
  ] # kWeightGranularityOptions # kQuantizedLayersOptions;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::quant::QuantDialect", "::vitya::VityaDialect"];
}

def QuantizeStaticPass : Pass<"vitya-quantize-static", "::mlir::ModuleOp"> {
  let summary = "8-bit linear layers and attention with ranges found by calibration";
  let description = [{
    Before: a model that `vitya-calibrate` has just seen. After: each linear layer that `layers` matches and `except` does
    not has an s8 weight, symmetric, and reads a `quant.qcast` of its input to u8, affine, with the range of `observer`;
    so does each attention, unless `attention=false`: its query is u8, its key and value are s8, and its exponentials
    are rounded to steps of 1/255. A value is cast once for all its readers. What stays f32 is as with
    `vitya-quantize-dynamic`. Of `vitya.ranges` the one that was taken remains.

    Before:

    ```mlir
    #range = #vitya.observed<"mse", min = -1.0, max = 1.55, clipped = 0.0, noise = 1.0e-4>
    module attributes {vitya.calibrated = "4fe9b9c92f8ac9b3e898d8b52a356044"} {
      func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
        %w = arith.constant dense<1.27> : tensor<2x48xf32>
        %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
        %0 = vitya.linear "head" %x, %w {vitya.ranges = [[#range]]} : tensor<1x48xf32>, tensor<2x48xf32> -> tensor<1x2xf32>
        return %0 : tensor<1x2xf32>
      }
    }
    ```

    After, with `weights=tensor`:

    ```mlir
    #range = #vitya.observed<"mse", min = -1.0, max = 1.55, clipped = 0.0, noise = 1.0e-4>
    #info = #vitya.linear_info<"head", in = 48, out = 2, format = "u8 x s8 static", reason = "mse, scale 0.01, 0.00 % clipped, 40.0 dB">
    func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
      %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
      %q = quant.qcast %x : tensor<1x48xf32> to tensor<1x48x!quant.uniform<u8:f32, 0.01:100>>
      %i = arith.constant dense_resource<head.weight.i8> : tensor<2x48xi8>
      %w = quant.scast %i {vitya.noise = 0.0 : f64} : tensor<2x48xi8> to tensor<2x48x!quant.uniform<i8<-127:127>:f32, 0.01>>
      %0 = vitya.linear "head" %q, %w {info = #info, vitya.ranges = [[#range]]}
         : tensor<1x48x!quant.uniform<u8:f32, 0.01:100>>, tensor<2x48x!quant.uniform<i8<-127:127>:f32, 0.01>> -> tensor<1x2xf32>
      return %0 : tensor<1x2xf32>
    }
    ```
  }];
  let options = [
    Option<"observer", "observer", "::vitya::numerics::ObserverKind", "::vitya::numerics::ObserverKind::mse",
           "How ranges are found:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::numerics::ObserverKind::minmax, "minmax", "the least and the greatest number"),
        clEnumValN(::vitya::numerics::ObserverKind::movingAverage, "moving-average", "averages of an image's extremes"),
        clEnumValN(::vitya::numerics::ObserverKind::percentile, "percentile", "without the last 0.01 % at each end"),
        clEnumValN(::vitya::numerics::ObserverKind::mse, "mse", "the least mean squared error"),
        clEnumValN(::vitya::numerics::ObserverKind::entropy, "entropy", "the least divergence of 128 bins"))
    }]>,
    Option<"attention", "attention", "bool", "true", "Also quantize attention.">
  ] # kWeightGranularityOptions # kQuantizedLayersOptions;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::quant::QuantDialect", "::vitya::VityaDialect"];
}

def SmoothPass : Pass<"vitya-smooth", "::mlir::ModuleOp"> {
  let summary = "even out the columns of activations before they are quantized";
  let description = [{
    SmoothQuant (arXiv 2211.10438): divides each column of the input of a linear layer that `layers` matches by
    `max |x|^alpha / max |w|^(1 - alpha)`, x over the first `count` records of `images` and w over the weights that
    multiply the column, and multiplies these weights by it. The division happens in what computes the input: the
    norm before, the linear layer before (a factor), or, behind attention, the layer of the values. The model's meaning
    does not change, but for rounding. Inputs that something else computes or reads are left alone, with a remark.

    Before:

    ```mlir
    func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
      %g = arith.constant dense<1.0> : tensor<48xf32>
      %b = arith.constant dense<0.0> : tensor<48xf32>
      %w = arith.constant dense<0.0> : tensor<2x48xf32>
      %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
      %n = vitya.layer_norm "norm" %x, %g, %b eps 1.0e-5 : tensor<1x48xf32>, tensor<48xf32>, tensor<48xf32> -> tensor<1x48xf32>
      %0 = vitya.linear "head" %n, %w : tensor<1x48xf32>, tensor<2x48xf32> -> tensor<1x2xf32>
      return %0 : tensor<1x2xf32>
    }
    ```

    After, with `images=%demo/calibration-256.bin count=1`:

    ```mlir
    func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
      %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
      %g = arith.constant dense_resource<norm.weight> : tensor<48xf32>
      %b = arith.constant dense_resource<norm.bias> : tensor<48xf32>
      %n = vitya.layer_norm "norm" %x, %g, %b eps 1.0e-5 : tensor<1x48xf32>, tensor<48xf32>, tensor<48xf32> -> tensor<1x48xf32>
      %w = arith.constant dense_resource<head.weight> : tensor<2x48xf32>
      %0 = vitya.linear "head" %n, %w : tensor<1x48xf32>, tensor<2x48xf32> -> tensor<1x2xf32>
      return %0 : tensor<1x2xf32>
    }
    ```
  }];
  let options = kImageOptions # [
    Option<"alpha", "alpha", "double", "0.5", "How much of the difficulty weights take over, from 0 to 1.">,
    Option<"layers", "layers", "std::string", "\".\"", "Regular expression of names of layers.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

def SplitLinearsPass : Pass<"vitya-split-linears", "::mlir::ModuleOp"> {
  let summary = "split linear layers whose columns go separate ways";
  let description = [{
    Before: a linear layer of a constant weight, such as the fused one for query, key and value, of whose result only
    slices of columns are read, which do not overlap. After: a linear layer for each slice, with its rows of weight and bias:
    x W^T[:, a:b] = x W[a:b]^T, without a rounding more. So that each part can have a range of its own, this comes before
    quantization. Parts carry the record of their layer as `info`, and ".q", ".k" or ".v" behind its name where attention
    reads them, else their number.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %w = arith.constant dense<0.5> : tensor<24x8xf32>
      %qkv = vitya.linear "blocks.0.attn.qkv" %x, %w : tensor<4x8xf32>, tensor<24x8xf32> -> tensor<4x24xf32>
      %q = tensor.extract_slice %qkv[0, 0] [4, 8] [1, 1] : tensor<4x24xf32> to tensor<4x8xf32>
      %k = tensor.extract_slice %qkv[0, 8] [4, 8] [1, 1] : tensor<4x24xf32> to tensor<4x8xf32>
      %v = tensor.extract_slice %qkv[0, 16] [4, 8] [1, 1] : tensor<4x24xf32> to tensor<4x8xf32>
      %0 = vitya.attention "blocks.0.attn" %q, %k, %v heads 2 scale 0.5
         : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```

    After:

    ```mlir
    #info = #vitya.linear_info<"blocks.0.attn.qkv", in = 8, out = 24, format = "f32",
                               reason = "no compression asked for">
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %wq = arith.constant dense_resource<blocks.0.attn.qkv.q.weight> : tensor<8x8xf32>
      %q = vitya.linear "blocks.0.attn.qkv.q" %x, %wq {info = #info} : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
      %wk = arith.constant dense_resource<blocks.0.attn.qkv.k.weight> : tensor<8x8xf32>
      %k = vitya.linear "blocks.0.attn.qkv.k" %x, %wk {info = #info} : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
      %wv = arith.constant dense_resource<blocks.0.attn.qkv.v.weight> : tensor<8x8xf32>
      %v = vitya.linear "blocks.0.attn.qkv.v" %x, %wv {info = #info} : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
      %0 = vitya.attention "blocks.0.attn" %q, %k, %v heads 2 scale 0.5
         : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

#endif // VITYA_PASSES_QUANTIZE_PASSES
