// A layout: which tensors a family of models has, and how they are wired. See docs/layouts.md for the file format.
#ifndef VITYA_FRONTEND_LAYOUT_LAYOUT_H
#define VITYA_FRONTEND_LAYOUT_LAYOUT_H

#include "dialect/VityaDialect.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vitya {

/// The name of a tensor that some models of the family lack.
struct TensorName {
  std::string name;
  bool optional = false;
};

/// The tensors of a linear layer that is stored as two: x right^T left^T + bias.
struct FactorNames {
  std::string left, right, bias; ///< [out, r], [r, in], [out]; a file may lack the bias
};

/// The tensors of a linear layer or of a LayerNorm. A layer is absent where it is optional and its weight is.
struct Layer {
  std::string name; ///< what the model calls the layer
  TensorName weight;
  std::optional<TensorName> bias;
  std::optional<TensorName> scale;  ///< one factor for each output of a linear layer
  std::vector<FactorNames> factors; ///< which go before weight and bias where a file has both
  /// In a match, where the file has factors: the left one; `weight` is the right one then.
  std::optional<TensorName> left;
};

struct Step;
using Steps = std::vector<Step>;

/// The image becomes patches, one a token. The layer behind it may be a convolution that reads whole patches.
struct PatchifyStep {
  PatchOrder order;
};
struct LinearStep {
  Layer layer;
};
struct NormStep {
  Layer layer;
};
struct GeluStep {};
/// Queries, keys and values come from one layer, stacked in this order, or from three.
struct AttentionStep {
  std::string name;
  std::optional<Layer> fused;
  std::optional<Layer> query, key, value;
  Layer out;
};
/// x + steps(x)
struct ResidualStep {
  Steps steps;
};
/// The steps once for each number i = 0, 1, ... for which `prefix`, with i for `{i}`, begins the name of a tensor.
/// Names within are relative to it.
struct RepeatStep {
  std::string prefix;
  Steps steps;
};
/// A class token before the others and a position embedding, whose rows say whether it includes the class token.
struct TokensStep {
  std::optional<TensorName> classToken, position;
};
/// One token for all: the class token or the mean of the others. Where neither the layout nor a setting chooses, the
/// class token if there is one, but the mean where tensor `meanIf` is present (its name is empty in a match without).
enum class Pool { automatic, classToken, mean };
struct PoolStep {
  Pool pool;
  std::string meanIf;
};

struct Step {
  std::variant<PatchifyStep, LinearStep, NormStep, GeluStep, AttentionStep, ResidualStep, RepeatStep, TokensStep,
               PoolStep>
      step;
};

struct Layout {
  std::string name;
  Steps steps;
  llvm::json::Object defaults;     ///< settings, see frontend/layout/Settings.h
  std::vector<std::string> ignore; ///< glob patterns of tensors that do not take part in inference

  /// Reads the text of a layout; `file` is for errors, which name line, column and key.
  static llvm::Expected<Layout> parse(llvm::StringRef file, llvm::StringRef text);

  /// Reads a layout file.
  static llvm::Expected<Layout> load(llvm::StringRef path);
};

/// Loads the layout of this name in `folder`, the file where `name` ends in ".json" or has a slash, or, where `name` is
/// "auto", all of `folder`, in the order of their names.
llvm::Expected<std::vector<Layout>> loadLayouts(llvm::StringRef name, llvm::StringRef folder);

/// share/vitya/layouts beside the folder of the running program.
std::string defaultLayoutFolder();

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_LAYOUT_H
