// Runs both models on held-out images, chooses the threshold, and puts the models into one module.
#include "tools/lib/Cascade.h"
#include "dialect/Constants.h"
#include "dialect/VityaDialect.h"
#include "dialect/support/Errors.h"
#include "mlir/Pass/PassManager.h"
#include "passes/analysis/ImageSet.h"
#include "passes/numerics/Cascade.h"
#include "passes/numerics/ConfidenceIntervals.h"
#include "passes/report/CascadeReport.h"
#include "runtime/threads/Processors.h"
#include "tools/lib/CompiledModel.h"
#include <cmath>

using namespace mlir;

namespace cl = llvm::cl;

namespace vitya {

CascadeFlag::CascadeFlag(cl::OptionCategory &category)
    : flag("cascade",
           cl::desc("Also put the dense model into the output. It runs for images for which the two largest logits of "
                    "the compressed model differ by less than a threshold: M with margin=M. With agreement=P the "
                    "threshold is chosen on the images of --validate, so that at least P % of all images get the class "
                    "of the dense model"),
           cl::value_desc("margin=M|agreement=P"), cl::cat(category)) {}

llvm::Expected<std::optional<CascadeGoal>> CascadeFlag::parse(const CompressionFlags &compression) const {
  if (!*this)
    return std::nullopt;
  auto [name, value] = StringRef(flag).split('=');
  double number = 0;
  bool isNumber = !value.getAsDouble(number);
  CascadeGoal goal;
  if (name == "margin" && isNumber && number >= 0 && std::isfinite(float(number)))
    goal.margin = float(number);
  else if (name == "agreement" && isNumber && number > 0 && number < 100)
    goal.agreement = number / 100;
  else
    return makeError("expected --cascade to be margin= and a finite number from 0 on, or agreement= and a percentage "
                     "above 0 and below 100, found '{0}'",
                     flag.getValue());
  if (compression.requested().empty())
    return makeError("expected --cascade with a compression, whose model runs first, found no --low-rank, --smooth, "
                     "--quantize or bound");
  if (goal.agreement && compression.heldOut().empty())
    return makeError("expected --validate=FILE with --cascade=agreement, which is chosen on its images, found none");
  return goal;
}

/// The logits of `model`, a module at the end of phase `compress` that is not changed, on `images`.
static llvm::Expected<std::vector<float>> execute(ModuleOp model, const ImageSet &images) {
  llvm::Expected<Target> target = makeTarget("native");
  if (!target)
    return target.takeError();
  OwningOpRef<ModuleOp> copy = cloneWithResources(model);
  llvm::Expected<CompiledModel> compiled = CompiledModel::create(*copy, Phase::compress, *target);
  if (!compiled)
    return compiled.takeError();
  return compiled->run(images.count(), availableProcessors(),
                       [&](int64_t index, MutableArrayRef<float> pixels) { images.read(index, pixels); });
}

/// Runs both models on the images of the file `path`.
static llvm::Expected<numerics::CascadeSample> sample(ModuleOp first, ModuleOp dense, StringRef path, int64_t classes) {
  FailureOr<ImageSet> images = ImageSet::open(first, path, /*count=*/0);
  if (failed(images))
    return reportedError();
  llvm::Expected<std::vector<float>> cheap = execute(first, *images);
  if (!cheap)
    return cheap.takeError();
  llvm::Expected<std::vector<float>> exact = execute(dense, *images);
  if (!exact)
    return exact.takeError();
  if (const float *found = llvm::find_if(ArrayRef(*exact), [](float logit) { return !std::isfinite(logit); });
      found != exact->data() + exact->size())
    return makeError("expected finite logits of the dense model for --cascade, found {0} for image {1} of '{2}'",
                     *found, (found - exact->data()) / classes, path);
  return numerics::CascadeSample(*cheap, *exact, classes);
}

llvm::Expected<OwningOpRef<ModuleOp>> makeCascade(OwningOpRef<ModuleOp> first, OwningOpRef<ModuleOp> dense,
                                                  const CascadeGoal &goal, StringRef images) {
  auto model = getDiscardable<VityaDialect::ModelAttrHelper>(*first);
  if (!model || model.getClasses().size() < 2)
    return makeError("expected a model of at least two classes for --cascade, found {0}",
                     model ? model.getClasses().size() : 0);
  PassManager pm(dense->getContext());
  buildCompressPipeline(pm, CompressOptions());
  if (failed(pm.run(*dense)))
    return reportedError();
  float margin = goal.margin.value_or(0);
  numerics::CascadeOutcome outcome;
  if (!images.empty()) {
    llvm::Expected<numerics::CascadeSample> sample =
        vitya::sample(*first, *dense, images, int64_t(model.getClasses().size()));
    if (!sample)
      return sample.takeError();
    outcome = sample->outcome(margin);
    if (goal.agreement) {
      std::optional<float> chosen = sample->smallestMargin(*goal.agreement);
      if (!chosen)
        return makeError("expected enough images in '{0}' for the agreement of --cascade, found {1}: even without any "
                         "disagreement, only {2:f2} % of all images are known to agree with a confidence of 95 %",
                         images, outcome.images, 100 * (1 - numerics::upperBoundOfShare(0, outcome.images)));
      margin = *chosen;
      outcome = sample->outcome(margin);
    }
  }
  Builder builder(first->getContext());
  OwningOpRef<ModuleOp> cascade = ModuleOp::create(first->getLoc(), first->getSymName());
  first->setSymName("compressed");
  dense->setSymName("dense");
  cascade->getBody()->push_back(first.release());
  cascade->getBody()->push_back(dense.release());
  auto attribute = CascadeAttr::get(builder.getContext(), builder.getF32FloatAttr(margin), outcome.images,
                                    outcome.deferred, outcome.disagreements);
  setDiscardable<VityaDialect::CascadeAttrHelper>(*cascade, attribute);
  if (CascadeReport report(attribute); report.images > 0)
    emitRemark(builder.getUnknownLoc()) << report.rule() << ": " << report.outcome();
  return cascade;
}

} // namespace vitya
