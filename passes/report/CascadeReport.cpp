// Renders the outcome of a cascade.
#include "passes/report/CascadeReport.h"
#include "dialect/support/Json.h"
#include "passes/numerics/ConfidenceIntervals.h"
#include "llvm/Support/FormatVariadic.h"

using llvm::formatv;

namespace vitya {

CascadeReport::CascadeReport(CascadeAttr cascade)
    : margin(cascade.getMargin().getValueAsDouble()), images(cascade.getImages()), deferred(cascade.getDeferred()),
      disagreements(cascade.getDisagreements()) {}

double CascadeReport::agreementBound() const { return 1 - numerics::upperBoundOfShare(disagreements, images); }

std::string CascadeReport::rule() const {
  return formatv("the dense model runs where the two largest logits differ by less than {0:f4}", margin).str();
}

std::string CascadeReport::outcome() const {
  if (images == 0)
    return "not measured";
  return formatv(
             "{0} of {1} deferred ({2:f2} %), {3} of the others with another class than the dense model's: at least "
             "{4:f2} % agree (95 % confidence)",
             deferred, images, 100.0 * double(deferred) / double(images), disagreements, 100 * agreementBound())
      .str();
}

void CascadeReport::printMembers(llvm::json::OStream &os) const {
  os.attribute("margin", toJson(margin));
  if (images == 0)
    return;
  os.attribute("images", images);
  os.attribute("deferred", deferred);
  os.attribute("disagreements", disagreements);
  os.attribute("agreement_bound", toJson(agreementBound()));
}

} // namespace vitya
