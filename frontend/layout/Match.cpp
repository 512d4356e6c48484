// Matching is by names alone, so that a file with one wrong shape is told apart from a file of another family. What is
// optional within a repetition is present in all repetitions or in none: the first decides.
#include "frontend/layout/Match.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/GlobPattern.h"

using namespace llvm;

namespace vitya {

namespace {

class Matcher {
public:
  explicit Matcher(ArrayRef<NamedTensor> tensors) : tensors(tensors) {
    for (const NamedTensor &named : tensors)
      present.insert(named.name);
  }

  Match match(const Layout &layout) {
    result.steps = matchSteps(layout.steps, "", "");
    // Patterns refer to their text and were checked when the layout was read.
    std::vector<GlobPattern> ignored;
    ignored.reserve(layout.ignore.size());
    for (StringRef pattern : layout.ignore)
      ignored.push_back(cantFail(GlobPattern::create(pattern)));
    for (const NamedTensor &named : tensors)
      if (!used.contains(named.name) &&
          none_of(ignored, [&](const GlobPattern &pattern) { return pattern.match(named.name); }))
        result.leftover.push_back(named.name);
    return std::move(result);
  }

private:
  /// The full name of a tensor, which counts as used. Absent where it is optional and `first`, the same tensor's name
  /// in the first repetition, is.
  std::optional<TensorName> use(const TensorName &tensor, StringRef prefix, StringRef first) {
    if (tensor.optional && !present.contains((first + tensor.name).str()))
      return std::nullopt;
    std::string name = (prefix + tensor.name).str();
    if (!present.contains(name))
      result.missing.push_back(name);
    used.insert(name);
    return TensorName{name, false};
  }

  /// Marks tensor `name` as used if the file has it.
  bool useIfPresent(const std::string &name) {
    if (!present.contains(name))
      return false;
    used.insert(name);
    return true;
  }

  std::optional<Layer> use(const Layer &layer, StringRef prefix, StringRef first) {
    for (const FactorNames &factors : layer.factors) {
      std::string left = (prefix + factors.left).str(), bias = (prefix + factors.bias).str();
      if (!present.contains(left))
        continue;
      Layer found{(prefix + layer.name).str(), *use(TensorName{factors.right, false}, prefix, first), {}, {}, {}, {}};
      found.left = use(TensorName{factors.left, false}, prefix, first);
      std::string denseBias = layer.bias ? (prefix + layer.bias->name).str() : "";
      bool hasDenseBias = useIfPresent(denseBias); // which is the bias of factors that have none of their own
      if (useIfPresent(bias) || hasDenseBias)
        found.bias = TensorName{present.contains(bias) ? bias : denseBias, false};
      if (useIfPresent((prefix + layer.weight.name).str()))
        result.overruled.push_back(found.name);
      if (layer.scale)
        found.scale = use(*layer.scale, prefix, first);
      return found;
    }
    // A first repetition with factors says nothing about dense tensors.
    if (any_of(layer.factors, [&](const FactorNames &each) { return present.contains((first + each.left).str()); }))
      first = prefix;
    std::optional<TensorName> weight = use(layer.weight, prefix, first);
    if (!weight)
      return std::nullopt;
    Layer found{(prefix + layer.name).str(), *weight, {}, {}, {}, {}};
    if (layer.bias)
      found.bias = use(*layer.bias, prefix, first);
    if (layer.scale)
      found.scale = use(*layer.scale, prefix, first);
    return found;
  }

  template <typename Name>
  static auto useIfAny(Matcher &matcher, const std::optional<Name> &name, StringRef prefix, StringRef first) {
    return name ? matcher.use(*name, prefix, first) : std::nullopt;
  }

  Steps matchSteps(const Steps &steps, StringRef prefix, StringRef first) {
    Steps matched;
    for (const Step &step : steps)
      std::visit([&](const auto &kind) { matchStep(kind, prefix, first, matched); }, step.step);
    return matched;
  }

  void matchStep(const PatchifyStep &step, StringRef, StringRef, Steps &into) { into.push_back({step}); }
  void matchStep(const GeluStep &step, StringRef, StringRef, Steps &into) { into.push_back({step}); }

  void matchStep(const LinearStep &step, StringRef prefix, StringRef first, Steps &into) {
    if (std::optional<Layer> layer = use(step.layer, prefix, first))
      into.push_back({LinearStep{*layer}});
  }

  void matchStep(const NormStep &step, StringRef prefix, StringRef first, Steps &into) {
    if (std::optional<Layer> layer = use(step.layer, prefix, first))
      into.push_back({NormStep{*layer}});
  }

  void matchStep(const AttentionStep &step, StringRef prefix, StringRef first, Steps &into) {
    into.push_back({AttentionStep{(prefix + step.name).str(), useIfAny(*this, step.fused, prefix, first),
                                  useIfAny(*this, step.query, prefix, first), useIfAny(*this, step.key, prefix, first),
                                  useIfAny(*this, step.value, prefix, first), *use(step.out, prefix, first)}});
  }

  void matchStep(const ResidualStep &step, StringRef prefix, StringRef first, Steps &into) {
    into.push_back({ResidualStep{matchSteps(step.steps, prefix, first)}});
  }

  void matchStep(const RepeatStep &step, StringRef prefix, StringRef first, Steps &into) {
    std::pair<StringRef, StringRef> around = StringRef(step.prefix).split("{i}");
    auto inner = [&](StringRef outer, size_t index) {
      return (outer + around.first + Twine(index) + around.second + ".").str();
    };
    auto exists = [&](size_t index) {
      std::string begin = inner(prefix, index);
      return any_of(tensors, [&](const NamedTensor &named) { return StringRef(named.name).starts_with(begin); });
    };
    // The first is wanted even of a file that has none, so that what is missing has a name.
    for (size_t index = 0; index == 0 || exists(index); ++index)
      append_range(into, matchSteps(step.steps, inner(prefix, index), inner(first, 0)));
  }

  void matchStep(const TokensStep &step, StringRef prefix, StringRef first, Steps &into) {
    into.push_back(
        {TokensStep{useIfAny(*this, step.classToken, prefix, first), useIfAny(*this, step.position, prefix, first)}});
  }

  void matchStep(const PoolStep &step, StringRef, StringRef, Steps &into) {
    into.push_back({PoolStep{step.pool, present.contains(step.meanIf) ? step.meanIf : ""}});
  }

  ArrayRef<NamedTensor> tensors;
  StringSet<> present, used;
  Match result;
};

/// "3 missing ('a', 'b', ...)", or nothing for no names.
std::string describeNames(ArrayRef<std::string> names, StringRef what) {
  if (names.empty())
    return "";
  constexpr size_t shown = 4;
  std::string list =
      join(map_range(names.take_front(shown), [](const std::string &name) { return "'" + name + "'"; }), ", ");
  return formatv("{0} {1} ({2}{3})", names.size(), what, list, names.size() > shown ? ", ..." : "");
}

} // namespace

std::string Match::describe() const {
  std::string text = describeNames(missing, "missing"), more = describeNames(leftover, "left over");
  return text + (!text.empty() && !more.empty() ? ", " : "") + more;
}

Match matchLayout(const Layout &layout, ArrayRef<NamedTensor> tensors) { return Matcher(tensors).match(layout); }

Expected<std::pair<size_t, Match>> chooseLayout(ArrayRef<Layout> layouts, ArrayRef<NamedTensor> tensors) {
  std::vector<Match> matches;
  for (const Layout &layout : layouts)
    matches.push_back(matchLayout(layout, tensors));
  // The closest first.
  auto order = llvm::to_vector(llvm::seq<size_t>(0, layouts.size()));
  llvm::sort(order, [&](size_t left, size_t right) {
    auto distance = [&](size_t index) { return matches[index].missing.size() + matches[index].leftover.size(); };
    return std::pair(distance(left), left) < std::pair(distance(right), right);
  });

  auto list = [&](ArrayRef<size_t> indices, auto describe) { return join(map_range(indices, describe), "; "); };
  size_t fitting = llvm::count_if(matches, [](const Match &match) { return match.fits(); });
  if (fitting == 1)
    return std::pair(order.front(), std::move(matches[order.front()]));
  if (fitting > 1)
    return makeError("expected the tensors of one layout, found those of several with nothing left over ({0}): choose "
                     "with --layout",
                     list(ArrayRef(order).take_front(fitting), [&](size_t index) { return layouts[index].name; }));
  return makeError(
      "expected the tensors of {0}, found {1}", layouts.size() == 1 ? "the layout" : "one of the layouts",
      list(order, [&](size_t index) { return "for '" + layouts[index].name + "' " + matches[index].describe(); }));
}

} // namespace vitya
