// The file from which training goes on.
#ifndef VITYA_FRONTEND_TRAINING_TRAININGSTATE_H
#define VITYA_FRONTEND_TRAINING_TRAININGSTATE_H

#include "frontend/training/Learner.h"
#include "llvm/Support/JSON.h"

namespace vitya {

/// What the log says about an epoch, or about the part of one that is over.
struct LogRow {
  int64_t epoch = 0;  ///< counted from 1
  int64_t steps = 0;  ///< since the start of training
  double seconds = 0; ///< of training, without pauses
  double rate = 0;    ///< of learning, in the last step
  Metrics training;   ///< on augmented images, while the weights changed
  Metrics validation;
  double imagesPerSecond = 0;
};

struct TrainingState {
  LearnerState learner;
  std::vector<LogRow> rows; ///< of the epochs that are complete
  Metrics epoch;            ///< of the epoch that is not complete
  double seconds = 0;
  double bestAccuracy = -1; ///< on the images held out
  std::string model;        ///< its structureFingerprint()
  /// The options on which the course of training depends, by their names.
  llvm::json::Object options;
};

/// Writes `state` to `path`, completely or not at all: a safetensors file.
llvm::Error writeTrainingState(const TrainingState &state, llvm::StringRef path);

/// Reads the state of a run of a model with `count` weights in all. Fails if `options` differ from those of the state;
/// the error names the first that does.
llvm::Expected<TrainingState> readTrainingState(llvm::StringRef path, int64_t count, const llvm::json::Object &options);

} // namespace vitya

#endif // VITYA_FRONTEND_TRAINING_TRAININGSTATE_H
