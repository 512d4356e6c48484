// The architectures, which follow timm/models/vision_transformer.py, torchvision/models/vision_transformer.py, Hugging
// Face's modeling_vit.py and the notebooks of the reference project.
#include "test/oracle/Vit.h"
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <algorithm>
#include <cmath>
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
// timm, torchvision, Hugging Face
//===----------------------------------------------------------------------===//

/// The names of parameters in the state dicts of a library. Those of a block follow its name and its number.
struct Names {
  const char *classToken, *positions, *projection, *block, *norm1;
  std::vector<std::string> attention; ///< one layer of queries, keys and values, or one for each
  const char *out, *norm2, *fc1, *fc2, *norm, *head;
  const char *separator = "."; ///< between the name of an attention layer and "weight" or "bias"
};

const Names kTimm = {"cls_token", "pos_embed", "patch_embed.proj", "blocks.", "norm1", {"attn.qkv"},
                     "attn.proj", "norm2",     "mlp.fc1",          "mlp.fc2", "norm",  "head"};
const Names kTorchvision = {"class_token",
                            "encoder.pos_embedding",
                            "conv_proj",
                            "encoder.layers.encoder_layer_",
                            "ln_1",
                            {"self_attention.in_proj"},
                            "self_attention.out_proj",
                            "ln_2",
                            "mlp.0",
                            "mlp.3",
                            "encoder.ln",
                            "heads.head",
                            "_"};
const Names kHuggingFace = {"vit.embeddings.cls_token",
                            "vit.embeddings.position_embeddings",
                            "vit.embeddings.patch_embeddings.projection",
                            "vit.encoder.layer.",
                            "layernorm_before",
                            {"attention.attention.query", "attention.attention.key", "attention.attention.value"},
                            "attention.output.dense",
                            "layernorm_after",
                            "intermediate.dense",
                            "output.dense",
                            "vit.layernorm",
                            "classifier"};

/// Weight and bias of a linear layer, a convolution or a norm.
struct Affine {
  Tensor weight, bias;
  Tensor operator()(const Tensor &x) const { return at::linear(x, weight, bias); }
};

struct PreNormBlock {
  Affine norm1, out, norm2, fc1, fc2;
  std::vector<Affine> attention;
};

/// The architecture of timm's VisionTransformer, which the other libraries share.
struct PreNormVit : Vit {
  Tensor classToken, positions;
  Affine projection, normPre, norm, head;
  std::vector<PreNormBlock> blocks;

  PreNormVit(const Architecture &a, const Names &names) : Vit(a) {
    int64_t side = a.image / a.patch;
    classToken = add(names.classToken, {1, 1, a.width});
    positions = add(names.positions, {1, side * side + 1, a.width});
    projection = affine(names.projection, {a.width, 3, a.patch, a.patch}, ".", !a.hasNormPre);
    if (a.hasNormPre)
      normPre = affine("norm_pre", {a.width});
    for (int64_t i = 0; i < a.depth; ++i) {
      std::string prefix = names.block + std::to_string(i) + ".";
      PreNormBlock block;
      block.norm1 = affine(prefix + names.norm1, {a.width});
      int64_t rows = 3 / static_cast<int64_t>(names.attention.size()) * a.width;
      for (const std::string &name : names.attention)
        block.attention.push_back(affine(prefix + name, {rows, a.width}, names.separator));
      block.out = affine(prefix + names.out, {a.width, a.width});
      block.norm2 = affine(prefix + names.norm2, {a.width});
      block.fc1 = affine(prefix + names.fc1, {a.expansion * a.width, a.width});
      block.fc2 = affine(prefix + names.fc2, {a.width, a.expansion * a.width});
      blocks.push_back(block);
    }
    norm = affine(names.norm, {a.width});
    head = affine(names.head, {a.classes, a.width});
  }

  /// Registers a parameter under a name with dots, whose components but the last are the names of modules.
  Tensor add(const std::string &name, at::IntArrayRef shape) {
    torch::nn::Module *parent = this;
    size_t begin = 0;
    for (size_t end; (end = name.find('.', begin)) != std::string::npos; begin = end + 1) {
      std::string component = name.substr(begin, end - begin);
      auto children = parent->named_children();
      parent = children.contains(component) ? children[component].get()
                                            : parent->register_module(component, std::make_shared<Group>()).get();
    }
    return parent->register_parameter(name.substr(begin), torch::zeros(shape));
  }

  Affine affine(const std::string &name, at::IntArrayRef shape, const char *separator = ".", bool hasBias = true) {
    Affine result;
    result.weight = add(name + separator + "weight", shape);
    if (hasBias)
      result.bias = add(name + separator + "bias", shape[0]);
    return result;
  }

  Tensor normalize(const Affine &norm, const Tensor &x) {
    return at::layer_norm(x, {x.size(-1)}, norm.weight, norm.bias, eps());
  }

  Tensor activate(const Tensor &x) { return architecture.isGeluQuick ? x * at::sigmoid(1.702 * x) : at::gelu(x); }

  Tensor forward(Tensor images) override {
    Tensor kernel = mistake == Mistake::transposePatch ? projection.weight.transpose(2, 3) : projection.weight;
    Tensor x = at::conv2d(images, kernel, projection.bias, architecture.patch).flatten(2).transpose(1, 2);
    x = at::cat({classToken.expand({x.size(0), 1, -1}), x}, 1) + positions;
    if (architecture.hasNormPre)
      x = normalize(normPre, x);
    for (const PreNormBlock &block : blocks) {
      Tensor normal = normalize(block.norm1, x);
      std::vector<Tensor> parts;
      for (const Affine &layer : block.attention)
        parts.push_back(layer(normal));
      if (parts.size() == 1)
        parts = parts[0].chunk(3, -1);
      x = x + block.out(attend(parts[0], parts[1], parts[2]));
      x = x + block.fc2(activate(block.fc1(normalize(block.norm2, x))));
    }
    return head(normalize(norm, x).select(1, 0));
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
    return isOneOf(name, {"cls", "class_token", "pos", "patch_embed", "conv_proj", "attn.proj", "out_proj",
                          "output.dense", "mlp.fc2", "mlp.3", "lp_src.2"});
  };
  // The last layers of the 2 * depth residual branches are scaled as in GPT-2. Tokens, and the logits of attention
  // without a preceding norm, then keep their magnitude at any depth, and rounding errors are not amplified.
  double branchScale = 1 / std::sqrt(2.0 * architecture.depth);
  auto isBranchEnd = [&](const std::string &name) {
    return isOneOf(name, {"attn.proj", "out_proj", "output.dense", "mlp.fc2", "mlp.3", "ln1", "ln2"});
  };
  // Without a residual connection around the attention, random weights either make all tokens equal or amplify
  // differences chaotically. If keys correlate with queries, each token attends mostly to itself, which avoids both.
  constexpr double kSelf = 0.95;
  Tensor queryWeight;
  for (const auto &item : named_parameters()) {
    Tensor parameter = item.value();
    parameter.normal_(0, 1, generator);
    const std::string &name = item.key();
    bool isWeight = endsWith(name, "weight");
    bool isNorm = isWeight && parameter.dim() == 1;
    if (isNorm)
      parameter.mul_(0.25).add_(1);
    else if (isWeight) // outputs have the variance of the inputs
      parameter.div_(std::sqrt(static_cast<double>(parameter[0].numel())));
    else if (endsWith(name, "bias"))
      parameter.mul_(0.2);
    if (isSmall(name))
      parameter.mul_(kSmall);
    if (isBranchEnd(name))
      parameter.mul_(branchScale);
    double spread = std::sqrt(logitStd); // queries and keys of variance s give logits of variance s^2
    if (endsWith(name, "qkv.weight") || endsWith(name, "in_proj_weight"))
      parameter.narrow(0, 0, 2 * parameter.size(1)).mul_(spread);
    else if (endsWith(name, "Q.weight"))
      queryWeight = parameter.mul_(spread);
    else if (endsWith(name, "query.weight") || endsWith(name, "key.weight"))
      parameter.mul_(spread);
    else if (endsWith(name, "K.weight"))
      parameter.mul_(spread * std::sqrt(1 - kSelf * kSelf)).add_(queryWeight, kSelf);
  }
}

std::shared_ptr<Vit> makeTimmVit(const Architecture &architecture) {
  return std::make_shared<PreNormVit>(architecture, kTimm);
}

std::shared_ptr<Vit> makeTorchvisionVit(const Architecture &architecture) {
  return std::make_shared<PreNormVit>(architecture, kTorchvision);
}

std::shared_ptr<Vit> makeHuggingFaceVit(const Architecture &architecture) {
  return std::make_shared<PreNormVit>(architecture, kHuggingFace);
}

std::shared_ptr<Vit> makeReferenceVit(const Architecture &architecture) {
  return std::make_shared<ReferenceVit>(architecture);
}

} // namespace oracle
