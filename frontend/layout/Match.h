// Matches a layout with the tensors of a file.
#ifndef VITYA_FRONTEND_LAYOUT_MATCH_H
#define VITYA_FRONTEND_LAYOUT_MATCH_H

#include "frontend/checkpoint/StateDict.h"
#include "frontend/layout/Layout.h"

namespace vitya {

/// A layout's steps for one file: repetitions unrolled, full names of layers and tensors, nothing optional left.
struct Match {
  Steps steps;
  std::vector<std::string> missing;   ///< tensors that the layout wants and the file lacks
  std::vector<std::string> overruled; ///< layers of which the file has factors and dense tensors: the factors count
  std::vector<std::string> leftover;  ///< tensors of the file that the layout does not use or ignore

  bool fits() const { return missing.empty() && leftover.empty(); }
  /// "2 missing ('a', 'b'), 1 left over ('c')"
  std::string describe() const;
};

Match matchLayout(const Layout &layout, llvm::ArrayRef<NamedTensor> tensors);

/// Of `layouts`, the one that fits, by its index, and its match. Fails where none or several do, and says why.
llvm::Expected<std::pair<size_t, Match>> chooseLayout(llvm::ArrayRef<Layout> layouts,
                                                      llvm::ArrayRef<NamedTensor> tensors);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_MATCH_H
