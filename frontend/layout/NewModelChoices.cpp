#include "frontend/layout/NewModelChoices.h"
#include "dialect/support/Errors.h"
#include "frontend/layout/OptionalTensors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace vitya {

Expected<NewModelChoices> NewModelChoices::make(const Layout &layout, const NewModelOptions &options) {
  std::vector<std::string> optional = optionalNames(layout.steps);
  for (const auto *names : {&options.with, &options.without})
    for (const std::string &name : *names)
      if (!is_contained(optional, name))
        return makeError("expected optional tensors of layout '{0}' ({1}), found '{2}'", layout.name,
                         optional.empty() ? "it has none" : "'" + join(optional, "', '") + "'", name);
  NewModelChoices choices;
  for (const auto *names : {&layout.newModel.tensors, &options.with})
    for (const std::string &name : *names)
      choices.chosen.insert(name);
  for (const std::string &name : options.without)
    choices.chosen.erase(name);
  return choices;
}

/// Whether the model has a tensor whose name begins with the prefix of an `if` step.
bool NewModelChoices::hasAny(StringRef prefix) const {
  return any_of(chosen.keys(), [&](StringRef name) { return StringRef(name.str() + ".").starts_with(prefix); });
}

Steps NewModelChoices::choose(const Steps &steps) const {
  Steps result;
  for (const Step &step : steps) {
    auto *choice = std::get_if<IfStep>(&step.step);
    auto *linear = std::get_if<LinearStep>(&step.step);
    auto *norm = std::get_if<NormStep>(&step.step);
    if (choice)
      append_range(result, choose(hasAny(choice->prefix) ? choice->then : choice->otherwise));
    else if ((!linear || has(linear->layer)) && (!norm || has(norm->layer)))
      result.push_back(step);
  }
  return result;
}

} // namespace vitya
