// The pass of passes/lowrank/. The example of its description, before and after the pass, is executed by
// test/passes/examples.test.
#ifndef VITYA_PASSES_LOWRANK_PASSES
#define VITYA_PASSES_LOWRANK_PASSES

include "mlir/Pass/PassBase.td"
include "passes/EnumOption.td"
include "passes/PassOptions.td"

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

def PlainMethod : OptionValue<"plain", 0, "SVD of the weight">;
def AsvdMethod : OptionValue<"asvd", 1, "SVD of the weight scaled by the magnitudes of the inputs">;
def WhitenedMethod : OptionValue<"whitened", 2, "SVD that minimises the error of the outputs">;
def AnchoredMethod : OptionValue<"anchored", 3, "whitened, fitted to the inputs that the compressed layers produce">;
def JointMethod : OptionValue<"joint", 4, "narrower attention heads; other layers are anchored">;
def LowRankMethod : OptionEnum<"LowRankMethod", "how the factors of a layer are computed",
                               [PlainMethod, AsvdMethod, WhitenedMethod, AnchoredMethod, JointMethod]>;

def ParameterBudget : OptionValue<"parameters", 0, "elements of weights">;
def MultiplyAddBudget : OptionValue<"macs", 1, "multiply-adds of one inference">;
def LowRankBudget : OptionEnum<"LowRankBudget", "the quantity of which `keep` is a share",
                               [ParameterBudget, MultiplyAddBudget]>;

def SpectrumAllocation : OptionValue<"spectrum", 0, "ranks that minimise the error under the budget">;
def UniformAllocation : OptionValue<"uniform", 1, "the same share of every layer">;
def RankAllocation : OptionEnum<"RankAllocation", "how a budget is divided among the layers",
                                [SpectrumAllocation, UniformAllocation]>;

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

def LowRankPass : Pass<"vitya-low-rank", "::mlir::ModuleOp"> {
  let summary = "replace linear layers by pairs of smaller ones";
  let description = [{
    Before the pass, linear layers have constant weights. After it, each layer that `layers` matches, and for which
    factors are smaller than the weight, is a pair: "NAME.right" maps the input to `rank` columns, without bias, and
    "NAME.left" maps these to the output, with the bias. The attribute `info` of the ops records how a layer was compressed, or
    why it was not. A remark names each matching layer that stays dense or is factorised already.

    The factors of a layer of p outputs and n inputs are smaller if the rank is less than p n / (p + n). `rank` gives
    every layer the same rank. `ranks` lists ranks: NAME:RANK for a layer and, with `joint`, NAME:WIDTH/WIDTH for an
    attention, the widths of its heads for query and key and for value; everything that is not listed stays dense. `keep` is a
    budget: the share to keep of the weights of the matched layers, biases excluded, or of their multiply-adds, which with
    `joint` include those of attention itself. With `allocation=uniform`
    every layer keeps the same share. With `allocation=spectrum` ranks minimise the sum of the energies that the layers
    lose, computed from their singular values: the whitened ones for the last three methods. With `images` each energy
    is weighted by a sensitivity, the divergence of the model's predictions per unit of energy, measured on `probes`
    images with this layer alone truncated. Without images, or with `probes=0`, the energies are added up without weights.

    | method | factors | use of images |
    |---|---|---|
    | `plain` | SVD of the weight | not needed |
    | `asvd` | SVD of the weight scaled by the inputs' magnitudes to the power of 1/2 (arXiv 2312.05821) | for moments |
    | `whitened` | SVD of the weight times the root of the inputs' covariance (arXiv 2403.07378) | for moments |
    | `anchored` | best fit to the original outputs from the inputs in the compressed model, layer by layer | the model runs on them |
    | `joint` | attention: narrower heads (arXiv 2505.12942); other layers: `anchored` | the model runs on them |

    `joint` truncates the product of the query and key projections of each head, and the product of its value and output
    projections, which makes the heads narrower. The budget determines the two widths. With `rank`, the narrower heads have as
    many weights as that rank would leave of the four layers. The heads are narrowed only if query, key and value are columns of
    linear layers of one input, only the attention reads them, and only one linear layer reads its result. Otherwise a
    remark says that they do not change.

    With `refit` the model runs on the images for the first three methods, too: each left factor is fitted by least squares to
    the original output of the layer, given the output of the right factor in the model compressed so far.

    Moments of the inputs are read from `statistics`, a file that `vitya-collect-statistics` wrote for this model, or
    collected on the first `count` records of `images`. `anchored` and `joint` need the images in any case. All methods
    that use moments or images also correct the bias, so that the mean output of a layer does not change.

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
    Option<"rank", "rank", "std::optional<int64_t>", "", "The rank of every layer.">,
    Option<"keep", "keep", "std::optional<double>", "", "The share of the matched layers to keep, above 0 and at most 1.">,
    ListOption<"ranks", "ranks", "std::string",
               "The ranks of some layers, NAME:RANK, and the head widths of attentions, NAME:WIDTH/WIDTH.">,
    EnumOption<"budget", LowRankBudget, ParameterBudget, "The quantity of which keep is a share:">,
    EnumOption<"allocation", RankAllocation, SpectrumAllocation, "How keep is divided among the layers:">,
    EnumOption<"method", LowRankMethod, PlainMethod, "How the factors are computed:">
  ] # kBlockLayersOptions # kImageOptions # kStatisticsOptions # [
    Option<"refit", "refit", "bool", "false",
           "Fit the left factors of plain, asvd or whitened to the calibration images.">,
    Option<"probes", "probes", "int64_t", "32", "The number of images on which the sensitivity of layers is measured.">,
    Option<"report", "report", "std::string", "\"\"", "Write how each layer was compressed to this file, as JSON.">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::vitya::VityaDialect"];
}

#endif // VITYA_PASSES_LOWRANK_PASSES
