// Only names are matched, not shapes, so that a file with one wrong shape can be told from a file of another family. A
// tensor that is optional in a repeated block is present in all repetitions or in none, as it is in the first.
#include "frontend/layout/Match.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"

using namespace llvm;

namespace vitya {

namespace {

class Matcher {
public:
  Matcher(ArrayRef<NamedTensor> tensors, const StringSet<> &withoutBias) : tensors(tensors), withoutBias(withoutBias) {
    for (const NamedTensor &named : tensors)
      present.insert(named.name);
  }

  Match match(const Layout &layout) {
    result.steps = matchSteps(layout.steps, Prefix());
    result.defaults = layout.defaults;
    for (const Variant &variant : layout.variants)
      if (isPresent(variant.tensor))
        addVariant(variant);
    // GlobPattern keeps a reference to its text. The patterns were checked when the layout was read.
    std::vector<GlobPattern> ignored;
    ignored.reserve(layout.ignore.size());
    for (StringRef pattern : layout.ignore)
      ignored.push_back(cantFail(GlobPattern::create(pattern)));
    for (const NamedTensor &named : tensors)
      if (!used.contains(named.name) &&
          none_of(ignored, [&](const GlobPattern &pattern) { return pattern.match(named.name); }))
        result.leftover.push_back(named.name);
    result.named = used.size();
    return std::move(result);
  }

private:
  /// What precedes the names of a step, and what precedes them in the first repetition, which decides about optional
  /// tensors.
  struct Prefix {
    std::string current, first;
  };

  bool isPresent(const std::string &name) const { return present.contains(name); }

  bool isAnyBehind(const std::string &prefix) const {
    return any_of(tensors, [&](const NamedTensor &named) { return StringRef(named.name).starts_with(prefix); });
  }

  void addVariant(const Variant &variant) {
    for (const auto &[key, value] : variant.defaults)
      result.defaults[key] = value;
    if (!variant.remark.empty())
      result.remarks.push_back(variant.remark);
  }

  /// Marks the tensor as used and returns its complete name. Returns nothing if it is optional and absent from the
  /// first repetition.
  std::optional<TensorName> use(const TensorName &tensor, const Prefix &prefix) {
    if (tensor.optional && !isPresent(prefix.first + tensor.name))
      return std::nullopt;
    TensorName complete;
    complete.name = prefix.current + tensor.name;
    if (!isPresent(complete.name))
      result.missing.push_back(complete.name);
    used.insert(complete.name);
    return complete;
  }

  /// Marks tensor `name` as used if the file has it.
  bool useIfPresent(const std::string &name) {
    if (!isPresent(name))
      return false;
    used.insert(name);
    return true;
  }

  /// The name of a tensor that has to be there.
  static TensorName required(const std::string &name) {
    TensorName tensor;
    tensor.name = name;
    return tensor;
  }

  /// Returns whether the first repetition has the layer under these names.
  bool isPresent(const Layer &layer, const Prefix &prefix) const {
    return isPresent(prefix.first + layer.weight.name) ||
           any_of(layer.factors, [&](const FactorNames &names) { return isPresent(prefix.first + names.left); });
  }

  /// Returns the layer with the first names that the file has, or with its own if there are none.
  const Layer &choose(const Layer &layer, const Prefix &prefix) const {
    if (!isPresent(layer, prefix))
      for (const Layer &other : layer.others)
        if (const Layer &chosen = choose(other, prefix); isPresent(chosen, prefix))
          return chosen;
    return layer;
  }

  std::optional<Layer> use(const Layer &named, const Prefix &prefix) {
    const Layer &layer = choose(named, prefix);
    for (const FactorNames &factors : layer.factors)
      if (isPresent(prefix.current + factors.left))
        return useFactors(layer, factors, prefix);
    // Factors in the first repetition do not decide whether this one has its optional dense tensors.
    bool isFirstFactorized =
        any_of(layer.factors, [&](const FactorNames &factors) { return isPresent(prefix.first + factors.left); });
    return useDense(layer, isFirstFactorized ? Prefix{prefix.current, prefix.current} : prefix);
  }

  Layer useFactors(const Layer &layer, const FactorNames &factors, const Prefix &prefix) {
    Layer matched;
    matched.name = prefix.current + layer.name;
    matched.weight = *use(required(factors.right), prefix);
    matched.left = use(required(factors.left), prefix);
    // Factors without a bias of their own use the bias of the dense layer.
    std::string bias = prefix.current + factors.bias, denseBias = layer.bias ? prefix.current + layer.bias->name : "";
    bool hasBias = useIfPresent(bias), hasDenseBias = useIfPresent(denseBias);
    if (hasBias || hasDenseBias)
      matched.bias = required(hasBias ? bias : denseBias);
    if (useIfPresent(prefix.current + layer.weight.name))
      result.overruled.push_back(matched.name);
    matched.scale = useIfAny(layer.scale, prefix);
    return matched;
  }

  std::optional<Layer> useDense(const Layer &layer, const Prefix &prefix) {
    std::string name = prefix.current + layer.name;
    if (!isPresent(prefix.current + layer.weight.name) && isPresent(name + ".weight"))
      return useExported(name);
    std::optional<TensorName> weight = use(layer.weight, prefix);
    if (!weight)
      return std::nullopt;
    Layer matched;
    matched.name = std::move(name);
    matched.weight = std::move(*weight);
    matched.isTransposed = layer.isTransposed;
    bool lacksBias = layer.bias && withoutBias.contains(matched.name) && !isPresent(prefix.current + layer.bias->name);
    if (!lacksBias)
      matched.bias = useIfAny(layer.bias, prefix);
    matched.scale = useIfAny(layer.scale, prefix);
    return matched;
  }

  /// The layer `name` with the names of tensors that this compiler gives to layers it has changed.
  Layer useExported(const std::string &name, StringRef whole = "") {
    Layer matched;
    matched.name = name;
    matched.whole = whole.str();
    matched.weight = required(name + ".weight");
    used.insert(matched.weight.name);
    if (useIfPresent(name + ".bias"))
      matched.bias = required(name + ".bias");
    return matched;
  }

  /// Sets the layers of `attention` from the parts into which this compiler splits its layer `fused` or `keyValue`, or
  /// from the parts of the left factor. Returns whether the file has these parts.
  bool useParts(const AttentionStep &step, const Prefix &prefix, AttentionStep &attention) {
    std::string whole = prefix.current + (step.fused ? step.fused : step.keyValue)->name, parts = whole;
    if (isPresent(whole + ".left.k.weight") && isPresent(whole + ".right.weight")) {
      (step.fused ? attention.fused : attention.keyValue) = useExported(whole + ".right", whole);
      parts = whole + ".left";
    }
    const std::pair<const char *, std::optional<Layer> *> all[] = {
        {".q", &attention.query}, {".k", &attention.key}, {".v", &attention.value}};
    for (auto [suffix, layer] : ArrayRef(all).drop_front(step.fused ? 0 : 1)) {
      if (!isPresent(parts + suffix + ".weight"))
        return false;
      *layer = useExported(parts + suffix, whole);
    }
    return true;
  }

  template <typename Name>
  std::optional<Name> useIfAny(const std::optional<Name> &name, const Prefix &prefix) {
    return name ? use(*name, prefix) : std::nullopt;
  }

  /// The complete name of a tensor that the file may lack, then without a name.
  TensorName useOptional(const TensorName &tensor, const Prefix &prefix) {
    return use(tensor, prefix).value_or(TensorName());
  }

  Steps matchSteps(const Steps &steps, const Prefix &prefix) {
    Steps matched;
    for (const Step &step : steps)
      std::visit([&](const auto &kind) { matchStep(kind, prefix, matched); }, step.step);
    return matched;
  }

  void matchStep(const PatchifyStep &step, const Prefix &, Steps &matched) { matched.push_back({step}); }
  void matchStep(const ActivationStep &step, const Prefix &, Steps &matched) { matched.push_back({step}); }

  void matchStep(const LinearStep &step, const Prefix &prefix, Steps &matched) {
    if (std::optional<Layer> layer = use(step.layer, prefix))
      matched.push_back({LinearStep{std::move(*layer)}});
  }

  void matchStep(const NormStep &step, const Prefix &prefix, Steps &matched) {
    if (std::optional<Layer> layer = use(step.layer, prefix)) {
      // This compiler writes a bias of zeros for a norm that has none.
      if (!layer->bias && useIfPresent(layer->name + ".bias"))
        layer->bias = required(layer->name + ".bias");
      matched.push_back({NormStep{std::move(*layer)}});
    }
  }

  void matchStep(const MaxPoolStep &step, const Prefix &, Steps &matched) { matched.push_back({step}); }

  void matchStep(const ConvolutionStep &step, const Prefix &prefix, Steps &matched) {
    ConvolutionStep convolution = step;
    convolution.norm.reset();
    std::string name = prefix.current + step.layer.name;
    // This compiler writes the folded convolution, dense or as factors.
    bool isFolded = step.norm && !isPresent(prefix.current + step.norm->mean.name) &&
                    (isPresent(name + ".bias") || isPresent(name + ".left.weight"));
    convolution.layer = isFolded && isPresent(name + ".weight") ? useExported(name) : *use(step.layer, prefix);
    if (step.norm && !isFolded) {
      convolution.norm = step.norm;
      convolution.norm->weight = useOptional(step.norm->weight, prefix);
      convolution.norm->bias = useOptional(step.norm->bias, prefix);
      convolution.norm->mean = *use(step.norm->mean, prefix);
      convolution.norm->variance = *use(step.norm->variance, prefix);
      std::string mean = convolution.norm->mean.name;
      useIfPresent(StringRef(mean).drop_back(StringLiteral("running_mean").size()).str() + "num_batches_tracked");
    }
    matched.push_back({std::move(convolution)});
  }

  void matchStep(const AttentionStep &step, const Prefix &prefix, Steps &matched) {
    AttentionStep attention;
    attention.name = prefix.current + step.name;
    attention.query = useIfAny(step.query, prefix);
    if ((!step.fused && !step.keyValue) || !useParts(step, prefix, attention)) {
      attention.fused = useIfAny(step.fused, prefix);
      attention.key = useIfAny(step.key, prefix);
      attention.value = useIfAny(step.value, prefix);
      attention.keyValue = useIfAny(step.keyValue, prefix);
    }
    attention.latent = useIfAny(step.latent, prefix);
    attention.queryNorm = useIfAny(step.queryNorm, prefix);
    attention.keyNorm = useIfAny(step.keyNorm, prefix);
    attention.rotary = step.rotary;
    attention.out = useIfAny(step.out, prefix);
    matched.push_back({std::move(attention)});
  }

  void matchStep(const ResidualStep &step, const Prefix &prefix, Steps &matched) {
    matched.push_back({ResidualStep{matchSteps(step.steps, prefix)}});
  }

  void matchStep(const RepeatStep &step, const Prefix &prefix, Steps &matched) {
    std::pair<StringRef, StringRef> around = StringRef(step.prefix).split("{i}");
    auto inner = [&](StringRef outer, size_t index) {
      return (outer + around.first + Twine(index) + around.second + ".").str();
    };
    auto exists = [&](size_t index) { return isAnyBehind(inner(prefix.current, index)); };
    // The first repetition is matched even if the file has none, so that the error names the missing tensors.
    for (size_t index = 0; index == 0 || exists(index); ++index)
      append_range(matched, matchSteps(step.steps, {inner(prefix.current, index), inner(prefix.first, 0)}));
  }

  void matchStep(const TokensStep &step, const Prefix &prefix, Steps &matched) {
    TokensStep tokens = step;
    tokens.classToken = useIfAny(step.classToken, prefix);
    tokens.distillation = useIfAny(step.distillation, prefix);
    tokens.registers = useIfAny(step.registers, prefix);
    if (step.sinusoidal && !isPresent(prefix.current + step.position->name))
      tokens.position = required(prefix.current + step.position->name);
    else {
      tokens.position = useIfAny(step.position, prefix);
      tokens.sinusoidal.reset();
    }
    matched.push_back({std::move(tokens)});
  }

  void matchStep(const PoolStep &step, const Prefix &prefix, Steps &matched) {
    PoolStep pool = step;
    pool.weights = useIfAny(step.weights, prefix);
    if (!isPresent(step.meanIf))
      pool.meanIf.clear();
    matched.push_back({std::move(pool)});
  }

  void matchStep(const AverageStep &step, const Prefix &prefix, Steps &matched) {
    AverageStep average;
    for (const Steps &branch : step.branches)
      average.branches.push_back(matchSteps(branch, prefix));
    matched.push_back({std::move(average)});
  }

  void matchStep(const ProductStep &step, const Prefix &prefix, Steps &matched) {
    ProductStep product;
    for (const Steps &branch : step.branches)
      product.branches.push_back(matchSteps(branch, prefix));
    matched.push_back({std::move(product)});
  }

  void matchStep(const IfStep &step, const Prefix &prefix, Steps &matched) {
    append_range(matched, matchSteps(isAnyBehind(prefix.first + step.prefix) ? step.then : step.otherwise, prefix));
  }

  ArrayRef<NamedTensor> tensors;
  const StringSet<> &withoutBias;
  StringSet<> present, used;
  Match result;
};

} // namespace

std::string describeNames(ArrayRef<std::string> names, StringRef state) {
  if (names.empty())
    return "";
  constexpr size_t shown = 4;
  std::string list =
      join(map_range(names.take_front(shown), [](const std::string &name) { return "'" + name + "'"; }), ", ");
  return formatv("{0} {1} ({2}{3})", names.size(), state, list, names.size() > shown ? ", ..." : "");
}

std::string Match::describe() const {
  std::string text = describeNames(missing, "missing"), more = describeNames(leftover, "left over");
  return text + (!text.empty() && !more.empty() ? ", " : "") + more;
}

size_t Match::distance() const { return missing.size() + leftover.size(); }

Match matchLayout(const Layout &layout, ArrayRef<NamedTensor> tensors, const StringSet<> &withoutBias) {
  Match match = Matcher(tensors, withoutBias).match(layout);
  for (const Layout &named : layout.others)
    if (Match other = Matcher(tensors, withoutBias).match(named); other.distance() < match.distance())
      match = std::move(other);
  return match;
}

} // namespace vitya
