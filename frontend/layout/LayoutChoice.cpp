// The errors name the cause that a user can remove, if it is known, instead of differences in tensors.
#include "frontend/layout/LayoutChoice.h"
#include "dialect/support/Errors.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace vitya {

/// The beginnings of names, up to a dot, that most tensors have, at most kMaxPrefixes of them.
static SmallVector<StringRef> commonPrefixes(ArrayRef<NamedTensor> tensors) {
  constexpr size_t kMaxPrefixes = 32;
  MapVector<StringRef, size_t> counts;
  for (const NamedTensor &named : tensors)
    for (size_t length = 1; length < named.name.size(); ++length)
      if (named.name[length - 1] == '.')
        ++counts[StringRef(named.name).take_front(length)];
  auto entries = counts.takeVector();
  llvm::sort(entries, [](const auto &left, const auto &right) {
    return std::tuple(right.second, left.first) < std::tuple(left.second, right.first);
  });
  auto prefixes = llvm::to_vector(make_first_range(entries));
  prefixes.resize(std::min(prefixes.size(), kMaxPrefixes));
  return prefixes;
}

/// Returns which layouts fit the tensors with which prefixes, or an empty string if none does.
static std::string describePrefixes(ArrayRef<Layout> layouts, ArrayRef<NamedTensor> tensors) {
  std::vector<std::string> fitting;
  for (StringRef prefix : commonPrefixes(tensors)) {
    std::vector<NamedTensor> behind = tensorsBehind(prefix, tensors);
    for (const Layout &layout : layouts)
      if (matchLayout(layout, behind).fits())
        fitting.push_back(formatv("'{0}' fits with --prefix={1}", layout.name, prefix));
  }
  return join(fitting, ", ");
}

/// Returns the name of a tensor of a LoRA adapter (arXiv 2106.09685), as PEFT names them, or an empty string.
static StringRef findAdapter(ArrayRef<NamedTensor> tensors) {
  for (StringRef name : map_range(tensors, [](const NamedTensor &named) { return StringRef(named.name); }))
    if (name.starts_with("lora_") || name.contains(".lora_"))
      return name;
  return "";
}

/// Describes the differences of the closest layouts, which come first in `order`.
static std::string describeDifferences(ArrayRef<Layout> layouts, ArrayRef<Match> matches, ArrayRef<size_t> order) {
  constexpr size_t kShown = 2;
  std::string text =
      join(map_range(order.take_front(kShown),
                     [&](size_t index) { return "for '" + layouts[index].name + "' " + matches[index].describe(); }),
           "; ");
  return layouts.size() > kShown ? text + formatv("; {0} layouts that differ more", layouts.size() - kShown).str()
                                 : text;
}

/// Says why none of several layouts fits.
static std::string describeMismatch(ArrayRef<Layout> layouts, ArrayRef<NamedTensor> tensors, ArrayRef<Match> matches,
                                    ArrayRef<size_t> order) {
  if (StringRef adapter = findAdapter(tensors); !adapter.empty())
    return formatv("adapters of LoRA, such as '{0}': merge them into the layers, as merge_and_unload() of PEFT does, "
                   "and save the merged model",
                   adapter);
  if (std::string prefixes = describePrefixes(layouts, tensors); !prefixes.empty())
    return "names with a prefix: " + prefixes;
  // A model of another family may share a few names, such as 'head.weight'.
  bool isForeign = all_of(matches, [](const Match &match) { return 4 * match.missing.size() > 3 * match.named; });
  if (isForeign && layouts.size() > 1)
    return describeNames(llvm::to_vector(map_range(tensors, [](const NamedTensor &named) { return named.name; })),
                         "tensors of a model that no layout describes") +
           "; --layout=FILE reads a layout of your own, and a graph of torch.export.save needs none";
  return describeDifferences(layouts, matches, order);
}

Expected<std::pair<size_t, Match>> chooseLayout(ArrayRef<Layout> layouts, ArrayRef<NamedTensor> tensors,
                                                const StringSet<> &withoutBias) {
  std::vector<Match> matches;
  for (const Layout &layout : layouts)
    matches.push_back(matchLayout(layout, tensors, withoutBias));
  // The layout that differs least comes first.
  auto order = llvm::to_vector(llvm::seq<size_t>(0, layouts.size()));
  llvm::sort(order, [&](size_t left, size_t right) {
    return std::pair(matches[left].distance(), left) < std::pair(matches[right].distance(), right);
  });

  size_t fitting = llvm::count_if(matches, [](const Match &match) { return match.fits(); });
  if (fitting == 1)
    return std::pair(order.front(), std::move(matches[order.front()]));
  if (fitting > 1)
    return makeError(
        "expected the tensors of one layout, found those of several with nothing left over ({0}): choose "
        "with --layout",
        join(map_range(ArrayRef(order).take_front(fitting), [&](size_t index) { return layouts[index].name; }), "; "));
  return makeError("expected the tensors of {0}, found {1}", layouts.size() == 1 ? "the layout" : "one of the layouts",
                   describeMismatch(layouts, tensors, matches, order));
}

} // namespace vitya
