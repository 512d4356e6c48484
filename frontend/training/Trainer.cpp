// What is random in a step depends on the seed and the number of the step, so a run that is resumed goes on exactly.
#include "frontend/training/Trainer.h"
#include "dialect/Fingerprint.h"
#include "dialect/VityaOps.h"
#include "dialect/support/Errors.h"
#include "dialect/support/Progress.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/import/Export.h"
#include "frontend/import/StoredTensors.h"
#include "frontend/training/Curves.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <chrono>
#include <cmath>

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

LabelledImages imagesOf(const Dataset &data) {
  return {data.pixels, data.labels, data.channels, data.height, data.width};
}

double percent(const Metrics &metrics) { return metrics.count ? 100.0 * metrics.correct / metrics.count : 0; }
double meanLoss(const Metrics &metrics) { return metrics.count ? metrics.loss / metrics.count : 0; }

std::string formatTime(double seconds) {
  int64_t whole = std::llround(std::max(seconds, 0.0));
  return llvm::formatv("{0}:{1,0+2}:{2,0+2}", whole / 3600, whole / 60 % 60, whole % 60).str();
}

/// Mean loss and accuracy, as two values of the log, which are empty if there were no images.
std::string metricsOf(const Metrics &metrics) {
  return metrics.count ? llvm::formatv("{0:f5},{1:f3}", meanLoss(metrics), percent(metrics)).str() : ",";
}

/// The log of the epochs, as comma-separated values.
std::string logOf(ArrayRef<LogRow> rows) {
  std::string log =
      "epoch,steps,seconds,learning_rate,loss,accuracy,validation_loss,validation_accuracy,images_per_second\n";
  for (const LogRow &row : rows)
    log += llvm::formatv("{0},{1},{2:f1},{3:e4},{4},{5},{6:f1}\n", row.epoch, row.steps, row.seconds, row.rate,
                         metricsOf(row.training), metricsOf(row.validation), row.imagesPerSecond)
               .str();
  return log;
}

Error drawCurves(StringRef log, llvm::raw_ostream &os) {
  std::vector<Chart> charts;
  auto add = [&](StringRef title, ArrayRef<StringRef> columns) -> Error {
    Expected<Chart> chart = readChart(log, title, "epoch", columns);
    if (!chart)
      return chart.takeError();
    charts.push_back(std::move(*chart));
    return Error::success();
  };
  if (Error error = add("Loss", {"loss", "validation_loss"}))
    return error;
  if (Error error = add("Accuracy in percent", {"accuracy", "validation_accuracy"}))
    return error;
  if (Error error = add("Learning rate", {"learning_rate"}))
    return error;
  writeCurves(charts, os);
  return Error::success();
}

} // namespace

double Schedule::at(double progress) const {
  progress = std::clamp(progress, 0.0, 1.0);
  if (progress < warmup)
    return rate * progress / warmup;
  double share = warmup < 1 ? (progress - warmup) / (1 - warmup) : 1;
  return finalRate + (rate - finalRate) * (1 + std::cos(M_PI * share)) / 2;
}

TrainingFiles TrainingFiles::of(llvm::StringRef output) {
  auto with = [&](llvm::StringRef suffix) {
    llvm::SmallString<128> path(output);
    llvm::sys::path::replace_extension(path, suffix);
    return std::string(path);
  };
  std::string extension = llvm::sys::path::extension(output).str();
  return {output.str(), with(".last" + extension), with(".state"), with(".csv"), with(".svg")};
}

/// Fails if `function` has no scales to learn, or scales that are found at run time.
static Error checkScales(func::FuncOp function) {
  bool isQuantized = false;
  for (auto linear : function.getOps<LinearOp>()) {
    isQuantized |= linear.isQuantized();
    if (linear.getParams())
      return makeError("expected static quantization to learn its scales, found layer '{0}', whose scales are computed "
                       "at run time",
                       linear.getLayer());
  }
  return isQuantized ? Error::success()
                     : makeError("expected static quantization to learn its scales, found a model that is not "
                                 "quantized");
}

Expected<std::unique_ptr<Trainer>> Trainer::create(ModuleOp module, TrainerOptions options) {
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  auto model = getDiscardable<VityaDialect::ModelAttrHelper>(module);
  if (!entry || entry.isExternal() || !model)
    return makeError("expected a model with a function @{0} to train, found none", kEntryName);
  if (options.learnsScales)
    if (Error error = checkScales(entry))
      return std::move(error);
  std::unique_ptr<Trainer> trainer(new Trainer(module, std::move(options)));
  FailureOr<autograd::Program> program = autograd::Program::create(entry, trainer->options.learnsScales);
  if (failed(program))
    return reportedError();
  if (trainer->options.patchDropout > 0 && failed(program->findTokens()))
    return reportedError();
  trainer->program = std::move(*program);
  std::vector<WeightShape> shapes;
  StoredTensors stored(module);
  for (const autograd::Parameter &parameter : trainer->program->parameters())
    shapes.push_back({parameter.shape, parameter.isMatrix, !stored.isComputed(parameter.name)});
  if (shapes.empty())
    return makeError("expected a model with weights to train, found none");
  Expected<std::unique_ptr<Learner>> learner =
      Learner::create(shapes, model.getClasses().size(), trainer->options.learner);
  if (!learner)
    return learner.takeError();
  trainer->learner = std::move(*learner);
  if (Error error = trainer->start())
    return std::move(error);
  return trainer;
}

Error Trainer::setTeacher(ModuleOp module) {
  auto entry = module.lookupSymbol<func::FuncOp>(kEntryName);
  FailureOr<autograd::Program> created = failure();
  if (!entry || failed(created = autograd::Program::create(entry)))
    return entry ? reportedError() : makeError("expected a teacher with a function @{0}, found none", kEntryName);
  auto type = [](ModuleOp of) { return of.lookupSymbol<func::FuncOp>(kEntryName).getFunctionType(); };
  if (type(module) != type(this->module))
    return makeError("expected a teacher with the images and the classes of the model, {0}, found {1}",
                     type(this->module), type(module));
  teacher = std::move(*created);
  for (const autograd::Parameter &parameter : teacher->parameters())
    teacherWeights.push_back(learner->constant(parameter.shape, parameter.values));
  return options.learner.features > 0 ? findFeatures() : Error::success();
}

/// Pairs the residual streams of the model and the teacher.
Error Trainer::findFeatures() {
  ArrayRef<Operation *> own = program->residuals(), taught = teacher->residuals();
  if (own.size() != taught.size() || own.empty())
    return makeError("expected a teacher with the {0} residual branches of the model, found one with {1}", own.size(),
                     taught.size());
  if (options.patchDropout > 0)
    return makeError("expected features to be taught of a model with all patches, found patch dropout");
  for (auto [op, of] : llvm::zip_equal(own, taught))
    if (op->getResult(0).getType() == of->getResult(0).getType()) {
      features.insert(op);
      teacherFeatures.insert(of);
    }
  if (features.empty())
    return makeError("expected a teacher with features of the shape {0}, as the model has, found {1}",
                     own.front()->getResult(0).getType(), taught.front()->getResult(0).getType());
  llvm::outs() << llvm::formatv("the teacher teaches the features after {0} of {1} residual branches\n",
                                features.size(), own.size());
  return Error::success();
}

int64_t Trainer::trainedCount() const {
  int64_t count = 0;
  StoredTensors stored(module);
  for (const autograd::Parameter &parameter : program->parameters())
    if (!stored.isComputed(parameter.name))
      count += parameter.values.size();
  return count;
}

/// The number of all weights, of which a resumed run has as many.
int64_t Trainer::weightCount() const {
  int64_t count = 0;
  for (const autograd::Parameter &parameter : program->parameters())
    count += parameter.values.size();
  return count;
}

/// Begins with the weights of the model, or with the state of the run that is resumed.
Error Trainer::start() {
  if (!options.isResumed) {
    learner->start(llvm::map_to_vector(
        program->parameters(), [](const autograd::Parameter &parameter) { return ArrayRef<float>(parameter.values); }));
    state.options = options.identity;
    state.model = structureFingerprint(module);
    return Error::success();
  }
  Expected<TrainingState> saved =
      readTrainingState(TrainingFiles::of(options.output).state, weightCount(), options.identity);
  if (!saved)
    return saved.takeError();
  if (saved->model != structureFingerprint(module))
    return makeError("expected the model of the run that is resumed, found one with other ops, such as other heads, "
                     "pixel statistics or bits");
  state = std::move(*saved);
  learner->restore(state.learner);
  return Error::success();
}

/// Runs `program` and keeps the results of `features` if `hasFeatures` is set.
static Prediction predict(const autograd::Program &program, const llvm::SetVector<Operation *> &features,
                          bool hasFeatures, const autograd::Tensor &images, ArrayRef<autograd::Tensor> weights,
                          autograd::Program::RunOptions how) {
  Prediction result;
  result.logits = program.run(images, weights, how, [&](Operation *op, const autograd::Tensor &tensor) {
    if (hasFeatures && features.contains(op))
      result.features.push_back(tensor);
  });
  return result;
}

Learner::Forward Trainer::forward(bool isTraining, bool hasFeatures) const {
  autograd::Program::RunOptions how;
  if (isTraining)
    how = {options.dropPath, options.patchDropout};
  return [this, how, hasFeatures](const autograd::Tensor &images, ArrayRef<autograd::Tensor> weights) {
    return predict(*program, features, hasFeatures, images, weights, how);
  };
}

/// Null without a teacher.
Learner::Teacher Trainer::teaching(bool hasFeatures) const {
  if (!teacher)
    return nullptr;
  return [this, hasFeatures](const autograd::Tensor &images) {
    return predict(*teacher, teacherFeatures, hasFeatures, images, teacherWeights, {});
  };
}

Error Trainer::writeModel(ArrayRef<float> weights, StringRef path) {
  program->store(weights);
  return writeOutput(path,
                     [&](llvm::raw_ostream &os) { return exportCheckpoint(module, checkpointFormatOf(path), os); });
}

/// Writes all files. The state comes last: a state is never ahead of its models.
Error Trainer::save() {
  TrainingFiles files = TrainingFiles::of(options.output);
  if (Error error = takeMetrics())
    return error;
  if (!best.empty()) {
    if (Error error = writeModel(best, files.best))
      return error;
    best.clear();
  }
  if (Error error = writeModel(learner->average(), files.last))
    return error;
  std::string log = logOf(state.rows);
  if (Error error = writeOutput(files.log, [&](llvm::raw_ostream &os) {
        os << log;
        return Error::success();
      }))
    return error;
  if (Error error = writeOutput(files.curves, [&](llvm::raw_ostream &os) { return drawCurves(log, os); }))
    return error;
  state.learner = learner->state();
  return writeTrainingState(state, files.state);
}

/// Adds what the learner has counted to the epoch. Fails if a loss was not finite.
Error Trainer::takeMetrics() {
  Metrics metrics = learner->takeMetrics();
  if (metrics.badStep >= 0)
    return makeError(
        "expected a finite loss, found one that is not in step {0}: try a lower learning rate; the files of "
        "the last save remain",
        metrics.badStep);
  state.epoch.loss += metrics.loss;
  state.epoch.correct += metrics.correct;
  state.epoch.count += metrics.count;
  return Error::success();
}

double Trainer::progress(int64_t stepsPerEpoch) const {
  if (options.timeBudget)
    return state.seconds / *options.timeBudget;
  return double(state.learner.steps) / (double(options.epochs) * double(stepsPerEpoch));
}

Expected<Metrics> Trainer::evaluate(const Dataset &data) {
  return learner->evaluate(imagesOf(data), options.evaluationBatch, forward(false, false));
}

Expected<std::vector<float>> Trainer::logits(const Dataset &data) {
  return learner->logits(imagesOf(data), options.evaluationBatch, forward(false, false));
}

Error Trainer::finishEpoch(const SplitDataset &data, double rate, double seconds) {
  if (Error error = takeMetrics())
    return error;
  LogRow row{static_cast<int64_t>(state.rows.size()) + 1, state.learner.steps, state.seconds, rate, state.epoch, {}, 0};
  row.imagesPerSecond = seconds > 0 ? row.training.count / seconds : 0;
  if (data.validation.count) {
    Expected<Metrics> validation = evaluate(data.validation);
    if (!validation)
      return validation.takeError();
    row.validation = *validation;
  }
  state.epoch = {};
  bool isBest = !data.validation.count || percent(row.validation) > state.bestAccuracy;
  if (isBest) {
    state.bestAccuracy = percent(row.validation);
    best = learner->average();
  }
  std::string heldOut;
  if (row.validation.count)
    heldOut = llvm::formatv(", held out: loss {0:f4}, accuracy {1:f2} %{2}", meanLoss(row.validation),
                            percent(row.validation), isBest ? " (best)" : "");
  llvm::outs() << llvm::formatv("epoch {0}: loss {1:f4}, accuracy {2:f2} %{3}, {4:f0} images/s, {5}\n", row.epoch,
                                meanLoss(row.training), percent(row.training), heldOut, row.imagesPerSecond,
                                formatTime(state.seconds));
  llvm::outs().flush();
  state.rows.push_back(row);
  return Error::success();
}

Error Trainer::run(const SplitDataset &data, const std::atomic<bool> &stop) {
  BatchLoader loader(data.training, options.batches, options.loaderThreads, state.learner.steps);
  int64_t stepsPerEpoch = loader.batchesPerEpoch();
  ProgressLine line;
  Clock::time_point last = Clock::now(), lastSave = last, lastShown = last;
  double epochSeconds = 0, rate = 0;
  while (progress(stepsPerEpoch) < 1 && !stop && state.learner.steps != options.stopAfter) {
    Batch batch = loader.next();
    double done = progress(stepsPerEpoch);
    rate = options.schedule.at(done);
    bool hasFeatures = !features.empty() && done < options.featuresUntil;
    LabelledImages images{batch.pixels, batch.labels, data.training.channels, data.training.height,
                          data.training.width};
    uint64_t seed = options.batches.seed * 0x9E3779B97F4A7C15u + state.learner.steps;
    if (Error error = learner->step(images, rate, seed, forward(true, hasFeatures), teaching(hasFeatures)))
      return error;
    ++state.learner.steps;
    auto addTime = [&] {
      double seconds = secondsSince(last);
      last = Clock::now();
      state.seconds += seconds;
      epochSeconds += seconds;
    };
    addTime();
    if (secondsSince(lastShown) > 1) { // waits for the device
      if (Error error = takeMetrics())
        return error;
      lastShown = Clock::now();
      double share = progress(stepsPerEpoch), left = share > 0 ? state.seconds * (1 / share - 1) : 0;
      line.show(llvm::formatv("epoch {0}, step {1} of {2}, loss {3:f4}, accuracy {4:f2} %, {5:f0} images/s, {6} left",
                              state.rows.size() + 1, state.learner.steps % stepsPerEpoch, stepsPerEpoch,
                              meanLoss(state.epoch), percent(state.epoch),
                              epochSeconds > 0 ? state.epoch.count / epochSeconds : 0, formatTime(left))
                    .str());
    }
    if (state.learner.steps % stepsPerEpoch == 0 || progress(stepsPerEpoch) >= 1) {
      line.clear();
      if (Error error = finishEpoch(data, rate, epochSeconds))
        return error;
      addTime();
      epochSeconds = 0;
    }
    if (secondsSince(lastSave) > options.saveInterval) {
      if (Error error = save())
        return error;
      lastSave = Clock::now();
    }
  }
  line.clear();
  if (Error error = save())
    return error;
  if (stop && progress(stepsPerEpoch) < 1) {
    llvm::outs() << llvm::formatv("interrupted after step {0}, {1:f0} % of the training: --resume goes on\n",
                                  state.learner.steps, 100 * progress(stepsPerEpoch));
    llvm::outs().flush();
  }
  return Error::success();
}

} // namespace vitya
