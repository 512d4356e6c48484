// The two architectures, which follow timm/models/vision_transformer.py and the notebooks of the reference project.
#include "test/oracle/Vit.h"
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <algorithm>
#include <cmath>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

using torch::Tensor;

namespace oracle {
namespace {

/// A module that only holds named children, like nn.ModuleList.
struct Group : torch::nn::Module {};

torch::nn::LayerNorm makeNorm(int64_t width) { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})); }

Tensor normalize(const torch::nn::LayerNorm &norm, const Tensor &x, double eps) {
  return at::layer_norm(x, {x.size(-1)}, norm->weight, norm->bias, eps);
}

//===----------------------------------------------------------------------===//
// timm
//===----------------------------------------------------------------------===//

struct TimmBlock : torch::nn::Module {
  torch::nn::LayerNorm norm1, norm2;
  torch::nn::Linear qkv, proj, fc1, fc2;

  explicit TimmBlock(const Architecture &a)
      : norm1(makeNorm(a.width)), norm2(makeNorm(a.width)), qkv(a.width, 3 * a.width), proj(a.width, a.width),
        fc1(a.width, a.expansion * a.width), fc2(a.expansion * a.width, a.width) {
    register_module("norm1", norm1);
    auto attention = register_module("attn", std::make_shared<Group>());
    attention->register_module("qkv", qkv);
    attention->register_module("proj", proj);
    register_module("norm2", norm2);
    auto mlp = register_module("mlp", std::make_shared<Group>());
    mlp->register_module("fc1", fc1);
    mlp->register_module("fc2", fc2);
  }
};

struct TimmVit : Vit {
  Tensor classToken, positions;
  torch::nn::Conv2d projection;
  std::vector<std::shared_ptr<TimmBlock>> blocks;
  torch::nn::LayerNorm norm;
  torch::nn::Linear head;

  explicit TimmVit(const Architecture &a)
      : Vit(a), projection(torch::nn::Conv2dOptions(3, a.width, a.patch).stride(a.patch)), norm(makeNorm(a.width)),
        head(a.width, a.classes) {
    int64_t side = a.image / a.patch;
    classToken = register_parameter("cls_token", torch::zeros({1, 1, a.width}));
    positions = register_parameter("pos_embed", torch::zeros({1, side * side + 1, a.width}));
    register_module("patch_embed", std::make_shared<Group>())->register_module("proj", projection);
    auto list = register_module("blocks", std::make_shared<Group>());
    for (int64_t i = 0; i < a.depth; ++i)
      blocks.push_back(list->register_module(std::to_string(i), std::make_shared<TimmBlock>(a)));
    register_module("norm", norm);
    register_module("head", head);
  }

  Tensor forward(Tensor images) override {
    Tensor kernel = mistake == Mistake::transposePatch ? projection->weight.transpose(2, 3) : projection->weight;
    Tensor x = at::conv2d(images, kernel, projection->bias, architecture.patch).flatten(2).transpose(1, 2);
    x = at::cat({classToken.expand({x.size(0), 1, -1}), x}, 1) + positions;
    for (const std::shared_ptr<TimmBlock> &block : blocks) {
      std::vector<Tensor> parts = block->qkv(normalize(block->norm1, x, eps())).chunk(3, -1);
      x = x + block->proj(attend(parts[0], parts[1], parts[2]));
      x = x + block->fc2(at::gelu(block->fc1(normalize(block->norm2, x, eps()))));
    }
    return head(normalize(norm, x, eps()).select(1, 0));
  }
};

//===----------------------------------------------------------------------===//
// The notebooks
//===----------------------------------------------------------------------===//

struct ReferenceBlock : torch::nn::Module {
  torch::nn::Linear query, key, value, out, ffn0, ffn2;
  torch::nn::LayerNorm ln1, ln2;

  explicit ReferenceBlock(const Architecture &a)
      : query(a.width, a.width), key(a.width, a.width), value(a.width, a.width), out(a.width, a.width),
        ffn0(a.width, a.expansion * a.width), ffn2(a.expansion * a.width, a.width), ln1(makeNorm(a.width)),
        ln2(makeNorm(a.width)) {
    auto attention = register_module("sa", std::make_shared<Group>());
    attention->register_module("Q", query);
    attention->register_module("K", key);
    attention->register_module("V", value);
    attention->register_module("Out", out);
    register_module("ln1", ln1);
    auto ffn = register_module("ffn", std::make_shared<Group>());
    ffn->register_module("0", ffn0);
    ffn->register_module("2", ffn2);
    register_module("ln2", ln2);
  }
};

struct ReferenceVit : Vit {
  Tensor classToken, positions;
  torch::nn::LayerNorm before, after;
  torch::nn::Linear embedding, head;
  std::vector<std::shared_ptr<ReferenceBlock>> blocks;

  explicit ReferenceVit(const Architecture &a)
      : Vit(a), before(makeNorm(3 * a.patch * a.patch)), after(makeNorm(a.width)),
        embedding(3 * a.patch * a.patch, a.width), head(a.width, a.classes) {
    int64_t side = a.image / a.patch;
    classToken = register_parameter("cls", torch::zeros({1, 1, a.width}));
    positions = register_parameter("pos", torch::zeros({1, side * side + 1, a.width}));
    auto source = register_module("lp_src", std::make_shared<Group>());
    source->register_module("1", before);
    source->register_module("2", embedding);
    source->register_module("3", after);
    auto list = register_module("blocks", std::make_shared<Group>());
    for (int64_t i = 0; i < a.depth; ++i)
      blocks.push_back(list->register_module(std::to_string(i), std::make_shared<ReferenceBlock>(a)));
    register_module("cl", head);
  }

  Tensor forward(Tensor images) override {
    // Transpose [N, c, y, r, x, s] to [N, y, x, r, s, c]: a patch is flattened as (row, column, channel).
    int64_t side = architecture.image / architecture.patch, patch = architecture.patch;
    bool transposed = mistake == Mistake::transposePatch;
    Tensor x = images.reshape({-1, 3, side, patch, side, patch})
                   .permute({0, 2, 4, transposed ? 5 : 3, transposed ? 3 : 5, 1})
                   .reshape({-1, side * side, 3 * patch * patch});
    x = normalize(after, embedding(normalize(before, x, eps())), eps());
    x = at::cat({classToken.expand({x.size(0), 1, -1}), x}, 1) + positions;
    for (const std::shared_ptr<ReferenceBlock> &block : blocks) {
      x = block->out(attend(block->query(x), block->key(x), block->value(x)));
      x = x + normalize(block->ln1, x, eps());
      x = x + normalize(block->ln2, block->ffn2(at::gelu(block->ffn0(x))), eps());
    }
    return head(x.select(1, 0));
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Vit
//===----------------------------------------------------------------------===//

Tensor Vit::attend(const Tensor &query, const Tensor &key, const Tensor &value) {
  int64_t heads = architecture.heads, width = query.size(-1) / heads;
  auto split = [&](const Tensor &x) { return x.reshape({x.size(0), x.size(1), heads, width}).transpose(1, 2); };
  Tensor scores = at::matmul(split(query), split(key).transpose(-2, -1)) / std::sqrt(static_cast<double>(width));
  minLogitStd = std::min(minLogitStd, (scores - scores.mean(-1, /*keepdim=*/true)).std().item<double>());
  Tensor result = at::matmul(scores.softmax(-1), split(value));
  if (mistake == Mistake::swapHeads) {
    std::vector<Tensor> parts = result.unbind(1);
    std::swap(parts[0], parts[1]);
    result = at::stack(parts, 1);
  }
  return result.transpose(1, 2).flatten(2);
}

void Vit::randomize(uint64_t seed, double logitStd) {
  at::NoGradGuard noGradient;
  at::Generator generator = at::detail::createCPUGenerator(seed);
  auto endsWith = [](const std::string &name, const std::string &end) {
    return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  auto isOneOf = [](const std::string &name, std::initializer_list<const char *> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const char *part) { return name.find(part) != std::string::npos; });
  };
  // The initial tokens and the terms added to them are as small as timm's parameters before training. Tokens then
  // differ from each other, and are small enough for eps to matter.
  constexpr double kSmall = 0.02;
  auto isSmall = [&](const std::string &name) {
    return isOneOf(name, {"cls", "pos", "patch_embed.proj", "attn.proj", "mlp.fc2", "lp_src.2"});
  };
  // The last layers of the 2 * depth residual branches are scaled as in GPT-2. Tokens, and the logits of attention
  // without a preceding norm, then keep their magnitude at any depth, and rounding errors are not amplified.
  double branchScale = 1 / std::sqrt(2.0 * architecture.depth);
  auto isBranchEnd = [&](const std::string &name) { return isOneOf(name, {"attn.proj", "mlp.fc2", "ln1", "ln2"}); };
  // Without a residual connection around the attention, random weights either make all tokens equal or amplify
  // differences chaotically. If keys correlate with queries, each token attends mostly to itself, which avoids both.
  constexpr double kSelf = 0.95;
  Tensor queryWeight;
  for (const auto &item : named_parameters()) {
    Tensor parameter = item.value();
    parameter.normal_(0, 1, generator);
    const std::string &name = item.key();
    bool isWeight = endsWith(name, ".weight");
    bool isNorm = isWeight && parameter.dim() == 1;
    if (isNorm)
      parameter.mul_(0.25).add_(1);
    else if (isWeight) // outputs have the variance of the inputs
      parameter.div_(std::sqrt(static_cast<double>(parameter[0].numel())));
    else if (endsWith(name, ".bias"))
      parameter.mul_(0.2);
    if (isSmall(name))
      parameter.mul_(kSmall);
    if (isBranchEnd(name))
      parameter.mul_(branchScale);
    double spread = std::sqrt(logitStd); // queries and keys of variance s give logits of variance s^2
    if (endsWith(name, "qkv.weight"))
      parameter.narrow(0, 0, 2 * parameter.size(1)).mul_(spread);
    else if (endsWith(name, "Q.weight"))
      queryWeight = parameter.mul_(spread);
    else if (endsWith(name, "K.weight"))
      parameter.mul_(spread * std::sqrt(1 - kSelf * kSelf)).add_(queryWeight, kSelf);
  }
}

std::shared_ptr<Vit> makeTimmVit(const Architecture &architecture) { return std::make_shared<TimmVit>(architecture); }

std::shared_ptr<Vit> makeReferenceVit(const Architecture &architecture) {
  return std::make_shared<ReferenceVit>(architecture);
}

} // namespace oracle
