// What a cascade does on held-out images, for `info`, --report and the card of a model.
#ifndef VITYA_PASSES_REPORT_CASCADEREPORT_H
#define VITYA_PASSES_REPORT_CASCADEREPORT_H

#include "dialect/VityaDialect.h"
#include "llvm/Support/JSON.h"
#include <string>

namespace vitya {

/// The threshold of a cascade and, if there were held-out images, what it did on them.
struct CascadeReport {
  double margin = 0;         ///< images of smaller margins are deferred to the dense model
  int64_t images = 0;        ///< held-out ones; 0: none
  int64_t deferred = 0;      ///< those of them that are deferred
  int64_t disagreements = 0; ///< those of the others that have another class than the dense model gives them

  explicit CascadeReport(CascadeAttr cascade);

  /// A lower bound of the share of all images that get the class of the dense model, which holds with a confidence of
  /// 95 %: one minus numerics::upperBoundOfShare(). There must be images.
  double agreementBound() const;

  /// One line that says when the dense model runs.
  std::string rule() const;
  /// One line that says what was found on held-out images.
  std::string outcome() const;
  /// Prints all as members of the current JSON object: `margin`, and with images `images`, `deferred`,
  /// `disagreements` and `agreement_bound`.
  void printMembers(llvm::json::OStream &os) const;
};

} // namespace vitya

#endif // VITYA_PASSES_REPORT_CASCADEREPORT_H
