// The table of contents of the compiler: every pass, alphabetical within its banner. Each description says what holds
// before, what holds after, and shows both on one example, which test/passes/examples.test runs.

#ifndef VITYA_PASSES
#define VITYA_PASSES

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// compress/: rewrites of the model
//===----------------------------------------------------------------------===//

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
  let options = [
    Option<"images", "images", "std::string", "\"\"", "Calibration images: CIFAR-10 records, resized for the model.">,
    Option<"count", "count", "int64_t", "0", "Only the first so many images; 0 is all.">
  ];
}

def CollectStatisticsPass : Pass<"vitya-collect-statistics", "::mlir::ModuleOp"> {
  let summary = "write the moments of the inputs of linear layers to a file";
  let description = [{
    Runs the model on the first `count` records of `images` and writes to `to`, for the input of every linear layer
    that has a constant weight, the number of tokens, their sum, the sum of their magnitudes and of their outer
    products, in double precision. The file is in the safetensors format and names the fingerprint of the model, to
    which it is tied. The sums do not depend on the number of threads. The model does not change.

    Before:

    ```mlir
    func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
      %w = arith.constant dense<0.5> : tensor<2x48xf32>
      %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
      %0 = vitya.linear "head" %x, %w : tensor<1x48xf32>, tensor<2x48xf32> -> tensor<1x2xf32>
      return %0 : tensor<1x2xf32>
    }
    ```

    After, with `images=%demo/calibration-256.bin count=1 to=/dev/null`:

    ```mlir
    func.func @main(%image: tensor<3x4x4xf32>) -> tensor<1x2xf32> {
      %w = arith.constant dense<0.5> : tensor<2x48xf32>
      %x = vitya.patchify %image [4, 4] channel_row_column : tensor<3x4x4xf32> -> tensor<1x48xf32>
      %0 = vitya.linear "head" %x, %w : tensor<1x48xf32>, tensor<2x48xf32> -> tensor<1x2xf32>
      return %0 : tensor<1x2xf32>
    }
    ```
  }];
  let options = [
    Option<"images", "images", "std::string", "\"\"", "Calibration images: CIFAR-10 records, resized for the model.">,
    Option<"count", "count", "int64_t", "0", "Only the first so many images; 0 is all.">,
    Option<"to", "to", "std::string", "\"\"", "The file to write.">
  ];
}

def DescribeModelPass : Pass<"vitya-describe-model", "::mlir::ModuleOp"> {
  let summary = "write down what the model has become";
  let description = [{
    Ends the `compress` phase, while layers are still ops: puts on the module `vitya.linears` (one
    `#vitya.linear_info` for each linear layer of the trained model in program order: what an earlier pass recorded on
    its ops, once for both factors of a layer), `vitya.parameters`, `vitya.multiply_adds` (of one
    inference, in linear layers and attention), `vitya.integer_multiply_adds` (those of quantized ones, if there are
    any) and `vitya.fingerprint`. Nothing else changes.

    Before:

    ```mlir
    func.func @main(%x: tensor<1x192xf32>) -> tensor<1x10xf32> {
      %w = arith.constant dense<0.5> : tensor<10x192xf32>
      %b = arith.constant dense<0.0> : tensor<10xf32>
      %0 = vitya.linear "head" %x, %w bias %b : tensor<1x192xf32>, tensor<10x192xf32>, tensor<10xf32> -> tensor<1x10xf32>
      return %0 : tensor<1x10xf32>
    }
    ```

    After:

    ```mlir
    module attributes {vitya.fingerprint = "f1d65be1c4cf35c9185a37cb85dd9623",
                       vitya.linears = [#vitya.linear_info<"head", in = 192, out = 10, format = "f32",
                                                           reason = "no compression asked for">],
                       vitya.multiply_adds = 1920 : i64, vitya.parameters = 1930 : i64} {
      func.func @main(%x: tensor<1x192xf32>) -> tensor<1x10xf32> {
        %w = arith.constant dense<0.5> : tensor<10x192xf32>
        %b = arith.constant dense<0.0> : tensor<10xf32>
        %0 = vitya.linear "head" %x, %w bias %b : tensor<1x192xf32>, tensor<10x192xf32>, tensor<10xf32> -> tensor<1x10xf32>
        return %0 : tensor<1x10xf32>
      }
    }
    ```
  }];
}

def LowRankPass : Pass<"vitya-low-rank", "::mlir::ModuleOp"> {
  let summary = "replace linear layers by pairs of smaller ones";
  let description = [{
    Before: linear layers with constant weights. After: each one that `layers` matches and for which it pays is
    "NAME.right", from the input to `rank` columns, without bias, and "NAME.left", from there to the output, with the
    bias. What became of a layer, and why, stands on its ops as `info`; layers that stay dense although their name
    matches get a remark. Layers that are pairs already are left alone, with a remark.

    A pair pays for a layer of p outputs and n inputs if its rank is less than p n / (p + n). `rank` gives every layer
    the same rank. `keep` is a budget: the share of the weights of the matched layers (biases excluded), or of their
    multiply-adds, that may be left; with `joint` those of the attention itself count too. With `allocation=spectrum` it
    is spent where it saves the most error by the spectra of the layers, for the last three methods the whitened ones.
    With `images` the error is that of the model's predictions: what a layer loses is weighed by the divergence of the
    predictions from the original ones on `probes` images when it alone is cut; otherwise, and with `probes=0`, it is
    that of the layers' outputs. With `allocation=uniform` every layer keeps this share of its own.

    | method | factors | images |
    |---|---|---|
    | `plain` | SVD of the weight | not needed |
    | `asvd` | SVD of the weight scaled by the inputs' magnitudes to the power of 1/2 (arXiv 2312.05821) | for moments |
    | `whitened` | SVD of the weight times the root of the inputs' covariance (arXiv 2403.07378) | for moments |
    | `anchored` | best fit of the original outputs from the inputs that earlier factors leave, layer by layer | replayed |
    | `joint` | attention: narrower heads (arXiv 2505.12942); other layers: `anchored` | replayed |

    `joint` cuts the product of a head's query and key maps and that of its value and output maps, which narrows the
    heads: to two widths that the budget chooses, or to as many weights as the ranks of the four layers would leave.
    Attention whose query, key and value are not
    columns of linear layers of one input that nothing else reads, or whose result not one linear layer alone reads,
    keeps its heads, with a remark.

    With `refit` the first three methods also replay the images, and give each layer the left factor that fits its
    original output best from what its right factor makes of the input that the layers before leave.

    Statistics of the inputs come from `statistics`, a file that `vitya-collect-statistics` wrote for this very model,
    or from the first `count` records of `images`, which `anchored` and `joint` replay in any case. The methods that look
    at images also correct the bias, so that the mean output of a layer stays what it was.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %w = arith.constant dense<0.5> : tensor<8x8xf32>
      %b = arith.constant dense<1.0> : tensor<8xf32>
      %0 = vitya.linear "blocks.0.proj" %x, %w bias %b
         : tensor<4x8xf32>, tensor<8x8xf32>, tensor<8xf32> -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```

    After, with `rank=2`:

    ```mlir
    #info = #vitya.linear_info<"blocks.0.proj", in = 8, out = 8, format = "f32", reason = "plain, rank 2", rank = 2>
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %b = arith.constant dense<1.0> : tensor<8xf32>
      %right = arith.constant dense_resource<blocks.0.proj.right.weight> : tensor<2x8xf32>
      %0 = vitya.linear "blocks.0.proj.right" %x, %right {info = #info}
         : tensor<4x8xf32>, tensor<2x8xf32> -> tensor<4x2xf32>
      %left = arith.constant dense_resource<blocks.0.proj.left.weight> : tensor<8x2xf32>
      %1 = vitya.linear "blocks.0.proj.left" %0, %left bias %b {info = #info}
         : tensor<4x2xf32>, tensor<8x2xf32>, tensor<8xf32> -> tensor<4x8xf32>
      return %1 : tensor<4x8xf32>
    }
    ```
  }];
  let options = [
    Option<"rank", "rank", "int64_t", "0", "The rank of every layer.">,
    Option<"keep", "keep", "double", "0", "The share of the matched layers that may be left, up to 1.">,
    Option<"budget", "budget", "::vitya::LowRankBudget", "::vitya::LowRankBudget::parameters", "What keep counts:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::LowRankBudget::parameters, "parameters", "elements of weights"),
        clEnumValN(::vitya::LowRankBudget::macs, "macs", "multiply-adds of one inference"))
    }]>,
    Option<"allocation", "allocation", "::vitya::RankAllocation", "::vitya::RankAllocation::spectrum",
           "How keep is spent:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::RankAllocation::spectrum, "spectrum", "where it saves the most error"),
        clEnumValN(::vitya::RankAllocation::uniform, "uniform", "the same share on every layer"))
    }]>,
    Option<"method", "method", "::vitya::LowRankMethod", "::vitya::LowRankMethod::plain", "How factors are found:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::LowRankMethod::plain, "plain", "SVD of the weight"),
        clEnumValN(::vitya::LowRankMethod::asvd, "asvd", "SVD of the weight scaled by the inputs' magnitudes"),
        clEnumValN(::vitya::LowRankMethod::whitened, "whitened", "SVD that minimises the error of the outputs"),
        clEnumValN(::vitya::LowRankMethod::anchored, "anchored", "as whitened, from the inputs compression leaves"),
        clEnumValN(::vitya::LowRankMethod::joint, "joint", "narrower heads of attention, the rest anchored"))
    }]>,
    Option<"layers", "layers", "std::string", "\"[.][0-9]+[.]\"",
           "Regular expression of names of layers; by default those inside numbered modules, the blocks.">,
    Option<"images", "images", "std::string", "\"\"", "Calibration images: CIFAR-10 records, resized for the model.">,
    Option<"count", "count", "int64_t", "0", "Only the first so many images; 0 is all.">,
    Option<"statistics", "statistics", "std::string", "\"\"", "A file of vitya-collect-statistics.">,
    Option<"refit", "refit", "bool", "false", "Fit left factors to calibration images (plain, asvd, whitened).">,
    Option<"probes", "probes", "int64_t", "32", "Of the images, how many to measure the sensitivity of layers on.">,
    Option<"report", "report", "std::string", "\"\"", "Write what became of each layer to this file, as JSON.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
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
    }]>,
    Option<"weights", "weights", "::vitya::WeightGranularity", "::vitya::WeightGranularity::channel",
           "What shares a scale in a weight:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::WeightGranularity::channel, "channel", "an output channel"),
        clEnumValN(::vitya::WeightGranularity::tensor, "tensor", "all of them"))
    }]>,
    Option<"layers", "layers", "std::string", "\".\"", "Regular expression of names of layers.">,
    Option<"except", "except", "std::string", "\"\"", "Regular expression of names of layers that stay f32.">
  ];
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
    Option<"attention", "attention", "bool", "true", "Also quantize attention.">,
    Option<"weights", "weights", "::vitya::WeightGranularity", "::vitya::WeightGranularity::channel",
           "What shares a scale in a weight:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::WeightGranularity::channel, "channel", "an output channel"),
        clEnumValN(::vitya::WeightGranularity::tensor, "tensor", "all of them"))
    }]>,
    Option<"layers", "layers", "std::string", "\".\"", "Regular expression of names of layers.">,
    Option<"except", "except", "std::string", "\"\"", "Regular expression of names of layers that stay f32.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::quant::QuantDialect", "::vitya::VityaDialect"];
}

def ReportSpectrumPass : Pass<"vitya-report-spectrum", "::mlir::ModuleOp"> {
  let summary = "write the singular values of linear layers to a file";
  let description = [{
    Writes to `to` (`--vitya-report-spectrum=FILE` is short for it), as JSON, for each linear layer whose name matches `layers`: "layer", "in", "out", "plain", the singular
    values of its weight, largest first, and, with `images` or `statistics`, "whitened", those of the weight times the
    root of the covariance of its input: the output that each direction holds. A layer that makes queries, keys and values
    together appears once for each, told by "part". `plot` is an SVG page with the same as curves, a row of panels for
    each block. The model does not change.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %w = arith.constant dense<0.5> : tensor<8x8xf32>
      %0 = vitya.linear "blocks.0.proj" %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```

    After, with `to=/dev/null`:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
      %w = arith.constant dense<0.5> : tensor<8x8xf32>
      %0 = vitya.linear "blocks.0.proj" %x, %w : tensor<4x8xf32>, tensor<8x8xf32> -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```
  }];
  let options = [
    Option<"to", "to", "std::string", "\"\"", "The JSON file to write.">,
    Option<"plot", "plot", "std::string", "\"\"", "The SVG page to write; none by default.">,
    Option<"layers", "layers", "std::string", "\"[.][0-9]+[.]\"",
           "Regular expression of names of layers; by default those inside numbered modules, the blocks.">,
    Option<"images", "images", "std::string", "\"\"", "Calibration images: CIFAR-10 records, resized for the model.">,
    Option<"count", "count", "int64_t", "0", "Only the first so many images; 0 is all.">,
    Option<"statistics", "statistics", "std::string", "\"\"", "A file of vitya-collect-statistics.">
  ];
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
  let options = [
    Option<"images", "images", "std::string", "\"\"", "Calibration images: CIFAR-10 records, resized for the model.">,
    Option<"count", "count", "int64_t", "0", "Only the first so many images; 0 is all.">,
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

//===----------------------------------------------------------------------===//
// lower/: from vitya to LLVM
//===----------------------------------------------------------------------===//

def AddDestinationsPass : Pass<"vitya-add-destinations", "::mlir::ModuleOp"> {
  let summary = "kernels write into buffers of their callers";
  let description = [{
    Before: kernels return tensors they make. After: a kernel's last argument is the tensor its parallel loop writes
    into, and each caller passes an empty one, which becomes a buffer that `vitya-plan-memory` places.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x16xf32>) -> tensor<4x16xf32> {
      %0 = call @double(%x) {vitya.layer = "double"} : (tensor<4x16xf32>) -> tensor<4x16xf32>
      return %0 : tensor<4x16xf32>
    }
    func.func private @double(%x: tensor<4x16xf32>) -> tensor<4x16xf32> attributes {vitya.kernel} {
      %empty = tensor.empty() : tensor<4x16xf32>
      %0 = scf.forall (%i) in (4) shared_outs(%out = %empty) -> (tensor<4x16xf32>) {
        %row = tensor.extract_slice %x[%i, 0] [1, 16] [1, 1] : tensor<4x16xf32> to tensor<1x16xf32>
        %sum = arith.addf %row, %row : tensor<1x16xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %sum into %out[%i, 0] [1, 16] [1, 1] : tensor<1x16xf32> into tensor<4x16xf32>
        }
      }
      return %0 : tensor<4x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<4x16xf32>) -> tensor<4x16xf32> {
      %empty = tensor.empty() : tensor<4x16xf32>
      %0 = call @double(%x, %empty) {vitya.layer = "double"} : (tensor<4x16xf32>, tensor<4x16xf32>) -> tensor<4x16xf32>
      return %0 : tensor<4x16xf32>
    }
    func.func private @double(%x: tensor<4x16xf32>, %destination: tensor<4x16xf32>) -> tensor<4x16xf32>
        attributes {vitya.kernel} {
      %empty = tensor.empty() : tensor<4x16xf32>
      %0 = scf.forall (%i) in (4) shared_outs(%out = %destination) -> (tensor<4x16xf32>) {
        %row = tensor.extract_slice %x[%i, 0] [1, 16] [1, 1] : tensor<4x16xf32> to tensor<1x16xf32>
        %sum = arith.addf %row, %row : tensor<1x16xf32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %sum into %out[%i, 0] [1, 16] [1, 1] : tensor<1x16xf32> into tensor<4x16xf32>
        }
      }
      return %0 : tensor<4x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def LaunchLoopsPass : Pass<"vitya-launch-loops", "::mlir::ModuleOp"> {
  let summary = "call outlined loops through the runtime's vitya_parallel_for";
  let description = [{
    Before: an LLVM dialect module whose calls marked `vitya.loop` run all iterations of an outlined loop.
    After: each of them packs the buffers into an array and calls `vitya_parallel_for(context, layer, count, body,
    captures)`; `@main` is `@vitya_forward(context, image, logits, weights, workspace)`. The names of the layers, in
    the order of their numbers, stand on the module as `vitya.layers`.

    Before:

    ```mlir
    llvm.func @main(%image: !llvm.ptr, %logits: !llvm.ptr, %weights: !llvm.ptr, %workspace: !llvm.ptr) {
      %begin = llvm.mlir.constant(0 : index) : i64
      %end = llvm.mlir.constant(4 : index) : i64
      llvm.call @double(%image, %logits, %begin, %end) {vitya.layer = "double", vitya.loop}
        : (!llvm.ptr, !llvm.ptr, i64, i64) -> ()
      llvm.return
    }
    llvm.func @double(%x: !llvm.ptr, %out: !llvm.ptr, %begin: i64, %end: i64) {
      llvm.return
    }
    ```

    After:

    ```mlir
    module attributes {vitya.layers = ["double"]} {
      llvm.func @vitya_parallel_for(!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr)
      llvm.func @vitya_forward(%context: !llvm.ptr, %image: !llvm.ptr, %logits: !llvm.ptr, %weights: !llvm.ptr,
                               %workspace: !llvm.ptr) {
        %size = llvm.mlir.constant(4 : i64) : i64
        %captures = llvm.alloca %size x !llvm.ptr : (i64) -> !llvm.ptr
        %begin = llvm.mlir.constant(0 : index) : i64
        %end = llvm.mlir.constant(4 : index) : i64
        %first = llvm.getelementptr %captures[0] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        llvm.store %image, %first : !llvm.ptr, !llvm.ptr
        %second = llvm.getelementptr %captures[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        llvm.store %logits, %second : !llvm.ptr, !llvm.ptr
        %layer = llvm.mlir.constant(0 : i64) : i64
        %body = llvm.mlir.addressof @double_body : !llvm.ptr
        llvm.call @vitya_parallel_for(%context, %layer, %end, %body, %captures)
          : (!llvm.ptr, i64, i64, !llvm.ptr, !llvm.ptr) -> ()
        llvm.return
      }
      llvm.func @double(%x: !llvm.ptr, %out: !llvm.ptr, %begin: i64, %end: i64) {
        llvm.return
      }
      llvm.func internal @double_body(%captures: !llvm.ptr, %begin: i64, %end: i64) {
        %first = llvm.getelementptr %captures[0] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        %x = llvm.load %first : !llvm.ptr -> !llvm.ptr
        %second = llvm.getelementptr %captures[1] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr
        %out = llvm.load %second : !llvm.ptr -> !llvm.ptr
        llvm.call @double(%x, %out, %begin, %end) : (!llvm.ptr, !llvm.ptr, i64, i64) -> ()
        llvm.return
      }
    }
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def LowerQuantizationPass : Pass<"vitya-lower-quantization", "::mlir::ModuleOp"> {
  let summary = "quantized types to integers and factors";
  let description = [{
    Before: linear layers and attention with quantized types. After: none; `vitya.integer_linear` and
    `vitya.integer_attention` on tensors of integers, and `vitya.quantize`, with scales, zero points and what follows from
    them as constant operands. Where scales are static a constant bias goes into the offsets, in steps of the sum's own scale,
    unless that leaves the sum more than 32 bits. Activations are held in `width` bits: 8 for processors with a dot product of bytes,
    16 for others, which multiply pairs of 16 bits.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x3xf32> {
      %c = arith.constant dense<2> : tensor<3x8xi8>
      %w = quant.scast %c : tensor<3x8xi8> to tensor<3x8x!quant.uniform<i8<-127:127>:f32, 5.0e-01>>
      %q = quant.qcast %x : tensor<4x8xf32> to tensor<4x8x!quant.uniform<u8:f32, 2.5e-01:100>>
      %0 = vitya.linear "fc" %q, %w : tensor<4x8x!quant.uniform<u8:f32, 2.5e-01:100>>,
                                      tensor<3x8x!quant.uniform<i8<-127:127>:f32, 5.0e-01>> -> tensor<4x3xf32>
      return %0 : tensor<4x3xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x3xf32> {
      %params = arith.constant dense<[[2.500000e-01, 1.000000e+02]]> : tensor<1x2xf32>
      %c = arith.constant dense<2> : tensor<3x8xi8>
      %q = vitya.quantize %x, %params : tensor<4x8xf32>, tensor<1x2xf32> -> tensor<4x8xi8>
      %offset = arith.constant dense_resource<fc.offset> : tensor<3xi32>
      %multiplier = arith.constant dense_resource<fc.multiplier> : tensor<3xf32>
      %0 = vitya.integer_linear "fc" %q, %c offset %offset multiplier %multiplier
         : tensor<4x8xi8>, tensor<3x8xi8>, tensor<3xi32>, tensor<3xf32> -> tensor<4x3xf32>
      return %0 : tensor<4x3xf32>
    }
    ```
  }];
  let options = [Option<"width", "width", "int64_t", "8", "Bits of an activation: 8 or 16.">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

def LowerVectorsPass : Pass<"vitya-lower-vectors", "::mlir::func::FuncOp"> {
  let summary = "turn vector contractions, transfers and math into what LLVM has instructions for";
  let description = [{
    Before: memrefs and n-D vectors. After: contractions are outer products of explicit fused multiply-adds, transfers
    and elementwise ops are one-dimensional, reductions across a vector are a fixed tree of shuffles, and `math` ops
    are polynomials: no call is left in an inner loop.

    Before:

    ```mlir
    func.func @product(%a: vector<2x1xf32>, %b: vector<1x16xf32>, %c: vector<2x16xf32>) -> vector<2x16xf32> {
      %0 = vector.contract {indexing_maps = [affine_map<(n, c, i) -> (n, i)>, affine_map<(n, c, i) -> (i, c)>,
                                             affine_map<(n, c, i) -> (n, c)>],
                            iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
        %a, %b, %c : vector<2x1xf32>, vector<1x16xf32> into vector<2x16xf32>
      return %0 : vector<2x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @product(%a: vector<2x1xf32>, %b: vector<1x16xf32>, %c: vector<2x16xf32>) -> vector<2x16xf32> {
      %zero = arith.constant dense<0.0> : vector<2x16xf32>
      %row = vector.extract %b[0] : vector<16xf32> from vector<1x16xf32>
      %a0 = vector.extract %a[0, 0] : f32 from vector<2x1xf32>
      %spread0 = vector.broadcast %a0 : f32 to vector<16xf32>
      %c0 = vector.extract %c[0] : vector<16xf32> from vector<2x16xf32>
      %sum0 = vector.fma %spread0, %row, %c0 : vector<16xf32>
      %0 = vector.insert %sum0, %zero [0] : vector<16xf32> into vector<2x16xf32>
      %a1 = vector.extract %a[1, 0] : f32 from vector<2x1xf32>
      %spread1 = vector.broadcast %a1 : f32 to vector<16xf32>
      %c1 = vector.extract %c[1] : vector<16xf32> from vector<2x16xf32>
      %sum1 = vector.fma %spread1, %row, %c1 : vector<16xf32>
      %1 = vector.insert %sum1, %0 [1] : vector<16xf32> into vector<2x16xf32>
      return %1 : vector<2x16xf32>
    }
    ```
  }];
  let options = [Option<"bits", "bits", "int64_t", "256", "Bits of a vector register: 256 or 512.">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::math::MathDialect"];
}

def OutlineKernelsPass : Pass<"vitya-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "group ops into kernels and share the kernels that are alike";
  let description = [{
    Before: `@main` holds the ops of the model. After: `@main` holds constants, slices and calls; each call stands for
    one group of ops, such as a linear layer with the GELU and the residual behind it, and groups that differ only in
    layer names and weights call the same private function, marked `vitya.kernel`. The call carries the layer's name
    as `vitya.layer`. Lowering then works on each distinct kernel once.

    Before:

    ```mlir
    func.func @main(%x: tensor<7x16xf32>, %w1: tensor<16x16xf32>, %w2: tensor<16x16xf32>) -> tensor<7x16xf32> {
      %0 = vitya.linear "fc1" %x, %w1 : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
      %1 = vitya.gelu erf %0 : tensor<7x16xf32>
      %2 = vitya.linear "fc2" %1, %w2 : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
      %3 = vitya.gelu erf %2 : tensor<7x16xf32>
      return %3 : tensor<7x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<7x16xf32>, %w1: tensor<16x16xf32>, %w2: tensor<16x16xf32>) -> tensor<7x16xf32> {
      %0 = call @linear_gelu_7x16x16(%x, %w1) {vitya.layer = "fc1"}
        : (tensor<7x16xf32>, tensor<16x16xf32>) -> tensor<7x16xf32>
      %1 = call @linear_gelu_7x16x16(%0, %w2) {vitya.layer = "fc2"}
        : (tensor<7x16xf32>, tensor<16x16xf32>) -> tensor<7x16xf32>
      return %1 : tensor<7x16xf32>
    }
    func.func private @linear_gelu_7x16x16(%x: tensor<7x16xf32>, %w: tensor<16x16xf32>) -> tensor<7x16xf32>
        attributes {vitya.kernel} {
      %0 = vitya.linear "linear_gelu_7x16x16" %x, %w : tensor<7x16xf32>, tensor<16x16xf32> -> tensor<7x16xf32>
      %1 = vitya.gelu erf %0 : tensor<7x16xf32>
      return %1 : tensor<7x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def OutlineLoopsPass : Pass<"vitya-outline-loops", "::mlir::ModuleOp"> {
  let summary = "make each parallel loop a function over a range and @main a list of their calls";
  let description = [{
    Before: bufferized kernels that hold `scf.forall` loops, and calls of kernels in `@main`. After: each loop is a
    private function `(buffers..., begin, end)`, `@main` calls it for all iterations (marked `vitya.loop`, with the
    layer's name), and the kernels are gone. Scratch buffers of an iteration stand at the function's entry, on the
    stack. Vectors from outside a loop reach it through a buffer.

    Before:

    ```mlir
    func.func @main(%x: memref<4x16xf32>, %out: memref<4x16xf32>) {
      call @double(%x, %out) : (memref<4x16xf32>, memref<4x16xf32>) -> () loc("blocks.0.double")
      return
    }
    func.func private @double(%x: memref<4x16xf32>, %out: memref<4x16xf32>) attributes {vitya.kernel} {
      scf.forall (%i) in (4) {
        %scratch = memref.alloc() : memref<16xf32>
        %c0 = arith.constant 0 : index
        %row = vector.load %x[%i, %c0] : memref<4x16xf32>, vector<16xf32>
        vector.store %row, %scratch[%c0] : memref<16xf32>, vector<16xf32>
        %copy = vector.load %scratch[%c0] : memref<16xf32>, vector<16xf32>
        %sum = arith.addf %row, %copy : vector<16xf32>
        vector.store %sum, %out[%i, %c0] : memref<4x16xf32>, vector<16xf32>
      }
      return
    }
    ```

    After:

    ```mlir
    func.func @main(%x: memref<4x16xf32>, %out: memref<4x16xf32>) {
      %c0 = arith.constant 0 : index
      %c4 = arith.constant 4 : index
      call @double(%x, %out, %c0, %c4) {vitya.layer = "blocks.0.double", vitya.loop}
        : (memref<4x16xf32>, memref<4x16xf32>, index, index) -> ()
      return
    }
    func.func private @double(%x: memref<4x16xf32>, %out: memref<4x16xf32>, %begin: index, %end: index) {
      %scratch = memref.alloca() {alignment = 64 : i64} : memref<16xf32>
      %c1 = arith.constant 1 : index
      scf.for %i = %begin to %end step %c1 {
        %c0 = arith.constant 0 : index
        %row = vector.load %x[%i, %c0] : memref<4x16xf32>, vector<16xf32>
        vector.store %row, %scratch[%c0] : memref<16xf32>, vector<16xf32>
        %copy = vector.load %scratch[%c0] : memref<16xf32>, vector<16xf32>
        %sum = arith.addf %row, %copy : vector<16xf32>
        vector.store %sum, %out[%i, %c0] : memref<4x16xf32>, vector<16xf32>
      }
      return
    }
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

def PackWeightsPass : Pass<"vitya-pack-weights", "::mlir::ModuleOp"> {
  let summary = "lay constant weights out in panels";
  let description = [{
    Before: kernels multiply by `[out, in]` weights that every caller passes as a constant. After: those constants are
    `[out / panel, in, panel]`, each panel contiguous in the order in which the inner loop reads it; rows that the
    last panel lacks are zero, and results that grew for that are sliced by the caller. Columns at the end that are zero
    in all of these constants, as padding leaves them, are left out, and a slice of the input takes the input's place.
    Weights that are not constant stay as they are.

    Before:

    ```mlir
    #row = affine_map<(n, o, i) -> (n, i)>
    #column = affine_map<(n, o, i) -> (o, i)>
    #result = affine_map<(n, o, i) -> (n, o)>
    func.func @main(%x: tensor<7x2xf32>) -> tensor<7x3xf32> {
      %w = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
      %0 = call @linear(%x, %w) {vitya.layer = "fc"} : (tensor<7x2xf32>, tensor<3x2xf32>) -> tensor<7x3xf32>
      return %0 : tensor<7x3xf32>
    }
    func.func private @linear(%x: tensor<7x2xf32>, %w: tensor<3x2xf32>) -> tensor<7x3xf32> attributes {vitya.kernel} {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<7x3xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x3xf32>) -> tensor<7x3xf32>
      %0 = linalg.matmul indexing_maps = [#row, #column, #result]
        ins(%x, %w : tensor<7x2xf32>, tensor<3x2xf32>) outs(%init : tensor<7x3xf32>) -> tensor<7x3xf32>
      return %0 : tensor<7x3xf32>
    }
    ```

    After:

    ```mlir
    #row = affine_map<(n, p, c, i) -> (n, i)>
    #panel = affine_map<(n, p, c, i) -> (p, i, c)>
    #result = affine_map<(n, p, c, i) -> (n, p, c)>
    func.func @main(%x: tensor<7x2xf32>) -> tensor<7x3xf32> {
      %w = arith.constant dense_resource<weight.packed> : tensor<1x2x16xf32>
      %0 = call @linear(%x, %w) {vitya.layer = "fc"} : (tensor<7x2xf32>, tensor<1x2x16xf32>) -> tensor<7x16xf32>
      %1 = tensor.extract_slice %0[0, 0] [7, 3] [1, 1] : tensor<7x16xf32> to tensor<7x3xf32>
      return %1 : tensor<7x3xf32>
    }
    func.func private @linear(%x: tensor<7x2xf32>, %w: tensor<1x2x16xf32>) -> tensor<7x16xf32> attributes {vitya.kernel} {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<7x1x16xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x1x16xf32>) -> tensor<7x1x16xf32>
      %0 = linalg.generic {indexing_maps = [#row, #panel, #result],
                           iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
        ins(%x, %w : tensor<7x2xf32>, tensor<1x2x16xf32>) outs(%init : tensor<7x1x16xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %product = arith.mulf %a, %b : f32
        %sum = arith.addf %c, %product : f32
        linalg.yield %sum : f32
      } -> tensor<7x1x16xf32>
      %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<7x1x16xf32> into tensor<7x16xf32>
      return %1 : tensor<7x16xf32>
    }
    ```
  }];
  let options = [Option<"panel", "panel", "int64_t", "16", "Columns of one panel: a multiple of 16.">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::arith::ArithDialect"];
}

def PadWidthsPass : Pass<"vitya-pad-widths", "::mlir::ModuleOp"> {
  let summary = "bring widths between linear layers to a multiple of 16";
  let description = [{
    Before: linear layers of any width. After: where the result of one with a constant weight is read by others like it alone,
    through GELU and quantization, its width is a multiple of 16: the first has rows of zeros more, the others columns. Where
    a quantized layer reads something else whose width is no multiple of 4, zeros are appended before it is quantized.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
      %right = arith.constant dense<0.5> : tensor<3x8xf32>
      %left = arith.constant dense<2.0> : tensor<16x3xf32>
      %0 = vitya.linear "fc.right" %x, %right : tensor<4x8xf32>, tensor<3x8xf32> -> tensor<4x3xf32>
      %1 = vitya.linear "fc.left" %0, %left : tensor<4x3xf32>, tensor<16x3xf32> -> tensor<4x16xf32>
      return %1 : tensor<4x16xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<4x8xf32>) -> tensor<4x16xf32> {
      %old_right = arith.constant dense<0.5> : tensor<3x8xf32>
      %right = arith.constant dense_resource<weight.padded> : tensor<16x8xf32>
      %old_left = arith.constant dense<2.0> : tensor<16x3xf32>
      %left = arith.constant dense_resource<weight.padded_1> : tensor<16x16xf32>
      %0 = vitya.linear "fc.right" %x, %right : tensor<4x8xf32>, tensor<16x8xf32> -> tensor<4x16xf32>
      %1 = vitya.linear "fc.left" %0, %left : tensor<4x16xf32>, tensor<16x16xf32> -> tensor<4x16xf32>
      return %1 : tensor<4x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::tensor::TensorDialect", "::vitya::VityaDialect"];
}

def PlanMemoryPass : Pass<"vitya-plan-memory", "::mlir::ModuleOp"> {
  let summary = "one blob of weights, one workspace";
  let description = [{
    Before: `@main` allocates the buffers between its calls and refers to global constants. After: it takes two more
    arguments, the weights and the workspace, and every buffer is a view of one of them at a fixed offset that is a
    multiple of 64. Buffers that do not live at the same time share space. The weights stand on the module as the
    resource `vitya.weights`, their size and the workspace's as `vitya.workspace_bytes`.

    Before:

    ```mlir
    memref.global "private" constant @w : memref<16xf32> = dense<0.5>
    func.func @main(%image: memref<16xf32>, %logits: memref<16xf32>) {
      %w = memref.get_global @w : memref<16xf32>
      %0 = memref.alloc() : memref<16xf32>
      memref.copy %image, %0 : memref<16xf32> to memref<16xf32>
      %1 = memref.alloc() : memref<16xf32>
      call @add(%0, %w, %1) : (memref<16xf32>, memref<16xf32>, memref<16xf32>) -> ()
      %2 = memref.alloc() : memref<16xf32>
      call @add(%1, %w, %2) : (memref<16xf32>, memref<16xf32>, memref<16xf32>) -> ()
      memref.copy %2, %logits : memref<16xf32> to memref<16xf32>
      return
    }
    func.func private @add(memref<16xf32>, memref<16xf32>, memref<16xf32>)
    ```

    After:

    ```mlir
    module attributes {vitya.weights = dense_resource<vitya.weights> : tensor<64xi8>, vitya.workspace_bytes = 128 : i64} {
      func.func @main(%image: memref<16xf32>, %logits: memref<16xf32>, %weights: memref<64xi8>,
                      %workspace: memref<128xi8>) {
        %offset_w = arith.constant 0 : index
        %w = memref.view %weights[%offset_w][] : memref<64xi8> to memref<16xf32>
        %offset_0 = arith.constant 0 : index
        %0 = memref.view %workspace[%offset_0][] : memref<128xi8> to memref<16xf32>
        memref.copy %image, %0 : memref<16xf32> to memref<16xf32>
        %offset_1 = arith.constant 64 : index
        %1 = memref.view %workspace[%offset_1][] : memref<128xi8> to memref<16xf32>
        call @add(%0, %w, %1) : (memref<16xf32>, memref<16xf32>, memref<16xf32>) -> ()
        %offset_2 = arith.constant 0 : index
        %2 = memref.view %workspace[%offset_2][] : memref<128xi8> to memref<16xf32>
        call @add(%1, %w, %2) : (memref<16xf32>, memref<16xf32>, memref<16xf32>) -> ()
        memref.copy %2, %logits : memref<16xf32> to memref<16xf32>
        return
      }
      func.func private @add(memref<16xf32>, memref<16xf32>, memref<16xf32>)
    }
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect"];
}

def TileKernelsPass : Pass<"vitya-tile-kernels", "::mlir::func::FuncOp"> {
  let summary = "parallel loops, cache and register tiles for each kernel";
  let description = [{
    Before: a kernel is a chain of linalg ops on whole tensors. After: it is one `scf.forall` (over panels of weights,
    rows or heads), inside which producers are fused into tiles of `rows` rows and every linalg op has the size of a
    few vector registers. Remainders have loops of their own, so every size is static.

    Before:

    ```mlir
    #row = affine_map<(n, p, c, i) -> (n, i)>
    #panel = affine_map<(n, p, c, i) -> (p, i, c)>
    #result = affine_map<(n, p, c, i) -> (n, p, c)>
    func.func private @linear(%x: tensor<6x8xf32>, %w: tensor<2x8x16xf32>) -> tensor<6x32xf32> attributes {vitya.kernel} {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<6x2x16xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<6x2x16xf32>) -> tensor<6x2x16xf32>
      %0 = linalg.generic {indexing_maps = [#row, #panel, #result],
                           iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
        ins(%x, %w : tensor<6x8xf32>, tensor<2x8x16xf32>) outs(%init : tensor<6x2x16xf32>) {
      ^bb0(%a: f32, %b: f32, %c: f32):
        %product = arith.mulf %a, %b : f32
        %sum = arith.addf %c, %product : f32
        linalg.yield %sum : f32
      } -> tensor<6x2x16xf32>
      %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<6x2x16xf32> into tensor<6x32xf32>
      return %1 : tensor<6x32xf32>
    }
    ```

    After:

    ```mlir
    #row = affine_map<(n, c, i) -> (n, i)>
    #panel = affine_map<(n, c, i) -> (i, c)>
    #result = affine_map<(n, c, i) -> (n, c)>
    func.func private @linear(%x: tensor<6x8xf32>, %w: tensor<2x8x16xf32>) -> tensor<6x32xf32> attributes {vitya.kernel} {
      %c8 = arith.constant 8 : index
      %c1 = arith.constant 1 : index
      %c6 = arith.constant 6 : index
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<6x2x16xf32>
      %0 = scf.forall (%p) in (2) shared_outs(%out = %empty) -> (tensor<6x2x16xf32>) {
        %panel = tensor.extract_slice %w[%p, 0, 0] [1, 8, 16] [1, 1, 1] : tensor<2x8x16xf32> to tensor<1x8x16xf32>
        %tile = tensor.extract_slice %out[0, %p, 0] [6, 1, 16] [1, 1, 1] : tensor<6x2x16xf32> to tensor<6x1x16xf32>
        %init = scf.for %n = %c0 to %c6 step %c1 iter_args(%part = %tile) -> (tensor<6x1x16xf32>) {
          %row = tensor.extract_slice %part[%n, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<6x1x16xf32> to tensor<1x1x16xf32>
          %filled = linalg.fill ins(%zero : f32) outs(%row : tensor<1x1x16xf32>) -> tensor<1x1x16xf32>
          %next = tensor.insert_slice %filled into %part[%n, 0, 0] [1, 1, 16] [1, 1, 1]
            : tensor<1x1x16xf32> into tensor<6x1x16xf32>
          scf.yield %next : tensor<6x1x16xf32>
        }
        %sums = scf.for %i = %c0 to %c8 step %c1 iter_args(%part = %init) -> (tensor<6x1x16xf32>) {
          %column = tensor.extract_slice %x[0, %i] [6, 1] [1, 1] : tensor<6x8xf32> to tensor<6x1xf32>
          %slice = tensor.extract_slice %panel[0, %i, 0] [1, 1, 16] [1, 1, 1] : tensor<1x8x16xf32> to tensor<1x1x16xf32>
          %row = tensor.extract_slice %slice[0, 0, 0] [1, 1, 16] [1, 1, 1] : tensor<1x1x16xf32> to tensor<1x16xf32>
          %sum = tensor.extract_slice %part[0, 0, 0] [6, 1, 16] [1, 1, 1] : tensor<6x1x16xf32> to tensor<6x16xf32>
          %added = linalg.generic {indexing_maps = [#row, #panel, #result],
                                   iterator_types = ["parallel", "parallel", "reduction"]}
            ins(%column, %row : tensor<6x1xf32>, tensor<1x16xf32>) outs(%sum : tensor<6x16xf32>) {
          ^bb0(%a: f32, %b: f32, %c: f32):
            %product = arith.mulf %a, %b : f32
            %s = arith.addf %c, %product : f32
            linalg.yield %s : f32
          } -> tensor<6x16xf32>
          %next = tensor.insert_slice %added into %part[0, 0, 0] [6, 1, 16] [1, 1, 1]
            : tensor<6x16xf32> into tensor<6x1x16xf32>
          scf.yield %next : tensor<6x1x16xf32>
        }
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %sums into %out[0, %p, 0] [6, 1, 16] [1, 1, 1]
            : tensor<6x1x16xf32> into tensor<6x2x16xf32>
        }
      }
      %1 = tensor.collapse_shape %0 [[0], [1, 2]] : tensor<6x2x16xf32> into tensor<6x32xf32>
      return %1 : tensor<6x32xf32>
    }
    ```
  }];
  let options = [
    Option<"rows", "rows", "int64_t", "6", "Rows of a register tile of a contraction.">,
    Option<"columns", "columns", "int64_t", "16", "Columns of a register tile of a contraction.">];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect",
                           "::mlir::scf::SCFDialect", "::mlir::affine::AffineDialect"];
}

def VectorizeKernelsPass : Pass<"vitya-vectorize-kernels", "::mlir::func::FuncOp"> {
  let summary = "vectorize tiled linalg ops and keep accumulators in registers";
  let description = [{
    Before: linalg ops of register size inside loops. After: vector ops on the same tensors; accumulators are vectors
    that the loops carry, and no linalg op is left.

    Before:

    ```mlir
    #row = affine_map<(n, c, i) -> (n, i)>
    #panel = affine_map<(n, c, i) -> (i, c)>
    #result = affine_map<(n, c, i) -> (n, c)>
    func.func private @product(%x: tensor<6x8xf32>, %w: tensor<8x16xf32>, %init: tensor<6x16xf32>) -> tensor<6x16xf32>
        attributes {vitya.kernel} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      %0 = scf.for %i = %c0 to %c8 step %c1 iter_args(%sum = %init) -> (tensor<6x16xf32>) {
        %a = tensor.extract_slice %x[0, %i] [6, 1] [1, 1] : tensor<6x8xf32> to tensor<6x1xf32>
        %b = tensor.extract_slice %w[%i, 0] [1, 16] [1, 1] : tensor<8x16xf32> to tensor<1x16xf32>
        %next = linalg.generic {indexing_maps = [#row, #panel, #result],
                                iterator_types = ["parallel", "parallel", "reduction"]}
          ins(%a, %b : tensor<6x1xf32>, tensor<1x16xf32>) outs(%sum : tensor<6x16xf32>) {
        ^bb0(%ai: f32, %bi: f32, %ci: f32):
          %p = arith.mulf %ai, %bi : f32
          %s = arith.addf %ci, %p : f32
          linalg.yield %s : f32
        } -> tensor<6x16xf32>
        scf.yield %next : tensor<6x16xf32>
      }
      return %0 : tensor<6x16xf32>
    }
    ```

    After:

    ```mlir
    #row = affine_map<(n, c, i) -> (n, i)>
    #panel = affine_map<(n, c, i) -> (i, c)>
    #result = affine_map<(n, c, i) -> (n, c)>
    func.func private @product(%x: tensor<6x8xf32>, %w: tensor<8x16xf32>, %init: tensor<6x16xf32>) -> tensor<6x16xf32>
        attributes {vitya.kernel} {
      %padding = ub.poison : f32
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      %start = vector.transfer_read %init[%c0, %c0], %padding {in_bounds = [true, true]}
        : tensor<6x16xf32>, vector<6x16xf32>
      %sums = scf.for %i = %c0 to %c8 step %c1 iter_args(%sum = %start) -> (vector<6x16xf32>) {
        %a = vector.transfer_read %x[%c0, %i], %padding {in_bounds = [true, true]} : tensor<6x8xf32>, vector<6x1xf32>
        %b = vector.transfer_read %w[%i, %c0], %padding {in_bounds = [true, true]} : tensor<8x16xf32>, vector<1x16xf32>
        %next = vector.contract {indexing_maps = [#row, #panel, #result],
                                 iterator_types = ["parallel", "parallel", "reduction"], kind = #vector.kind<add>}
          %a, %b, %sum : vector<6x1xf32>, vector<1x16xf32> into vector<6x16xf32>
        scf.yield %next : vector<6x16xf32>
      }
      %0 = vector.transfer_write %sums, %init[%c0, %c0] {in_bounds = [true, true]} : vector<6x16xf32>, tensor<6x16xf32>
      return %0 : tensor<6x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::tensor::TensorDialect", "::mlir::scf::SCFDialect",
                           "::mlir::affine::AffineDialect"];
}

def VityaToLinalgPass : Pass<"vitya-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "lower vitya ops to linalg on tensors";
  let description = [{
    Before: vitya ops and elementwise arith ops on tensors. After: linalg, tensor, math and scf only. Rows that a
    reduction runs along are cut into groups of 16 lanes, reduced lane by lane and then across: one reduction tree,
    whatever the width of the machine's vectors.

    Before:

    ```mlir
    func.func @linear(%x: tensor<7x8xf32>, %w: tensor<16x8xf32>) -> tensor<7x16xf32> {
      %0 = vitya.linear "fc" %x, %w : tensor<7x8xf32>, tensor<16x8xf32> -> tensor<7x16xf32>
      return %0 : tensor<7x16xf32>
    }
    ```

    After:

    ```mlir
    #row = affine_map<(n, o, i) -> (n, i)>
    #column = affine_map<(n, o, i) -> (o, i)>
    #result = affine_map<(n, o, i) -> (n, o)>
    func.func @linear(%x: tensor<7x8xf32>, %w: tensor<16x8xf32>) -> tensor<7x16xf32> {
      %zero = arith.constant 0.0 : f32
      %empty = tensor.empty() : tensor<7x16xf32>
      %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<7x16xf32>) -> tensor<7x16xf32>
      %0 = linalg.matmul indexing_maps = [#row, #column, #result]
        ins(%x, %w : tensor<7x8xf32>, tensor<16x8xf32>) outs(%init : tensor<7x16xf32>) -> tensor<7x16xf32>
      return %0 : tensor<7x16xf32>
    }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect", "::mlir::math::MathDialect",
                           "::mlir::arith::ArithDialect", "::mlir::scf::SCFDialect"];
}

//===----------------------------------------------------------------------===//
// verify/: contracts between phases
//===----------------------------------------------------------------------===//

def VerifyPhasePass : Pass<"vitya-verify-phase", "::mlir::ModuleOp"> {
  let summary = "check that the module keeps the contract of a phase, and name the phase";
  let description = [{
    Before: a module that a pipeline has brought to the end of `phase`. After: the same with `vitya.phase` set; a module
    that holds ops or types that the phase does not allow is an error at the first of them. As long as values are
    tensors (`import`, `compress`, `linalg`), `@main` maps one image to one row of logits, every shape is static,
    and no function stands beside it but its kernels.

    Before:

    ```mlir
    func.func @main(%image: tensor<1x2x4xf32>) -> tensor<1x4xf32> {
      %0 = tensor.extract_slice %image[0, 0, 0] [1, 1, 4] [1, 1, 1] : tensor<1x2x4xf32> to tensor<1x4xf32>
      return %0 : tensor<1x4xf32>
    }
    ```

    After:

    ```mlir
    module attributes {vitya.phase = "import"} {
      func.func @main(%image: tensor<1x2x4xf32>) -> tensor<1x4xf32> {
        %0 = tensor.extract_slice %image[0, 0, 0] [1, 1, 4] [1, 1, 1] : tensor<1x2x4xf32> to tensor<1x4xf32>
        return %0 : tensor<1x4xf32>
      }
    }
    ```
  }];
  let options = [Option<"phase", "phase", "std::string", "\"import\"",
                        "import, compress, linalg, loops or llvm.">];
}

#endif // VITYA_PASSES
