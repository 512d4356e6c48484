// A search for the least change of the options of compression with which predictions stay within a bound.
#ifndef VITYA_TOOLS_LIB_COMPRESSIONSEARCH_H
#define VITYA_TOOLS_LIB_COMPRESSIONSEARCH_H

#include "passes/pipelines/CompressOptions.h"
#include "passes/report/ModelReport.h"
#include "tools/lib/Validation.h"
#include <optional>

namespace vitya {

/// The bounds on what compression may change, and what else to measure.
struct SearchGoal {
  std::optional<double> divergence; ///< upper bound of the mean KL divergence from the f32 predictions, in nats
  std::optional<double> drop;       ///< upper bound of the loss of accuracy, in percentage points
  std::optional<double> bytes;      ///< upper bound of the bytes of weights
  std::optional<double> latency;    ///< upper bound of the time of one image on this machine, in milliseconds
  bool sensitivities = false;       ///< whether to measure the effect of quantizing each layer alone
  std::string images;               ///< labelled images to measure on

  /// Whether the loss is bounded, and whether the cost is.
  bool isBounded() const { return divergence || drop; }
  bool isCostBounded() const { return bytes || latency; }
  bool isEmpty() const { return !isBounded() && !isCostBounded() && !sensitivities; }
  /// Whether predictions of this quality are within `share` of the bounds.
  bool holds(const Quality &quality, double share = 1) const {
    return (!divergence || quality.divergence <= share * *divergence) && (!drop || quality.drop <= share * *drop);
  }
  Validation::Labels labels() const { return drop ? Validation::Labels::required : Validation::Labels::ifAny; }
  /// The flags of the bounds on the loss, as a message names them.
  llvm::StringRef lossFlags() const {
    return divergence && drop ? "--max-kl and --max-drop" : divergence ? "--max-kl" : "--max-drop";
  }
};

/// Each trial compresses the model anew, in a context of its own, and runs it with the reference interpreter.
class CompressionSearch {
public:
  /// `load` returns the model at the end of phase `import`; `registry` holds the dialects of its IR. Errors and
  /// progress are printed in the name of `tool`.
  CompressionSearch(const mlir::DialectRegistry &registry, ModelLoader load, SearchGoal goal, llvm::StringRef tool)
      : registry(registry), load(std::move(load)), goal(std::move(goal)), tool(tool) {}

  /// Returns `options` unchanged if they meet the goal. Otherwise raises `keep` or `rank` by as few steps as needed
  /// until low rank alone meets the goal (half of it if quantization follows), then keeps as few layers as needed in
  /// f32, the most sensitive first. Fails if nothing meets the goal.
  llvm::Expected<CompressOptions> run(CompressOptions options);

  /// Adds the trials and the sensitivities to `report`.
  void addToReport(ModelReport &report) const;

private:
  /// A model that is ready for quantization, as bytecode.
  struct Snapshot {
    std::unique_ptr<llvm::MemoryBuffer> bytecode;
    std::vector<float> logits;
    Quality quality;                 ///< of low rank alone
    std::vector<std::string> layers; ///< names of the layers and attentions that quantization may change
  };

  /// Loads the model and prepares it for quantization with `options`.
  llvm::Expected<Snapshot> prepare(const CompressOptions &options) const;
  /// Quantizes `snapshot` with `options` and compares its logits with `expected` on the first `images` images.
  llvm::Expected<Quality> measureQuantized(const Snapshot &snapshot, const CompressOptions &options,
                                           llvm::ArrayRef<float> expected, int64_t images) const;
  /// The largest rank of the layers that `options` select.
  llvm::Expected<int64_t> fullRank(const LowRankPassOptions &options) const;
  /// Raises the budget of `options` until low rank meets the goal.
  llvm::Expected<Snapshot> searchBudget(CompressOptions &options);
  /// Keeps layers in f32 until quantization of `snapshot` meets the goal.
  llvm::Error searchLayers(const Snapshot &snapshot, CompressOptions &options);
  llvm::Error measureSensitivities(const Snapshot &snapshot, const CompressOptions &options);
  /// Prints and records a trial. Returns whether `quality` is within `share` of the goal. `restored` are the layers
  /// that the trial keeps in f32 because of the search.
  bool record(llvm::StringRef stage, const CompressOptions &options, llvm::ArrayRef<std::string> restored,
              const Quality &quality, double share);
  llvm::Error unreachable(const Quality &best, llvm::StringRef how) const;

  const mlir::DialectRegistry &registry;
  ModelLoader load;
  SearchGoal goal;
  std::string tool;
  std::optional<Validation> validation;
  std::vector<SensitivityReport> sensitivities; ///< the most sensitive layer first
  std::vector<TrialReport> trials;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_COMPRESSIONSEARCH_H
