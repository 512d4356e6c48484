// vitya-train: trains a model from scratch, fine-tunes a compressed one, or trains a quantized one.
#include "dialect/support/Errors.h"
#include "dialect/support/WriteOutput.h"
#include "frontend/training/Trainer.h"
#include "mlir/Pass/PassManager.h"
#include "passes/analysis/ImageSet.h"
#include "tools/lib/CompressionFlags.h"
#include "tools/lib/ExitCode.h"
#include "tools/lib/IgnoredSignals.h"
#include "tools/lib/ImportFlags.h"
#include "tools/lib/ModelInput.h"
#include "tools/lib/NewModelFlags.h"
#include "tools/lib/TrainingFlags.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include <csignal>
#include <limits>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <optional>

using namespace mlir;
using namespace vitya;

namespace cl = llvm::cl;

static cl::OptionCategory modelCategory("Options of the model");
static cl::OptionCategory newCategory("Options of a new model (train)");
static cl::OptionCategory dataCategory("Options of the data and its augmentation");
static cl::OptionCategory courseCategory("Options of the course of training");

// LLVM registers an option of this name in a static constructor that runs before those of this file. Remove it.
[[maybe_unused]] static const bool threadsIsFree = [] {
  if (cl::Option *option = cl::getRegisteredOptions().lookup("threads"))
    option->removeArgument();
  return true;
}();

static cl::opt<std::string> commandName(cl::Positional, cl::Required, cl::cat(modelCategory),
                                        cl::desc("train|finetune|qat"));
static cl::opt<std::string> modelPath(cl::Positional, cl::desc("[MODEL]"), cl::cat(modelCategory));
static cl::opt<std::string>
    output("o", cl::Required, cl::value_desc("file"), cl::cat(modelCategory),
           cl::desc("Checkpoint of the best model; the last model, the state to resume from, the "
                    "log (CSV) and its curves (SVG) are written beside it"));
static cl::opt<std::string> teacherPath("teacher", cl::value_desc("file"), cl::cat(modelCategory),
                                        cl::desc("Model whose logits the trained model imitates (distillation)"));
static ImportFlags importFlags(modelCategory);
static CompressionFlags compressionFlags(modelCategory);

static NewModelFlags newModelFlags(newCategory);
static TrainingFlags trainingFlags(dataCategory, courseCategory);

namespace {

constexpr llvm::StringLiteral kTool = "vitya-train";
TrainingCommand command; ///< which `commandName` names
std::atomic<bool> isInterrupted = false;
std::atomic<int> interruption = 0; ///< the signal that set it

/// Lets the first of the signals that end a run set `isInterrupted`; a second one ends the process. In its stead,
/// llvm::sys::SetInterruptFunction would also remove a file that is being written.
void handleInterrupts() {
  static constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};
  static std::array<struct sigaction, std::size(signals)> previous;
  struct sigaction action = {};
  action.sa_flags = SA_RESTART;
  action.sa_handler = [](int received) {
    interruption = received;
    isInterrupted = true;
    for (auto [number, earlier] : llvm::zip_equal(signals, previous))
      sigaction(number, &earlier, nullptr);
  };
  for (auto [number, earlier] : llvm::zip_equal(signals, previous))
    sigaction(number, &action, &earlier);
}

llvm::Error chooseCommand() {
  for (auto [name, value] : {std::pair("train", TrainingCommand::train),
                             {"finetune", TrainingCommand::finetune},
                             {"qat", TrainingCommand::qat}})
    if (commandName == name) {
      command = value;
      return llvm::Error::success();
    }
  return makeError("expected the command train, finetune or qat, found '" + commandName + "'");
}

llvm::Error checkFlags() {
  bool isNew = command == TrainingCommand::train;
  if (isNew && !modelPath.empty())
    return makeError("expected no MODEL with train, which makes a new one, found '" + modelPath + "'");
  if (!isNew && modelPath.empty())
    return makeError("expected a MODEL after the command, found none");
  if (isNew && !compressionFlags.requested().empty())
    return makeError("expected " + compressionFlags.requested() + " with finetune or qat, found it with train");
  if (!isNew && !newModelFlags.given().empty())
    return makeError("expected --" + newModelFlags.given() +
                     " with train only, which makes a new model, found it with a MODEL");
  return llvm::Error::success();
}

/// One run of the trainer: the model, the data, the course.
class Training {
public:
  Training() {
    registerAllModelDialects(registry);
    context.appendDialectRegistry(registry);
    printDiagnosticsAs(context, kTool);
  }

  llvm::Error run() {
    for (auto check : {chooseCommand, checkFlags})
      if (llvm::Error error = check())
        return error;
    llvm::Expected<TrainerOptions> options = trainingFlags.get(command, !teacherPath.empty());
    if (!options)
      return options.takeError();
    options->output = output;
    for (auto step : {&Training::readFiles, &Training::loadModel, &Training::readData, &Training::checkOutputs,
                      &Training::makeModel, &Training::compress})
      if (llvm::Error error = (this->*step)())
        return error;
    if (llvm::Error error = checkOptions(options->batches, data.training))
      return error;
    // A run goes on with the same data and the same teacher, wherever they are.
    options->identity["data"] = llvm::utohexstr(llvm::xxh3_64bits(data.training.pixels));
    options->identity["teacher"] =
        teacherFile ? llvm::utohexstr(llvm::xxh3_64bits(teacherFile->buffer->getBuffer())) : "";
    llvm::Expected<std::unique_ptr<Trainer>> trainer = Trainer::create(*module, std::move(*options));
    if (!trainer)
      return trainer.takeError();
    if (llvm::Error error = setTeacher(**trainer))
      return error;
    llvm::outs() << llvm::formatv("{0} weights, {1} images, {2} held out\n", (*trainer)->trainedCount(),
                                  data.training.count, data.validation.count);
    llvm::outs().flush();
    keepIgnoredSignals(handleInterrupts);
    return (*trainer)->run(data, isInterrupted);
  }

private:
  /// Reads MODEL and the teacher, if they are given.
  llvm::Error readFiles() {
    for (auto [path, into] : {std::pair(&modelPath, &file), {&teacherPath, &teacherFile}}) {
      if (path->empty())
        continue;
      llvm::Expected<ModelFile> read = ModelFile::read(*path);
      if (!read)
        return read.takeError();
      *into = std::move(*read);
    }
    return llvm::Error::success();
  }

  /// Loads MODEL, if there is one.
  llvm::Error loadModel() { return file ? loadInto(module, *file, teacherFile) : llvm::Error::success(); }

  /// Loads the model in `from` where `other` is the file of the other model of this run. The options for a checkpoint
  /// are not for IR if the other model is a checkpoint or a new model.
  llvm::Error loadInto(OwningOpRef<ModuleOp> &into, const ModelFile &from, const std::optional<ModelFile> &other) {
    bool areForOther = command == TrainingCommand::train || (other && !other->isIR());
    llvm::Expected<OwningOpRef<ModuleOp>> loaded =
        vitya::loadModel(context, from, from.isIR() && areForOther ? ImportOptions() : importFlags.get());
    if (!loaded)
      return loaded.takeError();
    into = std::move(*loaded);
    llvm::Expected<Phase> phase = phaseOf(*into);
    if (!phase)
      return phase.takeError();
    if (*phase > Phase::compress)
      return makeError("expected a model of phase import or compress to train, found '{0}' at phase {1}", from.path,
                       stringifyPhase(*phase));
    return llvm::Error::success();
  }

  llvm::Error readData() {
    DatasetOptions options;
    options.height = options.width = newModelFlags.imageSide();
    options.channels = options.classes = 0; // of a new model, as the data has them
    if (module) {
      auto model = getDiscardable<VityaDialect::ModelAttrHelper>(*module);
      if (!model)
        return makeError("expected a model, found a module that is not one in '{0}'", modelPath.getValue());
      ArrayRef<int64_t> shape = model.getImage();
      ModelImage how = imageOf(*module, RankedTensorType::get(shape, Float32Type::get(&context)));
      options.channels = shape[0];
      options.height = shape[1];
      options.width = shape[2];
      options.preprocessing = how.preprocessing;
      options.classes = model.getClasses().size();
    }
    protectInput(trainingFlags.data());
    llvm::Expected<Dataset> read = readDataset(trainingFlags.data(), options);
    if (!read)
      return read.takeError();
    if (module && read->classes != options.classes)
      return makeError("expected data with the {0} classes of the model, found {1}", options.classes, read->classes);
    llvm::Expected<SplitDataset> parts = split(std::move(*read), trainingFlags.heldOut(), trainingFlags.seed());
    if (!parts)
      return prefixError("--held-out", parts.takeError());
    data = std::move(*parts);
    return llvm::Error::success();
  }

  /// Fails before training if the files could not be written in the end, or if one would replace another.
  llvm::Error checkOutputs() {
    if (!replacedFile(output))
      return makeError("expected -o to name a file, beside which others are written, found '" + output + "'");
    auto [best, last, state, log, curves] = TrainingFiles::of(output);
    if (llvm::is_contained({state, log, curves}, best))
      return makeError("expected -o to name a checkpoint, such as model.pth, found '" + output +
                       "', which is the name of another file of the training");
    for (const std::string &path : {best, last, state, log, curves})
      if (llvm::Error error = checkWritable(path))
        return error;
    return llvm::Error::success();
  }

  /// Makes a new model.
  llvm::Error makeModel() {
    if (command != TrainingCommand::train)
      return llvm::Error::success();
    llvm::Expected<OwningOpRef<ModuleOp>> made = newModelFlags.makeModel(
        context, data.training, llvm::sys::path::stem(output), importFlags.get(), trainingFlags.seed(), checkpoint);
    if (!made)
      return made.takeError();
    module = std::move(*made);
    return llvm::Error::success();
  }

  /// Compresses MODEL as the flags say.
  llvm::Error compress() {
    llvm::Expected<CompressOptions> options = compressionFlags.parse(*module);
    if (!options)
      return options.takeError();
    if (SearchGoal goal = compressionFlags.goal(); goal.isBounded() || goal.isCostBounded())
      return makeError("expected no --max-kl, --max-drop, --max-bytes or --max-latency, which vitya-compile has, found "
                       "one");
    if (!compressionFlags.requested().empty()) {
      llvm::Expected<Phase> phase = phaseOf(*module);
      if (!phase)
        return phase.takeError();
      if (*phase != Phase::import)
        return makeError("expected a model of phase import for {0}, found one that is compressed",
                         compressionFlags.requested());
      PassManager pm(&context);
      buildPreparePipeline(pm, *options, nullptr);
      buildQuantizePipeline(pm, *options);
      if (failed(pm.run(*module)))
        return reportedError();
    }
    bool isQuantized = false;
    module->walk([&](LayerOpInterface layer) { isQuantized |= layer.isQuantized(); });
    if (isQuantized != (command == TrainingCommand::qat))
      return command == TrainingCommand::qat
                 ? makeError("expected a quantized MODEL or --quantize for qat, found neither")
                 : makeError("expected the command qat for a quantized model, found another");
    return llvm::Error::success();
  }

  llvm::Error setTeacher(Trainer &trainer) {
    if (!teacherFile)
      return trainer.teachesFeatures() ? makeError("expected --teacher with --distill-features, found none")
                                       : llvm::Error::success();
    if (llvm::Error error = loadInto(teacher, *teacherFile, file))
      return error;
    return trainer.setTeacher(*teacher);
  }

  DialectRegistry registry;
  MLIRContext context;
  std::optional<ModelFile> file, teacherFile;
  llvm::SmallString<0> checkpoint; ///< of a new model
  OwningOpRef<ModuleOp> module, teacher;
  SplitDataset data;
};

} // namespace

/// Keeps freed memory in the process. Each step allocates the same large tensors, and the system would have to clear
/// their pages again and again.
static void keepMemory() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1); // arenas of other threads give memory back in any case
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 256 << 20);
#endif
}

int main(int argc, char **argv) {
  keepMemory();
  int exitCode = runTool(
      argc, argv, kTool,
      "Trains Vision Transformers\n\n"
      "  train      a new model\n"
      "  finetune   the f32 weights of MODEL, or its low-rank factors\n"
      "  qat        the weights of MODEL under its quantization\n",
      {&modelCategory, &newCategory, &dataCategory, &courseCategory}, [] { return Training().run(); },
      "LibTorch " + libTorchVersion());
  if (exitCode == 0 && isInterrupted)
    std::raise(interruption); // so that a shell ends a script with it
  return exitCode;
}
