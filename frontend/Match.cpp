// Matching is by names alone, so that a file with one wrong shape is told apart from a file of another family. What is
// optional within a repetition is present in all repetitions or in none: the first decides.
#include "frontend/Match.h"
#include "frontend/checkpoint/MakeError.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

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
    for (const NamedTensor &named : tensors)
      if (!used.contains(named.name) && !is_contained(layout.ignore, named.name))
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

  std::optional<Layer> use(const Layer &layer, StringRef prefix, StringRef first) {
    std::optional<TensorName> weight = use(layer.weight, prefix, first);
    if (!weight)
      return std::nullopt;
    Layer found{(prefix + layer.name).str(), *weight, std::nullopt};
    if (layer.bias)
      found.bias = use(*layer.bias, prefix, first);
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
    bool mean = step.pool == Pool::automatic && present.contains(step.meanIf);
    into.push_back({PoolStep{mean ? Pool::mean : step.pool, ""}});
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
  std::optional<std::pair<size_t, Match>> chosen;
  std::string refused, fitting;
  for (auto [index, layout] : enumerate(layouts)) {
    Match match = matchLayout(layout, tensors);
    if (!match.fits()) {
      refused += (refused.empty() ? "" : "; ") + layout.name + ": " + match.describe();
      continue;
    }
    fitting += (fitting.empty() ? "'" : ", '") + layout.name + "'";
    if (!chosen)
      chosen.emplace(index, std::move(match));
    else
      chosen->first = layouts.size();
  }
  if (!chosen)
    return makeError(layouts.size() == 1 ? "expected the tensors of layout {0}"
                                         : "expected the tensors of one of the layouts, found {0}",
                     layouts.size() == 1
                         ? "'" + layouts[0].name + "', found " + matchLayout(layouts[0], tensors).describe()
                         : refused);
  if (chosen->first == layouts.size())
    return makeError("expected the tensors of one layout, found those of several with nothing left over: {0}; choose "
                     "with --layout",
                     fitting);
  return std::move(*chosen);
}

} // namespace vitya
