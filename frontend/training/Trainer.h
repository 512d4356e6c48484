// Trains a model: the loop over epochs, its schedule, and the files it writes.
#ifndef VITYA_FRONTEND_TRAINING_TRAINER_H
#define VITYA_FRONTEND_TRAINING_TRAINER_H

#include "dialect/torch/Program.h"
#include "frontend/data/BatchLoader.h"
#include "frontend/training/TrainingState.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"
#include <atomic>
#include <optional>

namespace vitya {

/// The learning rate: linear warm-up, then half a cosine (arXiv 1608.03983).
struct Schedule {
  double rate = 1e-3;      ///< after warm-up
  double finalRate = 1e-5; ///< at the end
  double warmup = 0.05;    ///< share of the training

  /// The rate after the share `progress` of the training.
  double at(double progress) const;
};

struct TrainerOptions {
  LearnerOptions learner;
  BatchOptions batches;
  Schedule schedule;
  int64_t epochs = 100;
  /// Seconds that the training may take. The schedule then follows the time, and epochs are counted but have no limit.
  std::optional<double> timeBudget;
  double dropPath = 0, patchDropout = 0; ///< see autograd::Program::RunOptions
  bool learnsScales = false;             ///< whether the scales of static quantization are trained too
  double featuresUntil = 1;              ///< share of the training after which features are not taught any more
  int64_t loaderThreads = 1;
  int64_t evaluationBatch = 500;
  double saveInterval = 60; ///< seconds between writes of the files, besides those at the end

  std::string output; ///< file of the best model
  bool isResumed = false;
  std::optional<int64_t> stopAfter; ///< steps after which the run stops, as if it was interrupted
  llvm::json::Object identity;      ///< the options on which the course depends, by their names
};

/// The files of a run, named after that of the best model.
struct TrainingFiles {
  std::string best, last, state, log, curves;

  static TrainingFiles of(llvm::StringRef output);
};

class Trainer {
public:
  /// Prepares `module`, of phase `import` or `compress`, whose weights change in place. Errors of ops are diagnostics;
  /// the error is then a ReportedError.
  static llvm::Expected<std::unique_ptr<Trainer>> create(mlir::ModuleOp module, TrainerOptions options);

  /// The model whose logits are taught, and, if the options give them a weight, the residual streams of the same
  /// shapes. It must outlive the trainer. Fails if it has other images, classes or residual branches.
  llvm::Error setTeacher(mlir::ModuleOp teacher);

  /// Whether the options give features of a teacher a weight.
  bool teachesFeatures() const { return options.learner.features > 0; }

  /// Trains on `data` until the end of the schedule, or until `stop` is set; then the state is saved. Prints a line for
  /// each epoch. Fails if the loss is not finite; the files then are those of the last save.
  llvm::Error run(const SplitDataset &data, const std::atomic<bool> &stop);

  /// Loss and accuracy of the average weights.
  llvm::Expected<Metrics> evaluate(const Dataset &data);

  /// The logits of the average weights, [count, classes].
  llvm::Expected<std::vector<float>> logits(const Dataset &data);

  /// The number of weights that are trained.
  int64_t trainedCount() const;

private:
  Trainer(mlir::ModuleOp module, TrainerOptions options) : module(module), options(std::move(options)) {}

  int64_t weightCount() const;
  llvm::Error start();
  llvm::Error save();
  llvm::Error writeModel(llvm::ArrayRef<float> weights, llvm::StringRef path);
  llvm::Error takeMetrics();
  llvm::Error finishEpoch(const SplitDataset &data, double rate, double seconds);
  double progress(int64_t stepsPerEpoch) const;
  Learner::Forward forward(bool isTraining, bool hasFeatures) const;
  Learner::Teacher teaching(bool hasFeatures) const;
  llvm::Error findFeatures();

  mlir::ModuleOp module;
  TrainerOptions options;
  std::optional<autograd::Program> program, teacher;
  std::vector<autograd::Tensor> teacherWeights;
  /// The ops whose results are taught: those of the model, and those of the teacher.
  llvm::SetVector<mlir::Operation *> features, teacherFeatures;
  std::unique_ptr<Learner> learner;
  TrainingState state;
  std::vector<float> best; ///< weights that are not written yet
};

} // namespace vitya

#endif // VITYA_FRONTEND_TRAINING_TRAINER_H
