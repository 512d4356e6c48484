// The choice of ranks and bits for bounds on bytes, latency and the loss of predictions.
#ifndef VITYA_TOOLS_LIB_BUDGETSEARCH_H
#define VITYA_TOOLS_LIB_BUDGETSEARCH_H

#include "tools/lib/CompressionSearch.h"
#include "tools/lib/FormatChoice.h"
#include "tools/lib/KernelTimes.h"

namespace vitya {

/// Measures what each rank and each number of bits costs and loses, chooses the formats of all matrices, compiles the
/// model with them, and corrects the choice by what it measures. The choice is written as options of compression that
/// the user could have given.
class BudgetSearch {
public:
  /// `load` returns the model at the end of phase `import`; `registry` holds the dialects of its IR. `base` are the
  /// options to which ranks and bits are added: those of low rank have no budget and may be empty, for no factors;
  /// those of quantization may be "none". `heldOut` are the images on which the loss is measured; without them it is
  /// only predicted. Errors and progress are printed in the name of `tool`.
  BudgetSearch(const mlir::DialectRegistry &registry, ModelLoader load, SearchGoal goal, CompressText base,
               llvm::StringRef heldOut, llvm::StringRef tool)
      : registry(registry), load(std::move(load)), goal(std::move(goal)), base(std::move(base)), heldOut(heldOut),
        tool(tool) {}

  /// Chooses the options with the least predicted loss within the bounds on cost. If only the loss is bounded, those
  /// with the fewest bytes. Fails if no choice is within all bounds, and says how close the closest came.
  llvm::Expected<CompressOptions> run();

  /// Adds the choice and how it was found to `report`.
  void addToReport(ModelReport &report) const;

private:
  /// A model compiled for this machine, with what it costs.
  struct Trial {
    FormatChoice choice;
    CompressOptions options;
    double bytes = 0;
    std::optional<double> milliseconds;
    std::optional<Quality> quality;
  };
  /// How much work a trial is worth.
  enum class Effort {
    cost, ///< weights need not be good
    full  ///< as the model will be compiled
  };

  llvm::Error measureLosses();
  llvm::Error measureTimes();
  void price();
  /// Compiles the model with `formats` and measures its bytes, its time if that is bounded, and its loss if there are
  /// images for it and the effort is full. `times`, if not null, gets the times of layers.
  llvm::Expected<Trial> compile(llvm::ArrayRef<MatrixFormat> formats, Effort effort, ImageTime *times = nullptr) const;
  /// Compiles `choice`, and corrects what is known of the parts of the cost that do not depend on it.
  llvm::Expected<Trial> attempt(FormatChoice choice, Effort effort);
  /// The choice that should meet the bounds on cost, its time multiplied by `margin`.
  std::optional<FormatChoice> chooseWithinCosts(double margin) const;
  llvm::Expected<Trial> searchCosts();
  llvm::Expected<Trial> searchBytes();
  bool meetsCosts(const Trial &trial) const;
  /// Whether the time of `trial` is at most `milliseconds`, and close to it if a longer time would lose less.
  static bool isCloseTo(double milliseconds, const Trial &trial);
  bool meetsLoss(const Trial &trial) const { return !trial.quality || goal.holds(*trial.quality); }
  /// Fails if even the cheapest formats do not meet the bounds on cost, and says how close they come.
  llvm::Error checkCheapest();
  llvm::Error lossUnreachable(const Trial &trial) const;
  /// A comma and the time of `trial`, if it was measured.
  static std::string timeText(const Trial &trial);
  void record(const Trial &trial);
  void explain() const;

  const mlir::DialectRegistry &registry;
  ModelLoader load;
  SearchGoal goal;
  CompressText base;
  std::string heldOut, tool;
  int64_t calibrationImages = 0;
  std::vector<MatrixLosses> matrices;
  std::optional<Validation> validation;
  KernelTimes times;
  std::vector<std::vector<PricedFormat>> priced; ///< the formats of each matrix
  double restBytes = 0;                          ///< bytes of the weights that belong to no matrix
  double timeScale = 1;                          ///< measured time of a model divided by the predicted one
  std::optional<FormatChoice> weighed;           ///< the one that lost the least of those that met the bounds on cost
  Trial best;
  std::vector<ChoiceTrialReport> trials;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_BUDGETSEARCH_H
