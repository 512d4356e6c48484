// The command-line options of the data and of the course of training.
#ifndef VITYA_TOOLS_LIB_TRAININGFLAGS_H
#define VITYA_TOOLS_LIB_TRAININGFLAGS_H

#include "frontend/training/Trainer.h"
#include "llvm/Support/CommandLine.h"
#include <deque>
#include <variant>

namespace vitya {

enum class TrainingCommand { train, finetune, qat };

/// The options with which the trainer is made.
class TrainingFlags {
public:
  /// Registers the options in these categories of --help.
  TrainingFlags(llvm::cl::OptionCategory &dataCategory, llvm::cl::OptionCategory &courseCategory);

  /// The options of a run of `command`. Fails if one of them does not parse, is out of range, or is not used.
  llvm::Expected<TrainerOptions> get(TrainingCommand command, bool hasTeacher);

  const std::string &data() const { return dataPath; }
  int64_t heldOut() const { return heldOutCount; }
  uint64_t seed() const { return options.batches.seed; }

private:
  /// An option with a value of its own, which is its default until the command line has been parsed.
  struct Setting {
    llvm::StringLiteral name, description;
    std::variant<bool *, int64_t *, uint64_t *, double *> value;
    double low, high; ///< the range of a number
    /// Whether the course of training depends on it, so that a run goes on only with the same value.
    bool isOfCourse;
  };

  void add(llvm::ArrayRef<Setting> settings, llvm::cl::OptionCategory &category);
  llvm::Error checkRanges() const;
  llvm::Error checkUse(bool hasTeacher) const;
  llvm::json::Object identity() const;

  TrainerOptions options;
  std::string dataPath, timeBudget;
  int64_t heldOutCount = 5000;
  std::vector<Setting> settings;
  std::deque<std::string> descriptions; ///< with defaults
  std::vector<std::unique_ptr<llvm::cl::Option>> flags;
  llvm::cl::opt<std::string, true> dataFlag, timeBudgetFlag;
  llvm::cl::opt<AugmentPolicy, true> policyFlag;
  llvm::cl::opt<Device, true> deviceFlag;
  llvm::cl::opt<Optimizer, true> optimizerFlag;
  llvm::cl::opt<bool, true> resumeFlag;
};

} // namespace vitya

#endif // VITYA_TOOLS_LIB_TRAININGFLAGS_H
