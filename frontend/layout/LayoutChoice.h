// Chooses the layout of a file.
#ifndef VITYA_FRONTEND_LAYOUT_LAYOUTCHOICE_H
#define VITYA_FRONTEND_LAYOUT_LAYOUTCHOICE_H

#include "frontend/layout/Match.h"

namespace vitya {

/// Returns the index of the only layout that fits, and its match; see `matchLayout`. If none or several fit, the error
/// says what the user can do, or what differs. For none, the first that applies of: merge the adapters of LoRA, read
/// the tensors with a prefix, use a model that a layout describes, and the differences of the two closest layouts.
llvm::Expected<std::pair<size_t, Match>> chooseLayout(llvm::ArrayRef<Layout> layouts,
                                                      llvm::ArrayRef<NamedTensor> tensors,
                                                      const llvm::StringSet<> &withoutBias = {});

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_LAYOUTCHOICE_H
