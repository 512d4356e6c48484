// What vitya-report finds out about the variants of a model: the data that its HTML, JSON and Markdown show.
#ifndef VITYA_TOOLS_LIB_REPORT_REPORT_H
#define VITYA_TOOLS_LIB_REPORT_REPORT_H

#include "passes/numerics/ConfidenceIntervals.h"
#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vitya::report {

/// A measured value with its 95 % interval.
struct Estimate {
  double value = 0;
  numerics::Interval interval;
};

/// The images that are shown and counted where a variant and the original model predict different classes.
struct ChangedImage {
  int64_t image = 0; ///< its index in the data
  int label = 0, before = 0, after = 0;
  double margin = 0; ///< difference of the two largest probabilities of the original model
};

/// The predictions of a variant for all images.
struct Score {
  int64_t correct = 0;
  Estimate accuracy; ///< share of images whose class is their label
  Estimate loss;     ///< mean cross entropy in nats
  // Compared with the original model on the same images:
  Estimate difference;               ///< of the accuracies
  int64_t gained = 0;                ///< images that only this variant predicts correctly
  int64_t lost = 0;                  ///< images that only the original model predicts correctly
  double divergence = 0;             ///< mean KL divergence of the class probabilities, in nats
  std::vector<ChangedImage> changed; ///< largest margin first
};

/// The latency of batches of one size in milliseconds, measured in several rounds.
struct Latency {
  int64_t batch = 0;
  double best = 0;   ///< of all runs
  double median = 0; ///< median of the rounds' medians
  double worst = 0;  ///< the best run of the slowest round
};

/// Kinds of work, in the order in which charts show them.
enum class WorkKind { linear, attention, norm, quantization, other, outside };
inline constexpr size_t kWorkKinds = 6;

struct KernelTime {
  std::string name;
  WorkKind kind = WorkKind::other;
  double microseconds = 0;            ///< of one image
  std::optional<double> shareOfLimit; ///< absent: its limit is not known
};

/// Where the time of one image goes, in the fastest of the profiled runs.
struct Profile {
  double milliseconds = 0;         ///< the whole image
  std::vector<KernelTime> kernels; ///< slowest first; the last one is the time outside of loops
  double peak = 0;                 ///< of f32 in 10^9 operations per second
  double integerPeak = 0;          ///< of integers; 0 if the model has none
};

/// A proven bound of sums in 16 bits (docs/quantization.md).
struct ShortSumsBound {
  int64_t group = 0, largest = 0;
};

/// What compression did to a linear layer or an attention.
struct Layer {
  std::string name, shape, format, reason;
  std::optional<int64_t> rank;
  std::optional<double> energyKept;  ///< share of the squared singular values
  std::optional<double> weightSnr;   ///< signal-to-noise ratio of its weights in dB, the lowest of its ops
  std::optional<double> inputSnr;    ///< the same of its calibrated operands
  std::optional<double> clipped;     ///< share of values outside of the range, the largest of its operands
  std::optional<double> outputNoise; ///< relative to the variance of the output
  std::optional<ShortSumsBound> bound;
};

/// The singular values by which the rank of a layer was chosen, largest first.
struct Spectrum {
  std::string layer;
  std::vector<double> values;
  int64_t kept = 0;
};

/// The threshold of a cascade, how often its dense model runs, and what was proven about its classes.
struct Cascade {
  double margin = 0;
  double deferred = 0; ///< share of the images of the report
  /// A lower bound of the share of all images that get the class of the dense model, from held-out images with a
  /// confidence of 95 %; absent without such images.
  std::optional<double> agreementBound;
};

/// What the executable says about itself. Of a cascade, parameters and bytes are those of both models, multiply-adds
/// those of the first one.
struct Facts {
  std::string name, fingerprint, cpu, compiler;
  int64_t parameters = 0, multiplyAdds = 0, integerMultiplyAdds = 0, weightBytes = 0;
  std::optional<Cascade> cascade;
  std::vector<int64_t> image; ///< channels, height, width
  std::vector<std::string> classes;
};

/// Everything that was measured of a variant.
struct Results {
  Facts facts;
  int64_t executableBytes = 0;
  double compileSeconds = 0;
  Score score;
  std::vector<Latency> latencies; ///< one for each of kBatches
  Profile profile;
  std::vector<Layer> layers;
  std::vector<Spectrum> spectra;
  std::string lowRankMethod;        ///< empty without factorisation
  std::vector<double> clipped;      ///< the share of values outside of the range, for each calibrated operand
  std::vector<std::string> remarks; ///< of the compiler
  bool isSmallest = false;          ///< on the Pareto front of accuracy over bytes of weights
  bool isFastest = false;           ///< on the Pareto front of accuracy over the latency of one image
};

/// A way to compile the model. The first one of a report is the model as it is.
struct Variant {
  std::string name;
  std::vector<std::string> options; ///< of vitya-compile
  std::string command;              ///< as a user types it
  std::string failure;              ///< why there are no results; empty if there are
  std::optional<Results> results;
};

/// The sizes of the batches that are measured.
inline constexpr std::array<int64_t, 2> kBatches = {1, 32};

struct Machine {
  std::string processor, system;
  int64_t processors = 0; ///< that this process may use
  int64_t threads = 0;    ///< of the executables
  double load = 0;        ///< the load average of the minute before the report; negative if it is not known
};

struct Report {
  std::string model, data, calibration; ///< paths; the last one is empty if there is none
  std::string digest;                   ///< XXH3-128 of the file of data; empty for folders
  int64_t images = 0;
  bool areClassesInOrder = false; ///< whether folders of images that are not named as the classes were numbered
  int64_t rounds = 0;
  std::string command, date; ///< of this report
  std::string version, llvmVersion;
  double seconds = 0; ///< that the report took
  Machine machine;
  std::vector<Variant> variants;
  std::vector<int64_t> confusion;          ///< images of the original model [label, class]
  std::map<int64_t, std::string> pictures; ///< data URIs of changed images, where they are pictures
  std::vector<std::string> findings;       ///< sentences

  const Results &original() const { return *variants.front().results; }
  const std::vector<std::string> &classes() const { return original().facts.classes; }
};

} // namespace vitya::report

#endif // VITYA_TOOLS_LIB_REPORT_REPORT_H
