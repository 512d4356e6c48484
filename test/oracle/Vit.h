// The Vision Transformers that compiled models are compared with, written by hand as PyTorch modules. They share
// nothing with the importer, the dialect or the runtime: what they agree on is right for a reason.
#ifndef VITYA_TEST_ORACLE_VIT_H
#define VITYA_TEST_ORACLE_VIT_H

#include <limits>
#include <memory>
#include <torch/nn/module.h>

namespace oracle {

/// The sizes and the numbers that a state dict does not say.
struct Architecture {
  int64_t image = 32, patch = 4, width = 192, depth = 6, heads = 3, classes = 10;
  int64_t expansion = 4; ///< width of the hidden layer of the MLP over `width`
  double eps = 1e-6;     ///< of every layer norm
};

/// Mistakes an importer or a compiler could make. A comparison that does not notice them is worth nothing.
enum class Mistake { none, swapHeads, largeEps, transposePatch };

/// A classifier: images [N, 3, image, image], normalized, to logits [N, classes].
class Vit : public torch::nn::Module {
public:
  explicit Vit(const Architecture &architecture) : architecture(architecture) {}
  virtual torch::Tensor forward(torch::Tensor images) = 0;

  /// Draws parameters that leave nothing untested: norms off one, tokens, positions and biases off zero, and attention
  /// logits that spread over `logitStd` or so.
  void randomize(uint64_t seed, double logitStd);

  Mistake mistake = Mistake::none;
  /// The least standard deviation, over the keys of a query, of the attention logits of a block seen by `forward`.
  double leastLogitStd = std::numeric_limits<double>::infinity();

protected:
  /// Multi-head attention of x's queries, keys and values, all [N, tokens, width]; see `Mistake::swapHeads`.
  torch::Tensor attend(const torch::Tensor &query, const torch::Tensor &key, const torch::Tensor &value);
  double eps() const { return mistake == Mistake::largeEps ? 10 * architecture.eps : architecture.eps; }

  Architecture architecture;
};

/// timm's VisionTransformer under timm's parameter names: pre-norm, fused qkv, class token, learned positions, final
/// norm, GELU erf.
std::shared_ptr<Vit> makeTimmVit(const Architecture &architecture);

/// The ViTEncoder of the ViTyaQua notebooks under its parameter names: norms around a linear embedding, separate
/// queries, keys and values, x = attention(x), x = x + norm(x), x = x + norm(mlp(x)), and no norm before the head.
std::shared_ptr<Vit> makeReferenceVit(const Architecture &architecture);

} // namespace oracle

#endif // VITYA_TEST_ORACLE_VIT_H
