// The passes of passes/analysis/, which compute statistics, spectra and a description of a model. The example of each
// description, before and after the pass, is executed by test/passes/examples.test.
#ifndef VITYA_PASSES_ANALYSIS_PASSES
#define VITYA_PASSES_ANALYSIS_PASSES

include "mlir/Pass/PassBase.td"
include "passes/PassOptions.td"

def CollectStatisticsPass : Pass<"vitya-collect-statistics", "::mlir::ModuleOp"> {
  let summary = "write the moments of the inputs of linear layers to a file";
  let description = [{
    Runs the model on the first `count` records of `images`. For the input of every linear layer with a constant weight
    it writes to `to`, in double precision, the number of tokens, their sum, the sum of their magnitudes and the sum of
    their outer products. The file is in the safetensors format and holds the fingerprint of the model; other models
    refuse it. The sums do not depend on the number of threads. The model does not change.

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
  let summary = "record how the model was compressed";
  let description = [{
    This pass ends the `compress` phase, while layers are still ops. It collects the records that earlier passes have attached
    to ops, and attaches attributes to the module. `vitya.linears` has one `#vitya.linear_info` for each linear layer of the
    trained model, in program order, and `vitya.attentions` one `#vitya.attention_info` for each attention.
    `vitya.multiply_adds` counts those of one inference in linear layers and attention; further attributes count those among
    them that multiply integers, that short sums add, and that multiply bf16, if there are any. `vitya.parameters` and
    `vitya.fingerprint` are attached, too. Nothing else changes.

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
                                                           reason = "no compression requested">],
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
  let dependentDialects = ["::vitya::VityaDialect"];
}

def ReportSpectrumPass : Pass<"vitya-report-spectrum", "::mlir::ModuleOp"> {
  let summary = "write the singular values of linear layers to a file";
  let description = [{
    Writes a JSON array to `to` with an object for each linear layer whose name matches `layers`: "layer", "in", "out",
    and "plain", the singular values of the weight, largest first. With `images` or `statistics`, "whitened" are the
    singular values of the weight times the square root of the covariance of its input; their squares are the energies
    of the principal components of the output. A layer that computes queries, keys and values together appears once for
    each of them, with "part" "Q", "K" or "V". `tools/measure/plot-spectrum` draws the curves. The model does not
    change.

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
    Option<"to", "to", "std::string", "\"\"", "The JSON file to write.">
  ] # kBlockLayersOptions # kImageOptions # kStatisticsOptions;
}

#endif // VITYA_PASSES_ANALYSIS_PASSES
