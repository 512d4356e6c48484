// The passes of passes/quantize/: affine quantization to integers of 4 to 8 bits. test/passes/examples.test runs the example in each
// description.
#ifndef VITYA_PASSES_QUANTIZE_PASSES
#define VITYA_PASSES_QUANTIZE_PASSES

include "mlir/Pass/PassBase.td"
include "passes/EnumOption.td"
include "passes/PassOptions.td"

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

def ChannelWeights : OptionValue<"channel", 0, "the elements of an output channel">;
def TensorWeights : OptionValue<"tensor", 1, "all elements">;
def WeightGranularity : OptionEnum<"WeightGranularity", "which elements of a weight share a scale",
                                   [ChannelWeights, TensorWeights]>;

def NearestRounding : OptionValue<"nearest", 0, "the nearest integers">;
def GptqRounding : OptionValue<"gptq", 1, "integers found by vitya-fit-weights, which change the outputs of the layer little">;
def WeightRounding : OptionEnum<"WeightRounding", "how weights become integers", [NearestRounding, GptqRounding]>;

defvar kWeightOptions = [
  EnumOption<"weights", WeightGranularity, ChannelWeights, "Which elements of a weight share a scale:">,
  EnumOption<"rounding", WeightRounding, NearestRounding, "How weights become integers:">
];

def SevenBits : OptionValue<"u7", 7, "integers from 0 to 127", "7">;
def EightBits : OptionValue<"u8", 8, "integers from 0 to 255", "8">;
def ActivationBits : OptionEnum<"ActivationBits", "how many bits the inputs of linear layers have",
                                [SevenBits, EightBits]>;

def FoldedInputs : OptionValue<"folded", 0, "results of norms, linear layers and attention, which absorb the division">;
def InsertedInputs : OptionValue<"inserted", 1, "results of elementwise ops, after which a scaling is inserted">;
def AllInputs : OptionValue<"all", 2, "both">;
def SmoothedInputs : OptionEnum<"SmoothedInputs", "which inputs of linear layers are smoothed",
                                [FoldedInputs, InsertedInputs, AllInputs]>;

defvar kActivationBitsOptions = [
  EnumOption<"activationBits", ActivationBits, EightBits, "How many bits the inputs of linear layers have:",
             "activation-bits">
];

defvar kBitsOptions = [
  Option<"bits", "bits", "::vitya::BitsByLayer", "::vitya::BitsByLayer()",
         "Number of bits of the weights, 4 to 8 (default 8): N for all layers, or PATTERN:N,PATTERN:N,N, where the first "
         "regular expression that matches the name of a layer decides, and the last N is for all others.">
] # kActivationBitsOptions;

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

def CalibratePass : Pass<"vitya-calibrate", "::mlir::ModuleOp"> {
  let summary = "record the ranges of all operands that can be quantized";
  let description = [{
    Runs the model on the first `count` records of `images`. For each operand of an f32 linear layer or attention of
    `@main` that `vitya-quantize-static` can store as an integer, each observer proposes a range. The ranges are attached to
    the op as `vitya.ranges`, each with the share of values that it clips and the mean squared error of quantization
    relative to the mean square of the values. The fingerprint of the model is attached to the module as
    `vitya.calibrated`, because the ranges are valid for this model only. A model without such operands needs no images. The
    result does not depend on the number of threads. The ops of the model do not change.

    | observer | range |
    |---|---|
    | `minmax` | from the smallest to the largest value |
    | `moving-average` | exponential moving averages of the extremes of each image; the newest image has weight 0.01 |
    | `percentile` | the range of all values except the outermost 0.01 % at each end |
    | `mse` | the range with the smallest mean squared error, found by shrinking both ends |
    | `entropy` | the clipped range in which 128 bins describe the distribution best (least KL divergence) |

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
  let options = kImageOptions # kActivationBitsOptions;
}

def ConvertToBf16Pass : Pass<"vitya-convert-to-bf16", "::mlir::ModuleOp"> {
  let summary = "round the inputs and weights of linear layers to bf16";
  let description = [{
    Before: linear layers in f32 with constant weights. After: the layers that `layers` matches and `except` does not match
    multiply bf16 and add the products in f32. Both options are compared with the name of a layer and, for a factor, with the
    name of the trained layer. Weights are rounded at compile time. Inputs are rounded by `vitya.to_bf16` at run time, once for
    all layers that read them. Quantized layers do not change. It is an error if there is no layer to convert.

    Before:

    ```mlir
    func.func @main(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
      %w = arith.constant dense<[[1.0, 1.001], [1.0e-20, -3.0]]> : tensor<2x2xf32>
      %0 = vitya.linear "fc" %x, %w : tensor<4x2xf32>, tensor<2x2xf32> -> tensor<4x2xf32>
      return %0 : tensor<4x2xf32>
    }
    ```

    After:

    ```mlir
    func.func @main(%x: tensor<4x2xf32>) -> tensor<4x2xf32> {
      %q = vitya.to_bf16 %x : tensor<4x2xf32> -> tensor<4x2xbf16>
      %w = arith.constant dense_resource<weight> : tensor<2x2xbf16>
      %0 = vitya.linear "fc" %q, %w {info = #vitya.linear_info<"fc", in = 2, out = 2, format = "bf16",
                                     reason = "rounded to bf16">}
         : tensor<4x2xbf16>, tensor<2x2xbf16> -> tensor<4x2xf32>
      return %0 : tensor<4x2xf32>
    }
    {-# dialect_resources: { builtin: { weight: "0x40000000803F803F000040C0" } } #-} // 1.0, 1.0, 0.0, -3.0
    ```
  }];
  let options = [
    Option<"layers", "layers", "std::string", "\".\"", "Regular expression that the name of a layer must match.">,
    Option<"except", "except", "std::string", "\"\"",
           "Regular expression that the name of a layer must not match, unless it is empty.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

def ProveShortSumsPass : Pass<"vitya-prove-short-sums", "::mlir::ModuleOp"> {
  let summary = "prove how many products of each quantized linear layer 16 bits can hold";
  let description = [{
    Before: quantized linear layers. After: each has the attribute `vitya.short_sums`, computed from the integers of its
    weight and the storage range of its input. Processors without a dot product of bytes multiply bytes and add pairs of
    products in 16 bits (`vpmaddubsw`), with saturation. The lowering uses these instructions for exactly the layers
    whose sums are proven to fit, and adds up as many of them as the proof allows before it widens them. All other layers
    multiply 16-bit integers. The results are the same to the bit. If sums of up to 4 blocks fit only in another order of the
    columns, the attribute says `ordered = true`. The columns are then permuted within windows of 16, in the same way for all rows.

    In the example the short sum of row 1, columns 2 and 3, is at most 255 * (64 + 63) = 32,385. Two blocks together
    could reach twice that.

    Before:

    ```mlir
    !x = !quant.uniform<u8:f32, 0.5>
    !w = !quant.uniform<i8<-127:127>:f32, 0.25>
    func.func @main(%x: tensor<4x8x!x>) -> tensor<4x2xf32> {
      %c = arith.constant dense<[[1, -2, 3, -4, 5, -6, 7, -8], [9, -9, 64, 63, 0, 0, 64, 63]]> : tensor<2x8xi8>
      %w = quant.scast %c : tensor<2x8xi8> to tensor<2x8x!w>
      %0 = vitya.linear "fc" %x, %w : tensor<4x8x!x>, tensor<2x8x!w> -> tensor<4x2xf32>
      return %0 : tensor<4x2xf32>
    }
    ```

    After:

    ```mlir
    !x = !quant.uniform<u8:f32, 0.5>
    !w = !quant.uniform<i8<-127:127>:f32, 0.25>
    func.func @main(%x: tensor<4x8x!x>) -> tensor<4x2xf32> {
      %c = arith.constant dense<[[1, -2, 3, -4, 5, -6, 7, -8], [9, -9, 64, 63, 0, 0, 64, 63]]> : tensor<2x8xi8>
      %w = quant.scast %c : tensor<2x8xi8> to tensor<2x8x!w>
      %0 = vitya.linear "fc" %x, %w {vitya.short_sums = #vitya.short_sums<group = 1, largest = 32385, row = 1, column = 2>}
         : tensor<4x8x!x>, tensor<2x8x!w> -> tensor<4x2xf32>
      return %0 : tensor<4x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::vitya::VityaDialect"];
}

def QuantizeDynamicPass : Pass<"vitya-quantize-dynamic", "::mlir::ModuleOp"> {
  let summary = "quantize linear layers with ranges found at run time";
  let description = [{
    Before: f32 linear layers. After: each layer whose name matches `layers`, does not match `except` and is not in
    `keep-f32` has a symmetric weight of `bits` bits and an affine u8 input. The scale and zero point of the input are computed at run
    time, for each token or for all tokens of an image. A value that several layers read is quantized once.

    Layers whose weight is not a constant, or which have more than 65,536 inputs, stay f32, with a remark. Layers that are
    quantized already do not change, with a remark. The attribute `info` of the ops records the format of each layer and the
    reason for it. `vitya.noise` on the cast of its weight is the mean squared error of quantization relative to the
    mean square of the weight. No images are needed. Attention stays f32.

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
           "Which elements of an activation share a scale and a zero point:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::Granularity::token, "token", "the elements of a token"),
        clEnumValN(::vitya::Granularity::tensor, "tensor", "the elements of all tokens of an image"))
    }]>
  ] # kBitsOptions # kWeightOptions # kQuantizedLayersOptions;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::quant::QuantDialect", "::vitya::VityaDialect"];
}

def QuantizeStaticPass : Pass<"vitya-quantize-static", "::mlir::ModuleOp"> {
  let summary = "quantize linear layers and attention with ranges from calibration";
  let description = [{
    Before: a model that `vitya-calibrate` has annotated, unchanged since then. After: each linear layer whose
    name matches `layers`, does not match `except` and is not in `keep-f32` has a symmetric weight of `bits` bits and reads a
    `quant.qcast` of its input to affine u8, with the range that `observer` proposed. Unless `attention=false`, each
    attention selected by the same options is quantized too: its query becomes u8, its key and value become s8, and the
    exponentials of its softmax are rounded to multiples of 1/255. A value is cast once for all ops that read it.

    The layers that stay f32, remarks, `info` and `vitya.noise` are as in `vitya-quantize-dynamic`. Only the ranges that
    were used remain in `vitya.ranges`.

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
           "The observer whose ranges are used:", [{
      ::llvm::cl::values(
        clEnumValN(::vitya::numerics::ObserverKind::minmax, "minmax", "from the smallest to the largest value"),
        clEnumValN(::vitya::numerics::ObserverKind::movingAverage, "moving-average", "moving averages of the extremes of each image"),
        clEnumValN(::vitya::numerics::ObserverKind::percentile, "percentile", "without the outermost 0.01 % at each end"),
        clEnumValN(::vitya::numerics::ObserverKind::mse, "mse", "the least mean squared error"),
        clEnumValN(::vitya::numerics::ObserverKind::entropy, "entropy", "the least divergence of 128 bins"))
    }]>,
    Option<"attention", "attention", "bool", "true", "Also quantize attention.">
  ] # kBitsOptions # kWeightOptions # kQuantizedLayersOptions;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::quant::QuantDialect", "::vitya::VityaDialect"];
}

def FitWeightsPass : Pass<"vitya-fit-weights", "::mlir::ModuleOp"> {
  let summary = "fit weights to quantized inputs, and choose their integers";
  let description = [{
    Prepares the weights of a model in f32 for the quantization that the option `quantize` describes. The model runs on the
    first `count` records of `images` twice, layer by layer: in f32, and quantized, with rounded operands and weights in all
    layers before the current one. x and z are the inputs of a layer in the two runs.

    **Factors.** The factors of a low-rank layer may be large along directions in which its input hardly varies. In f32 this does
    no harm, but the rounding errors of a quantized input are the same in every direction, so that such a factor amplifies
    them until they are as large as the signal. The pass therefore replaces the weight W of each factor, and of each
    layer of a narrowed attention, by the least squares fit

    W E[x z^T] E[z z^T]^(-1)

    which predicts its output W x in the f32 model from z, for centred x and z. The bias corrects the mean output. Other weights
    do not change.

    **Integers.** With `rounding=gptq` each linear layer that quantization will select also gets `vitya.rounded`, the integers of
    its weight, which the quantization passes then use. They are found by GPTQ (arXiv 2210.17323). If a row w of a weight
    becomes v, the output changes by (w - v) z, in the mean square by (w - v) H (w - v)^T with H = E[z z^T]. GPTQ rounds one
    column after the other, and after each column changes the remaining ones so that they compensate for its error. A scale is
    that of rounding to nearest times a factor of 0.85, 0.9, ..., 1.15, the one with the least error of its rows. The moments
    of factors are centred.

    The last quarter of the images is held out. On these images the pass chooses, for each layer, the options with the least
    error of its output compared with the f32 model. Then the weight is rounded for all images. The options are:

    * the damping, 0.0001, 0.001, 0.01 or 0.1: the damping times the mean of the diagonal of H is added to the diagonal;
    * the target: W, or the least squares fit of the output W x in the f32 model, W + W (E[x z^T] - H) (H + D)^(-1) with the
      damping D;
    * the order of the columns: by descending H_jj, or unchanged.

    With fewer than four images the damping is 0.01, the order is descending, and the target is W, or for factors the fit. A
    warning names the layers whose inputs have fewer tokens than columns. A remark names the layers with a singular H, which
    the damping makes regular. A later pass that changes a weight removes its integers.

    In the example, the input of `b` is (1, 1, 1) for every image. The nearest integers, (127, 0, 0), would give 127 instead
    of 128.

    Before:

    ```mlir
    func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x1xf32> {
      %wa = arith.constant dense<0.0> : tensor<3x3xf32>
      %ba = arith.constant dense<1.0> : tensor<3xf32>
      %wb = arith.constant dense<[[127.0, 0.5, 0.5]]> : tensor<1x3xf32>
      %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
      %a = vitya.linear "a" %x, %wa bias %ba : tensor<1x3xf32>, tensor<3x3xf32>, tensor<3xf32> -> tensor<1x3xf32>
      %b = vitya.linear "b" %a, %wb : tensor<1x3xf32>, tensor<1x3xf32> -> tensor<1x1xf32>
      return %b : tensor<1x1xf32>
    }
    ```

    After, with `images=%demo/calibration-256.bin count=1 quantize=dynamic,layers=b,rounding=gptq`:

    ```mlir
    func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x1xf32> {
      %wa = arith.constant dense<0.0> : tensor<3x3xf32>
      %ba = arith.constant dense<1.0> : tensor<3xf32>
      %wb = arith.constant dense<[[127.0, 0.5, 0.5]]> : tensor<1x3xf32>
      %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
      %a = vitya.linear "a" %x, %wa bias %ba : tensor<1x3xf32>, tensor<3x3xf32>, tensor<3xf32> -> tensor<1x3xf32>
      %b = vitya.linear "b" %a, %wb {vitya.rounded = #vitya.rounded<dense_resource<b.weight.i8> : tensor<1x3xi8>,
                                     type = !quant.uniform<i8<-127:127>:f32:0, {1.0}>, reason = "GPTQ, damping 0.01">}
         : tensor<1x3xf32>, tensor<1x3xf32> -> tensor<1x1xf32>
      return %b : tensor<1x1xf32>
    }
    {-# dialect_resources: { builtin: { b.weight.i8: "0x400000007F0001" } } #-}
    ```
  }];
  let options = [
    Option<"quantize", "quantize", "std::string", "\"none\"",
           "The quantization that will follow: static or dynamic, and after a comma the options of its pass.">
  ] # kImageOptions;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::quant::QuantDialect", "::vitya::VityaDialect"];
}

def SmoothPass : Pass<"vitya-smooth", "::mlir::ModuleOp"> {
  let summary = "even out the columns of activations before quantization";
  let description = [{
    SmoothQuant (arXiv 2211.10438): divides column j of the input of each linear layer whose name matches `layers` by

    s_j = max |x_j|^alpha / max |w_j|^(1 - alpha)

    and multiplies column j of the weight by s_j. The maximum of |x_j| is over all tokens of the first `count` records of
    `images`, that of |w_j| over the weights of all layers that read the value. The division is folded into the op that
    computes the input: the layer norm or linear layer before it or, after attention, the layer that computes the
    attention's values. After an elementwise op such as GELU, a `vitya.scale_columns` divides. The results of the model change
    only by rounding. Inputs that any other op computes or reads do not change, with a remark. `inputs` limits the pass to
    one of the two kinds.

    In the example, the weight of `a` is zero, so that its output is its bias for every image: column 0 is at most 4 and
    column 1 at most 0.25, while the weight of `b` is 1 in column 0 and 4 in column 1. Hence s = (2, 0.25), and both
    columns have the same magnitude in the activation and in the weight.

    Before:

    ```mlir
    func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x1xf32> {
      %wa = arith.constant dense<0.0> : tensor<2x3xf32>
      %ba = arith.constant dense<[4.0, 0.25]> : tensor<2xf32>
      %wb = arith.constant dense<[[1.0, 4.0]]> : tensor<1x2xf32>
      %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
      %a = vitya.linear "a" %x, %wa bias %ba : tensor<1x3xf32>, tensor<2x3xf32>, tensor<2xf32> -> tensor<1x2xf32>
      %b = vitya.linear "b" %a, %wb : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x1xf32>
      return %b : tensor<1x1xf32>
    }
    ```

    After, with `images=%demo/calibration-256.bin count=1`:

    ```mlir
    func.func @main(%image: tensor<3x1x1xf32>) -> tensor<1x1xf32> {
      %x = vitya.patchify %image [1, 1] channel_row_column : tensor<3x1x1xf32> -> tensor<1x3xf32>
      %wa = arith.constant dense_resource<a.weight> : tensor<2x3xf32>
      %ba = arith.constant dense_resource<a.bias> : tensor<2xf32>
      %a = vitya.linear "a" %x, %wa bias %ba : tensor<1x3xf32>, tensor<2x3xf32>, tensor<2xf32> -> tensor<1x2xf32>
      %wb = arith.constant dense_resource<b.weight> : tensor<1x2xf32>
      %b = vitya.linear "b" %a, %wb : tensor<1x2xf32>, tensor<1x2xf32> -> tensor<1x1xf32>
      return %b : tensor<1x1xf32>
    }
    {-# dialect_resources: { builtin: {
      a.bias: "0x40000000000000400000803F",  // 2.0, 1.0
      a.weight: "0x40000000000000000000000000000000000000000000000000000000",
      b.weight: "0x40000000000000400000803F" // 2.0, 1.0
    } } #-}
    ```
  }];
  let options = kImageOptions # [
    Option<"alpha", "alpha", "double", "0.5",
           "The share of the unevenness that moves from the activations to the weights, from 0 to 1.">,
    Option<"layers", "layers", "std::string", "\".\"", "Regular expression that the name of a layer must match.">,
    EnumOption<"inputs", SmoothedInputs, AllInputs, "Which inputs are smoothed:">,
    Option<"factors", "factors", "bool", "false", "Only smooth inputs of low-rank factors.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

#endif // VITYA_PASSES_QUANTIZE_PASSES
