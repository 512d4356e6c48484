// Which of the optional tensors of a layout a new model has.
#ifndef VITYA_FRONTEND_LAYOUT_NEWMODELCHOICES_H
#define VITYA_FRONTEND_LAYOUT_NEWMODELCHOICES_H

#include "frontend/layout/NewModel.h"
#include "llvm/ADT/StringSet.h"

namespace vitya {

class NewModelChoices {
public:
  /// Those of the layout, changed as the options say. Fails for names that are not those of optional tensors.
  static llvm::Expected<NewModelChoices> make(const Layout &layout, const NewModelOptions &options);

  /// Whether the model has a tensor that it may lack.
  bool isChosen(const std::string &name) const { return chosen.contains(name); }
  bool has(const TensorName &tensor) const { return !tensor.optional || isChosen(tensor.name); }
  bool has(const Layer &layer) const { return has(layer.weight) || isChosen(layer.name); }
  template <typename Name>
  bool has(const std::optional<Name> &name) const {
    return name && has(*name);
  }

  /// Returns the steps that apply, without layers that the model does not have.
  Steps choose(const Steps &steps) const;

private:
  bool hasAny(llvm::StringRef prefix) const;

  llvm::StringSet<> chosen;
};

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_NEWMODELCHOICES_H
