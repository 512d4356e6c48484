// Matches a layout with the tensors of a file.
#ifndef VITYA_FRONTEND_LAYOUT_MATCH_H
#define VITYA_FRONTEND_LAYOUT_MATCH_H

#include "frontend/checkpoint/StateDict.h"
#include "frontend/layout/Layout.h"
#include "llvm/ADT/StringSet.h"

namespace vitya {

/// The steps of a layout for one file. Repetitions are unrolled, names are complete, and nothing is optional.
struct Match {
  Steps steps;
  llvm::json::Object defaults;        ///< settings of the layout and of its variants that the file is one of
  std::vector<std::string> remarks;   ///< of these variants
  std::vector<std::string> missing;   ///< tensors that the layout needs and the file lacks
  std::vector<std::string> overruled; ///< layers with factors and dense tensors; the dense tensors are not used
  std::vector<std::string> leftover;  ///< tensors of the file that the layout neither uses nor ignores
  size_t named = 0;                   ///< the number of tensors that the layout uses or misses

  bool fits() const { return missing.empty() && leftover.empty(); }
  /// The number of tensors in which layout and file differ.
  size_t distance() const;
  /// Returns, for example, "2 missing ('a', 'b'), 1 left over ('c')".
  std::string describe() const;
};

/// Of several names that a layout has for its tensors, those that the file has are chosen. Layers in `withoutBias` may
/// lack a bias that the layout requires.
Match matchLayout(const Layout &layout, llvm::ArrayRef<NamedTensor> tensors, const llvm::StringSet<> &withoutBias = {});

/// Returns, for example, "2 missing ('a', 'b')": the number, the `state` and the first few of `names`. Returns an empty
/// string for no names.
std::string describeNames(llvm::ArrayRef<std::string> names, llvm::StringRef state);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_MATCH_H
