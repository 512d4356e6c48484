// All sentences are computed from the data of the report.
#include "tools/lib/report/Findings.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace llvm;

namespace vitya::report {

const Latency &latencyOf(const Results &results, int64_t batch) {
  return *find_if(results.latencies, [&](const Latency &latency) { return latency.batch == batch; });
}

std::array<WorkTime, kWorkKinds> workTimes(const Profile &profile) {
  std::array<WorkTime, kWorkKinds> result = {};
  for (const KernelTime &kernel : profile.kernels) {
    WorkTime &time = result[static_cast<size_t>(kernel.kind)];
    time.microseconds += kernel.microseconds;
    time.limit += kernel.microseconds * kernel.shareOfLimit.value_or(0);
  }
  return result;
}

StringRef nameOf(WorkKind kind) {
  constexpr StringLiteral kNames[kWorkKinds] = {"linear layers", "attention",     "norms",
                                                "quantization",  "other kernels", "outside of loops"};
  return kNames[static_cast<size_t>(kind)];
}

namespace {

/// The variants that have results, in their order.
std::vector<const Variant *> measured(const Report &report) {
  std::vector<const Variant *> result;
  for (const Variant &variant : report.variants)
    if (variant.results)
      result.push_back(&variant);
  return result;
}

/// Marks the results that no other result dominates in accuracy and `cost`, which is better if it is lower.
void markFront(Report &report, function_ref<double(const Results &)> cost, bool Results::*mark) {
  for (Variant &variant : report.variants) {
    if (!variant.results)
      continue;
    double accuracy = variant.results->score.accuracy.value, own = cost(*variant.results);
    (*variant.results).*mark = none_of(measured(report), [&](const Variant *other) {
      double otherAccuracy = other->results->score.accuracy.value, otherCost = cost(*other->results);
      return otherAccuracy >= accuracy && otherCost <= own && (otherAccuracy > accuracy || otherCost < own);
    });
  }
}

double weightBytes(const Results &results) { return static_cast<double>(results.facts.weightBytes); }
double latencyOfOne(const Results &results) { return latencyOf(results, 1).best; }

std::string quoted(const Variant &variant) { return "\"" + variant.name + "\""; }

/// "2.50 times smaller", or "1.10 times larger".
std::string ratioText(double ratio, StringRef better, StringRef worse) {
  bool isBetter = std::round(100 * ratio) >= 100;
  return formatv("{0:f2} times {1}", isBetter ? ratio : 1 / ratio, isBetter ? better : worse);
}

/// Points of accuracy with a sign.
std::string points(double share) { return formatv("{0}{1:f2}", share >= 0 ? "+" : "-", std::abs(100 * share)); }

/// What a variant loses and gains, compared with the original model.
std::string describe(const Variant &variant, const Results &original) {
  const Results &results = *variant.results;
  const Estimate &difference = results.score.difference;
  double change = std::abs(100 * difference.value);
  std::string interval = formatv("{0} to {1}", points(difference.interval.low), points(difference.interval.high)).str();
  std::string accuracy =
      difference.value == 0
          ? formatv("has the accuracy of the original model (95 % interval of the difference {0})", interval).str()
          : formatv("{0} {1:f2} points of accuracy (95 % interval {2}{3})", difference.value < 0 ? "loses" : "gains",
                    change, interval, difference.interval.contains(0) ? ", which contains no change" : "")
                .str();
  return formatv("{0} {1}, is {2} and {3} for one image.", quoted(variant), accuracy,
                 ratioText(ratioOf(weightBytes(original), weightBytes(results)), "smaller", "larger"),
                 ratioText(ratioOf(latencyOfOne(original), latencyOfOne(results)), "as fast", "as slow"));
}

/// Names the best variant by `cost` among those whose accuracy cannot be told from that of the original model.
std::string bestWithoutLoss(const Report &report, StringRef best, StringRef better,
                            function_ref<double(const Results &)> cost) {
  const Variant *original = &report.variants.front(), *found = original;
  for (const Variant *variant : measured(report))
    if (variant->results->score.difference.interval.contains(0) && cost(*variant->results) < cost(*found->results))
      found = variant;
  return found == original ? formatv("none is {0}", better).str()
                           : formatv("{0} is the {1}", quoted(*found), best).str();
}

/// Where the time of the original model goes.
std::string describeTime(const Results &original) {
  std::array<WorkTime, kWorkKinds> times = workTimes(original.profile);
  size_t most =
      llvm::max_element(times, [](const WorkTime &a, const WorkTime &b) { return a.microseconds < b.microseconds; }) -
      times.begin();
  double total = 1e3 * original.profile.milliseconds;
  std::string limit = times[most].limit > 0
                          ? formatv(", at {0:f0} % of the limit", 100 * times[most].limit / times[most].microseconds)
                          : std::string();
  return formatv("In the original model, {0:f0} % of the time of one image is spent in {1}{2}.",
                 100 * times[most].microseconds / total, nameOf(static_cast<WorkKind>(most)), limit);
}

/// The layer of `variant` whose output differs most from that of the original model; empty if none was measured.
std::string describeNoise(const Variant &variant) {
  const Layer *worst = nullptr;
  for (const Layer &layer : variant.results->layers)
    if (layer.outputNoise && (!worst || *layer.outputNoise > *worst->outputNoise))
      worst = &layer;
  return worst ? formatv("In {0}, the output that changes most is that of {1}, by {2:f1} % of its variance.",
                         quoted(variant), worst->name, 100 * *worst->outputNoise)
               : std::string();
}

/// When and how often the dense model of a cascade runs, how many classes agree, and what is said of the first model
/// alone; empty for other variants.
std::string describeCascade(const Variant &variant, int64_t images) {
  const std::optional<Cascade> &cascade = variant.results->facts.cascade;
  if (!cascade)
    return "";
  auto same = static_cast<double>(images) - static_cast<double>(variant.results->score.changed.size());
  std::string bound = cascade->agreementBound
                          ? formatv("; the held-out images prove at least {0:f2} % with a confidence of 95 %",
                                    100 * *cascade->agreementBound)
                          : std::string();
  return formatv("In {0}, which is a cascade, the dense model runs where the two largest logits of the first model "
                 "differ by less than {1:f4}: for {2:f2} % of the images, and the times are those expected for this "
                 "share. {3:f2} % of the images have the class of the original model{4}. The layers and kernels shown "
                 "are those of the first model.",
                 quoted(variant), cascade->margin, 100 * cascade->deferred, 100 * same / static_cast<double>(images),
                 bound);
}

/// The two classes that the original model confuses most often; empty if it makes no mistake.
std::string describeConfusion(const Report &report) {
  size_t classes = report.classes().size(), first = 0, second = 0;
  int64_t most = 0;
  auto count = [&](size_t label, size_t predicted) { return report.confusion[label * classes + predicted]; };
  for (size_t a = 0; a < classes; ++a)
    for (size_t b = a + 1; b < classes; ++b)
      if (int64_t both = count(a, b) + count(b, a); both > most) {
        most = both;
        first = a;
        second = b;
      }
  return most ? formatv("The original model confuses \"{0}\" and \"{1}\" most often: {2:N} of {3:N} images.",
                        report.classes()[first], report.classes()[second], most, report.images)
              : std::string();
}

std::string describeFailures(const Report &report) {
  std::vector<std::string> failed;
  for (const Variant &variant : report.variants)
    if (!variant.results)
      failed.push_back(quoted(variant));
  return failed.empty() ? std::string()
                        : formatv("Not measured, for the reasons in the table: {0}.", join(failed, ", "));
}

/// A warning if other programs were running; empty if not.
std::string describeLoad(const Machine &machine) {
  constexpr double kSmall = 0.25; // of a processor
  if (machine.load <= kSmall * static_cast<double>(machine.processors))
    return "";
  return formatv("The load average was {0:f1} on {1} processors before this report began: if other programs were still "
                 "running, the times are too long.",
                 machine.load, machine.processors);
}

} // namespace

void conclude(Report &report) {
  markFront(report, weightBytes, &Results::isSmallest);
  markFront(report, latencyOfOne, &Results::isFastest);
  auto add = [&](std::string finding) {
    if (!finding.empty())
      report.findings.push_back(std::move(finding));
  };
  std::vector<const Variant *> variants = measured(report);
  add(describeFailures(report));
  if (variants.size() > 1)
    add(formatv("Of the variants that these {0:N} images cannot tell from the original model in accuracy, {1} and {2}.",
                report.images, bestWithoutLoss(report, "smallest", "smaller", weightBytes),
                bestWithoutLoss(report, "fastest for one image", "faster", latencyOfOne)));
  for (const Variant *variant : ArrayRef(variants).drop_front())
    add(describe(*variant, report.original()));
  for (const Variant *variant : variants)
    add(describeCascade(*variant, report.images));
  add(describeTime(report.original()));
  const Variant *noisiest = nullptr;
  for (const Variant *variant : variants)
    if (!describeNoise(*variant).empty() &&
        (!noisiest || variant->results->score.divergence > noisiest->results->score.divergence))
      noisiest = variant;
  if (noisiest)
    add(describeNoise(*noisiest));
  add(describeConfusion(report));
  if (variants.size() > 2)
    add("Each interval is for one variant alone. The best of several by these images looks better than it is: choose "
        "on other images than those that the result is reported on.");
  add(describeLoad(report.machine));
}

} // namespace vitya::report
