// Fused operators are written in TorchScript with those that they stand for.
#include "frontend/graph/torchscript/Operators.h"
#include "llvm/ADT/STLExtras.h"
#include <ATen/ATen.h>
#include <array>
#include <optional>
#include <torch/csrc/jit/api/compilation_unit.h>
#include <torch/csrc/jit/runtime/operator.h>

namespace vitya {

/// Models that were traced without gradients call the first two.
static const char *const kDecompositions = R"(
def fused_self_attention(x: Tensor, num_head: int, qkv_weight: Tensor, qkv_bias: Tensor, proj_weight: Tensor,
                         proj_bias: Tensor) -> Tensor:
    qkv = torch.linear(x, qkv_weight, qkv_bias)
    shape = [x.size(0), x.size(1), 3, num_head, x.size(2) // num_head]
    q, k, v = torch.unbind(torch.permute(torch.reshape(qkv, shape), [2, 0, 3, 1, 4]))
    result = torch.scaled_dot_product_attention(q, k, v)
    return torch.linear(torch.flatten(torch.transpose(result, 1, 2), 2), proj_weight, proj_bias)

def split_heads(x: Tensor, num_head: int) -> Tensor:
    return torch.transpose(torch.reshape(x, [x.size(0), x.size(1), num_head, x.size(2) // num_head]), 1, 2)

def cross_attention(query: Tensor, key: Tensor, value: Tensor, embed_dim: int, num_head: int, qkv_weight: Tensor,
                    qkv_bias: Tensor, proj_weight: Tensor, proj_bias: Tensor) -> Tensor:
    wq, wk, wv = torch.unbind(torch.reshape(qkv_weight, [3, embed_dim, embed_dim]))
    bq, bk, bv = torch.unbind(torch.reshape(qkv_bias, [3, embed_dim]))
    q = split_heads(torch.linear(query, wq, bq), num_head)
    k = split_heads(torch.linear(key, wk, bk), num_head)
    v = split_heads(torch.linear(value, wv, bv), num_head)
    result = torch.scaled_dot_product_attention(q, k, v)
    return torch.linear(torch.flatten(torch.transpose(result, 1, 2), 2), proj_weight, proj_bias)

def _native_multi_head_attention_self(query: Tensor, key: Tensor, value: Tensor, embed_dim: int, num_head: int,
                                      qkv_weight: Tensor, qkv_bias: Tensor, proj_weight: Tensor, proj_bias: Tensor,
                                      mask: Optional[Tensor], need_weights: bool, average_attn_weights: bool,
                                      mask_type: Optional[int]) -> Tensor:
    assert mask is None, "attention with a mask"
    return fused_self_attention(query, num_head, qkv_weight, qkv_bias, proj_weight, proj_bias)

def _native_multi_head_attention(query: Tensor, key: Tensor, value: Tensor, embed_dim: int, num_head: int,
                                 qkv_weight: Tensor, qkv_bias: Tensor, proj_weight: Tensor, proj_bias: Tensor,
                                 mask: Optional[Tensor], need_weights: bool, average_attn_weights: bool,
                                 mask_type: Optional[int]) -> Tensor:
    assert mask is None, "attention with a mask"
    return cross_attention(query, key, value, embed_dim, num_head, qkv_weight, qkv_bias, proj_weight, proj_bias)

def _transformer_encoder_layer_fwd(src: Tensor, embed_dim: int, num_heads: int, qkv_weight: Tensor, qkv_bias: Tensor,
                                   proj_weight: Tensor, proj_bias: Tensor, use_gelu: bool, norm_first: bool,
                                   eps: float, norm_weight_1: Tensor, norm_bias_1: Tensor, norm_weight_2: Tensor,
                                   norm_bias_2: Tensor, ffn_weight_1: Tensor, ffn_bias_1: Tensor,
                                   ffn_weight_2: Tensor, ffn_bias_2: Tensor, mask: Optional[Tensor],
                                   mask_type: Optional[int]) -> Tensor:
    assert mask is None, "attention with a mask"
    x = src
    y = x
    if norm_first:
        y = torch.layer_norm(x, [embed_dim], norm_weight_1, norm_bias_1, eps)
    x = x + fused_self_attention(y, num_heads, qkv_weight, qkv_bias, proj_weight, proj_bias)
    if not norm_first:
        x = torch.layer_norm(x, [embed_dim], norm_weight_1, norm_bias_1, eps)
    y = x
    if norm_first:
        y = torch.layer_norm(x, [embed_dim], norm_weight_2, norm_bias_2, eps)
    y = torch.linear(y, ffn_weight_1, ffn_bias_1)
    if use_gelu:
        y = torch.gelu(y)
    else:
        y = torch.relu(y)
    x = x + torch.linear(y, ffn_weight_2, ffn_bias_2)
    if not norm_first:
        x = torch.layer_norm(x, [embed_dim], norm_weight_2, norm_bias_2, eps)
    return x

def expand_as(self: Tensor, other: Tensor) -> Tensor:
    return torch.expand(self, other.size())

def view_as(self: Tensor, other: Tensor) -> Tensor:
    return torch.reshape(self, other.size())

def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    return torch.reshape(self, other.size())

def type_as(self: Tensor, other: Tensor) -> Tensor:
    return torch.to(self, other.dtype)
)";

torch::jit::Function *decomposition(llvm::StringRef name, llvm::ArrayRef<c10::IValue> arguments) {
  static torch::jit::CompilationUnit unit(kDecompositions);
  std::string wanted = name.str();
  if (name == "_native_multi_head_attention" && arguments[0].toTensor().is_same(arguments[1].toTensor()) &&
      arguments[0].toTensor().is_same(arguments[2].toTensor()))
    wanted += "_self";
  torch::jit::Function *found = unit.find_function(c10::QualifiedName(wanted));
  return found && found->num_inputs() == arguments.size() ? found : nullptr;
}

void registerLaterOperators() {
  const std::pair<const char *, const char *> operators[] = {
      {"aten::scaled_dot_product_attention", "(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float "
                                             "dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool "
                                             "enable_gqa=False) -> Tensor"},
      {"aten::rms_norm", "(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor"}};
  // They are never called: `shapeOnly` gives their results.
  for (auto [name, signature] : operators)
    if (torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(name)).empty())
      torch::jit::registerOperator(torch::jit::Operator(
          std::string(name) + signature, [](torch::jit::Stack &) {}, c10::AliasAnalysisKind::FROM_SCHEMA));
}

bool isBookkeeping(llvm::StringRef name) {
  static constexpr llvm::StringLiteral names[] = {"Bool",
                                                  "Complex",
                                                  "Float",
                                                  "FloatImplicit",
                                                  "Int",
                                                  "IntImplicit",
                                                  "NumToTensor",
                                                  "ScalarImplicit",
                                                  "__and__",
                                                  "__contains__",
                                                  "__getitem__",
                                                  "__is__",
                                                  "__isnot__",
                                                  "__not__",
                                                  "__or__",
                                                  "abs",
                                                  "all",
                                                  "append",
                                                  "ceil",
                                                  "device",
                                                  "dim",
                                                  "dtype",
                                                  "eq",
                                                  "floor",
                                                  "floor_divide",
                                                  "floordiv",
                                                  "ge",
                                                  "gt",
                                                  "is_floating_point",
                                                  "is_nested",
                                                  "is_cuda",
                                                  "is_contiguous",
                                                  "is_meta",
                                                  "le",
                                                  "len",
                                                  "list",
                                                  "lt",
                                                  "max",
                                                  "min",
                                                  "ndim",
                                                  "ne",
                                                  "neg",
                                                  "numel",
                                                  "remainder",
                                                  "requires_grad",
                                                  "round",
                                                  "shape",
                                                  "size",
                                                  "sqrt",
                                                  "sym_size",
                                                  "truediv",
                                                  "unchecked_cast",
                                                  "unchecked_unwrap_optional",
                                                  "is_grad_enabled",
                                                  "is_scripting",
                                                  "is_autocast_enabled",
                                                  "is_autocast_cpu_enabled",
                                                  "layout",
                                                  "is_sparse",
                                                  "item",
                                                  "tensor_split"};
  return llvm::is_contained(names, name);
}

llvm::StringRef exportedName(llvm::StringRef name) { return name == "_convolution" ? "convolution" : name; }

/// The numbers of windows of an image [batch, channels, height, width], or nothing for sizes that do not fit.
static std::optional<std::array<int64_t, 2>> windowCounts(const at::Tensor &image, llvm::ArrayRef<int64_t> kernel,
                                                          llvm::ArrayRef<c10::IValue> geometry) {
  std::array<int64_t, 2> counts;
  for (size_t dim = 0; dim < 2; ++dim) {
    int64_t stride = 0, padding = 0, dilation = 0;
    for (auto [number, value] :
         {std::pair(&stride, &geometry[0]), {&padding, &geometry[1]}, {&dilation, &geometry[2]}}) {
      if (!value->isIntList() || value->toListRef().empty())
        return std::nullopt;
      llvm::ArrayRef<c10::IValue> values(value->toListRef().data(), value->toListRef().size());
      *number = values.size() > dim ? values[dim].toInt() : values[0].toInt();
    }
    int64_t size = image.size(2 + int64_t(dim)), window = kernel[dim];
    constexpr int64_t limit = 1 << 20;
    if (stride <= 0 || padding < 0 || dilation <= 0 || window <= 0 ||
        std::max({stride, padding, dilation, window, size}) > limit || size + 2 * padding <= dilation * (window - 1))
      return std::nullopt;
    counts[dim] = (size + 2 * padding - dilation * (window - 1) - 1) / stride + 1;
  }
  return counts;
}

std::optional<at::Tensor> shapeOnly(llvm::StringRef name, llvm::ArrayRef<c10::IValue> arguments) {
  auto make = [&](const std::vector<int64_t> &shape) {
    return at::empty(shape, at::device(at::kMeta).dtype(arguments[0].toTensor().scalar_type()));
  };
  if (name == "layer_norm" || name == "rms_norm" || name == "batch_norm" || name == "relu")
    return make(arguments[0].toTensor().sizes().vec());
  if (name == "relu_")
    return arguments[0].toTensor();
  if (name == "conv2d" || name == "convolution" || name == "_convolution") {
    at::Tensor image = arguments[0].toTensor(), weight = arguments[1].toTensor();
    bool fits = image.dim() == 4 && weight.dim() == 4;
    auto counts = fits ? windowCounts(image, {weight.size(2), weight.size(3)}, arguments.slice(3)) : std::nullopt;
    return counts ? std::optional(make({image.size(0), weight.size(0), (*counts)[0], (*counts)[1]})) : std::nullopt;
  }
  if (name == "im2col") {
    at::Tensor image = arguments[0].toTensor();
    std::vector<int64_t> kernel = arguments[1].toIntVector();
    bool fits = image.dim() == 4 && kernel.size() == 2;
    auto counts = fits ? windowCounts(image, kernel, {arguments[4], arguments[3], arguments[2]}) : std::nullopt;
    if (!counts)
      return std::nullopt;
    return make({image.size(0), image.size(1) * kernel[0] * kernel[1], (*counts)[0] * (*counts)[1]});
  }
  if (name == "embedding") {
    std::vector<int64_t> shape = arguments[1].toTensor().sizes().vec();
    shape.push_back(arguments[0].toTensor().size(-1));
    return make(shape);
  }
  if (name == "scaled_dot_product_attention") {
    at::Tensor query = arguments[0].toTensor(), value = arguments[2].toTensor();
    std::vector<int64_t> shape = query.sizes().vec();
    if (shape.size() < 2 || value.dim() < 2)
      return std::nullopt;
    shape.back() = value.size(-1);
    return make(shape);
  }
  return std::nullopt;
}

} // namespace vitya
