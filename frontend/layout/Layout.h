// A layout: which tensors the models of a family have, and how they are connected. The file format is in
// docs/layouts.md.
#ifndef VITYA_FRONTEND_LAYOUT_LAYOUT_H
#define VITYA_FRONTEND_LAYOUT_LAYOUT_H

#include "dialect/VityaDialect.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vitya {

/// The name of a tensor, which some models of the family lack if it is optional.
struct TensorName {
  std::string name;
  bool optional = false;
};

/// The tensors of a linear layer that is stored as two factors, x right^T left^T + bias, where the rank is r.
struct FactorNames {
  std::string left;  ///< [out, r]
  std::string right; ///< [r, in]
  std::string bias;  ///< [out]; a file may lack it
};

/// The tensors of a linear layer or of a norm. The layer is absent from a model if its weight is optional and
/// absent.
struct Layer {
  std::string name; ///< of the layer in the IR
  TensorName weight;
  std::optional<TensorName> bias;
  std::optional<TensorName> scale;  ///< one factor for each output of a linear layer (LayerScale)
  bool isTransposed = false;        ///< whether the weight is [in, out]
  std::vector<FactorNames> factors; ///< names to try; factors are preferred to the dense weight if a file has both
  std::vector<Layer> others;        ///< the same layer under other names, for files that lack the first ones
  /// Set by the match of a file that has factors: the left factor. `weight` is then the right factor.
  std::optional<TensorName> left;
  /// Set by the match for a part of a layer that was split: the name of the layer as it was trained.
  std::string whole;

  /// The name in the records of compression.
  llvm::StringRef recordName() const { return whole.empty() ? name : whole; }
};

struct Step;
using Steps = std::vector<Step>;

/// Height and width.
using Sizes = std::array<int64_t, 2>;
/// Cuts the image into patches, one for each token. The layer after it may be a convolution that reads whole patches.
/// A patch before a ConvolutionStep is one pixel.
struct PatchifyStep {
  PatchOrder order;
};
/// The windows of a convolution or of a pooling on a grid of tokens.
struct WindowStep {
  Sizes stride, padding;
};
/// The tensors of a batch norm, which is folded into the convolution before it.
struct BatchNorm {
  TensorName weight, bias, mean, variance; ///< weight and bias are optional
  double eps = 1e-5;
};
struct ConvolutionWindow : WindowStep {
  std::optional<Sizes> kernel; ///< height and width, if the layout says them
};
/// A convolution whose kernel is [out, channels, height, width].
struct ConvolutionStep : ConvolutionWindow {
  Layer layer;
  std::vector<ConvolutionWindow> others; ///< for files with kernels of other sizes
  std::optional<BatchNorm> norm;         ///< empty in a match if the file has the folded convolution, a matrix
};
struct MaxPoolStep : WindowStep {
  Sizes window;
};
struct LinearStep {
  Layer layer;
};
struct NormStep {
  Layer layer;
};
/// `swiglu` multiplies the silu of the first half of the columns by the second half.
enum class Activation { gelu, relu, silu, swiglu };

/// Return the activation with this name, or nothing, and its name.
std::optional<Activation> symbolizeActivation(llvm::StringRef name);
llvm::StringRef stringifyActivation(Activation activation);

struct ActivationStep {
  std::optional<Activation> kind; ///< without one, the setting `activation` chooses
};
/// The formulas of the angles of rotary position embeddings, which docs/layouts.md gives.
enum class RotaryForm { dinov3 };
/// Queries, keys and values come from one layer, stacked in this order, or from three layers. In a match both may be
/// present: the layer is then the right factor of the three, or `keyValue` that of keys and values.
struct AttentionStep {
  std::string name;
  std::optional<Layer> fused;
  std::optional<Layer> query, key, value;
  std::optional<Layer> keyValue;           ///< computes keys and values together, next to `query`
  std::optional<TensorName> latent;        ///< the token from which the only query is computed, instead of all tokens
  std::optional<Layer> queryNorm, keyNorm; ///< of the columns of each head, or of all heads, as their widths say
  std::optional<RotaryForm> rotary;        ///< rotates the queries and keys of the patches, after their norms
  std::optional<Layer> out;
};
/// x + steps(x)
struct ResidualStep {
  Steps steps;
};
/// Repeats the steps for i = 0, 1, ... as long as the name of some tensor begins with `prefix`, in which i replaces
/// `{i}`. Names in the steps are relative to the prefix.
struct RepeatStep {
  std::string prefix;
  Steps steps;
};
/// How a position embedding is interpolated to another grid of patches; the names are those of layout files.
enum class Interpolation { bicubic, bicubicAntialias, bicubicAlignCorners };
/// The formulas of position embeddings that are computed, which docs/layouts.md gives.
enum class SinusoidalForm { simpleVit, mae, transformer };
/// Puts the class token, the distillation token and the registers, in this order, before the patches and adds the
/// position embedding. Its number of rows decides which of these tokens it covers.
struct TokensStep {
  std::optional<TensorName> classToken, distillation, registers, position;
  /// For files that lack `position`; the result has its name. Empty in a match if the file has it.
  std::optional<SinusoidalForm> sinusoidal;
  std::optional<Interpolation> interpolation;
};
enum class Pool { automatic, classToken, mean, distillation, classAndMean, sequence };
/// Reduces the tokens to one: the class token, the distillation token, the mean of the patches, the class token and
/// that mean side by side, or a mean of all tokens whose weights are the softmax of the results of layer `weights`. If
/// neither the layout nor a setting chooses, it is the mean if the file has tensor `meanIf` or no class token, else the
/// class token.
struct PoolStep {
  Pool pool;
  std::optional<Layer> weights; ///< of `sequence`
  std::string meanIf;           ///< empty in a match if the file lacks the tensor
  bool isOfAll = false;         ///< whether the mean includes the tokens before the patches
};
/// The mean of the results of several lists of steps, which read the same tokens.
struct AverageStep {
  std::vector<Steps> branches;
};
/// The product, element by element, of the results of several lists of steps, which read the same tokens.
struct ProductStep {
  std::vector<Steps> branches;
};
/// The steps of files in which the name of some tensor begins with `prefix`, and those of other files. A match contains
/// the steps that apply instead.
struct IfStep {
  std::string prefix;
  Steps then, otherwise;
};

struct Step {
  std::variant<PatchifyStep, LinearStep, NormStep, ActivationStep, AttentionStep, ResidualStep, RepeatStep, TokensStep,
               PoolStep, AverageStep, ProductStep, IfStep, ConvolutionStep, MaxPoolStep>
      step;
};

/// What is special about those models of a family that have a certain tensor.
struct Variant {
  std::string tensor;          ///< complete name
  llvm::json::Object defaults; ///< settings, which override the defaults of the layout
  std::string remark; ///< printed if a setting of such a model comes from the layout or is guessed; may be empty
};

/// The tokens that a position embedding covers besides the patches; the class token and the distillation token are the
/// class tokens.
enum class CoveredTokens { none, classTokens, all };

/// What the untrained models of a family have, where the layout leaves a choice to each model.
struct NewModelTensors {
  std::vector<std::string> tensors;           ///< of `optionalNames`, those that a new model has
  std::map<std::string, int64_t> ranks;       ///< of tokens and positions with other shapes than [1, rows, width]
  CoveredTokens covered = CoveredTokens::all; ///< by the position embedding
};

struct Layout {
  std::string name;
  Steps steps;
  llvm::json::Object defaults;     ///< settings, see frontend/layout/Settings.h
  std::vector<Variant> variants;   ///< later ones override earlier ones
  std::vector<std::string> ignore; ///< glob patterns of tensors that inference does not use
  NewModelTensors newModel;
  std::vector<Layout> others; ///< the same layout with other names

  /// Parses `text`, the contents of the layout file `name`. Errors name file, line, column and key.
  static llvm::Expected<Layout> parse(llvm::StringRef name, llvm::StringRef text);

  /// Reads a layout file.
  static llvm::Expected<Layout> load(llvm::StringRef path);
};

/// Loads the layout called `name` from `folder`. If `name` ends in ".json" or contains a slash, it is the path of a
/// file; if it is "auto", all layouts of `folder` are loaded in the order of their names.
llvm::Expected<std::vector<Layout>> loadLayouts(llvm::StringRef name, llvm::StringRef folder);

/// Returns share/vitya/layouts beside the folder of the running program.
std::string defaultLayoutFolder();

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_LAYOUT_H
