// Vision Transformers written by hand as PyTorch modules, with which compiled models are compared. They share no code
// with the importer, the dialect or the runtime.
#ifndef VITYA_TEST_ORACLE_VIT_H
#define VITYA_TEST_ORACLE_VIT_H

#include <limits>
#include <memory>
#include <torch/nn/module.h>

namespace oracle {

/// The sizes and constants of a model that its state dict does not contain.
struct Architecture {
  int64_t image = 32, patch = 4, width = 192, depth = 6, heads = 3, classes = 10;
  int64_t expansion = 4;    ///< ratio of the hidden width of the MLP to `width`
  double eps = 1e-6;        ///< epsilon of every layer norm
  bool hasNormPre = false;  ///< a norm before the blocks, and no bias of the patches, as in timm's CLIP models
  bool isGeluQuick = false; ///< x sigmoid(1.702 x) instead of GELU erf; not in the model of the notebooks
};

/// Mistakes that an importer or a compiler could make. Tests check that the comparison of logits detects each of them.
enum class Mistake { none, swapHeads, largeEps, transposePatch };

/// A classifier that maps normalized images [N, 3, image, image] to logits [N, classes].
class Vit : public torch::nn::Module {
public:
  explicit Vit(const Architecture &architecture) : architecture(architecture) {}
  virtual torch::Tensor forward(torch::Tensor images) = 0;

  /// Draws random parameters such that every one affects the logits: norms differ from one; tokens, positions and
  /// biases differ from zero; attention logits have a standard deviation of about `logitStd`.
  void randomize(uint64_t seed, double logitStd);

  Mistake mistake = Mistake::none;
  /// The smallest standard deviation of the attention logits of a block, over all calls of `forward`.
  double minLogitStd = std::numeric_limits<double>::infinity();

protected:
  /// Computes multi-head attention of queries, keys and values, all [N, tokens, width]. Honours `Mistake::swapHeads`.
  torch::Tensor attend(const torch::Tensor &query, const torch::Tensor &key, const torch::Tensor &value);
  double eps() const { return mistake == Mistake::largeEps ? 10 * architecture.eps : architecture.eps; }

  Architecture architecture;
};

/// Creates timm's VisionTransformer with timm's parameter names: pre-norm, fused qkv, class token, learned positions,
/// final norm, GELU erf.
std::shared_ptr<Vit> makeTimmVit(const Architecture &architecture);

/// The same architecture with the parameter names of torchvision's VisionTransformer and of Hugging Face's
/// ViTForImageClassification, whose queries, keys and values come from separate layers.
std::shared_ptr<Vit> makeTorchvisionVit(const Architecture &architecture);
std::shared_ptr<Vit> makeHuggingFaceVit(const Architecture &architecture);

/// Creates the ViTEncoder of the reference project's notebooks with its parameter names: norms before and after a
/// linear embedding; separate queries, keys and values; x = attention(x), x = x + norm(x), x = x + norm(mlp(x)); no
/// final norm.
std::shared_ptr<Vit> makeReferenceVit(const Architecture &architecture);

} // namespace oracle

#endif // VITYA_TEST_ORACLE_VIT_H
