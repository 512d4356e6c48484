// The passes of passes/analysis/: what is learned about a model: statistics, spectra, a description. Each description shows one example before and after, which
// test/passes/examples.test runs.
#ifndef VITYA_PASSES_ANALYSIS_PASSES
#define VITYA_PASSES_ANALYSIS_PASSES

include "mlir/Pass/PassBase.td"
include "passes/PassOptions.td"

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
  let options = kImageOptions # [
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
    Option<"plot", "plot", "std::string", "\"\"", "The SVG page to write; none by default.">
  ] # kBlockLayersOptions # kImageOptions # kStatisticsOptions;
}

#endif // VITYA_PASSES_ANALYSIS_PASSES
